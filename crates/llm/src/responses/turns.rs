//! Writing turns as the items of a Responses request.

use crate::{
    carrier,
    conversation::{Body, Losses, Part, Role, Source, Turn},
    openai::{result_text, url},
    write::{Array, Object},
};

pub(super) struct Turns<'l> {
    pub(super) losses: &'l mut Losses,
}

impl Turns<'_> {
    pub(super) fn turn(&mut self, turn: &Turn<'_>, list: &mut Array<'_>) {
        if turn.parts.iter().any(|part| part.cache.is_some()) {
            self.losses.add_name("cache_control");
        }
        match turn.role {
            Role::System => message("system", &turn.parts.iter().collect::<Vec<_>>(), list),
            Role::User => self.user(&turn.parts, list),
            Role::Assistant => self.assistant(&turn.parts, list),
        }
    }

    /// Results come first, as they answer the turn before; everything else is one message.
    fn user(&mut self, parts: &[Part<'_>], list: &mut Array<'_>) {
        let mut rest = Vec::new();
        for part in parts {
            match &part.body {
                Body::ToolResult { id, parts, failed } => list.object(|item| {
                    item.text("type", "function_call_output");
                    item.text("call_id", id);
                    output(parts, *failed, item);
                }),
                _ => rest.push(part),
            }
        }
        if !rest.is_empty() || parts.is_empty() {
            message("user", &rest, list);
        }
    }

    /// Thinking, messages and calls in the order they came.
    fn assistant(&mut self, parts: &[Part<'_>], list: &mut Array<'_>) {
        let mut said = Vec::new();
        for part in parts {
            match &part.body {
                Body::Text(text) if text.is_empty() => continue,
                Body::Text(_) | Body::Refusal(_) => {
                    said.push(part);
                    continue;
                }
                _ => {}
            }
            flush(&mut said, list);
            match &part.body {
                Body::ToolCall { id, name, arguments } => list.object(|item| {
                    item.text("type", "function_call");
                    item.text("call_id", id);
                    item.text("name", name);
                    item.text("arguments", if arguments.is_empty() { "{}" } else { arguments });
                }),
                Body::Thinking { signature, .. } => {
                    let item = signature.as_deref().and_then(carrier::unseal_item);
                    match item {
                        Some(item) => list.raw(item.get()),
                        None => self.losses.add_name(self.losses.names().thinking),
                    }
                }
                Body::RedactedThinking { .. } => {
                    self.losses.add_name(self.losses.names().redacted);
                }
                _ => {}
            }
        }
        flush(&mut said, list);
    }
}

fn flush(said: &mut Vec<&Part<'_>>, list: &mut Array<'_>) {
    if !said.is_empty() {
        message("assistant", said, list);
        said.clear();
    }
}

/// A message of text and pictures; a single text is written as a string.
fn message(role: &str, parts: &[&Part<'_>], list: &mut Array<'_>) {
    list.object(|item| {
        item.text("type", "message");
        item.text("role", role);
        match parts {
            [] => item.text("content", ""),
            [Part { body: Body::Text(text), .. }] => item.text("content", text),
            _ => item.array("content", |content| {
                for part in parts {
                    content.object(|item| write_part(part, role == "assistant", item));
                }
            }),
        }
    });
}

fn write_part(part: &Part<'_>, output: bool, out: &mut Object<'_>) {
    match &part.body {
        Body::Refusal(text) if output => {
            out.text("type", "refusal");
            out.text("refusal", text);
        }
        Body::Text(text) | Body::Refusal(text) => {
            out.text("type", if output { "output_text" } else { "input_text" });
            out.text("text", text);
        }
        Body::Image { source, detail } => {
            out.text("type", "input_image");
            out.text("image_url", &url(source));
            out.text("detail", detail.as_deref().unwrap_or("auto"));
        }
        Body::Document { source, title } => {
            out.text("type", "input_file");
            match source {
                // The address names the file.
                Source::Url(address) => out.text("file_url", address),
                Source::Inline { .. } => {
                    out.text("filename", title.as_deref().unwrap_or("document.pdf"));
                    out.text("file_data", &url(source));
                }
            }
        }
        // Readers put these into assistant turns and results only.
        Body::Thinking { .. }
        | Body::RedactedThinking { .. }
        | Body::ToolCall { .. }
        | Body::ToolResult { .. } => write_nothing(out),
    }
}

fn write_nothing(out: &mut Object<'_>) {
    out.text("type", "input_text");
    out.text("text", "");
}

/// The result of a tool: text, or parts where it holds more than that.
fn output(parts: &[Part<'_>], failed: bool, out: &mut Object<'_>) {
    let (pictures, said): (Vec<_>, Vec<_>) = parts
        .iter()
        .partition(|part| matches!(part.body, Body::Image { .. } | Body::Document { .. }));
    let text = result_text(&said, failed, false);
    if pictures.is_empty() {
        return out.text("output", &text);
    }
    out.array("output", |list| {
        if !text.is_empty() {
            list.object(|item| {
                item.text("type", "input_text");
                item.text("text", &text);
            });
        }
        for part in pictures {
            list.object(|item| write_part(part, false, item));
        }
    });
}
