//! What clients say in a session.

use std::borrow::Cow;

use super::Names;
use crate::{
    BadRequest,
    edit::{Edits, span},
    json::{self, Fields, NotFields, Raw},
};

/// An event of a client's, as it may be sent on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<'a> {
    pub event: Cow<'a, str>,
    /// It asks for an answer at once.
    pub answer: bool,
    /// It has what is heard written down by another model, which sends a bill of its own.
    pub transcribes: bool,
}

/// Why an event is not sent on, and the client's own id of it.
pub(super) type Unfit = (BadRequest, Option<String>);

/// Reads a client's event as far as is needed.
///
/// # Errors
/// When it is no event, asks for another model, or for something that the provider would keep.
pub fn realtime_asks<'a>(text: &'a str, names: Names<'_>) -> Result<Asked<'a>, Box<Unfit>> {
    let bare = |bad| Box::new((bad, None));
    let none = || BadRequest::new("invalid_json", "An event is one JSON object with a `type`.");
    let raw: Raw<'_> = serde_json::from_str(text).map_err(|_| bare(none()))?;
    let mut fields = Fields::strict(raw).map_err(|why| {
        bare(match why {
            NotFields::Shape => none(),
            NotFields::Duplicate => BadRequest::new("invalid_json", "The event repeats a member."),
        })
    })?;
    let id = fields.take("event_id").and_then(json::text).map(Cow::into_owned);
    let unfit = |bad| Box::new((bad, id.clone()));
    let kind = fields.take("type").and_then(json::text).ok_or_else(|| unfit(none()))?;
    let asked = Asked { event: Cow::Borrowed(text), answer: false, transcribes: false };
    match &*kind {
        "response.create" => Ok(Asked { answer: true, ..asked }),
        "session.update" => match fields.take("session") {
            Some(session) => updated(text, session, names).map_err(unfit),
            None => Ok(asked),
        },
        "transcription_session.update" => Err(unfit(BadRequest::new(
            "unsupported_event",
            "Sessions that only write down what is said are not served.",
        ))),
        _ => Ok(asked),
    }
}

fn updated<'a>(text: &'a str, session: Raw<'a>, names: Names<'_>) -> Result<Asked<'a>, BadRequest> {
    let shape = || BadRequest::at("session", "`session` must be an object.");
    let mut fields = Fields::strict(session).map_err(|_| shape())?;
    if fields.take("tracing").is_some() {
        return Err(BadRequest::at(
            "session.tracing",
            "Traces would stay with the provider. Leave `tracing` out.",
        ));
    }
    let mut edits = Edits::default();
    if let Some(model) = fields.take("model") {
        let said = json::text(model).unwrap_or_default();
        if said != names.shown && said != names.own {
            return Err(BadRequest::at(
                "session.model",
                "The model of a session is the one in its address; begin another session for another model.",
            ));
        }
        if said != names.own
            && let Some(range) = span(text.as_bytes(), model)
        {
            edits.replace_text(range, names.own);
        }
    }
    let transcribes = transcription(&mut fields).is_some()
        || fields.take("type").and_then(json::text).is_some_and(|kind| kind == "transcription");
    Ok(Asked { event: edits.on(text), answer: false, transcribes })
}

/// The wish that what is heard be written down, where either version of the interface has it.
fn transcription<'a>(session: &mut Fields<'a>) -> Option<Raw<'a>> {
    if let Some(older) = session.take("input_audio_transcription") {
        return Some(older);
    }
    let mut audio = Fields::lenient(session.take("audio")?)?;
    Fields::lenient(audio.take("input")?)?.take("transcription")
}
