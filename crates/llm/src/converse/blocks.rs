//! Writing content blocks of a Converse request.

use super::Maker;
use crate::{
    anthropic::{input, tool_id},
    carrier,
    conversation::{Body, Losses, Part, Source},
    json::{Fields, Raw},
    write::{Array, Object},
};

pub(super) struct Blocks<'l> {
    losses: &'l mut Losses,
    maker: Maker,
    /// Which turn, for names of documents.
    turn: usize,
    documents: usize,
}

impl<'l> Blocks<'l> {
    pub(super) const fn new(losses: &'l mut Losses, maker: Maker, turn: usize) -> Self {
        Self { losses, maker, turn, documents: 0 }
    }

    /// Whether the service would take the part; if not, it is a loss.
    pub(super) fn sayable(&mut self, part: &Part<'_>) -> bool {
        let names = self.losses.names();
        match &part.body {
            // The service refuses blank text, and has none to say by it.
            Body::Text(text) | Body::Refusal(text) => !text.trim().is_empty(),
            Body::Thinking { signature: None, .. } => {
                self.losses.add_name(names.unsigned);
                false
            }
            Body::Thinking { signature: Some(signature), .. } => {
                let own = self.maker == Maker::Anthropic && !carrier::is_sealed(signature);
                if !own {
                    self.losses.add_name(names.thinking);
                }
                own
            }
            Body::RedactedThinking { .. } => {
                let own = self.maker == Maker::Anthropic;
                if !own {
                    self.losses.add_name(names.redacted);
                }
                own
            }
            _ => true,
        }
    }

    pub(super) fn part(&mut self, part: &Part<'_>, content: &mut Array<'_>) {
        content.object(|block| self.body(&part.body, block));
        match part.cache {
            Some(cache) if self.maker.caches() => cache_point(cache, content),
            Some(_) => self.losses.add_name("cache_control"),
            None => {}
        }
    }

    fn body(&mut self, body: &Body<'_>, out: &mut Object<'_>) {
        match body {
            Body::Text(text) | Body::Refusal(text) => out.text("text", text),
            Body::Image { source, detail } => {
                if detail.is_some() {
                    self.losses.add_name(self.losses.names().detail);
                }
                out.object("image", |image| write_source(source, image_format, image));
            }
            Body::Document { source, title } => {
                self.documents += 1;
                let name = document_name(title.as_deref(), (self.turn, self.documents));
                out.object("document", |document| {
                    write_source(source, document_format, document);
                    document.text("name", &name);
                });
            }
            Body::Thinking { text, signature } => out.object("reasoningContent", |out| {
                out.object("reasoningText", |out| {
                    out.text("text", text);
                    out.text("signature", signature.as_deref().unwrap_or_default());
                });
            }),
            Body::RedactedThinking { data } => {
                out.object("reasoningContent", |out| out.text("redactedContent", data));
            }
            Body::ToolCall { id, name, arguments } => out.object("toolUse", |call| {
                call.text("toolUseId", &tool_id(id));
                call.text("name", name);
                call.raw("input", &input(arguments));
            }),
            Body::ToolResult { id, parts, failed } => out.object("toolResult", |result| {
                result.text("toolUseId", &tool_id(id));
                result.array("content", |content| {
                    for part in parts {
                        if self.sayable(part) {
                            self.part(part, content);
                        }
                    }
                });
                if *failed {
                    result.text("status", "error");
                }
            }),
        }
    }
}

/// The mark behind what is to be kept for the next request, as long as the client asked for.
pub(super) fn cache_point(cache: Raw<'_>, list: &mut Array<'_>) {
    let ttl = Fields::lenient(cache).and_then(|mut fields| fields.take_text("ttl"));
    list.object(|block| {
        block.object("cachePoint", |point| {
            point.text("type", "default");
            if ttl.as_deref() == Some("1h") {
                point.text("ttl", "1h");
            }
        });
    });
}

pub(super) fn image_format(media_type: &str) -> Option<&'static str> {
    Some(match media_type {
        "image/png" => "png",
        "image/jpeg" | "image/jpg" => "jpeg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        _ => return None,
    })
}

pub(super) fn document_format(media_type: &str) -> Option<&'static str> {
    Some(match media_type {
        "application/pdf" => "pdf",
        "text/csv" => "csv",
        "application/msword" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "text/html" => "html",
        "text/plain" => "txt",
        "text/markdown" => "md",
        _ => return None,
    })
}

fn write_source(
    source: &Source<'_>,
    format: fn(&str) -> Option<&'static str>,
    out: &mut Object<'_>,
) {
    // Those given by address, and those of an unknown kind, have been refused.
    let Source::Inline { media_type, data } = source else { return };
    out.text("format", format(media_type).unwrap_or_default());
    out.object("source", |source| source.text("bytes", data));
}

/// A document needs a name that no other has; few characters may stand in it, and no two spaces in a row.
fn document_name(title: Option<&str>, (turn, number): (usize, usize)) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-()[]".contains(letter);
    let title: String = title
        .unwrap_or("document")
        .chars()
        .map(|letter| if plain(letter) { letter } else { ' ' })
        .take(120)
        .collect();
    let words: Vec<&str> = title.split_whitespace().collect();
    format!("{} {turn}-{number}", words.join(" ")).trim_start().to_owned()
}
