//! Why a request did not come back. Never holds a header, a body or a URL.

use std::{error::Error as StdError, fmt, net::IpAddr};

type Source = Box<dyn StdError + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// No destination is registered under this id.
    Unknown,
    /// The request does not belong to the destination: another host, or a path outside its base.
    Outside,
    /// The destination resolves to an address it may not be reached at.
    Refused(IpAddr),
    /// The destination is on the internet and would be spoken to without TLS.
    Plaintext,
    /// Name resolution or the TCP connection failed.
    Connect,
    /// The TLS handshake failed.
    Tls,
    ConnectTimeout,
    HeadersTimeout,
    /// The connection broke.
    Reset,
    /// The other side does not speak HTTP properly.
    Protocol,
    /// The other side answered with a redirect; it is not followed.
    Redirect,
}

impl ErrorKind {
    /// A stable code for logs, metrics and receipts.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "destination_unknown",
            Self::Outside => "destination_mismatch",
            Self::Refused(_) => "address_refused",
            Self::Plaintext => "plaintext_refused",
            Self::Connect => "connect_failed",
            Self::Tls => "tls_failed",
            Self::ConnectTimeout => "connect_timeout",
            Self::HeadersTimeout => "headers_timeout",
            Self::Reset => "connection_reset",
            Self::Protocol => "protocol_error",
            Self::Redirect => "redirect_refused",
        }
    }

    /// A sentence for people.
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::Unknown => "The destination is not registered.",
            Self::Outside => "The request does not belong to the destination.",
            Self::Refused(_) => "The destination resolves to an address that is not allowed.",
            Self::Plaintext => "Plain HTTP is for private networks only; use https.",
            Self::Connect => "The destination could not be reached.",
            Self::Tls => "No secure connection to the destination could be made.",
            Self::ConnectTimeout => "The destination could not be reached in time.",
            Self::HeadersTimeout => "The destination did not answer in time.",
            Self::Reset => "The connection to the destination broke.",
            Self::Protocol => "The destination answered with something that is not HTTP.",
            Self::Redirect => "The destination answered with a redirect, which is not followed.",
        }
    }
}

#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    sent: bool,
    source: Option<Source>,
}

impl Error {
    /// A failure before any byte of the request left.
    #[must_use]
    pub const fn before(kind: ErrorKind) -> Self {
        Self { kind, sent: false, source: None }
    }

    /// A failure after the request, or a part of it, may have left.
    #[must_use]
    pub const fn after(kind: ErrorKind) -> Self {
        Self { kind, sent: true, source: None }
    }

    pub(crate) fn because(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What hyper says went wrong with a request or a body that was under way.
    pub(crate) fn under_way(source: hyper::Error) -> Self {
        let kind = if source.is_parse() { ErrorKind::Protocol } else { ErrorKind::Reset };
        Self::after(kind).because(source)
    }

    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the destination may have seen the request, or a part of it.
    #[must_use]
    pub const fn sent(&self) -> bool {
        self.sent
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.kind.says())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

impl From<Error> for domain::Error {
    fn from(error: Error) -> Self {
        Self::upstream(error.kind.says()).with_code(error.kind.code()).with_source(error)
    }
}
