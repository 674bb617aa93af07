//! Reading Responses requests.

mod items;

use serde_json::Value;

use crate::{
    ask::{Ask, Part, Role, Tool, ToolChoice, Turn, flag_of, list_of, text_of},
    refusal::Refusal,
    schema,
    settings::Settings,
};

/// The service takes no smaller cap.
const LEAST_OUTPUT: u64 = 16;

pub(crate) fn read(body: &Value) -> Result<Ask, Refusal> {
    let settings = Settings::read(body)?;
    let tools = tools(body)?;
    let ask = Ask {
        model: text_of(body, "model")?,
        stream: flag_of(body, "stream"),
        include_usage: true,
        turns: turns(body)?,
        choice: choice(body, &tools)?,
        tools,
        schema: format(body)?,
        max_output: max_output(body)?,
        thinking: false,
        settings,
    };
    if body.get("stream_options").is_some_and(|options| !options.is_null()) && !ask.stream {
        return Err(Refusal::invalid("stream_options", "only allowed when streaming"));
    }
    ask.check("input")?;
    Ok(ask)
}

fn turns(body: &Value) -> Result<Vec<Turn>, Refusal> {
    let said = |role, text: &str| Turn { role, parts: vec![Part::Text(text.to_owned())] };
    let mut turns = Vec::new();
    match body.get("instructions") {
        None | Some(Value::Null) => {}
        Some(_) => turns.push(said(Role::System, &text_of(body, "instructions")?)),
    }
    match body.get("input") {
        Some(Value::String(text)) => turns.push(said(Role::User, text)),
        Some(Value::Array(list)) => items::read(list, &mut turns)?,
        Some(_) => return Err(Refusal::invalid("input", "a string or an array is required")),
        None => return Err(missing("input")),
    }
    Ok(turns)
}

fn missing(name: impl Into<String>) -> Refusal {
    let name = name.into();
    let message = format!("Missing required parameter: '{name}'.");
    Refusal::coded("missing_required_parameter", name, message)
}

fn max_output(body: &Value) -> Result<Option<usize>, Refusal> {
    let Some(limit) = body.get("max_output_tokens").and_then(Value::as_u64) else {
        return Ok(None);
    };
    if limit < LEAST_OUTPUT {
        let message = format!(
            "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= {LEAST_OUTPUT}."
        );
        return Err(Refusal::coded("integer_below_min_value", "max_output_tokens", message));
    }
    Ok(usize::try_from(limit).ok())
}

/// Functions in the flat shape; what the service would run itself is not scripted.
fn tools(body: &Value) -> Result<Vec<Tool>, Refusal> {
    let mut tools = Vec::new();
    for (at, item) in list_of(body, "tools")?.iter().enumerate() {
        if item.get("type").and_then(Value::as_str) != Some("function") {
            let message = "This model runs no tools other than functions.";
            return Err(Refusal::coded("invalid_value", format!("tools[{at}].type"), message));
        }
        let Some(name) = item.get("name").and_then(Value::as_str) else {
            return Err(missing(format!("tools[{at}].name")));
        };
        let schema = item.get("parameters").cloned().unwrap_or_default();
        if flag_of(item, "strict") && !schema::is_strict(&schema) {
            let message = format!("Invalid schema for function '{name}': it is not strict.");
            let param = format!("tools[{at}].parameters");
            return Err(Refusal::coded("invalid_function_parameters", param, message));
        }
        tools.push(Tool { name: name.to_owned(), schema });
    }
    Ok(tools)
}

fn choice(body: &Value, tools: &[Tool]) -> Result<ToolChoice, Refusal> {
    let asked = match body.get("tool_choice") {
        None | Some(Value::Null) => return Ok(ToolChoice::Free),
        Some(Value::String(word)) => {
            return match word.as_str() {
                "none" => Ok(ToolChoice::Never),
                "auto" => Ok(ToolChoice::Free),
                "required" => Ok(ToolChoice::Any),
                _ => Err(Refusal::coded("invalid_value", "tool_choice", "Invalid value.")),
            };
        }
        Some(asked) => asked,
    };
    match asked.get("type").and_then(Value::as_str) {
        Some("function") => {
            let name = asked.get("name").and_then(Value::as_str);
            let name = name.ok_or_else(|| missing("tool_choice.name"))?;
            if tools.iter().all(|tool| tool.name != name) {
                let message = "Tool choice 'function' not found in 'tools' parameter.";
                return Err(Refusal::coded("invalid_value", "tool_choice", message));
            }
            Ok(ToolChoice::One(name.to_owned()))
        }
        Some("allowed_tools") => Ok(match asked.get("mode").and_then(Value::as_str) {
            Some("required") => ToolChoice::Any,
            _ => ToolChoice::Free,
        }),
        _ => Err(Refusal::coded("invalid_value", "tool_choice.type", "Invalid value.")),
    }
}

/// The schema that the answer's text must satisfy.
fn format(body: &Value) -> Result<Option<Value>, Refusal> {
    let Some(format) = body.pointer("/text/format") else { return Ok(None) };
    match format.get("type").and_then(Value::as_str) {
        Some("text") => Ok(None),
        Some("json_object") => {
            let input = body.get("input").map(Value::to_string).unwrap_or_default();
            if !input.to_lowercase().contains("json") {
                let message = "'input' must contain the word 'json' for the format 'json_object'.";
                return Err(Refusal::invalid("input", message));
            }
            Ok(None)
        }
        Some("json_schema") => {
            if !format.get("name").is_some_and(Value::is_string) {
                return Err(missing("text.format.name"));
            }
            let Some(schema) = format.get("schema") else {
                return Err(missing("text.format.schema"));
            };
            if flag_of(format, "strict") && !schema::is_strict(schema) {
                let message = "Invalid schema for response_format: it is not strict.";
                return Err(Refusal::coded("invalid_json_schema", "text.format.schema", message));
            }
            Ok(Some(schema.clone()))
        }
        _ => Err(Refusal::coded("invalid_value", "text.format.type", "Invalid value.")),
    }
}
