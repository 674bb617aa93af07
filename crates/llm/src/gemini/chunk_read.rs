//! Reading the chunks of a Gemini stream: each is an answer in itself, with what came since the last.

use std::borrow::Cow;

use super::{
    part::{Kind, read_part, seal, thinking},
    reply::{candidate, parts, stop_of},
    take,
};
use crate::{
    Stop, StreamFault,
    conversation::{Body, Stopped},
    json::{self, Fields, Raw},
    stream::{Meter, Piece},
    upstream,
};

#[derive(Default)]
pub(crate) struct ChunkReader {
    started: bool,
    next_call: u64,
    /// A thought is being told.
    thinking: bool,
    stopped: bool,
}

impl ChunkReader {
    /// Reads the data of one event.
    pub(crate) fn read<'a>(
        &mut self,
        text: &'a str,
        meter: &mut Meter,
        out: &mut Vec<Piece<'a>>,
    ) -> Result<(), StreamFault> {
        let raw = json::document(text.as_bytes()).ok_or(StreamFault::Malformed)?;
        let mut fields = Fields::lenient(raw).ok_or(StreamFault::Malformed)?;
        if let Some(raw) = fields.take("error") {
            return Err(StreamFault::Upstream(upstream::reduce(None, raw)));
        }
        if !self.started {
            self.started = true;
            out.push(Piece::Start {
                id: take(&mut fields, "responseId").and_then(json::text).unwrap_or_default(),
                model: take(&mut fields, "modelVersion").and_then(json::text).unwrap_or_default(),
            });
        }
        let usage = take(&mut fields, "usageMetadata");
        match candidate(&mut fields) {
            Ok(Some(candidate)) => self.candidate(candidate, out),
            Ok(None) => self.stop(Stop::Refusal, out),
            // A chunk of nothing but counts.
            Err(_) if usage.is_some() => {}
            Err(_) => return Err(StreamFault::Malformed),
        }
        if let Some(raw) = usage {
            meter.gemini(raw, self.stopped);
        }
        Ok(())
    }

    fn candidate<'a>(&mut self, mut candidate: Fields<'a>, out: &mut Vec<Piece<'a>>) {
        // Only one answer was asked for.
        if candidate.take("index").and_then(json::whole).unwrap_or(0) > 0 {
            return;
        }
        for raw in parts(&mut candidate) {
            self.part(raw, out);
        }
        let reason = take(&mut candidate, "finishReason").and_then(json::text);
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            self.stop(stop_of(&reason, self.next_call > 0), out);
        }
    }

    fn part<'a>(&mut self, raw: Raw<'a>, out: &mut Vec<Piece<'a>>) {
        let Some(part) = read_part(raw) else { return };
        let signature = part.signature.as_deref();
        if let Kind::Thought(text) = part.kind {
            match signature {
                None => {
                    self.thinking = true;
                    out.push(Piece::Thinking(text));
                }
                Some(_) => self.signed(signature, text, out),
            }
            return;
        }
        if signature.is_some() {
            self.end_thought(out);
            self.signed(signature, Cow::Borrowed(""), out);
        }
        match part.kind {
            Kind::Text(text) if !text.is_empty() => {
                self.end_thought(out);
                out.push(Piece::Text(text));
            }
            Kind::Call { id, name, arguments } => {
                self.end_thought(out);
                let call = self.next_call;
                self.next_call += 1;
                let id = id.unwrap_or_else(|| format!("call_{call}").into());
                out.push(Piece::Tool { call, id, name });
                out.push(Piece::Arguments { call, text: arguments });
                out.push(Piece::ToolEnd { call });
            }
            // What the provider ran itself.
            _ => {}
        }
    }

    /// A signature, with the thought that it stands on.
    fn signed<'a>(
        &mut self,
        signature: Option<&str>,
        text: Cow<'a, str>,
        out: &mut Vec<Piece<'a>>,
    ) {
        match thinking(signature, text) {
            Some(Body::Thinking { text, signature }) => {
                out.push(Piece::Thinking(text));
                out.extend(signature.map(Piece::Signature));
                out.push(Piece::ThinkingEnd);
            }
            Some(Body::RedactedThinking { data }) => out.push(Piece::RedactedThinking(data)),
            _ => {}
        }
        self.thinking = false;
    }

    fn end_thought(&mut self, out: &mut Vec<Piece<'_>>) {
        if std::mem::take(&mut self.thinking) {
            out.push(Piece::Signature(seal(None).into()));
            out.push(Piece::ThinkingEnd);
        }
    }

    fn stop(&mut self, kind: Stop, out: &mut Vec<Piece<'_>>) {
        if !self.stopped {
            self.stopped = true;
            self.end_thought(out);
            out.push(Piece::Stop(Stopped { kind, sequence: None, explanation: None }));
        }
    }
}
