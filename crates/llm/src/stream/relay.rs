//! A stream whose two ends speak the same format: bytes pass through, usage is counted on the way.

mod cohere;
mod gemini;
mod responses;

use serde::Deserialize;

use super::{
    Frame, State, StreamFault,
    glance::{Chunk, Delta, Event, length},
    stencil::{Stencil, Weight},
};
use crate::{
    Format,
    edit::{Edits, span},
    json::{self, Raw, Shape},
    upstream,
};

pub(crate) struct Relay {
    format: Format,
    /// A finish reason has come; what follows is bookkeeping.
    finished: bool,
    /// Events of this stream carry an `id`.
    identified: bool,
    stencil: Option<Stencil>,
}

impl Relay {
    pub(crate) const fn new(format: Format) -> Self {
        Self { format, finished: false, identified: false, stencil: None }
    }

    pub(crate) fn event(
        &mut self,
        state: &mut State,
        frame: &Frame<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), StreamFault> {
        self.identified |= has_id(frame.raw);
        if frame.data.is_empty() {
            // After an `id` some clients take the blank line behind a comment for an event of its own.
            out.extend_from_slice(if self.identified { b":\n" } else { frame.raw });
            return Ok(());
        }
        let fitting =
            self.stencil.as_ref().and_then(|stencil| stencil.text(frame.raw).zip(Some(stencil)));
        if let Some(((text, weight), stencil)) = fitting {
            count(state, text.len(), weight);
            state.progress.semantic |= !text.is_empty();
            stencil.write(text, out);
            return Ok(());
        }
        match self.format {
            Format::OpenAiChat => self.openai(state, frame, out),
            Format::AnthropicMessages => self.anthropic(state, frame, out),
            Format::OpenAiResponses => responses::event(state, frame, out),
            Format::Gemini => self.gemini(state, frame, out),
            Format::Cohere => self.cohere(state, frame, out),
            // No client speaks it, so it is never passed on.
            Format::BedrockConverse | Format::Watsonx => Err(StreamFault::Malformed),
        }
    }

    /// Remembers an event that does nothing but carry `text`.
    fn learn(
        &mut self,
        state: &State,
        frame: &Frame<'_>,
        model: Option<Raw<'_>>,
        text: Raw<'_>,
        weight: Weight,
    ) {
        let model = state.options.shown_model.as_deref().zip(model);
        // A name that is to be changed but lies outside the received bytes is no case for a short cut.
        let place = |(shown, raw)| Some((span(frame.raw, raw)?, shown));
        let shown = model.and_then(place);
        if shown.is_some() != model.is_some() {
            return;
        }
        if let Some(range) = span(frame.raw, text) {
            self.stencil = Stencil::cut(frame.raw, range, shown, weight);
        }
    }

    fn openai(
        &mut self,
        state: &mut State,
        frame: &Frame<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), StreamFault> {
        if frame.data.trim_ascii() == b"[DONE]" {
            if !state.progress.semantic {
                // An end without an answer.
                return Err(StreamFault::Malformed);
            }
            state.progress.done = true;
            out.extend_from_slice(frame.raw);
            return Ok(());
        }
        let chunk: Chunk<'_> = parse(&frame.data)?;
        if let Some(raw) = chunk.error {
            return Err(StreamFault::Upstream(upstream::reduce(None, raw)));
        }
        if let Some(raw) = chunk.usage {
            state.meter.openai(raw);
        }
        let choices = chunk.choices.unwrap_or_default();
        if choices.is_empty() && chunk.usage.is_some() && !state.options.include_usage {
            return Ok(());
        }
        for choice in &choices {
            if let Some(delta) = &choice.delta {
                state.progress.semantic |= weigh(delta, state);
            }
            if choice.finished() {
                self.finished = true;
                state.progress.semantic = true;
            }
        }
        if let ([choice], None) = (choices.as_slice(), chunk.usage)
            && let Some(text) = choice.only_text()
        {
            self.learn(state, frame, chunk.model, text, Weight::Output);
        }
        show(state, frame, chunk.model, out);
        Ok(())
    }

    fn anthropic(
        &mut self,
        state: &mut State,
        frame: &Frame<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), StreamFault> {
        let event: Event<'_> = parse(&frame.data)?;
        let mut model = None;
        match &*event.kind.0 {
            "error" => {
                let raw = event.error.ok_or(StreamFault::Malformed)?;
                return Err(StreamFault::Upstream(upstream::reduce(None, raw)));
            }
            "message_start" => {
                if let Some(message) = &event.message {
                    model = message.model;
                    if let Some(raw) = message.usage {
                        state.meter.anthropic_start(raw);
                    }
                }
            }
            "content_block_start" => {
                // Text and thinking begin empty; a tool call begins with its name.
                state.progress.semantic |= event
                    .content_block
                    .is_some_and(|block| !matches!(&*block.kind.0, "text" | "thinking"));
            }
            "content_block_delta" => {
                state.progress.semantic = true;
                let piece = event.delta.as_ref();
                let parts = [
                    (piece.and_then(|piece| piece.text), Weight::Output),
                    (piece.and_then(|piece| piece.partial_json), Weight::Output),
                    (piece.and_then(|piece| piece.thinking), Weight::Thinking),
                ];
                for (part, weight) in parts {
                    count(state, length(part), weight);
                }
                let mut told = parts.into_iter().filter_map(|(part, weight)| Some((part?, weight)));
                if let (Some((text, weight)), None) = (told.next(), told.next())
                    && json::shape(text) == Shape::Text
                {
                    self.learn(state, frame, None, text, weight);
                }
            }
            "message_delta" => {
                state.progress.semantic = true;
                self.finished = true;
                if let Some(raw) = event.usage {
                    state.meter.anthropic_delta(raw);
                }
            }
            "message_stop" => {
                if !state.progress.semantic {
                    // An end without an answer.
                    return Err(StreamFault::Malformed);
                }
                state.progress.done = true;
            }
            _ => {}
        }
        show(state, frame, model, out);
        Ok(())
    }

    pub(crate) fn finish(&self, state: &mut State, out: &mut Vec<u8>) -> Result<(), StreamFault> {
        if state.progress.done {
            return Ok(());
        }
        if !self.finished {
            return Err(StreamFault::Truncated);
        }
        // Some servers close after the finish reason without saying so.
        state.progress.done = true;
        out.extend_from_slice(match self.format {
            Format::OpenAiChat => b"data: [DONE]\n\n".as_slice(),
            Format::AnthropicMessages => {
                b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
            }
            // Its last event is the one that finishes it.
            Format::OpenAiResponses | Format::Cohere => b"",
            // It ends by ending.
            Format::Gemini | Format::BedrockConverse | Format::Watsonx => b"",
        });
        Ok(())
    }
}

/// Nearly every event begins with its data and need not be looked through.
fn has_id(raw: &[u8]) -> bool {
    !raw.starts_with(b"data:")
        && raw.split(|byte| matches!(byte, b'\n' | b'\r')).any(|line| line.starts_with(b"id:"))
}

fn parse<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<T, StreamFault> {
    let text = std::str::from_utf8(data).map_err(|_| StreamFault::Malformed)?;
    serde_json::from_str(text).map_err(|_| StreamFault::Malformed)
}

const fn count(state: &mut State, bytes: usize, weight: Weight) {
    match weight {
        Weight::Output => state.meter.add_output(bytes),
        Weight::Thinking => state.meter.add_thinking(bytes),
    }
}

/// Counts what a delta carries; true when it carries anything.
fn weigh(delta: &Delta<'_>, state: &mut State) -> bool {
    let text = length(delta.content) + length(delta.refusal);
    let tools = length(delta.tool_calls) + length(delta.function_call) + length(delta.audio);
    // `reasoning` and `reasoning_content` repeat each other on hosts that send both.
    let thinking = length(delta.reasoning_content).max(length(delta.reasoning));
    state.meter.add_output(text + tools);
    state.meter.add_thinking(thinking);
    text + tools + thinking + length(delta.reasoning_details) > 0
}

/// Passes the event on, under the model's name that the client knows.
fn show(state: &State, frame: &Frame<'_>, model: Option<Raw<'_>>, out: &mut Vec<u8>) {
    let shown = state.options.shown_model.as_deref();
    let (Some(shown), Some(model)) = (shown, model) else {
        out.extend_from_slice(frame.raw);
        return;
    };
    let mut edits = Edits::default();
    // A member that lies in the received bytes is edited there; data of several lines was joined elsewhere.
    if let Some(range) = span(frame.raw, model) {
        edits.replace_text(range, shown);
        edits.write(frame.raw, out);
    } else if let Some(range) = span(&frame.data, model) {
        edits.replace_text(range, shown);
        let mut data = Vec::with_capacity(frame.data.len() + shown.len());
        edits.write(&frame.data, &mut data);
        rewrap(frame.raw, &data, out);
    }
}

/// Writes the event again with `data` in place of its data lines.
pub(super) fn rewrap(raw: &[u8], data: &[u8], out: &mut Vec<u8>) {
    for line in raw.split(|byte| matches!(byte, b'\n' | b'\r')) {
        if !line.is_empty() && !line.starts_with(b"data") {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }
    for line in data.split(|byte| *byte == b'\n') {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.push(b'\n');
}
