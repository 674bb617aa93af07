//! The messages of a request.

use serde_json::Value;

use crate::{
    ask::{Part, Role, Turn, list_of, text_of},
    ask_openai::{image, plain},
    refusal::Refusal,
    task::known,
};

/// Neighbouring results become one turn, as in the other protocols.
pub(super) fn read(messages: &[Value]) -> Result<Vec<Turn>, Refusal> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut after_tool = false;
    for message in messages {
        let name = text_of(message, "role")?;
        let next = turn(&name, message)?;
        match turns.last_mut() {
            Some(last) if name == "tool" && after_tool => last.parts.extend(next.parts),
            _ => turns.push(next),
        }
        after_tool = name == "tool";
    }
    Ok(turns)
}

fn turn(role: &str, message: &Value) -> Result<Turn, Refusal> {
    let members: &[&str] = match role {
        "system" | "user" => &["role", "content"],
        "assistant" => &["role", "content", "tool_calls", "tool_plan", "citations"],
        "tool" => &["role", "content", "tool_call_id"],
        _ => return Err(Refusal::invalid("messages", "unknown role")),
    };
    known(message, members)?;
    let parts = content(role, message)?;
    Ok(match role {
        "system" => Turn { role: Role::System, parts: said(parts)? },
        "user" => Turn { role: Role::User, parts: said(parts)? },
        "tool" => {
            let (id, text) = (text_of(message, "tool_call_id")?, plain(&said(parts)?));
            Turn { role: Role::User, parts: vec![Part::Result { id, text }] }
        }
        _ => Turn { role: Role::Assistant, parts: assistant(parts, message)? },
    })
}

fn said(parts: Vec<Part>) -> Result<Vec<Part>, Refusal> {
    if parts.is_empty() {
        return Err(Refusal::invalid("messages", "content is required"));
    }
    Ok(parts)
}

fn assistant(mut parts: Vec<Part>, message: &Value) -> Result<Vec<Part>, Refusal> {
    let planned = match message.get("tool_plan") {
        None | Some(Value::Null) => false,
        Some(_) => !text_of(message, "tool_plan")?.is_empty(),
    };
    for call in list_of(message, "tool_calls")? {
        known(call, &["id", "type", "function"])?;
        let function = call.get("function").filter(|function| function.is_object());
        let function =
            function.ok_or_else(|| Refusal::invalid("messages", "a call needs a function"))?;
        known(function, &["name", "arguments"])?;
        text_of(function, "name")?;
        let arguments = text_of(function, "arguments")?;
        if !serde_json::from_str::<Value>(&arguments).is_ok_and(|value| value.is_object()) {
            return Err(Refusal::invalid("messages", "tool arguments are no JSON object"));
        }
        parts.push(Part::Call { id: text_of(call, "id")? });
    }
    if parts.is_empty() && !planned {
        return Err(Refusal::invalid("messages", "content or tool_calls are required"));
    }
    Ok(parts)
}

fn content(role: &str, message: &Value) -> Result<Vec<Part>, Refusal> {
    match message.get("content") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => {
            let object = |text| serde_json::from_str::<Value>(text).is_ok_and(|it| it.is_object());
            if role == "tool" && !object(text) {
                let why = "the content of a tool message is a JSON object or a list of parts";
                return Err(Refusal::invalid("messages", why));
            }
            Ok(vec![Part::Text(text.clone())])
        }
        Some(Value::Array(items)) => items.iter().map(|item| piece(role, item)).collect(),
        Some(_) => Err(Refusal::invalid("messages", "content must be a string or an array")),
    }
}

fn piece(role: &str, item: &Value) -> Result<Part, Refusal> {
    let kind = text_of(item, "type")?;
    match (kind.as_str(), role) {
        ("text", _) => {
            known(item, &["type", "text"])?;
            Ok(Part::Text(text_of(item, "text")?))
        }
        ("thinking", "assistant") => {
            known(item, &["type", "thinking"])?;
            let text = text_of(item, "thinking")?;
            Ok(Part::Thinking { text, signature: String::new() })
        }
        ("image_url", "user") => {
            known(item, &["type", "image_url"])?;
            let wrong = || Refusal::invalid("messages", "image_url needs a url");
            let inner = item.get("image_url").ok_or_else(wrong)?;
            known(inner, &["url", "detail"])?;
            Ok(image(&text_of(inner, "url")?))
        }
        ("document", "tool") => {
            known(item, &["type", "document"])?;
            let wrong = || Refusal::invalid("messages", "a document is required");
            Ok(Part::Text(document(item.get("document").ok_or_else(wrong)?, false)?))
        }
        _ => Err(Refusal::invalid("messages", "this content is not known in this role")),
    }
}

/// A document as it is read; `bare` where it may be a mere text.
pub(super) fn document(document: &Value, bare: bool) -> Result<String, Refusal> {
    if let Some(text) = document.as_str().filter(|_| bare) {
        return Ok(text.to_owned());
    }
    known(document, &["id", "data"])?;
    match document.get("data") {
        Some(data @ Value::Object(_)) => Ok(data.to_string()),
        _ => Err(Refusal::invalid("documents", "a document needs data")),
    }
}
