//! What is left of the allowances, in the headers that each format's SDKs know.

use std::time::Duration;

use domain::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue};
use llm::Format;

use super::{bucket::Left, fair::What};

/// Names of one allowance's three headers: limit, what remains, when all of it is there again.
type Names = [&'static str; 3];

const OPENAI_REQUESTS: Names =
    ["x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"];
const OPENAI_TOKENS: Names =
    ["x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"];
const ANTHROPIC_REQUESTS: Names = [
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
];
const ANTHROPIC_TOKENS: Names = [
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
];

/// Writes what is left of one allowance. `now` is the wall clock's: one format says a moment, the others a span.
pub(super) fn write(
    headers: &mut HeaderMap,
    (format, what): (Format, What),
    left: Left,
    now: Timestamp,
) {
    let anthropic = format == Format::AnthropicMessages;
    let [limit, remaining, reset] = match (what, anthropic) {
        (What::Requests, false) => OPENAI_REQUESTS,
        (What::Requests, true) => ANTHROPIC_REQUESTS,
        (What::Tokens, false) => OPENAI_TOKENS,
        (What::Tokens, true) => ANTHROPIC_TOKENS,
        (What::Concurrent, _) => return,
    };
    headers.insert(HeaderName::from_static(limit), left.limit.into());
    headers.insert(HeaderName::from_static(remaining), left.remaining.into());
    let text = if anthropic { now.plus(left.reset).rfc3339() } else { span(left.reset) };
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(HeaderName::from_static(reset), value);
    }
}

/// As OpenAI writes it: `120ms`, `1s`, `6m0s`.
fn span(span: Duration) -> String {
    let millis = span.as_millis();
    match millis {
        0..1_000 => format!("{millis}ms"),
        1_000..60_000 if millis.is_multiple_of(1_000) => format!("{}s", millis / 1_000),
        1_000..60_000 => format!("{}.{:03}s", millis / 1_000, millis % 1_000),
        _ => format!("{}m{}s", millis / 60_000, millis % 60_000 / 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_its_own_names() {
        let left = Left { limit: 60, remaining: 59, reset: Duration::from_secs(1) };
        let now = Timestamp::from_millis(1_795_167_703_000);
        let told = |format, what| {
            let mut headers = HeaderMap::new();
            write(&mut headers, (format, what), left, now);
            let mut all: Vec<_> = headers
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect();
            all.sort();
            all
        };
        assert_eq!(
            told(Format::OpenAiResponses, What::Tokens),
            [
                "x-ratelimit-limit-tokens: 60",
                "x-ratelimit-remaining-tokens: 59",
                "x-ratelimit-reset-tokens: 1s",
            ]
        );
        assert_eq!(
            told(Format::AnthropicMessages, What::Requests),
            [
                "anthropic-ratelimit-requests-limit: 60",
                "anthropic-ratelimit-requests-remaining: 59",
                "anthropic-ratelimit-requests-reset: 2026-11-20T09:41:44Z",
            ]
        );
    }

    #[test]
    fn spans_are_written_as_openai_writes_them() {
        for (millis, text) in
            [(0, "0ms"), (120, "120ms"), (1_000, "1s"), (1_250, "1.250s"), (360_500, "6m0s")]
        {
            assert_eq!(span(Duration::from_millis(millis)), text);
        }
    }
}
