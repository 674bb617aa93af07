//! The few members of a request that routing needs, read without building a document.

use std::{fmt, ops::Range};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};

use crate::{
    BadRequest, Format,
    edit::span,
    json::{self, Fields, Raw, Shape, Text},
};

/// Longest model name that is accepted, in bytes.
const MODEL_LIMIT: usize = 256;

/// What routing, limits and metering need to know about a request.
///
/// It remembers where in the body those members stand, so it is only good for the body it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// As the client wrote it.
    pub model: String,
    pub stream: bool,
    /// The client's own cap on output tokens.
    pub max_output: Option<u64>,
    /// The client asked for a usage chunk at the end of the stream. Anthropic streams always carry usage.
    pub include_usage: bool,
    /// How many alternative answers are asked for (`n`); 1 unless given.
    pub choices: u64,
    /// The request offers tools.
    pub has_tools: bool,
    pub(crate) spots: Spots,
}

/// Byte ranges in the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spots {
    pub(crate) model: Range<usize>,
    /// The closing brace of the document.
    pub(crate) end: usize,
    pub(crate) options: Options,
}

/// Where `stream_options` stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Options {
    #[default]
    Absent,
    Null(Range<usize>),
    Object {
        range: Range<usize>,
        empty: bool,
        include_usage: Option<Range<usize>>,
    },
}

/// Reads the head of a request.
///
/// # Errors
/// When the body is not one JSON object, repeats a member that routing depends on, or lacks `model` or `messages`.
pub fn head(format: Format, body: &[u8]) -> Result<Head, BadRequest> {
    let text = std::str::from_utf8(body)
        .map_err(|_| BadRequest::new("invalid_json", "The request body is not valid UTF-8."))?;
    let found: Found<'_> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    if let Some(name) = found.repeated {
        return Err(BadRequest {
            code: "duplicate_key",
            param: Some(name.to_owned()),
            message: "The request repeats a member; it must be given once.".into(),
        });
    }
    let model_raw = found.model.ok_or_else(|| missing("model"))?;
    let model = json::text(model_raw)
        .ok_or_else(|| BadRequest::at("model", "`model` must be a string."))?
        .into_owned();
    if model.is_empty() || model.len() > MODEL_LIMIT || model.chars().any(char::is_control) {
        return Err(BadRequest::at("model", "`model` is not a usable name."));
    }
    if !found.messages {
        return Err(missing("messages"));
    }
    let mut spots = Spots {
        model: span(body, model_raw).ok_or_else(|| missing("model"))?,
        end: text.trim_end().len().saturating_sub(1),
        ..Spots::default()
    };
    let include_usage = match (format, found.stream_options) {
        (Format::OpenAiChat, Some(raw)) => stream_options(body, raw, &mut spots)?,
        _ => false,
    };
    Ok(Head {
        model,
        stream: flag(found.stream, "stream")?,
        max_output: found.max_completion_tokens.or(found.max_tokens).and_then(json::whole),
        include_usage,
        choices: found.n.and_then(json::whole).unwrap_or(1),
        has_tools: found.tools.is_some_and(|raw| json::shape(raw) == Shape::Array),
        spots,
    })
}

fn missing(name: &'static str) -> BadRequest {
    BadRequest {
        code: "missing_required_parameter",
        param: Some(name.to_owned()),
        message: format!("`{name}` is required.").into(),
    }
}

/// Says where, never what: serde's own message may quote the text.
fn not_json(error: &serde_json::Error) -> BadRequest {
    BadRequest {
        code: "invalid_json",
        param: None,
        message: format!(
            "The request body is not a JSON object (line {}, column {}).",
            error.line(),
            error.column()
        )
        .into(),
    }
}

fn flag(raw: Option<Raw<'_>>, name: &'static str) -> Result<bool, BadRequest> {
    match raw {
        None => Ok(false),
        Some(raw) if json::shape(raw) == Shape::Null => Ok(false),
        Some(raw) => {
            json::boolean(raw).ok_or_else(|| BadRequest::at(name, "The value must be a boolean."))
        }
    }
}

fn stream_options(body: &[u8], raw: Raw<'_>, spots: &mut Spots) -> Result<bool, BadRequest> {
    let refuse = || BadRequest::at("stream_options", "`stream_options` must be an object.");
    let range = span(body, raw).ok_or_else(refuse)?;
    if json::shape(raw) == Shape::Null {
        spots.options = Options::Null(range);
        return Ok(false);
    }
    let mut fields = Fields::strict(raw).map_err(|_| refuse())?;
    let empty = fields.is_empty();
    let include = fields.take_any("include_usage");
    let include_usage = include.and_then(|raw| span(body, raw));
    spots.options = Options::Object { range, empty, include_usage };
    flag(include, "stream_options.include_usage")
}

#[derive(Default)]
struct Found<'a> {
    model: Option<Raw<'a>>,
    stream: Option<Raw<'a>>,
    stream_options: Option<Raw<'a>>,
    max_tokens: Option<Raw<'a>>,
    max_completion_tokens: Option<Raw<'a>>,
    n: Option<Raw<'a>>,
    tools: Option<Raw<'a>>,
    messages: bool,
    repeated: Option<&'static str>,
}

impl<'de> Deserialize<'de> for Found<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct HeadVisitor;
        impl<'de> Visitor<'de> for HeadVisitor {
            type Value = Found<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut found = Found::default();
                while let Some(Text(key)) = map.next_key()? {
                    let (name, slot) = match &*key {
                        "model" => ("model", &mut found.model),
                        "stream" => ("stream", &mut found.stream),
                        "stream_options" => ("stream_options", &mut found.stream_options),
                        "max_tokens" => ("max_tokens", &mut found.max_tokens),
                        "max_completion_tokens" => {
                            ("max_completion_tokens", &mut found.max_completion_tokens)
                        }
                        "n" => ("n", &mut found.n),
                        "tools" => ("tools", &mut found.tools),
                        "messages" => {
                            if found.messages {
                                found.repeated = Some("messages");
                            }
                            found.messages = true;
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    if slot.is_some() {
                        found.repeated = Some(name);
                    }
                    *slot = Some(map.next_value()?);
                }
                Ok(found)
            }
        }
        from.deserialize_map(HeadVisitor)
    }
}
