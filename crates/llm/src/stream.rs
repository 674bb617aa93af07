//! Streams: events of the provider in, events in the client's format out.

mod event_stream;
mod frame;
mod glance;
mod meter;
mod piece;
mod relay;
mod restore;
mod stencil;
mod translate;

use domain::Usage;

pub(crate) use self::frame::{Frame, Framer};
use self::{event_stream::Messages, frame::TooLarge};
pub(crate) use self::{meter::Meter, piece::Piece, translate::View};
use crate::{Format, Refusal, Restore, StreamFault, cohere, json, refusal, responses, upstream};

/// How one stream is shown and measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// The model name that the client asked for, when it differs from the provider's own.
    /// `None` shows what the provider says.
    pub shown_model: Option<String>,
    /// The client asked for the usage chunk of an OpenAI stream.
    pub include_usage: bool,
    /// Seconds since the Unix epoch, for formats whose counterpart has no time.
    pub created: u64,
    /// Estimated input tokens, used when the provider does not report them.
    pub input_estimate: u64,
    /// Largest single event, in bytes.
    pub event_limit: usize,
    /// The answer's id where the provider gives none.
    pub id: String,
}

impl Default for StreamOptions {
    fn default() -> Self {
        Self {
            shown_model: None,
            include_usage: false,
            created: 0,
            input_estimate: 0,
            event_limit: 32 << 20,
            id: String::new(),
        }
    }
}

/// How far the stream has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Something of substance has come: text, thinking, a tool call or the finish.
    /// Until then nothing need be sent to the client, and another attempt is free of harm.
    pub semantic: bool,
    /// The provider has said that the stream is complete.
    pub done: bool,
}

/// Turns one provider's stream into the client's format. The output depends only on the bytes, not on how
/// they were cut into chunks.
pub struct StreamTranslator {
    inbound: Format,
    framing: Framing,
    state: State,
    side: Side,
    restoring: Option<restore::Restoring>,
}

/// What both kinds of stream keep.
struct State {
    options: StreamOptions,
    meter: Meter,
    progress: Progress,
    failed: bool,
    /// Some event with data has come.
    any_event: bool,
    /// Number of the next event of a Responses stream.
    next_event: u64,
}

/// How the provider's bytes are cut into events.
enum Framing {
    Lines(Framer),
    Messages(Messages),
}

enum Side {
    Relay(relay::Relay),
    Translate(Box<translate::Translate>),
}

impl From<TooLarge> for StreamFault {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}

impl StreamTranslator {
    #[must_use]
    pub fn new(inbound: Format, outbound: Format, options: StreamOptions) -> Self {
        let binary = outbound == Format::BedrockConverse;
        let side = if inbound == outbound && outbound.is_of_clients() {
            Side::Relay(relay::Relay::new(outbound))
        } else {
            Side::Translate(Box::new(translate::Translate::new(inbound, outbound)))
        };
        Self {
            inbound,
            framing: if binary {
                Framing::Messages(Messages::new(options.event_limit))
            } else {
                Framing::Lines(Framer::new(options.event_limit))
            },
            state: State {
                options,
                meter: Meter::default(),
                progress: Progress::default(),
                failed: false,
                any_event: false,
                next_event: 0,
            },
            side,
            restoring: None,
        }
    }

    /// Puts back into the answer what was taken out of its request. To be said before the first chunk.
    pub fn restore(&mut self, restore: Restore) {
        self.restoring = Some(restore::Restoring::new(self.inbound, restore));
    }

    /// Takes a chunk as it came and appends to `out` what the client may read.
    ///
    /// # Errors
    /// When the provider reported an error or sent what is no valid event. What is in `out` by then is valid;
    /// go on with another attempt if [`Progress::semantic`] was false so far, else with [`Self::fail`].
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<Progress, StreamFault> {
        self.made(out, |stream, out| {
            let Self { framing, state, side, .. } = stream;
            let each = |frame: Frame<'_>| side.event(state, &frame, out);
            match framing {
                Framing::Lines(framer) => framer.push(chunk, each),
                Framing::Messages(messages) => messages.push(chunk, each),
            }
        })
    }

    /// The provider closed the stream.
    ///
    /// # Errors
    /// [`StreamFault::Truncated`] when it did so before it was complete.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<Progress, StreamFault> {
        let progress = self.made(out, |stream, out| {
            let Self { framing, state, side, .. } = stream;
            let last = match framing {
                Framing::Lines(framer) => {
                    framer.finish(|frame| last_event(side, state, &frame, out))
                }
                // A message says its length: what is not whole is nothing.
                Framing::Messages(_) => Ok(()),
            };
            last.and_then(|()| match side {
                Side::Relay(relay) => relay.finish(state, out),
                Side::Translate(translate) => translate.finish(state, out),
            })
        })?;
        if let Some(restoring) = &mut self.restoring {
            restoring.finish(out);
        }
        Ok(progress)
    }

    /// Whatever `make` appends is restored on its way to the client.
    fn made(
        &mut self,
        out: &mut Vec<u8>,
        make: impl FnOnce(&mut Self, &mut Vec<u8>) -> Result<(), StreamFault>,
    ) -> Result<Progress, StreamFault> {
        if self.state.failed {
            return Err(StreamFault::Truncated);
        }
        let result = if self.restoring.is_none() {
            make(self, out)
        } else {
            let mut made = Vec::new();
            let result = make(self, &mut made);
            self.restored(&made, out);
            result
        };
        self.state.failed = result.is_err();
        result.map(|()| self.state.progress)
    }

    fn restored(&mut self, made: &[u8], out: &mut Vec<u8>) {
        match &mut self.restoring {
            Some(restoring) => restoring.push(made, out),
            None => out.extend_from_slice(made),
        }
    }

    /// Appends an error event in the client's format; nothing may follow it.
    pub fn fail(&mut self, refusal: &Refusal, request_id: &str, out: &mut Vec<u8>) {
        self.state.failed = true;
        let mut made = Vec::new();
        self.write_failure(refusal, request_id, &mut made);
        self.restored(&made, out);
    }

    fn write_failure(&self, refusal: &Refusal, request_id: &str, out: &mut Vec<u8>) {
        match self.inbound {
            Format::OpenAiChat | Format::Gemini | Format::BedrockConverse | Format::Watsonx => {
                out.extend_from_slice(b"data: ");
            }
            Format::AnthropicMessages => out.extend_from_slice(b"event: error\ndata: "),
            Format::Cohere => return cohere::write_failure(refusal, request_id, out),
            Format::OpenAiResponses => {
                return responses::write_event("error", self.state.next_event, out, |root| {
                    root.text("code", &refusal.code);
                    root.text("message", &refusal.message);
                    root.text_or_null("param", refusal.param.as_deref());
                });
            }
        }
        refusal::write_error(self.inbound, refusal, request_id, out);
        out.extend_from_slice(b"\n\n");
    }

    #[must_use]
    pub const fn progress(&self) -> Progress {
        self.state.progress
    }

    /// What to bill: reported if the provider said it, estimated from what came otherwise,
    /// absent when nothing came at all.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.state.meter.usage(self.state.options.input_estimate)
    }

    /// Tokens that have been sent out so far, estimated from their text.
    #[must_use]
    pub const fn output_estimate(&self) -> u64 {
        self.state.meter.output_estimate()
    }
}

impl Side {
    fn event(
        &mut self,
        state: &mut State,
        frame: &Frame<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), StreamFault> {
        if state.progress.done {
            return Ok(());
        }
        state.any_event |= frame.has_data;
        if !state.any_event && frame.raw.trim_ascii_start().first() == Some(&b'{') {
            return Err(not_a_stream(frame));
        }
        match self {
            Self::Relay(relay) => relay.event(state, frame, out),
            Self::Translate(translate) => translate.event(state, frame, out),
        }
    }
}

/// What stands after the last blank line: at best a whole event that only lacks it.
fn last_event(
    side: &mut Side,
    state: &mut State,
    frame: &Frame<'_>,
    out: &mut Vec<u8>,
) -> Result<(), StreamFault> {
    if frame.complete || !frame.has_data {
        return side.event(state, frame, out);
    }
    if frame.data.trim_ascii() != b"[DONE]" && json::document(&frame.data).is_none() {
        return Ok(());
    }
    let mut whole = frame.raw.to_vec();
    whole.extend_from_slice(if frame.raw.ends_with(b"\n") { b"\n" } else { b"\n\n" });
    let whole = Frame { raw: &whole, data: frame.data.clone(), has_data: true, complete: true };
    side.event(state, &whole, out)
}

/// A server may answer a stream request with a plain JSON error.
fn not_a_stream(frame: &Frame<'_>) -> StreamFault {
    json::document(frame.raw)
        .and_then(json::Fields::lenient)
        .and_then(|mut fields| fields.take("error"))
        .map_or(StreamFault::Malformed, |raw| StreamFault::Upstream(upstream::reduce(None, raw)))
}
