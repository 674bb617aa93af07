//! The items of `input`.

use serde_json::Value;

use super::missing;
use crate::{
    ask::{Part, Role, Turn, text_of},
    ask_openai::{image, plain},
    refusal::Refusal,
    seal,
};

const SAID: &[&str] = &["input_text", "input_image"];
const ANSWERED: &[&str] = &["output_text", "refusal"];
/// In characters.
const LONGEST_CALL_ID: usize = 64;

/// Appends `items` to `turns`. Results in a row become one turn, as in the other formats.
pub(super) fn read(items: &[Value], turns: &mut Vec<Turn>) -> Result<(), Refusal> {
    for (at, item) in items.iter().enumerate() {
        let item = Item { at, item };
        if item.kind() == "reasoning" && !items.get(at + 1).is_some_and(is_own) {
            let id = item.text("id").unwrap_or_default();
            let message = format!(
                "Item '{id}' of type 'reasoning' was provided without its required following item."
            );
            return Err(item.refuse("invalid_value", "", message));
        }
        let (role, parts) = item.read()?;
        let is_result = |parts: &[Part]| matches!(parts.first(), Some(Part::Result { .. }));
        match turns.last_mut() {
            Some(last) if is_result(&last.parts) && is_result(&parts) => last.parts.extend(parts),
            _ => turns.push(Turn { role, parts }),
        }
    }
    Ok(())
}

/// Whether the model made the item.
fn is_own(item: &Value) -> bool {
    let text = |field: &str| item.get(field).and_then(Value::as_str);
    matches!(text("type"), Some("reasoning" | "function_call")) || text("role") == Some("assistant")
}

struct Item<'a> {
    at: usize,
    item: &'a Value,
}

impl Item<'_> {
    fn text(&self, field: &str) -> Option<&str> {
        self.item.get(field).and_then(Value::as_str)
    }

    /// A message need not say that it is one.
    fn kind(&self) -> &str {
        self.text("type").unwrap_or("message")
    }

    fn required(&self, field: &str) -> Result<&str, Refusal> {
        self.text(field).ok_or_else(|| missing(format!("input[{}].{field}", self.at)))
    }

    /// `within` is the path below the item.
    fn refuse(&self, code: &'static str, within: &str, message: String) -> Refusal {
        Refusal::coded(code, format!("input[{}]{within}", self.at), message)
    }

    fn read(&self) -> Result<(Role, Vec<Part>), Refusal> {
        match self.kind() {
            "message" => self.message(),
            "function_call" => Ok((Role::Assistant, vec![self.call()?])),
            "function_call_output" => Ok((Role::User, vec![self.result()?])),
            "reasoning" => Ok((Role::Assistant, vec![self.reasoning()?])),
            "item_reference" => {
                let id = self.required("id")?;
                Err(Refusal::not_stored("input", format!("Item with id '{id}' not found.")))
            }
            kind => Err(self.refuse("invalid_value", ".type", format!("Invalid value: '{kind}'."))),
        }
    }

    fn message(&self) -> Result<(Role, Vec<Part>), Refusal> {
        match self.required("role")? {
            "user" => Ok((Role::User, self.content("content", SAID)?)),
            "system" | "developer" => Ok((Role::System, self.content("content", SAID)?)),
            "assistant" => {
                self.check_id("msg")?;
                Ok((Role::Assistant, self.content("content", ANSWERED)?))
            }
            role => Err(self.refuse("invalid_value", ".role", format!("Invalid value: '{role}'."))),
        }
    }

    fn call(&self) -> Result<Part, Refusal> {
        self.check_id("fc")?;
        self.required("name")?;
        if serde_json::from_str::<Value>(self.required("arguments")?).is_err() {
            let message = "Function arguments are not JSON.".to_owned();
            return Err(self.refuse("invalid_value", ".arguments", message));
        }
        Ok(Part::Call { id: self.call_id()? })
    }

    fn result(&self) -> Result<Part, Refusal> {
        Ok(Part::Result { id: self.call_id()?, text: plain(&self.content("output", SAID)?) })
    }

    fn call_id(&self) -> Result<String, Refusal> {
        let id = self.required("call_id")?;
        if id.is_empty() || id.chars().count() > LONGEST_CALL_ID {
            let message = format!("Expected a string of 1 to {LONGEST_CALL_ID} characters.");
            return Err(self.refuse("string_above_max_length", ".call_id", message));
        }
        Ok(id.to_owned())
    }

    /// The service knows its own ids by how they begin; those of calls are not among them.
    fn check_id(&self, prefix: &str) -> Result<(), Refusal> {
        match self.text("id") {
            Some(id) if !id.starts_with(prefix) => {
                let message = format!("Expected an ID that begins with '{prefix}'.");
                Err(self.refuse("invalid_value", ".id", message))
            }
            _ => Ok(()),
        }
    }

    /// Reasoning is accepted only as the twin sealed it, for the item it was sealed for.
    fn reasoning(&self) -> Result<Part, Refusal> {
        self.check_id("rs")?;
        if !self.item.get("summary").is_some_and(Value::is_array) {
            return Err(missing(format!("input[{}].summary", self.at)));
        }
        let id = self.text("id");
        let Some(sealed) = self.text("encrypted_content") else {
            let message = format!(
                "Item with id '{}' not found. Items are not persisted when `store` is set to false.",
                id.unwrap_or_default()
            );
            return Err(Refusal::not_stored("input", message));
        };
        match seal::open(sealed) {
            Some((made_for, text)) if id.is_none_or(|id| id == made_for) => {
                Ok(Part::Thinking { text, signature: sealed.to_owned() })
            }
            _ => {
                let message = "The encrypted content could not be verified.";
                let code = Some("invalid_encrypted_content");
                Err(Refusal { code, ..Refusal::new(400, message) })
            }
        }
    }

    fn content(&self, field: &'static str, allowed: &[&str]) -> Result<Vec<Part>, Refusal> {
        match self.item.get(field) {
            Some(Value::String(text)) => Ok(vec![Part::Text(text.clone())]),
            Some(Value::Array(pieces)) => {
                let read = |(at, piece)| self.piece(&format!(".{field}[{at}]"), piece, allowed);
                pieces.iter().enumerate().map(read).collect()
            }
            _ => Err(missing(format!("input[{}].{field}", self.at))),
        }
    }

    fn piece(&self, within: &str, piece: &Value, allowed: &[&str]) -> Result<Part, Refusal> {
        let kind = piece.get("type").and_then(Value::as_str).unwrap_or_default();
        if !allowed.contains(&kind) {
            let allowed = allowed.join("', '");
            let message = format!("Invalid value: '{kind}'. Supported values are: '{allowed}'.");
            return Err(self.refuse("invalid_value", &format!("{within}.type"), message));
        }
        match kind {
            "input_image" => match piece.get("image_url").and_then(Value::as_str) {
                Some(url) => Ok(image(url)),
                None => Err(missing(format!("input[{}]{within}.image_url", self.at))),
            },
            "refusal" => Ok(Part::Text(text_of(piece, "refusal")?)),
            _ => Ok(Part::Text(text_of(piece, "text")?)),
        }
    }
}
