//! What a stream says, as a superset of the formats' events.

use std::borrow::Cow;

use crate::conversation::Stopped;

/// One thing that a stream says. Readers make these, writers turn them into events.
pub(crate) enum Piece<'a> {
    Start {
        id: Cow<'a, str>,
        model: Cow<'a, str>,
    },
    Text(Cow<'a, str>),
    Refusal(Cow<'a, str>),
    Thinking(Cow<'a, str>),
    /// Belongs to the thinking before it.
    Signature(Cow<'a, str>),
    RedactedThinking(Cow<'a, str>),
    ThinkingEnd,
    /// `call` counts tool calls from 0.
    Tool {
        call: u64,
        id: Cow<'a, str>,
        name: Cow<'a, str>,
    },
    Arguments {
        call: u64,
        text: Cow<'a, str>,
    },
    ToolEnd {
        call: u64,
    },
    Stop(Stopped<'a>),
    /// The provider is alive and has nothing to say.
    Ping,
    /// Nothing follows.
    Done,
}

impl Piece<'_> {
    /// Whether the client would miss it.
    pub(crate) fn semantic(&self) -> bool {
        match self {
            Self::Text(text) | Self::Refusal(text) | Self::Thinking(text) => !text.is_empty(),
            Self::Signature(_)
            | Self::RedactedThinking(_)
            | Self::Tool { .. }
            | Self::Arguments { .. }
            | Self::Stop(_)
            | Self::Done => true,
            Self::Start { .. } | Self::ThinkingEnd | Self::ToolEnd { .. } | Self::Ping => false,
        }
    }
}
