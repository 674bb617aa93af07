//! Schemas in the format's own words, as JSON Schema.
//!
//! The format's older members take a part of `OpenAPI`: types in capitals, `nullable`, numbers as text. The newer
//! ones take JSON Schema as it is.

use std::borrow::Cow;

use serde_json::{Map, Value, value::RawValue};

use crate::json::Raw;

/// Counts that the format writes as text.
const COUNTS: &[&str] =
    &["minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"];

/// Members of the format's own that say nothing about what is valid.
const FOREIGN: &[&str] = &["propertyOrdering", "example"];

/// The same schema as JSON Schema; `None` when it is none.
pub(super) fn json_schema(raw: Raw<'_>) -> Option<Cow<'_, RawValue>> {
    let mut value: Value = serde_json::from_str(raw.get()).ok()?;
    let Value::Object(members) = &mut value else { return None };
    translate(members);
    let text = serde_json::to_string(&value).ok()?;
    RawValue::from_string(text).ok().map(Cow::Owned)
}

fn translate(schema: &mut Map<String, Value>) {
    for name in FOREIGN {
        schema.remove(*name);
    }
    for name in COUNTS {
        if let Some(count) = schema.get_mut(*name)
            && let Some(number) = count.as_str().and_then(|text| text.parse::<u64>().ok())
        {
            *count = number.into();
        }
    }
    if let Some(Value::String(kind)) = schema.get_mut("type") {
        kind.make_ascii_lowercase();
    }
    let nullable = schema.remove("nullable").is_some_and(|value| value == Value::Bool(true));
    if let Some(kind) = schema.get_mut("type").filter(|_| nullable) {
        *kind = Value::Array(vec![kind.take(), "null".into()]);
    }
    for name in ["items", "additionalProperties"] {
        if let Some(Value::Object(inner)) = schema.get_mut(name) {
            translate(inner);
        }
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for property in properties.values_mut() {
            if let Value::Object(inner) = property {
                translate(inner);
            }
        }
    }
    for name in ["anyOf", "prefixItems"] {
        if let Some(Value::Array(options)) = schema.get_mut(name) {
            for option in options {
                if let Value::Object(inner) = option {
                    translate(inner);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_s_own_schema_becomes_json_schema() {
        let raw = r#"{"type":"OBJECT","propertyOrdering":["b","a"],"properties":{
            "b":{"type":"ARRAY","minItems":"1","items":{"type":"STRING","nullable":true}},
            "a":{"anyOf":[{"type":"INTEGER","format":"int32"},{"type":"NULL"}]}},"required":["b"]}"#;
        let raw: &RawValue = serde_json::from_str(raw).unwrap();
        let schema = json_schema(raw).unwrap();
        let schema: Value = serde_json::from_str(schema.get()).unwrap();
        let expected = serde_json::json!({"type":"object","properties":{
            "b":{"type":"array","minItems":1,"items":{"type":["string","null"]}},
            "a":{"anyOf":[{"type":"integer","format":"int32"},{"type":"null"}]}},"required":["b"]});
        assert_eq!(schema, expected);
    }
}
