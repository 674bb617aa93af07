//! The content blocks of a Converse request.

use serde_json::Value;

use super::only;
use crate::{
    ask::{Part, decoded_length, list_of, text_of},
    refusal::Refusal,
};

const KINDS: &[&str] =
    &["text", "image", "document", "toolUse", "toolResult", "reasoningContent", "cachePoint"];
const IMAGES: &[&str] = &["png", "jpeg", "gif", "webp"];
const DOCUMENTS: &[&str] = &["pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md"];

pub(super) fn read(content: &[Value], place: &str) -> Result<Vec<Part>, Refusal> {
    let mut parts = Vec::new();
    let mut document = false;
    for (at, block) in content.iter().enumerate() {
        if is_cache_point(block)? {
            if at == 0 {
                return Err(Refusal::invalid("cachePoint", "must follow other content"));
            }
            continue;
        }
        document |= block.get("document").is_some();
        parts.push(part(block, &format!("{place}.content.{at}"))?);
    }
    if document && !parts.iter().any(|part| matches!(part, Part::Text(_))) {
        let why = "A text block must be included when a document is.";
        return Err(Refusal::new(400, why));
    }
    Ok(parts)
}

pub(super) fn is_cache_point(block: &Value) -> Result<bool, Refusal> {
    let Some(point) = block.get("cachePoint") else { return Ok(false) };
    only(point, &["type", "ttl"], "cachePoint")?;
    match point.get("type").and_then(Value::as_str) {
        Some("default") => Ok(true),
        _ => Err(Refusal::invalid("cachePoint.type", "must be default")),
    }
}

fn part(block: &Value, place: &str) -> Result<Part, Refusal> {
    let members = only(block, KINDS, "content")?;
    let mut kinds = members.iter();
    let (Some((kind, inner)), None) = (kinds.next(), kinds.next()) else {
        return Err(Refusal::invalid("content", "exactly one member must be set"));
    };
    Ok(match kind.as_str() {
        "text" => Part::Text(words(block, place)?),
        "image" => {
            let format = one_of(inner, IMAGES)?;
            Part::Image(format!("image/{format}"), bytes(inner)?)
        }
        "document" => {
            let name = text_of(inner, "name")?;
            if name.is_empty() || name.contains("  ") || !name.chars().all(may_name) {
                return Err(Refusal::invalid("document.name", "holds characters that it must not"));
            }
            Part::Image(format!("document/{}", one_of(inner, DOCUMENTS)?), bytes(inner)?)
        }
        "toolUse" => {
            if !inner.get("input").is_some_and(Value::is_object) {
                return Err(Refusal::invalid("toolUse.input", "must be an object"));
            }
            text_of(inner, "name")?;
            Part::Call { id: id(inner)? }
        }
        "toolResult" => result(inner, place)?,
        _ => reasoning(inner)?,
    })
}

fn may_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || " -()[]".contains(letter)
}

fn words(block: &Value, place: &str) -> Result<String, Refusal> {
    let text = text_of(block, "text")?;
    if text.trim().is_empty() {
        let why = format!("The text field in the ContentBlock object at {place} is blank.");
        return Err(Refusal::new(400, why));
    }
    Ok(text)
}

fn one_of<'v>(inner: &'v Value, known: &[&str]) -> Result<&'v str, Refusal> {
    let format = inner.get("format").and_then(Value::as_str);
    format
        .filter(|format| known.contains(format))
        .ok_or_else(|| Refusal::invalid("format", "must satisfy enum value set"))
}

fn bytes(inner: &Value) -> Result<usize, Refusal> {
    let data = inner.pointer("/source/bytes").and_then(Value::as_str);
    data.map(decoded_length).ok_or_else(|| Refusal::invalid("source", "bytes are required"))
}

fn id(inner: &Value) -> Result<String, Refusal> {
    let id = text_of(inner, "toolUseId")?;
    if is_name(&id) {
        Ok(id)
    } else {
        Err(Refusal::invalid("toolUseId", "must satisfy [a-zA-Z0-9_-]+"))
    }
}

pub(super) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

fn result(inner: &Value, place: &str) -> Result<Part, Refusal> {
    only(inner, &["toolUseId", "content", "status"], "toolResult")?;
    let mut said = Vec::new();
    for block in list_of(inner, "content")? {
        match block.as_object().and_then(|members| members.iter().next()) {
            Some((kind, json)) if kind == "json" => said.push(json.to_string()),
            Some((kind, _)) if kind == "text" => said.push(words(block, place)?),
            Some((kind, _)) if kind == "image" || kind == "document" => drop(part(block, place)?),
            _ => return Err(Refusal::invalid("toolResult.content", "is of no known kind")),
        }
    }
    Ok(Part::Result { id: id(inner)?, text: said.join(" ") })
}

fn reasoning(inner: &Value) -> Result<Part, Refusal> {
    if let Some(data) = inner.get("redactedContent").and_then(Value::as_str) {
        return Ok(Part::Redacted(data.to_owned()));
    }
    let said = inner
        .get("reasoningText")
        .ok_or_else(|| Refusal::invalid("reasoningContent", "one member must be set"))?;
    Ok(Part::Thinking { text: text_of(said, "text")?, signature: text_of(said, "signature")? })
}
