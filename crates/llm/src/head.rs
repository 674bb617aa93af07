//! The few members of a request that routing needs, read without building a document.

use std::{fmt, ops::Range};

use domain::Units;
use serde::{
    Deserializer,
    de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

use crate::{
    BadRequest, Format, Task,
    demand::boolean,
    edit::span,
    json::{self, Fields, Raw, Shape, Text},
    person,
    responses::{Keeping, keeping},
    wishes::{self, Wishes},
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
    /// The client asked for a usage chunk at the end of a Chat stream. The other formats' streams always carry usage.
    pub include_usage: bool,
    /// How many alternative answers are asked for (`n`); 1 unless given.
    pub choices: u64,
    /// The request offers tools.
    pub has_tools: bool,
    /// What the client wishes of the provider.
    pub wishes: Option<Wishes>,
    /// What is asked for; nothing for a conversation.
    pub task: Option<Task>,
    /// What is known of the price before the answer.
    pub units: Units,
    pub(crate) spots: Spots,
}

impl Head {
    /// The head of a request that is no conversation.
    pub(crate) fn of_task(task: Task, model: String, units: Units, spots: Spots) -> Self {
        Self {
            model,
            stream: false,
            max_output: None,
            include_usage: false,
            choices: 1,
            has_tools: false,
            wishes: None,
            task: Some(task),
            units,
            spots,
        }
    }

    /// Whether the request is a form and not JSON.
    #[must_use]
    pub const fn is_form(&self) -> bool {
        self.spots.form
    }
}

/// Byte ranges in the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spots {
    pub(crate) model: Range<usize>,
    /// The closing brace of the document.
    pub(crate) end: usize,
    pub(crate) options: Options,
    pub(crate) keeping: Keeping,
    /// The member that holds the wishes, with one comma.
    pub(crate) wishes: Option<Range<usize>>,
    /// The body is a form: the model's name stands there as it is.
    pub(crate) form: bool,
    /// The conversation, and what is said before it.
    pub(crate) turns: Range<usize>,
    pub(crate) system: Range<usize>,
    /// Who the request is for, as the client says it: a text, or an object that holds it.
    pub(crate) person: Option<Range<usize>>,
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
/// When the body is not one JSON object, repeats a member that routing depends on, lacks `model` or `messages`
/// (`input`), or asks that something be stored or fetched from a store.
pub fn head(format: Format, body: &[u8]) -> Result<Head, BadRequest> {
    read(format, None, body)
}

/// Reads the head of a Gemini request, whose path says the model and whether the answer is a stream.
///
/// # Errors
/// As [`head`].
pub fn head_at(model: &str, stream: bool, body: &[u8]) -> Result<Head, BadRequest> {
    read(Format::Gemini, Some((model, stream)), body)
}

fn read(format: Format, said: Option<(&str, bool)>, body: &[u8]) -> Result<Head, BadRequest> {
    let text = std::str::from_utf8(body)
        .map_err(|_| BadRequest::new("invalid_json", "The request body is not valid UTF-8."))?;
    let found = find(format, text).map_err(|error| not_json(&error))?;
    if let Some(name) = found.repeated {
        return Err(repeated(Some(name)));
    }
    let not_text = || BadRequest::at("model", "`model` must be a string.");
    let model = match (said, found.model) {
        (Some((model, _)), _) => model.to_owned(),
        (None, Some(raw)) => json::text(raw).ok_or_else(not_text)?.into_owned(),
        (None, None) => return Err(missing("model")),
    };
    let model = usable(model)?;
    if found.turns.is_none() && !found.prompt {
        return Err(missing(turns(format)));
    }
    let mut spots = Spots {
        model: found.model.and_then(|raw| span(body, raw)).unwrap_or_default(),
        end: text.trim_end().len().saturating_sub(1),
        turns: found.turns.and_then(|raw| span(body, raw)).unwrap_or_default(),
        system: found.system.and_then(|raw| span(body, raw)).unwrap_or_default(),
        person: found.person.and_then(|raw| span(body, raw)),
        ..Spots::default()
    };
    if format == Format::OpenAiResponses {
        spots.keeping = keeping(body, &found.stored)?;
    }
    if let Some(raw) = found.provider {
        spots.wishes = span(body, raw).and_then(|value| wishes::member(body, &value));
    }
    let include_usage = match (format, found.stream_options) {
        (Format::OpenAiChat, Some(raw)) => stream_options(body, raw, &mut spots)?,
        _ => false,
    };
    let mut config = found.config.and_then(Fields::lenient);
    let mut setting = |names: &[&str]| {
        let config = config.as_mut()?;
        names.iter().find_map(|name| config.take(name))
    };
    let config_output = setting(&["maxOutputTokens", "max_output_tokens"]);
    // Given twice, the larger counts: which one a server looks at is its own affair.
    let given = [found.max_output, found.max_tokens, config_output];
    let max_output = given.into_iter().flatten().filter_map(json::whole).max();
    let choices = found.n.or_else(|| setting(&["candidateCount", "candidate_count"]));
    Ok(Head {
        model,
        stream: match said {
            Some((_, stream)) => stream,
            None => boolean(found.stream, "stream")?.unwrap_or(false),
        },
        max_output,
        include_usage,
        choices: choices.and_then(json::whole).unwrap_or(1),
        wishes: found.provider.map(wishes::read).transpose()?.flatten(),
        has_tools: found.tools.is_some_and(|raw| json::shape(raw) == Shape::Array),
        task: None,
        units: Units::default(),
        spots,
    })
}

/// The member that holds the conversation.
const fn turns(format: Format) -> &'static str {
    match format {
        Format::OpenAiChat
        | Format::AnthropicMessages
        | Format::BedrockConverse
        | Format::Cohere
        | Format::Watsonx => "messages",
        Format::OpenAiResponses => "input",
        Format::Gemini => "contents",
    }
}

pub(crate) fn usable(model: String) -> Result<String, BadRequest> {
    if model.is_empty() || model.len() > MODEL_LIMIT || model.chars().any(char::is_control) {
        return Err(BadRequest::at("model", "`model` is not a usable name."));
    }
    Ok(model)
}

pub(crate) fn repeated(name: Option<&str>) -> BadRequest {
    BadRequest {
        code: "duplicate_key",
        param: name.map(str::to_owned),
        message: "The request repeats a member; it must be given once.".into(),
    }
}

/// The members that hold what is said before the conversation, where it is not a turn of it.
const SYSTEM: &[&str] = &["system", "instructions", "systemInstruction", "system_instruction"];

pub(crate) fn missing(name: &'static str) -> BadRequest {
    BadRequest {
        code: "missing_required_parameter",
        param: Some(name.to_owned()),
        message: format!("`{name}` is required.").into(),
    }
}

/// Says where, never what: serde's own message may quote the text.
pub(crate) fn not_json(error: &serde_json::Error) -> BadRequest {
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
    Ok(boolean(include, "stream_options.include_usage")?.unwrap_or(false))
}

#[derive(Default)]
struct Found<'a> {
    model: Option<Raw<'a>>,
    stream: Option<Raw<'a>>,
    stream_options: Option<Raw<'a>>,
    max_tokens: Option<Raw<'a>>,
    /// `max_completion_tokens` or `max_output_tokens`.
    max_output: Option<Raw<'a>>,
    n: Option<Raw<'a>>,
    tools: Option<Raw<'a>>,
    /// `generationConfig`.
    config: Option<Raw<'a>>,
    provider: Option<Raw<'a>>,
    turns: Option<Raw<'a>>,
    system: Option<Raw<'a>>,
    person: Option<Raw<'a>>,
    /// A Responses request may name a prompt that the provider keeps.
    prompt: bool,
    stored: Stored<'a>,
    repeated: Option<&'static str>,
}

/// The members of a Responses request that have to do with what the provider keeps.
#[derive(Default)]
pub(crate) struct Stored<'a> {
    pub(crate) store: Option<Raw<'a>>,
    pub(crate) include: Option<Raw<'a>>,
    pub(crate) background: Option<Raw<'a>>,
    pub(crate) previous: Option<Raw<'a>>,
    pub(crate) conversation: Option<Raw<'a>>,
}

impl<'a> Found<'a> {
    /// The place for a member that is looked for in this format.
    fn slot(&mut self, format: Format, key: &str) -> Option<(&'static str, &mut Option<Raw<'a>>)> {
        let responses = format == Format::OpenAiResponses;
        let gemini = format == Format::Gemini;
        Some(match key {
            "model" => ("model", &mut self.model),
            "generationConfig" | "generation_config" if gemini => {
                ("generationConfig", &mut self.config)
            }
            "stream" if !gemini => ("stream", &mut self.stream),
            "stream_options" if !gemini => ("stream_options", &mut self.stream_options),
            "tools" => ("tools", &mut self.tools),
            "provider" if !gemini => ("provider", &mut self.provider),
            "max_tokens" if !responses && !gemini => ("max_tokens", &mut self.max_tokens),
            "max_completion_tokens" if !responses && !gemini => {
                ("max_completion_tokens", &mut self.max_output)
            }
            "n" if !responses && !gemini => ("n", &mut self.n),
            "max_output_tokens" if responses => ("max_output_tokens", &mut self.max_output),
            "store" if responses => ("store", &mut self.stored.store),
            "include" if responses => ("include", &mut self.stored.include),
            "background" if responses => ("background", &mut self.stored.background),
            "previous_response_id" if responses => {
                ("previous_response_id", &mut self.stored.previous)
            }
            "conversation" if responses => ("conversation", &mut self.stored.conversation),
            _ => return None,
        })
    }
}

fn find(format: Format, text: &str) -> serde_json::Result<Found<'_>> {
    let mut from = serde_json::Deserializer::from_str(text);
    let found = Seek(format).deserialize(&mut from)?;
    from.end()?;
    Ok(found)
}

struct Seek(Format);

impl<'de> DeserializeSeed<'de> for Seek {
    type Value = Found<'de>;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Seek {
    type Value = Found<'de>;
    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let turns = turns(self.0);
        let mut found = Found::default();
        while let Some(Text(key)) = map.next_key()? {
            if let Some((name, slot)) = found.slot(self.0, &key) {
                let again = slot.is_some();
                *slot = Some(map.next_value()?);
                if again {
                    found.repeated = Some(name);
                }
                continue;
            }
            found.prompt |= self.0 == Format::OpenAiResponses && key == "prompt";
            if key == turns {
                if found.turns.is_some() {
                    found.repeated = Some(turns);
                }
                found.turns = Some(map.next_value()?);
            } else if SYSTEM.contains(&&*key) {
                found.system = Some(map.next_value()?);
            } else if person::names(self.0, &key, found.person.is_some()) {
                found.person = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}
