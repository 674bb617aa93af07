//! From a provider's whole answer to the client's.

use bytes::Bytes;
use domain::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    BadAnswer, Format, anthropic, cohere, converse,
    edit::{Edits, span},
    gemini, json, openai, responses, upstream, usage, watsonx,
};

/// How an answer is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Show<'a> {
    /// The model name that the client asked for, when it differs from the provider's own.
    /// `None` shows what the provider says.
    pub model: Option<&'a str>,
    /// Seconds since the Unix epoch, for formats whose counterpart has no time.
    pub created: u64,
    /// The answer's id where the provider gives none.
    pub id: &'a str,
}

/// Why the model stopped, in one vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stop {
    End,
    Length,
    ToolUse,
    StopSequence,
    Refusal,
    /// A server-side tool paused the turn; the client sends it back to go on.
    Pause,
}

/// An answer in the client's format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub body: Bytes,
    /// Absent when the provider did not say.
    pub usage: Usage,
    pub stop: Option<Stop>,
    /// Tokens of the answer estimated from its size, for when usage is absent.
    pub output_estimate: u64,
    /// Field patterns that the client's format cannot carry; never values.
    pub dropped: Vec<String>,
}

/// Puts a provider's answer into the client's format.
///
/// When the formats match, the bytes stay as they are but for the model's name.
///
/// # Errors
/// When the body holds an error in spite of its HTTP 200, or is no answer of the provider's format.
pub fn respond(
    inbound: Format,
    outbound: Format,
    body: &Bytes,
    show: Show<'_>,
) -> Result<Answer, BadAnswer> {
    if inbound == outbound && outbound.is_of_clients() {
        return same(outbound, body, show);
    }
    let document = json::document(body).ok_or(BadAnswer::Malformed)?;
    let mut response = match outbound {
        Format::OpenAiChat => openai::read_response(document)?,
        Format::AnthropicMessages => anthropic::read_response(document)?,
        Format::OpenAiResponses => responses::read_response(document)?,
        Format::Gemini => gemini::read_response(document)?,
        Format::BedrockConverse => converse::read_response(document)?,
        Format::Cohere => cohere::read_response(document)?,
        Format::Watsonx => watsonx::read_response(document)?,
    };
    if response.id.is_empty() {
        response.id = show.id.into();
    }
    let mut out = Vec::with_capacity(body.len() + 256);
    match inbound {
        Format::OpenAiChat | Format::BedrockConverse | Format::Watsonx => {
            openai::write_response(&response, show, &mut out);
        }
        Format::AnthropicMessages => anthropic::write_response(&response, show, &mut out),
        Format::OpenAiResponses => responses::write_response(&response, show, &mut out),
        Format::Gemini => gemini::write_response(&response, show, &mut out),
        Format::Cohere => cohere::write_response(&response, &mut out),
    }
    Ok(Answer {
        output_estimate: response.output_estimate(),
        usage: response.usage.unwrap_or_default(),
        stop: response.stop.map(|stop| stop.kind),
        dropped: response.losses.into_list(),
        body: out.into(),
    })
}

#[derive(Deserialize)]
struct View<'a> {
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stop_reason: Option<json::Text<'a>>,
    #[serde(borrow, default)]
    status: Option<&'a RawValue>,
    #[serde(borrow, default)]
    incomplete_details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    output: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "modelVersion")]
    model_version: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    finish_reason: Option<json::Text<'a>>,
}

fn same(format: Format, body: &Bytes, show: Show<'_>) -> Result<Answer, BadAnswer> {
    let text = std::str::from_utf8(body).map_err(|_| BadAnswer::Malformed)?;
    let view: View<'_> = serde_json::from_str(text).map_err(|_| BadAnswer::Malformed)?;
    if let Some(raw) = view.error {
        return Err(BadAnswer::Upstream(upstream::reduce(None, raw)));
    }
    let size = |raw: Option<&RawValue>| raw.map_or(0, |raw| raw.get().len() as u64);
    let (stop, usage, bytes) = match format {
        Format::OpenAiChat => {
            let choices = view.choices.ok_or(BadAnswer::Malformed)?;
            let reason = choices.first().and_then(|choice| choice.finish_reason.as_ref());
            (
                reason.map(|reason| openai::stop_of(&reason.0)),
                view.usage.and_then(usage::openai),
                choices.iter().map(|choice| size(choice.message)).sum(),
            )
        }
        Format::AnthropicMessages => {
            view.content.ok_or(BadAnswer::Malformed)?;
            (
                view.stop_reason.as_ref().map(|reason| anthropic::stop_of(&reason.0)),
                view.usage.and_then(usage::anthropic),
                size(view.content),
            )
        }
        Format::OpenAiResponses => {
            let output = view.output.ok_or(BadAnswer::Malformed)?;
            let ended = responses::Ended::of(view.status, view.incomplete_details);
            let (calls, bytes) = responses::measure(output)?;
            (ended.stop(calls), view.usage.and_then(usage::responses), bytes)
        }
        Format::Gemini => {
            // Short answers of deep shape: it is read as it is for translation, and passed on all the same.
            let document = json::document(body).ok_or(BadAnswer::Malformed)?;
            let response = gemini::read_response(document)?;
            let bytes = response.output_estimate().saturating_mul(4);
            (response.stop.as_ref().map(|stop| stop.kind), response.usage, bytes)
        }
        Format::Cohere => {
            let document = json::document(body).ok_or(BadAnswer::Malformed)?;
            let response = cohere::read_response(document)?;
            let bytes = response.output_estimate().saturating_mul(4);
            (response.stop.as_ref().map(|stop| stop.kind), response.usage, bytes)
        }
        Format::BedrockConverse | Format::Watsonx => return Err(BadAnswer::Malformed),
    };
    let mut edits = Edits::default();
    let model = if format == Format::Gemini { view.model_version } else { view.model };
    if let (Some(shown), Some(range)) = (show.model, model.and_then(|raw| span(body, raw))) {
        edits.replace_text(range, shown);
    }
    Ok(Answer {
        body: edits.apply(body),
        usage: usage.unwrap_or_default(),
        stop,
        output_estimate: usage::estimate_tokens(bytes),
        dropped: Vec::new(),
    })
}
