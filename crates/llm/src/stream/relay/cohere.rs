//! Passing on the events of a Cohere stream.

use super::{Relay, count, parse, show};
use crate::{
    StreamFault, cohere,
    json::{self, Fields, Shape},
    stream::{
        Frame, State,
        glance::{Grown, Heard, length},
        stencil::Weight,
    },
};

impl Relay {
    pub(super) fn cohere(
        &mut self,
        state: &mut State,
        frame: &Frame<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), StreamFault> {
        if frame.data.trim_ascii() == b"[DONE]" {
            // Says nothing that the last event does not say.
            return Ok(());
        }
        let event: Heard<'_> = parse(&frame.data)?;
        let delta = event.delta.as_ref();
        let message = delta.and_then(|delta| delta.message.as_ref());
        match &*event.kind.0 {
            "content-start" | "content-delta" => self.content(state, frame, message),
            "tool-plan-delta" => {
                let bytes = length(message.and_then(|message| message.tool_plan));
                count(state, bytes, Weight::Thinking);
                state.progress.semantic |= bytes > 0;
            }
            "tool-call-start" | "tool-call-delta" => {
                count(
                    state,
                    length(message.and_then(|message| message.tool_calls)),
                    Weight::Output,
                );
                state.progress.semantic = true;
            }
            "message-end" => {
                let delta = delta.ok_or(StreamFault::Malformed)?;
                if let Some(raw) = delta.usage {
                    state.meter.cohere(raw);
                }
                let reason = delta.finish_reason.as_ref().ok_or(StreamFault::Malformed)?;
                let code = delta.code.and_then(json::text);
                if let Some(error) = cohere::ended(&reason.0, code.as_deref()) {
                    return Err(StreamFault::Upstream(error));
                }
                self.finished = true;
                state.progress.semantic = true;
                state.progress.done = true;
            }
            _ => {}
        }
        show(state, frame, None, out);
        Ok(())
    }

    fn content(&mut self, state: &mut State, frame: &Frame<'_>, message: Option<&Grown<'_>>) {
        let content = message.and_then(|message| message.content).and_then(Fields::lenient);
        let Some(mut content) = content else { return };
        let starts = content.take("type").is_some();
        let parts =
            [(content.take("text"), Weight::Output), (content.take("thinking"), Weight::Thinking)];
        for (part, weight) in parts {
            let bytes = length(part);
            count(state, bytes, weight);
            state.progress.semantic |= bytes > 0;
        }
        let mut told = parts.into_iter().filter_map(|(part, weight)| Some((part?, weight)));
        if let (Some((text, weight)), None) = (told.next(), told.next())
            && json::shape(text) == Shape::Text
            && !starts
            && content.is_empty()
        {
            self.learn(state, frame, None, text, weight);
        }
    }
}
