//! IBM watsonx.ai `text/chat` and `text/chat_stream`. Providers are called in it; no client speaks it to us.
//!
//! <https://cloud.ibm.com/apidocs/watsonx-ai#text-chat>
//!
//! It is Chat Completions with other names for the model and the choice of tools, a list of errors, and no end mark.
//! The path says whether the answer is a stream, and which day's version of the interface is meant. Whose project it is
//! comes with the credential: see [`crate::Venue`].

mod event_read;
mod write;

pub(crate) use self::{event_read::EventReader, write::write_request};
use crate::{
    BadAnswer, UpstreamError,
    conversation::Response,
    json::{self, Fields, Raw},
    openai, upstream,
};

/// The path of a call, with the version of the interface that this was written for.
pub(crate) const fn path(stream: bool) -> &'static str {
    if stream { "/text/chat_stream?version=2025-10-01" } else { "/text/chat?version=2025-10-01" }
}

pub(crate) fn read_response(raw: Raw<'_>) -> Result<Response<'_>, BadAnswer> {
    if let Some(error) = failed(raw) {
        return Err(BadAnswer::Upstream(error));
    }
    openai::read_response(raw)
}

/// The error that stands in the place of an answer.
fn failed(raw: Raw<'_>) -> Option<UpstreamError> {
    let mut fields = Fields::lenient(raw)?;
    let status = fields.take("status_code").and_then(json::whole);
    let status = status.and_then(|status| u16::try_from(status).ok());
    let first = upstream::first(fields.take("errors")?)?;
    Some(upstream::reduce(status, first))
}
