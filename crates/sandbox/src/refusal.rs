//! Errors in the twins' own formats.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::Dialect;

/// A request the twin refuses, before it is put into a protocol's words.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub status: u16,
    /// What OpenAI calls the kind of mistake.
    pub code: Option<&'static str>,
    pub param: Option<Cow<'static, str>>,
    pub message: String,
}

impl Refusal {
    pub(crate) fn invalid(param: &'static str, message: &str) -> Self {
        let message = format!("{param}: {message}");
        Self { status: 400, code: None, param: Some(param.into()), message }
    }

    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, code: openai_code(status), param: None, message: message.into() }
    }

    /// A mistake that the Responses API has a code for.
    pub(crate) fn coded(
        code: &'static str,
        param: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self { code: Some(code), param: Some(param.into()), ..Self::new(400, message) }
    }

    /// A stored thing that is asked for by its id: a twin stores nothing.
    pub(crate) fn not_stored(param: &'static str, message: String) -> Self {
        Self { code: None, param: Some(param.into()), ..Self::new(404, message) }
    }

    pub(crate) fn body(&self, dialect: Dialect) -> Value {
        match dialect {
            Dialect::OpenAi | Dialect::Responses => json!({"error": {
                "message": self.message,
                "type": openai_type(self.status),
                "param": self.param,
                "code": self.code,
            }}),
            Dialect::Anthropic => json!({
                "type": "error",
                "error": {"type": anthropic_type(self.status), "message": self.message},
                "request_id": "req_sandbox",
            }),
            Dialect::Gemini => self.gemini(),
            Dialect::Bedrock => json!({"message": self.message}),
            Dialect::Cohere => json!({"id": "sandbox", "message": self.message}),
            Dialect::Watsonx => json!({
                "errors": [{"code": self.code.unwrap_or("invalid_input_argument"), "message": self.message}],
                "trace": "sandbox", "status_code": self.status,
            }),
        }
    }

    /// Google refuses a wrong key as a wrong argument, and knows no status for overload but 503.
    fn gemini(&self) -> Value {
        let code = if self.status == 529 { 503 } else { self.status };
        let mut error =
            json!({"code": code, "message": self.message, "status": gemini_status(code)});
        if let (Some(reason), Some(members)) = (self.reason(), error.as_object_mut()) {
            let detail = json!({
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": reason, "domain": "googleapis.com",
            });
            members.insert("details".to_owned(), json!([detail]));
        }
        json!({"error": error})
    }

    fn reason(&self) -> Option<&'static str> {
        (self.param.as_deref() == Some("key")).then_some("API_KEY_INVALID")
    }
}

const fn gemini_status(code: u16) -> &'static str {
    match code {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        429 => "RESOURCE_EXHAUSTED",
        500 => "INTERNAL",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INVALID_ARGUMENT",
    }
}

const fn openai_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        429 => "rate_limit_error",
        500..=599 => "server_error",
        _ => "invalid_request_error",
    }
}

const fn openai_code(status: u16) -> Option<&'static str> {
    match status {
        401 => Some("invalid_api_key"),
        404 => Some("model_not_found"),
        429 => Some("rate_limit_exceeded"),
        529 => Some("overloaded"),
        _ => None,
    }
}

pub(crate) const fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500..=599 => "api_error",
        _ => "invalid_request_error",
    }
}
