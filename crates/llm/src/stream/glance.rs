//! The members of events that a relay looks at; everything else is skipped over.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::{self, Raw, Shape, Text};

/// An OpenAI chunk.
#[derive(Deserialize)]
pub(super) struct Chunk<'a> {
    #[serde(borrow, default)]
    pub(super) model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow, default)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(borrow, default)]
    pub(super) delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    pub(super) finish_reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Delta<'a> {
    #[serde(borrow, default)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) refusal: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) tool_calls: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) function_call: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) reasoning_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) reasoning: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) reasoning_details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) audio: Option<&'a RawValue>,
}

/// An Anthropic event.
#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) message: Option<Message<'a>>,
    #[serde(borrow, default)]
    pub(super) content_block: Option<Block<'a>>,
    #[serde(borrow, default)]
    pub(super) delta: Option<Piece<'a>>,
    #[serde(borrow, default)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Message<'a> {
    #[serde(borrow, default)]
    pub(super) model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
}

/// A Gemini chunk.
#[derive(Deserialize)]
pub(super) struct Answer<'a> {
    #[serde(borrow, default, rename = "modelVersion")]
    pub(super) model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) candidates: Option<Vec<Candidate<'a>>>,
    #[serde(borrow, default, rename = "promptFeedback")]
    pub(super) feedback: Option<Feedback<'a>>,
    #[serde(borrow, default, rename = "usageMetadata")]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Feedback<'a> {
    #[serde(borrow, default, rename = "blockReason")]
    pub(super) reason: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Candidate<'a> {
    #[serde(borrow, default)]
    pub(super) content: Option<Content<'a>>,
    #[serde(borrow, default, rename = "finishReason")]
    pub(super) finish: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Content<'a> {
    #[serde(borrow, default)]
    pub(super) parts: Option<Vec<Part<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Part<'a> {
    #[serde(borrow, default)]
    pub(super) text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) thought: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "functionCall")]
    pub(super) call: Option<&'a RawValue>,
}

/// A Responses event.
#[derive(Deserialize)]
pub(super) struct Told<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) sequence_number: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) response: Option<Whole<'a>>,
    #[serde(borrow, default)]
    pub(super) item: Option<Block<'a>>,
    #[serde(borrow, default)]
    pub(super) delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
}

/// The answer so far.
#[derive(Deserialize)]
pub(super) struct Whole<'a> {
    #[serde(borrow, default)]
    pub(super) model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) error: Option<&'a RawValue>,
}

/// A Cohere event.
#[derive(Deserialize)]
pub(super) struct Heard<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) delta: Option<Change<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Change<'a> {
    #[serde(borrow, default)]
    pub(super) message: Option<Grown<'a>>,
    #[serde(borrow, default)]
    pub(super) finish_reason: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) code: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) usage: Option<&'a RawValue>,
}

/// What has come of the message.
#[derive(Deserialize)]
pub(super) struct Grown<'a> {
    #[serde(borrow, default)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) tool_plan: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) tool_calls: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Piece<'a> {
    #[serde(borrow, default)]
    pub(super) text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) thinking: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) partial_json: Option<&'a RawValue>,
}

impl<'a> Choice<'a> {
    /// Some servers write an empty reason where they mean none.
    pub(super) fn finished(&self) -> bool {
        self.finish_reason.is_some_and(|raw| raw.get() != "\"\"")
    }

    /// The text, when the delta carries nothing else.
    pub(super) fn only_text(&self) -> Option<Raw<'a>> {
        let delta = self.delta.as_ref().filter(|_| !self.finished())?;
        let others = [
            delta.refusal,
            delta.tool_calls,
            delta.function_call,
            delta.reasoning_content,
            delta.reasoning,
            delta.reasoning_details,
            delta.audio,
        ];
        delta
            .content
            .filter(|raw| json::shape(raw) == Shape::Text && others.iter().all(Option::is_none))
    }
}

/// Bytes between the quotes or brackets: 0 for an empty string, array or object.
pub(super) fn length(raw: Option<Raw<'_>>) -> usize {
    raw.filter(|raw| matches!(json::shape(raw), Shape::Text | Shape::Array | Shape::Object))
        .map_or(0, |raw| raw.get().len().saturating_sub(2))
}
