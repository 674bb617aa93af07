//! A provider's errors, reduced to codes.

use std::{borrow::Cow, time::Duration};

use crate::{
    Format,
    json::{self, Fields, Raw, Shape},
};

/// What kind of trouble a provider reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamKind {
    Invalid,
    Authentication,
    Permission,
    NotFound,
    Conflict,
    TooLarge,
    /// The prompt does not fit the model.
    ContextLength,
    ContentPolicy,
    RateLimited,
    /// The provider account has no money or quota left.
    Quota,
    Overloaded,
    Timeout,
    Server,
}

impl UpstreamKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Authentication => "authentication",
            Self::Permission => "permission",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::ContextLength => "context_length",
            Self::ContentPolicy => "content_policy",
            Self::RateLimited => "rate_limited",
            Self::Quota => "quota",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Server => "server",
        }
    }

    /// The same request may succeed a moment later.
    #[must_use]
    pub const fn passing(self) -> bool {
        matches!(self, Self::RateLimited | Self::Overloaded | Self::Timeout | Self::Server)
    }

    /// Not the request's fault: another provider may serve it.
    #[must_use]
    pub const fn elsewhere(self) -> bool {
        self.passing() || matches!(self, Self::Authentication | Self::Permission | Self::Quota)
    }

    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Invalid => "The provider refused the request as invalid.",
            Self::Authentication => "The provider refused the credential that is stored for it.",
            Self::Permission => "The provider does not permit this request.",
            Self::NotFound => "The provider does not know this model or resource.",
            Self::Conflict => "The provider reported a conflict.",
            Self::TooLarge => "The request is too large for the provider.",
            Self::ContextLength => "The request does not fit the model's context.",
            Self::ContentPolicy => "The provider refused the request under its content policy.",
            Self::RateLimited => "The provider's rate limit was reached.",
            Self::Quota => "The provider account's quota is used up.",
            Self::Overloaded => "The provider is overloaded.",
            Self::Timeout => "The provider timed out.",
            Self::Server => "The provider failed.",
        }
    }
}

/// A provider's error, reduced to what may be logged and shown. It never holds the provider's message,
/// which may quote the prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamError {
    /// HTTP status, or the one that fits when the error came inside a 200.
    pub status: u16,
    pub kind: UpstreamKind,
    /// `[a-z0-9_.-]{1,64}`, or nothing.
    pub code: Option<String>,
    /// The field that was refused, as far as it is plainly a field path.
    pub param: Option<String>,
    /// Worth another attempt before the first byte.
    pub retryable: bool,
}

/// Reduces a provider's error body, which may be anything, also HTML or nothing.
///
/// The format decides nothing so far: compatible servers mix the two shapes, so both are read everywhere.
#[must_use]
pub fn upstream_error(_outbound: Format, status: u16, body: &[u8]) -> UpstreamError {
    let error = json::document(body).and_then(|raw| {
        let mut fields = Fields::lenient(raw)?;
        // Anthropic and OpenAI agree on `error`, IBM gives a list; some compatible servers put the members at the top.
        let one = fields.take("error");
        Some(one.or_else(|| fields.take("errors").and_then(first)).unwrap_or(raw))
    });
    match error {
        Some(raw) => reduce(Some(status), raw),
        None => finish(status, kind_of(status, &[], false), None, None),
    }
}

/// Reduces an error of Amazon's, whose name stands in the header `x-amzn-errortype` as `NAME:ADDRESS`.
#[must_use]
pub fn aws_error(status: u16, named: Option<&str>, body: &[u8]) -> UpstreamError {
    let mut fields = json::document(body).and_then(Fields::lenient);
    let mut take = |name: &str| fields.as_mut().and_then(|fields| fields.take_text(name));
    let inside = take("__type");
    let message = take("message").or_else(|| take("Message"));
    let name = named.or(inside.as_deref()).unwrap_or_default();
    // In a body the name follows that of its name space.
    let name = name.split(':').next().unwrap_or_default().rsplit('#').next().unwrap_or_default();
    aws(Some(status), name, message.as_deref())
}

/// The same inside a stream, where the name is all there is of a status.
pub(crate) fn aws(status: Option<u16>, name: &str, message: Option<&str>) -> UpstreamError {
    use UpstreamKind as K;
    // A stream writes the first letter small.
    let name = name.to_ascii_lowercase();
    let known = match name.strip_suffix("exception").unwrap_or(&name) {
        "throttling" | "modelnotready" | "toomanyrequests" => Some((429, K::RateLimited)),
        "servicequotaexceeded" => Some((429, K::Quota)),
        "validation" => Some((400, K::Invalid)),
        "accessdenied" => Some((403, K::Permission)),
        "unrecognizedclient"
        | "invalidsignature"
        | "incompletesignature"
        | "expiredtoken"
        | "missingauthenticationtoken" => Some((401, K::Authentication)),
        "resourcenotfound" => Some((404, K::NotFound)),
        "modeltimeout" => Some((504, K::Timeout)),
        "modelerror" | "modelstreamerror" => Some((502, K::Server)),
        "serviceunavailable" => Some((503, K::Overloaded)),
        "internalserver" | "internalfailure" => Some((500, K::Server)),
        _ => None,
    };
    let shown = status.or(known.map(|(status, _)| status)).unwrap_or(502);
    let long = message.is_some_and(says_too_long);
    let kind = match known {
        Some((_, K::Invalid)) if long => K::ContextLength,
        Some((_, kind)) => kind,
        None => kind_of(shown, &[], long),
    };
    let status = match (kind, status) {
        // Said as what it is: 403 would be about the request, 424 about nothing that clients know.
        (K::Authentication, _) => 401,
        (K::Server, Some(..500)) => 502,
        _ => shown,
    };
    finish(status, kind, sanitised(&name), None)
}

/// Reduces the `error` member of an answer or a stream event; `status` is the HTTP status when it says anything.
pub(crate) fn reduce(status: Option<u16>, error: Raw<'_>) -> UpstreamError {
    let Some(mut fields) = Fields::lenient(error) else {
        // Ollama and others: `{"error": "text"}`.
        let status = status.unwrap_or(502);
        return finish(status, kind_of(status, &[], false), None, None);
    };
    let code_raw = fields.take("code");
    // Google names the kind in `status`.
    let kind_text = fields.take_text("type").or_else(|| fields.take_text("status"));
    // Stability names it in `name`.
    let kind_text = kind_text.or_else(|| fields.take_text("name"));
    let detail = fields.take("details").and_then(detail);
    let code_text = code_raw.filter(|raw| json::shape(raw) == Shape::Text).and_then(json::text);
    let numeric = code_raw.and_then(json::whole).and_then(|code| u16::try_from(code).ok());
    let long_prompt = fields.take_text("message").is_some_and(|text| says_too_long(&text));
    let words: Vec<&str> = [code_text.as_deref(), kind_text.as_deref(), detail.as_deref()]
        .into_iter()
        .flatten()
        .collect();
    let status = status
        .or(numeric.filter(|code| (400..600).contains(code)))
        .unwrap_or_else(|| status_of(&words));
    let kind = kind_of(status, &words, long_prompt);
    let code =
        [detail, code_text, kind_text].into_iter().flatten().find_map(|text| sanitised(&text));
    let param = fields.take_text("param").filter(|text| field_path(text)).map(Cow::into_owned);
    finish(status, kind, code, param)
}

/// An error of which nothing is known but its status, and perhaps a code.
pub(crate) fn coded(status: u16, code: Option<&str>) -> UpstreamError {
    finish(status, kind_of(status, &[], false), code.and_then(sanitised), None)
}

/// The first of a list of errors.
pub(crate) fn first(errors: Raw<'_>) -> Option<Raw<'_>> {
    json::array(errors)?.first().copied().filter(|raw| json::shape(raw) == Shape::Object)
}

/// Anthropic's `details.error_code`, or the first reason in Google's list.
fn detail(details: Raw<'_>) -> Option<Cow<'_, str>> {
    if let Some(mut details) = Fields::lenient(details) {
        return details.take_text("error_code");
    }
    let list = json::array(details)?.into_iter();
    list.filter_map(Fields::lenient).find_map(|mut detail| detail.take_text("reason"))
}

fn finish(
    status: u16,
    kind: UpstreamKind,
    code: Option<String>,
    param: Option<String>,
) -> UpstreamError {
    UpstreamError { status, kind, code, param, retryable: kind.passing() }
}

/// The one thing that neither format gives a code for everywhere. The text is looked at, not kept.
fn says_too_long(message: &str) -> bool {
    [
        "prompt is too long",
        "maximum context length",
        "context window",
        "context length",
        "Input is too long",
        "exceeds the maximum number of tokens",
        "too many tokens",
        "cannot exceed the total tokens limit",
    ]
    .iter()
    .any(|phrase| message.contains(phrase))
}

fn status_of(words: &[&str]) -> u16 {
    let known = [
        ("invalid_request_error", 400),
        ("authentication_error", 401),
        ("invalid_api_key", 401),
        ("billing_error", 402),
        ("permission_error", 403),
        ("not_found_error", 404),
        ("model_not_found", 404),
        ("request_too_large", 413),
        ("rate_limit_error", 429),
        ("rate_limit_exceeded", 429),
        ("insufficient_quota", 429),
        ("timeout_error", 504),
        ("overloaded_error", 529),
        ("api_error", 500),
        ("server_error", 500),
    ];
    known.iter().find(|(word, _)| words.contains(word)).map_or(502, |(_, status)| *status)
}

fn kind_of(status: u16, words: &[&str], long_prompt: bool) -> UpstreamKind {
    let any = |list: &[&str]| words.iter().any(|word| list.contains(word));
    if any(&["context_length_exceeded", "model_context_window_exceeded"]) {
        return UpstreamKind::ContextLength;
    }
    if any(&["content_policy_violation", "content_filter", "content_moderation"]) {
        return UpstreamKind::ContentPolicy;
    }
    if any(&["insufficient_quota", "billing_error", "billing_hard_limit_reached"]) {
        return UpstreamKind::Quota;
    }
    if any(&["overloaded_error"]) {
        return UpstreamKind::Overloaded;
    }
    if any(&["API_KEY_INVALID"]) {
        // Google refuses a wrong key as a wrong request.
        return UpstreamKind::Authentication;
    }
    match status {
        401 => UpstreamKind::Authentication,
        402 => UpstreamKind::Quota,
        403 => UpstreamKind::Permission,
        404 => UpstreamKind::NotFound,
        // Cohere's word for blocked content.
        498 => UpstreamKind::ContentPolicy,
        408 | 504 => UpstreamKind::Timeout,
        409 => UpstreamKind::Conflict,
        413 => UpstreamKind::TooLarge,
        429 => UpstreamKind::RateLimited,
        503 | 529 => UpstreamKind::Overloaded,
        500.. => UpstreamKind::Server,
        400 | 422 if long_prompt => UpstreamKind::ContextLength,
        _ => UpstreamKind::Invalid,
    }
}

fn sanitised(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let plain = !lower.is_empty()
        && lower.len() <= 64
        && lower.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte)
        });
    plain.then_some(lower)
}

fn field_path(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.[]-".contains(&byte))
}

/// Reads a `retry-after` (seconds) or `retry-after-ms` header value; a date gives `None`.
#[must_use]
pub fn retry_after(seconds: Option<&str>, milliseconds: Option<&str>) -> Option<Duration> {
    let number = |text: Option<&str>| {
        text?.trim().parse::<f64>().ok().filter(|number| (0.0..86_400_000.0).contains(number))
    };
    number(milliseconds)
        .map(|ms| Duration::from_secs_f64(ms / 1000.0))
        .or_else(|| number(seconds).map(Duration::from_secs_f64))
}
