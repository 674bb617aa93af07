//! Who may ask: keys, signatures and tokens, and where the last are given.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use serde_json::json;

use crate::{
    Dialect, grant,
    play::Play,
    refusal::Refusal,
    route::{Twin, json_response},
    signed,
    way::Way,
};

impl Twin {
    /// The answer to a request for a token.
    pub(crate) async fn granted(
        &self,
        head: &http::request::Parts,
        path: &str,
        body: &Bytes,
    ) -> Option<Response<Play>> {
        let grants = self.script.grants.as_ref()?;
        let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let tokens = &self.inspector.tokens;
        let at = (host.unwrap_or_default(), path);
        if !grant::is_asked(grants, path) {
            return None;
        }
        if !self.script.token_late.is_zero() {
            tokio::time::sleep(self.script.token_late).await;
        }
        let (status, body) = match self.script.token_fails {
            Some(status) => (status, json!({"error": "temporarily_unavailable"})),
            None => grant::answer((grants, tokens), at, body, self.script.token_seconds)?,
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        Some(json_response(status, &body))
    }

    /// Whether whoever asks may ask, and is answered at the moment.
    pub(crate) fn let_in(
        &self,
        way: &Way<'_>,
        head: &http::request::Parts,
        body: &[u8],
    ) -> Result<(), Refusal> {
        if self.script.grants.is_some() {
            if !self.holds_token(&head.headers) {
                let why = "Request had invalid authentication credentials.";
                return Err(Refusal::new(401, why));
            }
        } else if !(way.dialect == Dialect::Bedrock && self.signed(head, body)) {
            self.admit((way.dialect, way.azure), &head.headers)?;
        }
        match self.script.fails {
            Some(status) => Err(Refusal::new(status, "this twin is down")),
            None => Ok(()),
        }
    }

    fn holds_token(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = shown.and_then(|value| value.strip_prefix("Bearer "));
        token.is_some_and(|token| self.inspector.tokens.is_good(token))
    }

    /// Whether the request was signed with the twin's key.
    fn signed(&self, head: &http::request::Parts, body: &[u8]) -> bool {
        let key = self.script.key.as_ref().map(|key| key.expose().as_str());
        key.is_some_and(|key| signed::is_signed(head, body, key))
    }

    fn admit(&self, (dialect, azure): (Dialect, bool), headers: &HeaderMap) -> Result<(), Refusal> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let shown = match dialect {
            Dialect::OpenAi | Dialect::Responses if azure => text("api-key").or(bearer),
            Dialect::OpenAi | Dialect::Responses => bearer,
            Dialect::Bedrock | Dialect::Cohere | Dialect::Watsonx => bearer,
            Dialect::Anthropic => text("x-api-key").or(bearer),
            Dialect::Gemini => text("x-goog-api-key"),
        };
        if let Some(key) = &self.script.key
            && shown != Some(key.expose().as_str())
        {
            if dialect == Dialect::Gemini {
                return Err(Refusal::invalid(
                    "key",
                    "API key not valid. Please pass a valid API key.",
                ));
            }
            return Err(Refusal::new(401, "Incorrect API key provided"));
        }
        if dialect == Dialect::Anthropic && text("anthropic-version").is_none() {
            return Err(Refusal::invalid("anthropic-version", "header is required"));
        }
        Ok(())
    }
}
