//! Writing the messages of a Cohere chat request.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::PLAN;
use crate::{
    carrier::COHERE_SEAL,
    conversation::{Body, Losses, Part, Role, Source, Turn},
    json::{self, Shape},
    openai::{result_text, url},
    write::{Array, Object},
};

pub(super) struct Messages<'l> {
    pub(super) losses: &'l mut Losses,
}

impl Messages<'_> {
    pub(super) fn turn(&mut self, turn: &Turn<'_>, list: &mut Array<'_>) {
        for part in &turn.parts {
            self.uncached(part);
        }
        match turn.role {
            Role::System => self.plain("system", &turn.parts.iter().collect::<Vec<_>>(), list),
            Role::User => self.user(&turn.parts, list),
            Role::Assistant => self.assistant(&turn.parts, list),
        }
    }

    /// Results of tools become messages of their own, which must come first. Images have no place in them, so they
    /// follow in the user's message.
    fn user(&mut self, parts: &[Part<'_>], list: &mut Array<'_>) {
        let mut rest: Vec<Cow<'_, Part<'_>>> = Vec::new();
        for part in parts {
            let Body::ToolResult { id, parts: result, failed } = &part.body else {
                rest.push(Cow::Borrowed(part));
                continue;
            };
            let (pictures, said): (Vec<_>, Vec<_>) =
                result.iter().partition(|part| matches!(part.body, Body::Image { .. }));
            let said: Vec<Cow<'_, Part<'_>>> = said.into_iter().map(readable).collect();
            let said: Vec<&Part<'_>> = said.iter().map(AsRef::as_ref).collect();
            let text = result_text(&said, *failed, !pictures.is_empty());
            list.object(|message| {
                message.text("role", "tool");
                message.text("tool_call_id", id);
                write_result(&text, message);
            });
            if !pictures.is_empty() {
                let text = format!("Attached to the result of tool call {id}:");
                rest.push(Cow::Owned(Body::Text(text.into()).into()));
                rest.extend(pictures.into_iter().map(Cow::Borrowed));
            }
        }
        if !rest.is_empty() {
            self.plain("user", &rest.iter().map(AsRef::as_ref).collect::<Vec<_>>(), list);
        }
    }

    /// A message of text and pictures; a single text is written as a string.
    fn plain(&mut self, role: &str, parts: &[&Part<'_>], list: &mut Array<'_>) {
        list.object(|message| {
            message.text("role", role);
            match parts {
                [] => message.text("content", ""),
                [Part { body: Body::Text(text), .. }] => message.text("content", text),
                _ => message.array("content", |content| {
                    for part in parts {
                        self.part(&part.body, content);
                    }
                }),
            }
        });
    }

    fn part(&mut self, body: &Body<'_>, content: &mut Array<'_>) {
        match body {
            Body::Text(text) | Body::Refusal(text) => write_text(text, content),
            Body::Image { source, detail } => content.object(|item| {
                item.text("type", "image_url");
                item.object("image_url", |image| {
                    image.text("url", &url(source));
                    if let Some(detail) = detail {
                        image.text("detail", detail);
                    }
                });
            }),
            Body::Document { source, title } => {
                write_text(&document(source, title.as_deref()).unwrap_or_default(), content);
            }
            // Readers put these into assistant turns only; results were told above.
            Body::Thinking { .. }
            | Body::RedactedThinking { .. }
            | Body::ToolCall { .. }
            | Body::ToolResult { .. } => {}
        }
    }

    fn assistant(&mut self, parts: &[Part<'_>], list: &mut Array<'_>) {
        let mut planned = String::new();
        let mut said: Vec<&Body<'_>> = Vec::new();
        let mut calls: Vec<&Body<'_>> = Vec::new();
        for part in parts {
            match &part.body {
                body @ (Body::Text(text) | Body::Refusal(text)) => {
                    if !text.is_empty() {
                        said.push(body);
                    }
                }
                body @ Body::Thinking { text, signature } => {
                    let own = signature.as_deref().and_then(|text| text.strip_prefix(COHERE_SEAL));
                    match own {
                        Some(PLAN) => planned.push_str(text),
                        Some(_) => said.push(body),
                        None => self.forget(signature.is_some()),
                    }
                }
                Body::RedactedThinking { .. } => {
                    self.losses.add_name(self.losses.names().redacted);
                }
                body @ Body::ToolCall { .. } => calls.push(body),
                Body::Image { .. } | Body::Document { .. } | Body::ToolResult { .. } => {}
            }
        }
        if said.is_empty() && calls.is_empty() && planned.is_empty() {
            // Nothing is left of it, and the service refuses a message without any content.
            return;
        }
        list.object(|message| {
            message.text("role", "assistant");
            if !planned.is_empty() {
                message.text("tool_plan", &planned);
            }
            write_said(&said, message);
            if !calls.is_empty() {
                message.array("tool_calls", |list| {
                    calls.iter().for_each(|call| write_call(call, list));
                });
            }
        });
    }

    /// Thinking of another family.
    fn forget(&mut self, signed: bool) {
        let names = self.losses.names();
        self.losses.add_name(if signed { names.thinking } else { names.unsigned });
    }

    fn uncached(&mut self, part: &Part<'_>) {
        let inside = match &part.body {
            Body::ToolResult { parts, .. } => parts.iter().any(|part| part.cache.is_some()),
            _ => false,
        };
        if inside || part.cache.is_some() {
            self.losses.add_name("cache_control");
        }
    }
}

fn write_text(text: &str, content: &mut Array<'_>) {
    content.object(|item| {
        item.text("type", "text");
        item.text("text", text);
    });
}

fn write_said(said: &[&Body<'_>], message: &mut Object<'_>) {
    match said {
        [] => {}
        [Body::Text(text) | Body::Refusal(text)] => message.text("content", text),
        _ => message.array("content", |content| {
            for body in said {
                match body {
                    Body::Thinking { text, .. } => content.object(|item| {
                        item.text("type", "thinking");
                        item.text("thinking", text);
                    }),
                    Body::Text(text) | Body::Refusal(text) => write_text(text, content),
                    _ => {}
                }
            }
        }),
    }
}

pub(super) fn write_call(call: &Body<'_>, list: &mut Array<'_>) {
    let Body::ToolCall { id, name, arguments } = call else { return };
    list.object(|call| {
        call.text("id", id);
        call.text("type", "function");
        call.object("function", |function| {
            function.text("name", name);
            let none = arguments.trim().is_empty();
            function.text("arguments", if none { "{}" } else { arguments });
        });
    });
}

/// A string must be a JSON object here; any other text stands in a part of its own.
fn write_result(text: &str, message: &mut Object<'_>) {
    let object = json::document(text.trim().as_bytes()).map(json::shape) == Some(Shape::Object);
    if object {
        message.text("content", text);
    } else {
        message.array("content", |content| write_text(text, content));
    }
}

/// With the text of a document in its place.
fn readable<'p, 'a>(part: &'p Part<'a>) -> Cow<'p, Part<'a>> {
    let text = match &part.body {
        Body::Document { source, title } => document(source, title.as_deref()),
        _ => None,
    };
    match text {
        Some(text) => Cow::Owned(Body::Text(text.into()).into()),
        None => Cow::Borrowed(part),
    }
}

/// A document of plain text, under its title; `None` for any other, which the format has no place for.
pub(super) fn document(source: &Source<'_>, title: Option<&str>) -> Option<String> {
    let Source::Inline { media_type, data } = source else { return None };
    if !media_type.starts_with("text/") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(data.as_bytes()).ok()?).ok()?;
    Some(match title {
        Some(title) => format!("{title}\n\n{text}"),
        None => text,
    })
}
