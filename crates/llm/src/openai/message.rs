//! Writing the messages of a Chat Completions request.

use std::borrow::Cow;

use crate::{
    Quirks, carrier,
    conversation::{Body, Losses, Part, Role, Source, Turn},
    write::{Array, Object},
};

pub(crate) struct Messages<'m> {
    pub(crate) quirks: &'m Quirks,
    pub(crate) losses: &'m mut Losses,
}

impl Messages<'_> {
    pub(crate) fn turn(&mut self, turn: &Turn<'_>, list: &mut Array<'_>) {
        match turn.role {
            Role::System => self.plain("system", &turn.parts.iter().collect::<Vec<_>>(), list),
            Role::User => self.user(&turn.parts, list),
            Role::Assistant => self.assistant(&turn.parts, list),
        }
    }

    /// Tool results become messages of their own, which must come first. Images have no place in them, so
    /// they follow in the user's message.
    fn user(&mut self, parts: &[Part<'_>], list: &mut Array<'_>) {
        let mut rest: Vec<Cow<'_, Part<'_>>> = Vec::new();
        for part in parts {
            let Body::ToolResult { id, parts: result, failed } = &part.body else {
                rest.push(Cow::Borrowed(part));
                continue;
            };
            let (pictures, said): (Vec<_>, Vec<_>) = result
                .iter()
                .partition(|part| matches!(part.body, Body::Image { .. } | Body::Document { .. }));
            list.object(|message| {
                message.text("role", "tool");
                message.text("tool_call_id", id);
                message.text("content", &result_text(&said, *failed, !pictures.is_empty()));
                self.cache(part, message);
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
                [Part { body: Body::Text(text), cache }]
                    if cache.is_none() || !self.quirks.cache_control =>
                {
                    message.text("content", text);
                    self.uncached(cache.is_some());
                }
                _ => message.array("content", |content| {
                    for part in parts {
                        self.part(part, content);
                    }
                }),
            }
        });
    }

    fn part(&mut self, part: &Part<'_>, content: &mut Array<'_>) {
        content.object(|item| {
            match &part.body {
                Body::Text(text) => {
                    item.text("type", "text");
                    item.text("text", text);
                }
                Body::Refusal(text) => {
                    item.text("type", "refusal");
                    item.text("refusal", text);
                }
                Body::Image { source, detail } => {
                    item.text("type", "image_url");
                    item.object("image_url", |image| {
                        image.text("url", &url(source));
                        if let Some(detail) = detail {
                            image.text("detail", detail);
                        }
                    });
                }
                Body::Document { source, title } => {
                    item.text("type", "file");
                    item.object("file", |file| {
                        file.text("filename", title.as_deref().unwrap_or("document.pdf"));
                        file.text("file_data", &url(source));
                    });
                }
                // Readers put these into assistant turns and tool messages only.
                Body::Thinking { .. }
                | Body::RedactedThinking { .. }
                | Body::ToolCall { .. }
                | Body::ToolResult { .. } => {
                    item.text("type", "text");
                    item.text("text", "");
                }
            }
            self.cache(part, item);
        });
    }

    fn assistant(&mut self, parts: &[Part<'_>], list: &mut Array<'_>) {
        let said: Vec<&Part<'_>> = parts
            .iter()
            .filter(|part| matches!(part.body, Body::Text(_) | Body::Refusal(_)))
            .collect();
        let calls: Vec<&Part<'_>> =
            parts.iter().filter(|part| matches!(part.body, Body::ToolCall { .. })).collect();
        list.object(|message| {
            message.text("role", "assistant");
            match said.as_slice() {
                [] if calls.is_empty() => message.text("content", ""),
                [] => message.null("content"),
                [Part { body: Body::Text(text), cache }]
                    if cache.is_none() || !self.quirks.cache_control =>
                {
                    message.text("content", text);
                    self.uncached(cache.is_some());
                }
                said => message.array("content", |content| {
                    for part in said {
                        self.part(part, content);
                    }
                }),
            }
            self.thinking(parts, message);
            if !calls.is_empty() {
                message.array("tool_calls", |list| {
                    for call in calls {
                        self.call(call, list);
                    }
                });
            }
        });
    }

    fn call(&mut self, part: &Part<'_>, list: &mut Array<'_>) {
        let Body::ToolCall { id, name, arguments } = &part.body else { return };
        list.object(|call| {
            call.text("id", id);
            call.text("type", "function");
            call.object("function", |function| {
                function.text("name", name);
                function.text("arguments", arguments);
            });
        });
        self.uncached(part.cache.is_some());
    }

    /// Only reasoning that such a provider gave goes back to one.
    fn thinking(&mut self, parts: &[Part<'_>], message: &mut Object<'_>) {
        let mut text = String::new();
        let mut carried = None;
        for part in parts {
            match &part.body {
                Body::Thinking { text: thought, signature } => {
                    match signature.as_deref().and_then(carrier::unseal) {
                        Some(found) if self.quirks.reasoning_input => {
                            text.push_str(thought);
                            carried = Some(found);
                        }
                        _ => self.losses.add_name(self.losses.names().thinking),
                    }
                }
                Body::RedactedThinking { .. } => {
                    self.losses.add_name(self.losses.names().redacted);
                }
                _ => {}
            }
        }
        if let Some((field, details)) = carried {
            message.text(field, &text);
            if let Some(details) = details {
                message.raw("reasoning_details", details);
            }
        }
    }

    fn cache(&mut self, part: &Part<'_>, out: &mut Object<'_>) {
        if self.quirks.cache_control {
            out.raw_some("cache_control", part.cache);
        } else {
            self.uncached(part.cache.is_some());
        }
    }

    fn uncached(&mut self, lost: bool) {
        if lost && !self.quirks.cache_control {
            self.losses.add_name("cache_control");
        }
    }
}

/// A tool message holds text only, and has no mark for failure: the text says it.
pub(crate) fn result_text(parts: &[&Part<'_>], failed: bool, pictures: bool) -> String {
    let mut text = String::new();
    for part in parts {
        if let Body::Text(said) | Body::Refusal(said) = &part.body {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(said);
        }
    }
    if failed && !text.to_ascii_lowercase().starts_with("error") {
        text.insert_str(0, "Error: ");
    }
    if text.is_empty() && pictures {
        text.push_str("The result is attached to the next message.");
    }
    text
}

pub(crate) fn url<'s>(source: &'s Source<'_>) -> Cow<'s, str> {
    match source {
        Source::Url(url) => Cow::Borrowed(url),
        Source::Inline { media_type, data } => format!("data:{media_type};base64,{data}").into(),
    }
}
