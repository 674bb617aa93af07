//! What providers say in a session.

use std::borrow::Cow;

use domain::{Provenance, Units, Usage};

use super::{Names, Spent, realtime_error};
use crate::{
    Format, Refusal, UpstreamError,
    edit::{Edits, span},
    json::{self, Fields, Raw},
    upstream,
};

/// An event of a provider's, as the client may hear it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told<'a> {
    /// Nothing when it is not for the client.
    pub event: Option<Cow<'a, str>>,
    pub what: What,
}

/// What an event means for the house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Other,
    /// The session exists.
    Begun,
    /// An answer begins.
    Answering,
    /// A piece of an answer: about so many tokens of text, and of sound.
    Piece {
        text: u64,
        sound: u64,
    },
    /// An answer ended; `None` when the provider did not say what it used.
    Answered(Option<Spent>),
    /// Another model wrote down what was heard.
    Transcribed,
    Failed(UpstreamError),
}

/// Bytes of encoded sound to one token, at the format's usual 24,000 samples a second: twenty tokens are a second.
const SOUND_BYTES: u64 = 3_200;

/// Reads a provider's event as far as is needed. What is no event is not passed on.
#[must_use]
pub fn realtime_tells<'a>(text: &'a str, names: Names<'_>) -> Told<'a> {
    let nothing = Told { event: None, what: What::Other };
    let Some(raw) = json::document(text.as_bytes()) else { return nothing };
    let Some(mut fields) = Fields::lenient(raw) else { return nothing };
    let Some(kind) = fields.take("type").and_then(json::text) else { return nothing };
    let told = |what| Told { event: Some(Cow::Borrowed(text)), what };
    match &*kind {
        // The operator's account, not the client's.
        "rate_limits.updated" => nothing,
        "session.created" | "session.updated" => {
            let what = if kind == "session.created" { What::Begun } else { What::Other };
            Told { event: Some(renamed(text, fields.take("session"), names)), what }
        }
        "response.created" => told(What::Answering),
        "response.done" => told(What::Answered(fields.take("response").and_then(spent))),
        "conversation.item.input_audio_transcription.completed" => told(What::Transcribed),
        "error" | "conversation.item.input_audio_transcription.failed" => failed(text, fields),
        _ => match fields.take("delta").filter(|_| kind.ends_with(".delta")) {
            Some(delta) => told(piece(&kind, delta)),
            None => told(What::Other),
        },
    }
}

fn piece(kind: &str, delta: Raw<'_>) -> What {
    let bytes = delta.get().len().saturating_sub(2) as u64;
    // A transcript says again what is heard already.
    if kind.ends_with("audio.delta") {
        What::Piece { text: 0, sound: bytes.div_ceil(SOUND_BYTES) }
    } else if kind.contains("transcript") {
        What::Other
    } else {
        What::Piece { text: crate::estimate_tokens(bytes), sound: 0 }
    }
}

fn renamed<'a>(text: &'a str, session: Option<Raw<'a>>, names: Names<'_>) -> Cow<'a, str> {
    let model = session.and_then(Fields::lenient).and_then(|mut session| session.take("model"));
    replaced(text, model.filter(|_| names.shown != names.own), names.shown)
}

/// The event with other words in place of `part`.
fn replaced<'a>(text: &'a str, part: Option<Raw<'a>>, words: &str) -> Cow<'a, str> {
    let mut edits = Edits::default();
    if let Some(range) = part.and_then(|part| span(text.as_bytes(), part)) {
        edits.replace_text(range, words);
    }
    edits.on(text)
}

/// An error without what the provider says of it, which may repeat what was said.
fn failed<'a>(text: &'a str, mut fields: Fields<'a>) -> Told<'a> {
    let id = fields.take("event_id").and_then(json::text).unwrap_or_default();
    let about = fields.take("item_id").is_some();
    let Some(raw) = fields.take("error") else {
        return Told { event: Some(Cow::Borrowed(text)), what: What::Other };
    };
    let event_of = Fields::lenient(raw).and_then(|mut error| error.take("event_id"));
    let event_of = event_of.and_then(json::text);
    let error = upstream::reduce(None, raw);
    let refusal = Refusal::of_upstream(Format::OpenAiResponses, &error);
    let event = if about {
        // One of many events: only its words are replaced.
        let message = Fields::lenient(raw).and_then(|mut error| error.take("message"));
        replaced(text, message, &refusal.message)
    } else {
        Cow::Owned(realtime_error(&refusal, (&id, event_of.as_deref())))
    };
    let what = if about { What::Other } else { What::Failed(error) };
    Told { event: Some(event), what }
}

/// What an answer used, as `response.usage` says it; text, sound and images have prices of their own.
fn spent(response: Raw<'_>) -> Option<Spent> {
    let mut usage = Fields::lenient(Fields::lenient(response)?.take("usage")?)?;
    let count = |fields: &mut Fields<'_>, name: &str| fields.take(name).and_then(json::whole);
    let input = count(&mut usage, "input_tokens")?;
    let output = count(&mut usage, "output_tokens")?;
    let mut inside = usage.take("input_token_details").and_then(Fields::lenient);
    let mut outside = usage.take("output_token_details").and_then(Fields::lenient);
    let mut of_input =
        |name: &str| inside.as_mut().and_then(|inside| count(inside, name)).unwrap_or(0);
    let (sound, image) = (of_input("audio_tokens"), of_input("image_tokens"));
    let cached = of_input("cached_tokens").min(input);
    let mut cached_of = inside
        .as_mut()
        .and_then(|inside| inside.take("cached_tokens_details"))
        .and_then(Fields::lenient);
    let mut of_cached =
        |name: &str| cached_of.as_mut().and_then(|all| count(all, name)).unwrap_or(0);
    // What came from the cache is paid for there, whatever it was.
    let fresh = input - cached;
    let audio_input = sound.saturating_sub(of_cached("audio_tokens")).min(fresh);
    let image_input = image.saturating_sub(of_cached("image_tokens")).min(fresh - audio_input);
    let said = outside.as_mut().and_then(|outside| count(outside, "audio_tokens")).unwrap_or(0);
    Some(Spent {
        usage: Usage {
            input: fresh,
            cache_read: cached,
            output,
            provenance: Provenance::Reported,
            ..Usage::default()
        },
        units: Units {
            audio_input,
            image_input,
            audio_output: said.min(output),
            ..Units::default()
        },
    })
}
