//! The response object around the items.
//!
//! Its members that repeat the request say the format's defaults: an answer is translated without its request
//! at hand.

use std::borrow::Cow;

use domain::Usage;

use crate::{
    Stop,
    conversation::Stopped,
    usage,
    write::{Array, Object},
};

pub(super) struct Shell<'s> {
    pub(super) id: &'s str,
    pub(super) model: &'s str,
    /// Seconds since the Unix epoch.
    pub(super) created: u64,
    pub(super) status: Status,
    pub(super) usage: Option<&'s Usage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    InProgress,
    Completed,
    /// Why it is incomplete.
    Incomplete(&'static str),
}

impl Status {
    /// `refused` says that the refusal stands in the answer in so many words.
    pub(super) fn of(stop: Option<&Stopped<'_>>, refused: bool) -> Self {
        match stop.map(|stop| stop.kind) {
            Some(Stop::Length) => Self::Incomplete("max_output_tokens"),
            Some(Stop::Refusal) if !refused => Self::Incomplete("content_filter"),
            _ => Self::Completed,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
        }
    }

    pub(super) const fn cut(self) -> bool {
        matches!(self, Self::Incomplete(_))
    }
}

/// The provider's id as one of this format.
pub(super) fn response_id(id: &str, created: u64) -> Cow<'_, str> {
    if id.starts_with("resp_") {
        Cow::Borrowed(id)
    } else if id.is_empty() {
        format!("resp_{created}").into()
    } else {
        format!("resp_{id}").into()
    }
}

impl Shell<'_> {
    pub(super) fn write(&self, out: &mut Object<'_>, items: impl FnOnce(&mut Array<'_>)) {
        out.text("id", self.id);
        out.text("object", "response");
        out.number("created_at", self.created);
        out.text("status", self.status.as_str());
        out.boolean("background", false);
        out.null("error");
        match self.status {
            Status::Incomplete(reason) => {
                out.object("incomplete_details", |details| details.text("reason", reason));
            }
            _ => out.null("incomplete_details"),
        }
        for name in ["instructions", "max_output_tokens", "max_tool_calls"] {
            out.null(name);
        }
        out.text("model", self.model);
        out.array("output", items);
        out.boolean("parallel_tool_calls", true);
        out.null("previous_response_id");
        out.object("reasoning", |reasoning| {
            reasoning.null("effort");
            reasoning.null("summary");
        });
        out.boolean("store", false);
        out.null("temperature");
        out.object("text", |text| text.object("format", |format| format.text("type", "text")));
        out.text("tool_choice", "auto");
        out.array("tools", |_| {});
        out.null("top_p");
        out.text("truncation", "disabled");
        match self.usage {
            Some(counts) => out.object("usage", |out| usage::write_responses(counts, out)),
            None => out.null("usage"),
        }
        out.null("user");
        out.object("metadata", |_| {});
    }
}
