//! Writing content blocks of a Messages request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    carrier,
    conversation::{Body, Losses, Part, Source},
    json::{self, Shape},
    write::{self, Array, Object},
};

pub(crate) struct Blocks<'l> {
    pub(crate) losses: &'l mut Losses,
}

impl Blocks<'_> {
    /// Whether the provider would take the part; if not, it is a loss.
    pub(crate) fn sayable(&mut self, part: &Part<'_>) -> bool {
        match &part.body {
            // The format refuses empty text, and has none to say by it.
            Body::Text(text) | Body::Refusal(text) => !text.is_empty(),
            // Without the provider's own signature the whole request is refused.
            Body::Thinking { signature: None, .. } => {
                self.losses.add_name(self.losses.names().unsigned);
                false
            }
            Body::Thinking { signature: Some(signature), .. } if carrier::is_sealed(signature) => {
                self.losses.add_name(self.losses.names().thinking);
                false
            }
            _ => true,
        }
    }

    pub(crate) fn part(&mut self, part: &Part<'_>, content: &mut Array<'_>) {
        content.object(|block| {
            self.body(&part.body, block);
            block.raw_some("cache_control", part.cache);
        });
    }

    fn body(&mut self, body: &Body<'_>, out: &mut Object<'_>) {
        match body {
            Body::Text(text) | Body::Refusal(text) => {
                out.text("type", "text");
                out.text("text", text);
            }
            Body::Image { source, detail } => {
                if detail.is_some() {
                    self.losses.add_name(self.losses.names().detail);
                }
                out.text("type", "image");
                out.object("source", |out| write_source(source, out));
            }
            Body::Document { source, title } => {
                out.text("type", "document");
                out.object("source", |out| write_source(source, out));
                if let Some(title) = title {
                    out.text("title", title);
                }
            }
            Body::Thinking { text, signature } => {
                out.text("type", "thinking");
                out.text("thinking", text);
                out.text("signature", signature.as_deref().unwrap_or_default());
            }
            Body::RedactedThinking { data } => {
                out.text("type", "redacted_thinking");
                out.text("data", data);
            }
            Body::ToolCall { id, name, arguments } => {
                out.text("type", "tool_use");
                out.text("id", &tool_id(id));
                out.text("name", name);
                out.raw("input", &input(arguments));
            }
            Body::ToolResult { id, parts, failed } => {
                out.text("type", "tool_result");
                out.text("tool_use_id", &tool_id(id));
                self.result(parts, out);
                if *failed {
                    out.boolean("is_error", true);
                }
            }
        }
    }

    fn result(&mut self, parts: &[Part<'_>], out: &mut Object<'_>) {
        match parts {
            [] => {}
            [Part { body: Body::Text(text), cache: None }] => out.text("content", text),
            parts => out.array("content", |content| {
                for part in parts {
                    if self.sayable(part) {
                        self.part(part, content);
                    }
                }
            }),
        }
    }
}

fn write_source(source: &Source<'_>, out: &mut Object<'_>) {
    match source {
        Source::Inline { media_type, data } => {
            out.text("type", "base64");
            // A common misspelling that the format does not forgive.
            let jpeg = &**media_type == "image/jpg";
            out.text("media_type", if jpeg { "image/jpeg" } else { media_type });
            out.text("data", data);
        }
        Source::Url(url) => {
            out.text("type", "url");
            out.text("url", url);
        }
    }
}

/// The format allows letters, digits, `_` and `-`. The same text always gives the same id, so calls and
/// results still meet.
pub(crate) fn tool_id(id: &str) -> Cow<'_, str> {
    let plain = |byte: char| byte.is_ascii_alphanumeric() || byte == '_' || byte == '-';
    if !id.is_empty() && id.chars().all(plain) {
        return Cow::Borrowed(id);
    }
    let id: String = id.chars().map(|char| if plain(char) { char } else { '_' }).collect();
    Cow::Owned(if id.is_empty() { "_".to_owned() } else { id })
}

/// Arguments as the object that the format wants. A text that is none is wrapped the way Anthropic
/// documents for invalid JSON.
pub(crate) fn input(arguments: &str) -> Cow<'_, str> {
    let text = arguments.trim();
    if text.is_empty() {
        return Cow::Borrowed("{}");
    }
    let object =
        serde_json::from_str::<&RawValue>(text).is_ok_and(|raw| json::shape(raw) == Shape::Object);
    if object {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::new();
    write::object(&mut out, |out| out.text(super::INVALID, arguments));
    Cow::Owned(String::from_utf8(out).unwrap_or_else(|_| "{}".to_owned()))
}
