//! What can be wrong with a request, an answer or a stream. None of it ever quotes the text it is about.

use std::borrow::Cow;

use crate::UpstreamError;

/// A request that cannot be understood, or cannot be said in the provider's format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadRequest {
    /// Stable, such as `invalid_json` or `unsupported_parameter`.
    pub code: &'static str,
    /// The field, such as `messages[2].content[0].image_url`.
    pub param: Option<String>,
    /// Safe to show: never holds a value of the request.
    pub message: Cow<'static, str>,
}

impl BadRequest {
    pub(crate) const fn new(code: &'static str, message: &'static str) -> Self {
        Self { code, param: None, message: Cow::Borrowed(message) }
    }

    /// The field at `param` has the wrong shape or value.
    pub(crate) fn at(param: impl ToString, message: &'static str) -> Self {
        Self {
            code: "invalid_value",
            param: Some(param.to_string()),
            message: Cow::Borrowed(message),
        }
    }

    /// The field at `param` has no counterpart in the provider's format and must not be lost silently.
    pub(crate) fn unsupported(param: impl ToString, message: &'static str) -> Self {
        Self {
            code: "unsupported_parameter",
            param: Some(param.to_string()),
            message: Cow::Borrowed(message),
        }
    }
}

/// An answer that is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// An error object inside an HTTP 200.
    #[error("the provider answered with an error")]
    Upstream(UpstreamError),
    /// Not a response of the provider's format.
    #[error("the provider's answer is not valid")]
    Malformed,
}

/// Why a stream cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamFault {
    /// An error event inside an HTTP 200 stream.
    #[error("the provider sent an error in its stream")]
    Upstream(UpstreamError),
    /// Not an event of the provider's format.
    #[error("the provider's stream is not valid")]
    Malformed,
    /// One event exceeds [`crate::StreamOptions::event_limit`].
    #[error("one event of the provider's stream is too large")]
    TooLarge,
    /// The stream ended before the provider said that it was complete.
    #[error("the provider's stream ended early")]
    Truncated,
}

impl StreamFault {
    /// Stable code for logs, usage rows and the client's error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Upstream(_) => "upstream_error",
            Self::Malformed => "upstream_malformed",
            Self::TooLarge => "upstream_event_too_large",
            Self::Truncated => "upstream_cut",
        }
    }
}

impl BadAnswer {
    /// Stable code for logs, usage rows and the client's error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Upstream(_) => "upstream_error",
            Self::Malformed => "upstream_malformed",
        }
    }
}
