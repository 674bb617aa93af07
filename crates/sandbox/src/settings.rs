//! What a Responses request says about its answer, apart from the conversation.

use serde_json::{Map, Value, json};

use crate::refusal::Refusal;

/// The members of a Responses request; every other is refused, as the service does.
const KNOWN: &[&str] = &[
    "access_programs",
    "background",
    "context_management",
    "conversation",
    "image",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];
/// The same inside those members that other formats have under other names.
const INSIDE: &[(&str, &[&str])] = &[
    ("reasoning", &["context", "effort", "generate_summary", "mode", "summary"]),
    ("stream_options", &["include_obfuscation"]),
    ("text", &["format", "verbosity"]),
];
const INCLUDABLE: &[&str] = &[
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "message.output_text.logprobs",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
];

#[derive(Default)]
pub(crate) struct Settings {
    /// Members that the answer repeats, with the service's defaults.
    pub shown: Map<String, Value>,
    /// Reasoning is shown as a summary.
    pub summary: bool,
    /// Reasoning comes with what is needed to send it back.
    pub encrypted: bool,
    /// Pieces of a stream are padded, so that their length tells nothing to who listens in.
    pub padded: bool,
    /// Cohere only: the document that the answer cites.
    pub cited: Option<Value>,
}

impl Settings {
    pub(crate) fn read(body: &Value) -> Result<Self, Refusal> {
        known(body)?;
        stored(body)?;
        let unpadded = body.pointer("/stream_options/include_obfuscation");
        Ok(Self {
            shown: shown(body)?,
            summary: body.pointer("/reasoning/summary").is_some_and(Value::is_string),
            encrypted: included(body)?.contains(&"reasoning.encrypted_content"),
            padded: unpadded != Some(&Value::Bool(false)),
            cited: None,
        })
    }
}

fn known(body: &Value) -> Result<(), Refusal> {
    let unknown = |name: String| {
        let message = format!("Unknown parameter: '{name}'.");
        Err(Refusal::coded("unknown_parameter", name, message))
    };
    let foreign = |holder: &Value, names: &[&str]| {
        holder.as_object()?.keys().find(|name| !names.contains(&name.as_str())).cloned()
    };
    if let Some(name) = foreign(body, KNOWN) {
        return unknown(name);
    }
    for (member, names) in INSIDE {
        if let Some(name) = body.get(*member).and_then(|inner| foreign(inner, names)) {
            return unknown(format!("{member}.{name}"));
        }
    }
    Ok(())
}

/// Things to be looked up are never found, and nothing can be fetched later.
fn stored(body: &Value) -> Result<(), Refusal> {
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    if let Some(id) = text("/previous_response_id") {
        let message = format!("Previous response with id '{id}' not found.");
        let code = "previous_response_not_found";
        return Err(Refusal::coded(code, "previous_response_id", message));
    }
    if let Some(id) = text("/conversation/id").or(text("/conversation")) {
        let message = format!("Conversation with id '{id}' not found.");
        return Err(Refusal::not_stored("conversation", message));
    }
    if let Some(id) = text("/prompt/id") {
        return Err(Refusal::not_stored("prompt", format!("Prompt with id '{id}' not found.")));
    }
    if body.get("background") == Some(&Value::Bool(true)) {
        let message = "Background mode is not supported by this model.";
        return Err(Refusal::coded("unsupported_parameter", "background", message));
    }
    Ok(())
}

fn included(body: &Value) -> Result<Vec<&str>, Refusal> {
    let items = body.get("include").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let names: Vec<&str> = items.iter().map(|item| item.as_str().unwrap_or_default()).collect();
    match names.iter().position(|name| !INCLUDABLE.contains(name)) {
        None => Ok(names),
        Some(at) => {
            let allowed = INCLUDABLE.join("', '");
            let message = format!("Invalid value. Supported values are: '{allowed}'.");
            Err(Refusal::coded("invalid_value", format!("include[{at}]"), message))
        }
    }
}

fn shown(body: &Value) -> Result<Map<String, Value>, Refusal> {
    let defaults = json!({
        "background": false, "instructions": null, "max_output_tokens": null, "max_tool_calls": null,
        "metadata": {}, "parallel_tool_calls": true, "previous_response_id": null,
        "prompt_cache_key": null, "safety_identifier": null, "store": true, "temperature": 1.0,
        "tool_choice": "auto", "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "user": null,
    });
    let Value::Object(mut shown) = defaults else { return Ok(Map::new()) };
    for (name, value) in &mut shown {
        let Some(asked) = body.get(name).filter(|asked| !asked.is_null()) else { continue };
        if value.is_boolean() && !asked.is_boolean() {
            let message = format!("Invalid type for '{name}': expected a boolean.");
            return Err(Refusal::coded("invalid_type", name.clone(), message));
        }
        *value = asked.clone();
    }
    let inner = |pointer: &str| body.pointer(pointer).cloned().unwrap_or_default();
    let or = |pointer: &str, default: Value| match inner(pointer) {
        Value::Null => default,
        asked => asked,
    };
    let more = json!({
        "reasoning": {"effort": inner("/reasoning/effort"), "summary": inner("/reasoning/summary")},
        "service_tier": "default",
        "text": {
            "format": or("/text/format", json!({"type": "text"})),
            "verbosity": or("/text/verbosity", json!("medium")),
        },
        "tools": tools(body),
    });
    shown.extend(more.as_object().cloned().unwrap_or_default());
    Ok(shown)
}

/// Functions are strict unless the request says otherwise.
fn tools(body: &Value) -> Value {
    let mut tools = body.get("tools").and_then(Value::as_array).cloned().unwrap_or_default();
    for tool in tools.iter_mut().filter_map(Value::as_object_mut) {
        tool.entry("strict").or_insert(Value::Bool(true));
    }
    Value::Array(tools)
}
