//! The schema of an answer, as both of OpenAI's formats want it.

use serde_json::Value;

use crate::{
    conversation::{Losses, Output},
    write::Object,
};

/// Writes `name`, `description`, `schema` and `strict`.
pub(crate) fn write_schema(output: &Output<'_>, out: &mut Object<'_>, losses: &mut Losses) {
    let Output::Schema { name, description, schema, strict } = output else { return };
    let document: Value = serde_json::from_str(schema.get()).unwrap_or_default();
    let strict = strict.unwrap_or_else(|| {
        let ready = strict_ready(&document);
        if !ready {
            // The provider will aim at the schema but not enforce it.
            losses.add_name(losses.names().output);
        }
        ready
    });
    let title = name.as_deref().or_else(|| document.get("title")?.as_str());
    out.text("name", &schema_name(title));
    if let Some(description) = description {
        out.text("description", description);
    }
    out.raw("schema", schema.get());
    out.boolean("strict", strict);
}

/// The format allows letters, digits, `_` and `-`, at most 64.
fn schema_name(title: Option<&str>) -> String {
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() || character == '_' || character == '-' {
            character
        } else {
            '_'
        }
    };
    match title {
        Some(title) if !title.is_empty() => title.chars().take(64).map(plain).collect(),
        _ => "response".to_owned(),
    }
}

/// Strict mode wants every object closed and every property required; any other schema is refused there.
fn strict_ready(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            let closed = match members.get("properties") {
                Some(Value::Object(properties)) => {
                    let required = members.get("required").and_then(Value::as_array);
                    let listed = |name: &String| {
                        required.is_some_and(|list| list.iter().any(|item| item == name.as_str()))
                    };
                    members.get("additionalProperties") == Some(&Value::Bool(false))
                        && properties.keys().all(listed)
                }
                _ => members.get("type").and_then(Value::as_str) != Some("object"),
            };
            closed && members.values().all(strict_ready)
        }
        Value::Array(items) => items.iter().all(strict_ready),
        _ => true,
    }
}
