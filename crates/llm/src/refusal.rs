//! Errors as the client reads them, in its own format.

use std::borrow::Cow;

use bytes::Bytes;

use crate::{BadRequest, Format, UpstreamError, UpstreamKind, cohere, write};

/// An error as the client will read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status; also decides the error's `type` in either format.
    pub status: u16,
    /// Stable.
    pub code: Cow<'static, str>,
    /// Safe to show.
    pub message: Cow<'static, str>,
    pub param: Option<String>,
}

impl Refusal {
    #[must_use]
    pub fn new(
        status: u16,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code: code.into(), message: message.into(), param: None }
    }

    /// How a provider's error is shown. The status stays the provider's, so that the SDK's own exception
    /// class and retry rule fit; overload is said in the words of the client's format.
    #[must_use]
    pub fn of_upstream(format: Format, error: &UpstreamError) -> Self {
        let status = match (error.kind, format) {
            (UpstreamKind::Overloaded, Format::AnthropicMessages) => 529,
            (UpstreamKind::Overloaded, _) => 503,
            (UpstreamKind::Quota, _) => 429,
            _ if (400..600).contains(&error.status) => error.status,
            _ => 502,
        };
        let code =
            error.code.clone().unwrap_or_else(|| format!("upstream_{}", error.kind.as_str()));
        Self {
            status,
            code: code.into(),
            message: error.kind.message().into(),
            param: error.param.clone(),
        }
    }
}

impl From<&domain::Error> for Refusal {
    fn from(error: &domain::Error) -> Self {
        Self::new(error.kind().status(), error.code(), error.message().to_owned())
    }
}

impl From<&BadRequest> for Refusal {
    fn from(error: &BadRequest) -> Self {
        Self { param: error.param.clone(), ..Self::new(400, error.code, error.message.clone()) }
    }
}

/// The code of a request that no money is left for. It is answered like too many requests, but waiting does not help.
const BUDGET: &str = "budget_exceeded";

fn openai_type(refusal: &Refusal) -> &'static str {
    match refusal.status {
        429 if refusal.code == BUDGET => "insufficient_quota",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn anthropic_type(refusal: &Refusal) -> &'static str {
    match refusal.status {
        429 if refusal.code == BUDGET => "billing_error",
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

const fn google_status(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 | 429 => "RESOURCE_EXHAUSTED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        502 | 503 | 529 => "UNAVAILABLE",
        500.. => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}

/// The body of an error answer, in the shape that the format's SDKs read.
#[must_use]
pub fn error_body(format: Format, refusal: &Refusal, request_id: &str) -> Bytes {
    let mut out = Vec::with_capacity(256);
    write_error(format, refusal, request_id, &mut out);
    out.into()
}

pub(crate) fn write_error(format: Format, refusal: &Refusal, request_id: &str, out: &mut Vec<u8>) {
    write::object(out, |root| match format {
        Format::OpenAiChat
        | Format::OpenAiResponses
        | Format::BedrockConverse
        | Format::Watsonx => root.object("error", |error| {
            error.text("message", &refusal.message);
            error.text("type", openai_type(refusal));
            error.text_or_null("param", refusal.param.as_deref());
            error.text("code", &refusal.code);
        }),
        Format::Cohere => cohere::write_error(refusal, request_id, root),
        Format::Gemini => root.object("error", |error| {
            error.number("code", u64::from(refusal.status));
            error.text("message", &refusal.message);
            error.text("status", google_status(refusal.status));
            error.array("details", |list| {
                list.object(|detail| {
                    detail.text("@type", "type.googleapis.com/google.rpc.ErrorInfo");
                    detail.text("reason", &refusal.code);
                    detail.object("metadata", |metadata| {
                        if let Some(param) = &refusal.param {
                            metadata.text("param", param);
                        }
                        metadata.text("request_id", request_id);
                    });
                });
            });
        }),
        Format::AnthropicMessages => {
            root.text("type", "error");
            root.object("error", |error| {
                error.text("type", anthropic_type(refusal));
                error.text("message", &refusal.message);
                error.object("details", |details| {
                    details.text("error_code", &refusal.code);
                    if let Some(param) = &refusal.param {
                        details.text("param", param);
                    }
                });
            });
            root.text("request_id", request_id);
        }
    });
}
