//! IBM watsonx.ai: Chat Completions in other words.

use serde_json::{Map, Value, json};

use crate::{ask::Ask, ask_openai, openai, play::Frame, refusal::Refusal, reply::Reply};

/// The members of a request; every other is refused.
const KNOWN: &[&str] = &[
    "messages",
    "model_id",
    "project_id",
    "space_id",
    "tools",
    "tool_choice_option",
    "tool_choice",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "presence_penalty",
    "reasoning_effort",
    "include_reasoning",
    "chat_template_kwargs",
    "response_format",
    "seed",
    "stop",
    "temperature",
    "top_p",
    "time_limit",
];

/// Whether the answer is to be a stream; `None` for other paths.
pub(crate) fn stream_of(path: &str) -> Option<bool> {
    match path {
        "/text/chat" => Some(false),
        "/text/chat_stream" => Some(true),
        _ => None,
    }
}

/// Every request says for which day's version of the interface it was written.
pub(crate) fn versioned(query: Option<&str>) -> Result<(), Refusal> {
    let given =
        query.and_then(|query| query.split('&').find_map(|one| one.strip_prefix("version=")));
    let day = |text: &str| {
        let parts: Vec<usize> = text.split('-').map(str::len).collect();
        parts == [4, 2, 2] && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    };
    if given.is_some_and(day) {
        return Ok(());
    }
    Err(Refusal::invalid("version", "is required and has the form YYYY-MM-DD"))
}

pub(crate) fn read(body: &Value, stream: bool) -> Result<Ask, Refusal> {
    let mut members = body.as_object().cloned().unwrap_or_default();
    if let Some(name) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(Refusal::new(400, format!("json_validation_error: unknown field {name}")));
    }
    let named =
        |name: &str| members.get(name).and_then(Value::as_str).is_some_and(|id| !id.is_empty());
    if named("project_id") == named("space_id") {
        return Err(Refusal::invalid(
            "project_id",
            "either space_id or project_id has to be given",
        ));
    }
    let moved = [("model_id", "model"), ("tool_choice_option", "tool_choice")];
    if members.contains_key("tool_choice") && members.contains_key("tool_choice_option") {
        return Err(Refusal::invalid("tool_choice", "is not allowed beside tool_choice_option"));
    }
    if members.get("tool_choice").is_some_and(|choice| !choice.is_object()) {
        return Err(Refusal::invalid("tool_choice", "must be an object"));
    }
    for (theirs, usual) in moved {
        if let Some(value) = members.remove(theirs) {
            members.insert(usual.to_owned(), value);
        }
    }
    members.insert("stream".to_owned(), json!(stream));
    let ask = ask_openai::read(&Value::Object(members))?;
    Ok(Ask { include_usage: true, ..ask })
}

/// The same answer in these words.
fn reworded(members: &mut Map<String, Value>) {
    for name in ["object", "system_fingerprint"] {
        members.remove(name);
    }
    if members.get("usage").is_some_and(Value::is_null) {
        members.remove("usage");
    }
    if let Some(model) = members.remove("model") {
        members.insert("model_id".to_owned(), model);
    }
    members.insert("created_at".to_owned(), json!("2023-11-14T22:13:20.000Z"));
}

pub(crate) fn whole(reply: &Reply, serial: u64) -> Value {
    let mut body = openai::whole(reply, serial);
    if let Some(members) = body.as_object_mut() {
        reworded(members);
        members.insert("system".to_owned(), json!({"warnings": []}));
    }
    body
}

/// No event says that it is the last.
pub(crate) fn frames(reply: &Reply, serial: u64) -> Vec<Frame> {
    let all = openai::frames(reply, serial, true).into_iter();
    all.filter_map(|frame| {
        let mut body: Value = serde_json::from_str(&frame.data).ok()?;
        reworded(body.as_object_mut()?);
        Some(Frame { name: Some("message"), data: body.to_string(), semantic: frame.semantic })
    })
    .collect()
}
