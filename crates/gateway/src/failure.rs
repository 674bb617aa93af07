//! Why an attempt failed, and what may be done about it.

use std::{borrow::Cow, time::Duration};

use domain::Usage;
use egress::ErrorKind;
use llm::{BadAnswer, BadRequest, Format, Refusal, StreamFault, UpstreamError, UpstreamKind};

/// Where another attempt may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// The request itself is refused: everybody would say the same.
    Nowhere,
    /// This provider will not do better, another may.
    Elsewhere,
    /// The same provider may do better in a moment.
    Anywhere,
}

#[derive(Debug)]
pub(crate) struct Failure {
    /// One of ours, few in number: for metrics and the receipt.
    pub code: &'static str,
    /// What the client reads if nothing else helps.
    pub refusal: Refusal,
    pub again: Again,
    /// Whether it speaks against the destination's health.
    pub unhealthy: bool,
    /// The provider's own status, where it answered.
    pub status: Option<u16>,
    /// What the provider reported before it failed.
    pub usage: Usage,
    pub retry_after: Option<Duration>,
}

impl Failure {
    fn new(
        status: u16,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
        again: Again,
    ) -> Self {
        Self {
            code,
            refusal: Refusal::new(status, code, message),
            again,
            unhealthy: again != Again::Nowhere,
            status: None,
            usage: Usage::default(),
            retry_after: None,
        }
    }

    pub(crate) fn timeout(code: &'static str, message: &'static str) -> Self {
        Self::new(504, code, message, Again::Elsewhere)
    }

    pub(crate) fn first_token() -> Self {
        Self::timeout("first_token_timeout", "The provider did not begin to answer in time.")
    }

    pub(crate) fn stalled() -> Self {
        Self::timeout("stall_timeout", "The provider stopped answering.")
    }

    pub(crate) fn total() -> Self {
        let failure = Self::timeout("total_timeout", "The request took too long.");
        Self { again: Again::Nowhere, unhealthy: false, ..failure }
    }

    pub(crate) fn too_large() -> Self {
        Self::new(502, "upstream_too_large", "The provider's answer is too large.", Again::Nowhere)
    }

    /// The model's name cannot stand in the provider's path.
    pub(crate) fn unnameable() -> Self {
        let message = "The model's name cannot be sent to this provider.";
        let failure = Self::new(400, "invalid_model", message, Again::Elsewhere);
        Self { unhealthy: false, ..failure }
    }

    pub(crate) fn truncated() -> Self {
        Self::new(502, "upstream_cut", "The provider's answer ended early.", Again::Anywhere)
    }

    /// Of our own making, such as an intent that could not be written.
    pub(crate) fn refusing(refusal: Refusal) -> Self {
        let failure = Self::new(503, "refused", "", Again::Nowhere);
        Self { refusal, unhealthy: false, ..failure }
    }

    pub(crate) fn shutting_down() -> Self {
        let message = "The server is shutting down. Send the request again.";
        Self::refusing(Refusal::new(503, "shutting_down", message))
    }

    /// Strict mode, and a route that would lose these fields.
    pub(crate) fn lossy(fields: &[String]) -> Self {
        let message = format!(
            "No route keeps every field of this request. Without x-probity-strict, these are dropped: {}.",
            fields.join(", ")
        );
        Self::new(400, "lossy_route", message, Again::Elsewhere)
    }

    pub(crate) fn malformed(code: &'static str) -> Self {
        Self::new(502, code, "The provider's answer is not valid.", Again::Anywhere)
    }

    /// The provider said no, by status or inside a 200.
    pub(crate) fn upstream(inbound: Format, error: &UpstreamError) -> Self {
        let again = if error.retryable {
            Again::Anywhere
        } else if error.kind.elsewhere() {
            Again::Elsewhere
        } else {
            Again::Nowhere
        };
        let code = upstream_code(error.kind);
        let unhealthy = matches!(
            error.kind,
            UpstreamKind::Server | UpstreamKind::Overloaded | UpstreamKind::Timeout
        );
        Self {
            refusal: Refusal::of_upstream(inbound, error),
            again,
            unhealthy,
            status: Some(error.status),
            ..Self::new(502, code, "", again)
        }
    }

    pub(crate) fn answer(inbound: Format, bad: &BadAnswer) -> Self {
        match bad {
            BadAnswer::Upstream(error) => Self::upstream(inbound, error),
            BadAnswer::Malformed => Self::malformed("upstream_malformed"),
        }
    }

    pub(crate) fn stream(inbound: Format, fault: &StreamFault, usage: Usage) -> Self {
        let failure = match fault {
            StreamFault::Upstream(error) => Self::upstream(inbound, error),
            StreamFault::Malformed => Self::malformed("upstream_malformed"),
            StreamFault::TooLarge => Self::too_large(),
            StreamFault::Truncated => Self::truncated(),
        };
        Self { usage, ..failure }
    }
}

impl From<&BadRequest> for Failure {
    fn from(bad: &BadRequest) -> Self {
        let refusal = Refusal::from(bad);
        Self { refusal, ..Self::new(400, bad.code, "", Again::Nowhere) }
    }
}

impl From<egress::Error> for Failure {
    fn from(error: egress::Error) -> Self {
        Self::unreachable(error.kind())
    }
}

impl Failure {
    /// No answer came from a destination.
    pub(crate) fn unreachable(kind: ErrorKind) -> Self {
        let again = match kind {
            ErrorKind::Connect | ErrorKind::Reset | ErrorKind::Protocol => Again::Anywhere,
            _ => Again::Elsewhere,
        };
        let status = match kind {
            ErrorKind::ConnectTimeout | ErrorKind::HeadersTimeout => 504,
            _ => 502,
        };
        Self::new(status, kind.code(), kind.says(), again)
    }
}

const fn upstream_code(kind: UpstreamKind) -> &'static str {
    match kind {
        UpstreamKind::Invalid => "upstream_invalid",
        UpstreamKind::Authentication => "upstream_authentication",
        UpstreamKind::Permission => "upstream_permission",
        UpstreamKind::NotFound => "upstream_not_found",
        UpstreamKind::Conflict => "upstream_conflict",
        UpstreamKind::TooLarge => "upstream_request_too_large",
        UpstreamKind::ContextLength => "upstream_context_length",
        UpstreamKind::ContentPolicy => "upstream_content_policy",
        UpstreamKind::RateLimited => "upstream_rate_limited",
        UpstreamKind::Quota => "upstream_quota",
        UpstreamKind::Overloaded => "upstream_overloaded",
        UpstreamKind::Timeout => "upstream_timeout",
        UpstreamKind::Server => "upstream_server",
    }
}
