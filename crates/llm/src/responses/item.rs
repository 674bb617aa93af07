//! Items of an answer, whole or as a stream has put them together so far.

use std::borrow::Cow;

use crate::{
    carrier,
    conversation::{Body, Response},
    write::{Array, Object},
};

/// What a message says in one of its parts.
pub(super) struct Said<'i> {
    pub(super) refusal: bool,
    pub(super) text: Cow<'i, str>,
}

impl Said<'_> {
    pub(super) fn write(&self, out: &mut Object<'_>) {
        if self.refusal {
            out.text("type", "refusal");
            out.text("refusal", &self.text);
        } else {
            out.text("type", "output_text");
            out.array("annotations", |_| {});
            out.array("logprobs", |_| {});
            out.text("text", &self.text);
        }
    }
}

pub(super) enum Item<'i> {
    Message(Vec<Said<'i>>),
    Reasoning { summary: Cow<'i, str>, encrypted: Option<Cow<'i, str>> },
    Call { id: Cow<'i, str>, name: Cow<'i, str>, arguments: Cow<'i, str> },
}

/// How far an item has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Announced, with nothing in it.
    Begun,
    Done,
    /// Cut off by a limit.
    Cut,
}

impl Phase {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "in_progress",
            Self::Done => "completed",
            Self::Cut => "incomplete",
        }
    }
}

impl Item<'_> {
    /// The same for the same answer and place, so that an item keeps its id through a stream.
    pub(super) fn id(&self, response: &str, index: usize) -> String {
        let kind = match self {
            Self::Message(_) => "msg",
            Self::Reasoning { .. } => "rs",
            Self::Call { .. } => "fc",
        };
        let core = response.strip_prefix("resp_").unwrap_or(response);
        format!("{kind}_{core}_{index}")
    }

    pub(super) fn write(&self, id: &str, phase: Phase, out: &mut Object<'_>) {
        let begun = phase == Phase::Begun;
        out.text("id", id);
        match self {
            Self::Message(parts) => {
                out.text("type", "message");
                out.text("status", phase.as_str());
                out.array("content", |content| {
                    for part in parts.iter().filter(|_| !begun) {
                        content.object(|item| part.write(item));
                    }
                });
                out.text("role", "assistant");
            }
            Self::Reasoning { summary, encrypted } => {
                out.text("type", "reasoning");
                out.array("summary", |list| {
                    if !summary.is_empty() && !begun {
                        list.object(|part| write_summary(summary, part));
                    }
                });
                out.text_or_null("encrypted_content", encrypted.as_deref().filter(|_| !begun));
            }
            Self::Call { id, name, arguments } => {
                out.text("type", "function_call");
                out.text("status", phase.as_str());
                out.text("arguments", if begun { "" } else { arguments });
                out.text("call_id", id);
                out.text("name", name);
            }
        }
    }
}

pub(super) fn write_summary(text: &str, out: &mut Object<'_>) {
    out.text("type", "summary_text");
    out.text("text", text);
}

/// Writes the items of `output`.
pub(super) fn write_items(items: &[Item<'_>], response: &str, cut: bool, out: &mut Array<'_>) {
    for (index, item) in items.iter().enumerate() {
        let last = index + 1 == items.len();
        let phase = if cut && last { Phase::Cut } else { Phase::Done };
        out.object(|out| item.write(&item.id(response, index), phase, out));
    }
}

/// The items of a whole answer: text in a row is one message.
pub(super) fn items_of<'r>(response: &'r Response<'_>) -> Vec<Item<'r>> {
    let mut items: Vec<Item<'r>> = Vec::new();
    for part in &response.parts {
        match &part.body {
            Body::Text(text) | Body::Refusal(text) => {
                let refusal = matches!(part.body, Body::Refusal(_));
                say(&mut items, Said { refusal, text: Cow::Borrowed(text) });
            }
            Body::Thinking { text, signature } => items.push(Item::Reasoning {
                summary: Cow::Borrowed(text),
                encrypted: signature
                    .as_deref()
                    .filter(|signature| !signature.is_empty())
                    .map(|signature| carrier::encrypted(signature).into()),
            }),
            Body::RedactedThinking { data } => items.push(Item::Reasoning {
                summary: Cow::Borrowed(""),
                encrypted: Some(carrier::encrypted_redacted(data).into()),
            }),
            Body::ToolCall { id, name, arguments } => items.push(Item::Call {
                id: Cow::Borrowed(id),
                name: Cow::Borrowed(name),
                // A call without arguments is a call with none: clients parse the text as JSON.
                arguments: Cow::Borrowed(if arguments.is_empty() { "{}" } else { arguments }),
            }),
            // A model does not answer with these.
            Body::Image { .. } | Body::Document { .. } | Body::ToolResult { .. } => {}
        }
    }
    items
}

/// Adds to the message that is last, or begins one. Text in a row is one part, as it is in a stream.
pub(super) fn say<'i>(items: &mut Vec<Item<'i>>, said: Said<'i>) {
    let Some(Item::Message(parts)) = items.last_mut() else {
        return items.push(Item::Message(vec![said]));
    };
    match parts.last_mut() {
        Some(last) if last.refusal == said.refusal => last.text.to_mut().push_str(&said.text),
        _ => parts.push(said),
    }
}
