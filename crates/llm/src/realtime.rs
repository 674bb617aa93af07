//! Sessions of OpenAI's Realtime interface: events in both directions over a WebSocket, text, sound and images in them.
//!
//! They are passed on as they came, byte for byte, but for what the house must know or may not let through: the model's
//! name, what asks for an answer, what an answer used, and what a provider says went wrong, which is reduced to codes as
//! everywhere else. What the provider would keep longer than its terms say is refused.

mod client;
mod server;

use domain::{Units, Usage};

use crate::{
    BadRequest, Head, Prepared, Refusal, Task,
    head::{Spots, usable},
    segment, write,
};

pub use client::{Asked, realtime_asks};
pub use server::{Told, What, realtime_tells};

/// The name a client knows the model by, and the provider's.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub shown: &'a str,
    pub own: &'a str,
}

/// What one answer of a session used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub usage: Usage,
    pub units: Units,
}

/// What routing needs to know of a session, which is what stands in its address.
///
/// # Errors
/// When the model's name cannot be one.
pub fn realtime_head(model: &str) -> Result<Head, BadRequest> {
    let model = usable(model.to_owned())?;
    let head = Head::of_task(Task::Realtime, model, Units::default(), Spots::default());
    Ok(Head { stream: true, ..head })
}

/// Where the session begins at the provider.
pub(crate) fn prepare(target_model: &str) -> Prepared {
    // Whoever planned the request has seen to it that this is a plain name; what a query could not hold is written out.
    let mut path = String::from("/realtime?model=");
    segment::push(&mut path, target_model, b"-._~/:@");
    Prepared {
        body: bytes::Bytes::new(),
        dropped: Vec::new(),
        path: path.into(),
        headers: &[],
        forwarded: &[],
    }
}

/// An error as one of the session's events. `about` is the client's own id of the event that is refused.
#[must_use]
pub fn realtime_error(refusal: &Refusal, (id, about): (&str, Option<&str>)) -> String {
    let mut out = Vec::with_capacity(256);
    write::object(&mut out, |root| {
        root.text("type", "error");
        root.text("event_id", id);
        root.object("error", |error| {
            error.text(
                "type",
                if refusal.status >= 500 { "server_error" } else { "invalid_request_error" },
            );
            error.text("code", &refusal.code);
            error.text("message", &refusal.message);
            error.text_or_null("param", refusal.param.as_deref());
            error.text_or_null("event_id", about);
        });
    });
    String::from_utf8(out).unwrap_or_default()
}

/// Asks the provider to stop the answer under way.
pub const REALTIME_CANCEL: &str = "{\"type\":\"response.cancel\"}";
