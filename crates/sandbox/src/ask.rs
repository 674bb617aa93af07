//! A request to a model, read from any of the protocols.

use serde_json::Value;

use crate::{refusal::Refusal, settings::Settings};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    System,
    User,
    Assistant,
}

/// One piece of a turn.
pub(crate) enum Part {
    Text(String),
    /// Media type (or `url`) and size in bytes.
    Image(String, usize),
    Call {
        id: String,
    },
    Result {
        id: String,
        text: String,
    },
    Thinking {
        text: String,
        signature: String,
    },
    Redacted(String),
}

pub(crate) struct Turn {
    pub role: Role,
    pub parts: Vec<Part>,
}

pub(crate) struct Tool {
    pub name: String,
    pub schema: Value,
}

/// Whether tools may, must not, or must be called.
pub(crate) enum ToolChoice {
    Free,
    Never,
    Any,
    One(String),
}

pub(crate) struct Ask {
    pub model: String,
    pub stream: bool,
    /// OpenAI only: whether the last chunk carries usage.
    pub include_usage: bool,
    pub turns: Vec<Turn>,
    pub tools: Vec<Tool>,
    pub choice: ToolChoice,
    pub schema: Option<Value>,
    /// In words.
    pub max_output: Option<usize>,
    /// Anthropic, Gemini and Cohere only: thinking was asked for, or its thoughts.
    pub thinking: bool,
    /// Responses only.
    pub settings: Settings,
}

impl Ask {
    /// The text of the last turn that is not the model's own; the text of tool results when it has only those.
    pub(crate) fn last_user_text(&self) -> String {
        let Some(turn) = self.turns.iter().rev().find(|turn| turn.role == Role::User) else {
            return String::new();
        };
        let texts = |wanted: fn(&Part) -> Option<&str>| {
            turn.parts.iter().filter_map(wanted).collect::<Vec<_>>().join(" ")
        };
        let written = texts(|part| match part {
            Part::Text(text) => Some(text),
            _ => None,
        });
        if !written.is_empty() {
            return written;
        }
        texts(|part| match part {
            Part::Result { text, .. } => Some(text),
            _ => None,
        })
    }

    /// Whether the conversation now waits for the model to react to tool results.
    pub(crate) fn answers_tools(&self) -> bool {
        self.turns
            .last()
            .is_some_and(|turn| turn.parts.iter().any(|part| matches!(part, Part::Result { .. })))
    }

    /// All words of all turns.
    pub(crate) fn words(&self) -> u64 {
        self.parts()
            .map(|part| match part {
                Part::Text(text) | Part::Result { text, .. } | Part::Thinking { text, .. } => {
                    count(text)
                }
                _ => 0,
            })
            .sum()
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.turns.iter().flat_map(|turn| turn.parts.iter())
    }

    /// What all providers insist on, naming `field`: there are turns, and every tool result answers a call made before it
    /// while every call but those of the last turn has its result.
    pub(crate) fn check(&self, field: &'static str) -> Result<(), Refusal> {
        if self.turns.iter().all(|turn| turn.role == Role::System) {
            return Err(Refusal::invalid(field, "at least one message is required"));
        }
        let mut open: Vec<&str> = Vec::new();
        for part in self.parts() {
            match part {
                Part::Call { id } => open.push(id),
                Part::Result { id, .. } => {
                    let before = open.len();
                    open.retain(|call| call != id);
                    if open.len() == before {
                        return Err(Refusal::invalid(field, "a tool result has no call"));
                    }
                }
                _ => {}
            }
        }
        if !open.is_empty() {
            return Err(Refusal::invalid(field, "a tool call has no result"));
        }
        Ok(())
    }
}

/// Whitespace words: the twins' tokens.
pub(crate) fn count(text: &str) -> u64 {
    text.split_whitespace().count() as u64
}

/// A string member, or a refusal that names it.
pub(crate) fn text_of(value: &Value, field: &'static str) -> Result<String, Refusal> {
    match value.get(field) {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(Refusal::invalid(field, "a string is required")),
    }
}

/// A list member; absent is empty.
pub(crate) fn list_of<'a>(value: &'a Value, field: &'static str) -> Result<&'a [Value], Refusal> {
    match value.get(field) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(Refusal::invalid(field, "an array is required")),
    }
}

pub(crate) fn flag_of(value: &Value, field: &str) -> bool {
    value.get(field).and_then(Value::as_bool).unwrap_or(false)
}

/// The size of what base64 text stands for.
pub(crate) fn decoded_length(base64: &str) -> usize {
    let text = base64.trim_end_matches('=');
    text.len() * 3 / 4
}
