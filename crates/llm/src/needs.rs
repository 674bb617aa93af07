//! What a request needs of a model, as far as it shows without reading the request as a document.

use memchr::memmem;

use crate::{Format, Head, estimate_tokens};

/// Tokens are estimated by size, and texts differ: only what is this many times too large is too large for certain.
const CERTAIN: u64 = 2;

/// Whether the conversation holds an image. A text that looks like the member in question is escaped inside JSON, so it
/// is not taken for one.
#[must_use]
pub fn shows_images(format: Format, head: &Head, body: &[u8]) -> bool {
    let turns = body.get(head.spots.turns.clone()).unwrap_or_default();
    let holds = |needle: &str| memmem::find(turns, needle.as_bytes()).is_some();
    match format {
        Format::AnthropicMessages => holds("\"image\"") && holds("\"source\""),
        Format::OpenAiResponses => holds("\"input_image\""),
        Format::Gemini => holds("\"image/"),
        _ => holds("\"image_url\""),
    }
}

/// Whether a text of that size cannot fit into so much context, by any way of counting.
#[must_use]
pub fn is_too_long(body_bytes: usize, context: u64) -> bool {
    let bytes = u64::try_from(body_bytes).unwrap_or(u64::MAX);
    estimate_tokens(bytes) / CERTAIN > context
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(format: Format, body: &str) -> bool {
        let head = match format {
            Format::Gemini => crate::head_at("m", false, body.as_bytes()),
            _ => crate::head(format, body.as_bytes()),
        };
        shows_images(format, &head.unwrap(), body.as_bytes())
    }

    #[test]
    fn images_are_seen_in_every_format() {
        let chat = Format::OpenAiChat;
        let image = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]}]}"#;
        assert!(shows(chat, image));
        let text =
            r#"{"model":"m","messages":[{"role":"user","content":"send {\"image_url\": 1}"}]}"#;
        assert!(!shows(chat, text), "a text about it is none");
        let tool = r#"{"model":"m","messages":[],"tools":[{"p":{"image_url":{}}}]}"#;
        assert!(!shows(chat, tool));
        let anthropic = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image","source":{"type":"url"}}]}]}"#;
        assert!(shows(Format::AnthropicMessages, anthropic));
        let responses = r#"{"model":"m","store":false,"input":[{"role":"user","content":[{"type":"input_image","image_url":"x"}]}]}"#;
        assert!(shows(Format::OpenAiResponses, responses));
        let gemini =
            r#"{"contents":[{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]}]}"#;
        assert!(shows(Format::Gemini, gemini));
        assert!(!shows(Format::Gemini, r#"{"contents":[{"parts":[{"text":"an image"}]}]}"#));
    }

    #[test]
    fn only_what_is_certainly_too_long_is() {
        assert!(!is_too_long(8_000, 1_000));
        assert!(is_too_long(80_000, 1_000));
    }
}
