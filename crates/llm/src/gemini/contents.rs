//! Writing turns as the contents of a Gemini request.

use std::collections::BTreeMap;

use super::part::write_args;
use crate::{
    carrier,
    conversation::{Body, Losses, Part, Role, Source, Turn},
    json::{self, Shape},
    openai::result_text,
    write::{Array, Object},
};

/// Stands on a call that another model made: newer models refuse one without any signature, and document this word
/// for calls that they did not make.
const FOREIGN_CALL: &str = "skip_thought_signature_validator";

pub(super) struct Contents<'c> {
    pub(super) losses: &'c mut Losses,
    /// Whether the first call of a turn must be signed.
    pub(super) strict: bool,
    /// The function that each call asked for: results are told by its name.
    names: BTreeMap<&'c str, &'c str>,
}

impl<'c> Contents<'c> {
    pub(super) fn new(turns: &'c [Turn<'_>], losses: &'c mut Losses) -> Self {
        let parts = turns.iter().flat_map(|turn| &turn.parts);
        let names = parts.filter_map(|part| match &part.body {
            Body::ToolCall { id, name, .. } => Some((&**id, &**name)),
            _ => None,
        });
        Self { names: names.collect(), losses, strict: false }
    }

    pub(super) fn turn(&mut self, turn: &Turn<'_>, list: &mut Array<'_>) {
        list.object(|content| {
            let model = turn.role == Role::Assistant;
            content.text("role", if model { "model" } else { "user" });
            content.array("parts", |parts| self.parts(&turn.parts, parts));
        });
    }

    fn parts(&mut self, parts: &[Part<'_>], list: &mut Array<'_>) {
        // Gemini's signature on the part that follows.
        let mut signature: Option<&str> = None;
        let mut first_call = true;
        for part in parts {
            if part.cache.is_some() {
                self.losses.add_name("cache_control");
            }
            let standing = match &part.body {
                Body::Thinking { text, signature: Some(sealed) }
                    if sealed.starts_with(carrier::GEMINI_SEAL) =>
                {
                    let own = carrier::gemini_signature(sealed);
                    if text.is_empty() {
                        std::mem::replace(&mut signature, own)
                    } else {
                        list.object(|item| {
                            item.text("text", text);
                            item.boolean("thought", true);
                            sign(own, item);
                        });
                        None
                    }
                }
                Body::Thinking { .. } => {
                    self.losses.add_name(self.losses.names().thinking);
                    None
                }
                Body::RedactedThinking { .. } => {
                    self.losses.add_name(self.losses.names().redacted);
                    None
                }
                body => {
                    let call = matches!(body, Body::ToolCall { .. });
                    let needed = self.strict && call && std::mem::take(&mut first_call);
                    let own = signature.take().or(needed.then_some(FOREIGN_CALL));
                    self.body(body, own, list);
                    None
                }
            };
            bare(standing, list);
        }
        bare(signature, list);
    }

    fn body(&mut self, body: &Body<'_>, signature: Option<&str>, list: &mut Array<'_>) {
        match body {
            Body::Text(text) | Body::Refusal(text) => {
                if !text.is_empty() || signature.is_some() {
                    list.object(|item| {
                        item.text("text", text);
                        sign(signature, item);
                    });
                }
            }
            Body::Image { source, detail } => {
                if detail.is_some() {
                    self.losses.add_name(self.losses.names().detail);
                }
                list.object(|item| write_source(source, item));
            }
            Body::Document { source, title } => {
                if title.is_some() {
                    // Only one of the two hosts of the format takes a name beside the data.
                    self.losses.add_name("title");
                }
                list.object(|item| write_source(source, item));
            }
            Body::ToolCall { id, name, arguments } => list.object(|item| {
                item.object("functionCall", |call| {
                    call.text("id", id);
                    call.text("name", name);
                    write_args(arguments, call);
                });
                sign(signature, item);
            }),
            Body::ToolResult { id, parts, failed } => self.result(id, parts, *failed, list),
            // Told apart above.
            Body::Thinking { .. } | Body::RedactedThinking { .. } => {}
        }
    }

    /// A result is an object here. Images have no sure place in it, so they follow.
    fn result(&mut self, id: &str, parts: &[Part<'_>], failed: bool, list: &mut Array<'_>) {
        let (pictures, said): (Vec<_>, Vec<_>) = parts
            .iter()
            .partition(|part| matches!(part.body, Body::Image { .. } | Body::Document { .. }));
        let text = result_text(&said, false, false);
        let object = json::document(text.trim().as_bytes())
            .filter(|raw| json::shape(raw) == Shape::Object && !failed);
        list.object(|item| {
            item.object("functionResponse", |response| {
                response.text("id", id);
                response.text("name", self.names.get(id).copied().unwrap_or(id));
                match object {
                    Some(raw) => response.raw("response", raw.get()),
                    None => response.object("response", |response| {
                        response.text(if failed { "error" } else { "output" }, &text);
                    }),
                }
            });
        });
        for part in pictures {
            self.body(&part.body, None, list);
        }
    }
}

/// A signature that no part follows.
fn bare(signature: Option<&str>, list: &mut Array<'_>) {
    if signature.is_some() {
        list.object(|item| {
            item.text("text", "");
            sign(signature, item);
        });
    }
}

fn sign(signature: Option<&str>, out: &mut Object<'_>) {
    if let Some(signature) = signature {
        out.text("thoughtSignature", signature);
    }
}

fn write_source(source: &Source<'_>, out: &mut Object<'_>) {
    // Those given by address have been refused.
    let Source::Inline { media_type, data } = source else { return out.text("text", "") };
    out.object("inlineData", |blob| {
        let jpeg = &**media_type == "image/jpg";
        blob.text("mimeType", if jpeg { "image/jpeg" } else { media_type });
        blob.text("data", data);
    });
}
