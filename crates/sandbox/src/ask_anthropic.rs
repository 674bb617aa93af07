//! Reading Messages requests.

use serde_json::Value;

use crate::{
    ask::{Ask, Part, Role, Tool, ToolChoice, Turn, decoded_length, flag_of, list_of, text_of},
    refusal::Refusal,
    reply::signature_of,
    settings::Settings,
};

/// Reads a request to `/v1/messages`, or with `counting` one to `/v1/messages/count_tokens`.
pub(crate) fn read(body: &Value, counting: bool) -> Result<Ask, Refusal> {
    let max_output = body.get("max_tokens").and_then(Value::as_u64);
    if max_output.is_none_or(|limit| limit == 0) && !counting {
        return Err(Refusal::invalid("max_tokens", "Field required"));
    }
    let mut turns = Vec::new();
    match body.get("system") {
        None | Some(Value::Null) => {}
        Some(_) => turns.push(Turn { role: Role::System, parts: content(body, "system")? }),
    }
    for message in list_of(body, "messages")? {
        let role = match text_of(message, "role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => return Err(Refusal::invalid("messages", "role must be user or assistant")),
        };
        turns.push(Turn { role, parts: content(message, "content")? });
    }
    let thinking = body.pointer("/thinking/type").and_then(Value::as_str);
    let ask = Ask {
        model: text_of(body, "model")?,
        stream: flag_of(body, "stream"),
        include_usage: true,
        turns,
        tools: tools(body)?,
        choice: choice(body),
        schema: ["/output_config/format/schema", "/output_format/schema"]
            .iter()
            .find_map(|pointer| body.pointer(pointer).cloned()),
        max_output: max_output.and_then(|limit| usize::try_from(limit).ok()),
        thinking: matches!(thinking, Some("enabled" | "adaptive")),
        settings: Settings::default(),
    };
    ask.check("messages")?;
    check_thinking(&ask)?;
    Ok(ask)
}

/// Signatures must fit their text; with thinking on, a turn that called tools must begin with its thinking.
pub(crate) fn check_thinking(ask: &Ask) -> Result<(), Refusal> {
    for part in ask.parts() {
        let genuine = match part {
            Part::Thinking { text, signature } => *signature == signature_of(text),
            Part::Redacted(data) => data.starts_with("sandbox-redacted-"),
            _ => true,
        };
        if !genuine {
            return Err(Refusal::invalid("messages", "Invalid `signature` in `thinking` block"));
        }
    }
    let called = ask.turns.iter().rev().find(|turn| turn.role == Role::Assistant).filter(|turn| {
        ask.answers_tools() && turn.parts.iter().any(|part| matches!(part, Part::Call { .. }))
    });
    let begins =
        |turn: &Turn| matches!(turn.parts.first(), Some(Part::Thinking { .. } | Part::Redacted(_)));
    if ask.thinking && called.is_some_and(|turn| !begins(turn)) {
        return Err(Refusal::invalid("messages", "Expected `thinking`, but found `tool_use`"));
    }
    Ok(())
}

fn content(holder: &Value, field: &'static str) -> Result<Vec<Part>, Refusal> {
    match holder.get(field) {
        Some(Value::String(text)) => Ok(vec![Part::Text(text.clone())]),
        Some(Value::Array(items)) => items.iter().map(piece).collect(),
        _ => Err(Refusal::invalid(field, "Input should be a valid string or list")),
    }
}

fn piece(item: &Value) -> Result<Part, Refusal> {
    Ok(match item.get("type").and_then(Value::as_str) {
        Some("text") => {
            let text = text_of(item, "text")?;
            if text.is_empty() {
                return Err(Refusal::invalid("messages", "text content blocks must be non-empty"));
            }
            Part::Text(text)
        }
        Some("image") => image(item),
        Some("tool_use") => {
            text_of(item, "name")?;
            if !item.get("input").is_some_and(Value::is_object) {
                return Err(Refusal::invalid("messages", "tool_use.input must be an object"));
            }
            Part::Call { id: tool_id(item, "id")? }
        }
        Some("tool_result") => {
            let id = tool_id(item, "tool_use_id")?;
            let inner = match item.get("content") {
                None | Some(Value::Null) => Vec::new(),
                Some(_) => content(item, "content")?,
            };
            let texts = inner.iter().filter_map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                _ => None,
            });
            Part::Result { id, text: texts.collect::<Vec<_>>().join(" ") }
        }
        Some("thinking") => Part::Thinking {
            text: text_of(item, "thinking")?,
            signature: text_of(item, "signature")?,
        },
        Some("redacted_thinking") => Part::Redacted(text_of(item, "data")?),
        _ => return Err(Refusal::invalid("messages", "unknown content block")),
    })
}

fn tool_id(item: &Value, field: &'static str) -> Result<String, Refusal> {
    let id = text_of(item, field)?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if id.is_empty() || !id.bytes().all(fits) {
        return Err(Refusal::invalid(field, "String should match pattern '^[a-zA-Z0-9_-]+$'"));
    }
    Ok(id)
}

fn image(item: &Value) -> Part {
    let source = |field: &str| item.pointer(field).and_then(Value::as_str);
    match (source("/source/media_type"), source("/source/data")) {
        (Some(media), Some(data)) => Part::Image(media.to_owned(), decoded_length(data)),
        _ => Part::Image("url".to_owned(), 0),
    }
}

fn tools(body: &Value) -> Result<Vec<Tool>, Refusal> {
    let mut tools = Vec::new();
    for item in list_of(body, "tools")? {
        let schema = item.get("input_schema").cloned().unwrap_or_default();
        if !schema.is_object() {
            return Err(Refusal::invalid("tools", "input_schema: Field required"));
        }
        tools.push(Tool { name: text_of(item, "name")?, schema });
    }
    Ok(tools)
}

fn choice(body: &Value) -> ToolChoice {
    match body.pointer("/tool_choice/type").and_then(Value::as_str) {
        Some("none") => ToolChoice::Never,
        Some("any") => ToolChoice::Any,
        Some("tool") => body
            .pointer("/tool_choice/name")
            .and_then(Value::as_str)
            .map_or(ToolChoice::Any, |name| ToolChoice::One(name.to_owned())),
        _ => ToolChoice::Free,
    }
}
