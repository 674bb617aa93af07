//! Passing on the events of a Responses stream.
//!
//! No stencil is cut: the number in every event makes each differ from the last in more than its text.

use super::{count, parse, show};
use crate::{
    StreamFault, json,
    stream::{
        Frame, State,
        glance::{Told, length},
        stencil::Weight,
    },
    upstream,
};

pub(super) fn event(
    state: &mut State,
    frame: &Frame<'_>,
    out: &mut Vec<u8>,
) -> Result<(), StreamFault> {
    if frame.data.trim_ascii() == b"[DONE]" {
        // Not of this format, which ends with an event of its own.
        return Ok(());
    }
    let event: Told<'_> = parse(&frame.data)?;
    let kind = event.kind.as_ref().map_or("", |kind| &*kind.0);
    let response = event.response.as_ref();
    let error = response.and_then(|response| response.error);
    if let Some(raw) = response.and_then(|response| response.usage) {
        // Also of an answer that failed: what was used is to be paid.
        state.meter.responses(raw);
    }
    if let Some(raw) = event.error.or(error) {
        return Err(StreamFault::Upstream(upstream::reduce(None, raw)));
    }
    if matches!(kind, "error" | "response.failed") {
        let raw = json::document(&frame.data).ok_or(StreamFault::Malformed)?;
        return Err(StreamFault::Upstream(upstream::reduce(None, raw)));
    }
    if kind.is_empty() {
        return Err(StreamFault::Malformed);
    }
    if let Some(number) = event.sequence_number.and_then(json::whole) {
        state.next_event = number.saturating_add(1);
    }
    match kind {
        "response.completed" | "response.incomplete" => {
            response.ok_or(StreamFault::Malformed)?;
            state.progress.semantic = true;
            state.progress.done = true;
        }
        "response.output_item.added" => {
            // Messages and reasoning begin empty; a call begins with its name.
            let kind = event.item.as_ref().map(|item| &*item.kind.0);
            state.progress.semantic |= !matches!(kind, None | Some("message" | "reasoning"));
        }
        _ if kind.ends_with(".delta") => {
            let thinking = kind.starts_with("response.reasoning");
            let weight = if thinking { Weight::Thinking } else { Weight::Output };
            let bytes = length(event.delta);
            count(state, bytes, weight);
            state.progress.semantic |= bytes > 0;
        }
        _ => {}
    }
    show(state, frame, response.and_then(|response| response.model), out);
    Ok(())
}
