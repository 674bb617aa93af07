//! A value that satisfies a JSON schema, for `sandbox-json-schema` and forced tools; and what OpenAI calls strict.

use serde_json::{Map, Value, json};

/// The simplest instance of the subset of JSON Schema that providers accept for structured output.
pub(crate) fn instance(schema: &Value) -> Value {
    build(schema, schema, 0)
}

fn build(schema: &Value, root: &Value, depth: u8) -> Value {
    // A schema that refers to itself must end somewhere.
    if depth > 24 {
        return Value::Null;
    }
    if let Some(pointer) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(pointer.trim_start_matches('#'));
        return target.map_or(Value::Null, |inner| build(inner, root, depth + 1));
    }
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    if let Some(value) = schema.get("enum").and_then(|values| values.get(0)) {
        return value.clone();
    }
    if let Some(option) =
        ["anyOf", "oneOf", "allOf"].iter().find_map(|word| schema.get(*word)?.get(0))
    {
        return build(option, root, depth + 1);
    }
    match kind(schema) {
        "object" => object(schema, root, depth),
        "array" => {
            let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).min(16);
            let item = schema.get("items").map_or(Value::Null, |item| build(item, root, depth + 1));
            Value::Array((0..least).map(|_| item.clone()).collect())
        }
        "string" => {
            let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0);
            let least = usize::try_from(least.min(1024)).unwrap_or(0);
            Value::String(format!("{:x<least$}", "text"))
        }
        "integer" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        "number" => schema.get("minimum").cloned().unwrap_or_else(|| json!(1.5)),
        "boolean" => Value::Bool(true),
        _ => Value::Null,
    }
}

fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => names.first().and_then(Value::as_str).unwrap_or("null"),
        _ if schema.get("properties").is_some() => "object",
        _ => "null",
    }
}

fn object(schema: &Value, root: &Value, depth: u8) -> Value {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut made = Map::new();
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, inner) in properties {
            if required.contains(&name.as_str()) {
                made.insert(name.clone(), build(inner, root, depth + 1));
            }
        }
    }
    Value::Object(made)
}

/// Whether the schema is one that OpenAI accepts as strict: objects are closed and require all their members.
pub(crate) fn is_strict(schema: &Value) -> bool {
    let inside = |value: &Value| match value {
        Value::Array(options) => options.iter().all(is_strict),
        Value::Object(named) => named.values().all(is_strict),
        _ => true,
    };
    let lists = ["properties", "$defs", "definitions", "anyOf"];
    if !lists.iter().filter_map(|word| schema.get(*word)).all(inside) {
        return false;
    }
    if !schema.get("items").is_none_or(is_strict) {
        return false;
    }
    if kind(schema) != "object" {
        return true;
    }
    let required = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let named = schema.get("properties").and_then(Value::as_object);
    schema.get("additionalProperties") == Some(&Value::Bool(false))
        && named.is_none_or(|members| {
            members.keys().all(|name| required.iter().any(|have| have == name))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_members_appear_with_their_types() {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string", "minLength": 6},
                "kind": {"enum": ["b", "a"]},
                "list": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/n"}},
                "maybe": {"type": "string"}
            },
            "required": ["name", "kind", "list"],
            "$defs": {"n": {"type": ["integer", "null"]}}
        });
        assert_eq!(instance(&schema), json!({"name": "textxx", "kind": "b", "list": [1, 1]}));
    }

    #[test]
    fn strict_means_closed_and_complete_everywhere() {
        let closed = |properties: Value, required: Value| json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false});
        let number = json!({"a": {"type": "integer"}});
        let inner = closed(number.clone(), json!(["a"]));
        let open = json!({"type": "object", "properties": number, "required": ["a"]});
        assert!(is_strict(&inner) && is_strict(&closed(json!({}), json!([]))));
        assert!(!is_strict(&open) && !is_strict(&closed(number, json!([]))));
        for (schema, strict) in [(inner, true), (open, false)] {
            let list = json!({"list": {"type": "array", "items": schema}});
            assert_eq!(is_strict(&closed(list, json!(["list"]))), strict);
            let choice = json!({"choice": {"anyOf": [{"type": "null"}, schema]}});
            assert_eq!(is_strict(&closed(choice, json!(["choice"]))), strict);
            let mut named = closed(json!({}), json!([]));
            named["$defs"] = json!({"it": schema});
            assert_eq!(is_strict(&named), strict);
        }
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let schema =
            json!({"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]});
        assert!(instance(&schema).is_object());
    }
}
