//! Reading Chat Completions requests.

use serde_json::Value;

use crate::{
    ask::{Ask, Part, Role, Tool, ToolChoice, Turn, decoded_length, flag_of, list_of, text_of},
    refusal::Refusal,
    settings::Settings,
};

pub(crate) fn read(body: &Value) -> Result<Ask, Refusal> {
    let messages = list_of(body, "messages")?;
    let ask = Ask {
        model: text_of(body, "model")?,
        stream: flag_of(body, "stream"),
        include_usage: body
            .get("stream_options")
            .is_some_and(|options| flag_of(options, "include_usage")),
        turns: merge(messages)?,
        tools: tools(body)?,
        choice: choice(body),
        schema: body.pointer("/response_format/json_schema/schema").cloned(),
        max_output: ["max_completion_tokens", "max_tokens"]
            .iter()
            .find_map(|field| body.get(*field)?.as_u64())
            .and_then(|limit| usize::try_from(limit).ok()),
        thinking: false,
        settings: Settings::default(),
    };
    if body.get("stream_options").is_some_and(|options| !options.is_null()) && !ask.stream {
        return Err(Refusal::invalid("stream_options", "only allowed when streaming"));
    }
    ask.check("messages")?;
    Ok(ask)
}

/// Neighbouring tool messages become one turn, as in Anthropic's form.
fn merge(messages: &[Value]) -> Result<Vec<Turn>, Refusal> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut after_tool = false;
    for message in messages {
        let name = text_of(message, "role")?;
        let is_tool = name == "tool";
        let next = turn(&name, message)?;
        match turns.last_mut() {
            Some(last) if is_tool && after_tool => last.parts.extend(next.parts),
            _ => turns.push(next),
        }
        after_tool = is_tool;
    }
    Ok(turns)
}

fn turn(role: &str, message: &Value) -> Result<Turn, Refusal> {
    let role = match role {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => {
            let id = text_of(message, "tool_call_id")?;
            let text = plain(&content(message)?);
            return Ok(Turn { role: Role::User, parts: vec![Part::Result { id, text }] });
        }
        _ => return Err(Refusal::invalid("messages", "unknown role")),
    };
    let mut parts = Vec::new();
    if let Some(Value::String(text)) = message.get("reasoning_content") {
        parts.push(Part::Thinking { text: text.clone(), signature: String::new() });
    }
    parts.extend(content(message)?);
    for call in list_of(message, "tool_calls")? {
        let function = call
            .get("function")
            .ok_or_else(|| Refusal::invalid("messages", "a tool call needs a function"))?;
        text_of(function, "name")?;
        let arguments = text_of(function, "arguments")?;
        if serde_json::from_str::<Value>(&arguments).is_err() {
            return Err(Refusal::invalid("messages", "tool arguments are not JSON"));
        }
        parts.push(Part::Call { id: text_of(call, "id")? });
    }
    Ok(Turn { role, parts })
}

pub(crate) fn plain(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join(" ")
}

fn content(message: &Value) -> Result<Vec<Part>, Refusal> {
    match message.get("content") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Part::Text(text.clone())]),
        Some(Value::Array(items)) => items.iter().map(piece).collect(),
        Some(_) => Err(Refusal::invalid("messages", "content must be a string or an array")),
    }
}

fn piece(item: &Value) -> Result<Part, Refusal> {
    match item.get("type").and_then(Value::as_str) {
        Some("text") => Ok(Part::Text(text_of(item, "text")?)),
        Some("refusal") => Ok(Part::Text(text_of(item, "refusal")?)),
        Some("image_url") => {
            let url = item
                .pointer("/image_url/url")
                .and_then(Value::as_str)
                .ok_or_else(|| Refusal::invalid("messages", "image_url needs a url"))?;
            Ok(image(url))
        }
        _ => Err(Refusal::invalid("messages", "unknown content part")),
    }
}

pub(crate) fn image(url: &str) -> Part {
    let data = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    data.map_or_else(
        || Part::Image("url".to_owned(), 0),
        |(media, data)| Part::Image(media.to_owned(), decoded_length(data)),
    )
}

fn tools(body: &Value) -> Result<Vec<Tool>, Refusal> {
    let mut tools = Vec::new();
    for item in list_of(body, "tools")? {
        let function = item
            .get("function")
            .ok_or_else(|| Refusal::invalid("tools", "a tool needs a function"))?;
        tools.push(Tool {
            name: text_of(function, "name")?,
            schema: function.get("parameters").cloned().unwrap_or_default(),
        });
    }
    Ok(tools)
}

fn choice(body: &Value) -> ToolChoice {
    match body.get("tool_choice") {
        Some(Value::String(word)) if word == "none" => ToolChoice::Never,
        Some(Value::String(word)) if word == "required" => ToolChoice::Any,
        Some(value) => value
            .pointer("/function/name")
            .and_then(Value::as_str)
            .map_or(ToolChoice::Free, |name| ToolChoice::One(name.to_owned())),
        None => ToolChoice::Free,
    }
}
