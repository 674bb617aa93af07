//! Passing on the chunks of a Gemini stream.
//!
//! No stencil is cut: every chunk carries counts that change.

use super::{Relay, count, parse, show};
use crate::{
    StreamFault,
    json::{self, Raw, Shape},
    stream::{
        Frame, State,
        glance::{Answer, length},
        stencil::Weight,
    },
    upstream,
};

impl Relay {
    pub(super) fn gemini(
        &mut self,
        state: &mut State,
        frame: &Frame<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), StreamFault> {
        let chunk: Answer<'_> = parse(&frame.data)?;
        if let Some(raw) = chunk.error {
            return Err(StreamFault::Upstream(upstream::reduce(None, raw)));
        }
        if chunk.candidates.is_none() && chunk.feedback.is_none() && chunk.usage.is_none() {
            return Err(StreamFault::Malformed);
        }
        for candidate in chunk.candidates.unwrap_or_default() {
            for part in candidate.content.and_then(|content| content.parts).unwrap_or_default() {
                let thought = part.thought.is_some_and(|raw| json::boolean(raw) == Some(true));
                let weight = if thought { Weight::Thinking } else { Weight::Output };
                let bytes = length(part.text) + length(part.call);
                count(state, bytes, weight);
                state.progress.semantic |= bytes > 0;
            }
            self.finished |= candidate.finish.is_some_and(says);
        }
        self.finished |= chunk.feedback.is_some_and(|feedback| feedback.reason.is_some());
        state.progress.semantic |= self.finished;
        if let Some(raw) = chunk.usage {
            state.meter.gemini(raw, self.finished);
        }
        show(state, frame, chunk.model, out);
        Ok(())
    }
}

fn says(reason: Raw<'_>) -> bool {
    json::shape(reason) == Shape::Text && length(Some(reason)) > 0
}
