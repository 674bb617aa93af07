//! Writing the chunks of a Gemini stream.
//!
//! A call is told in one piece here, so it waits until it is whole.

use std::collections::BTreeMap;

use domain::Provenance;

use super::reply::{finish_reason, write_part};
use crate::{
    conversation::{Body, Stopped},
    stream::{Piece, View},
    usage,
    write::{self, Object},
};

#[derive(Default)]
pub(crate) struct ChunkWriter {
    id: String,
    model: String,
    /// Calls that are not whole yet.
    calls: BTreeMap<u64, Call>,
    stop: Option<&'static str>,
    refused: bool,
}

struct Call {
    id: String,
    name: String,
    arguments: String,
}

impl ChunkWriter {
    pub(crate) fn write(&mut self, piece: Piece<'_>, view: &View<'_>, out: &mut Vec<u8>) {
        match piece {
            Piece::Start { id, model } => {
                self.id = id.into_owned();
                self.model = view.options.shown_model.as_deref().unwrap_or(&model).to_owned();
            }
            Piece::Text(text) => self.body(&Body::Text(text), out),
            Piece::Refusal(text) => {
                self.refused = true;
                self.body(&Body::Refusal(text), out);
            }
            Piece::Thinking(text) => {
                if !text.is_empty() {
                    self.body(&Body::Thinking { text, signature: None }, out);
                }
            }
            Piece::Signature(text) => {
                self.body(&Body::Thinking { text: "".into(), signature: Some(text) }, out);
            }
            Piece::RedactedThinking(data) => self.body(&Body::RedactedThinking { data }, out),
            Piece::Tool { call, id, name } => {
                let (id, name) = (id.into_owned(), name.into_owned());
                self.calls.insert(call, Call { id, name, arguments: String::new() });
            }
            Piece::Arguments { call, text } => {
                if let Some(call) = self.calls.get_mut(&call) {
                    call.arguments.push_str(&text);
                }
            }
            Piece::ToolEnd { call } => {
                if let Some(call) = self.calls.remove(&call) {
                    self.call(call, out);
                }
            }
            Piece::Stop(stop) => self.stopped(&stop, out),
            // The format has no event for a sign of life, and some of its clients take comments for data.
            Piece::ThinkingEnd | Piece::Ping => {}
            Piece::Done => self.done(view, out),
        }
    }

    fn call(&self, call: Call, out: &mut Vec<u8>) {
        let body = Body::ToolCall {
            id: call.id.into(),
            name: call.name.into(),
            arguments: call.arguments.into(),
        };
        self.body(&body, out);
    }

    fn stopped(&mut self, stop: &Stopped<'_>, out: &mut Vec<u8>) {
        for call in std::mem::take(&mut self.calls).into_values() {
            self.call(call, out);
        }
        if let Some(text) = stop.explanation.as_deref().filter(|_| !self.refused) {
            self.body(&Body::Refusal(text.into()), out);
        }
        self.stop = Some(finish_reason(stop.kind));
    }

    fn body(&self, body: &Body<'_>, out: &mut Vec<u8>) {
        self.chunk(
            out,
            |candidate| {
                candidate.object("content", |content| {
                    content.array("parts", |list| write_part(body, list));
                    content.text("role", "model");
                });
                candidate.number("index", 0);
            },
            |_| {},
        );
    }

    fn done(&self, view: &View<'_>, out: &mut Vec<u8>) {
        let counts = view.meter.usage(view.options.input_estimate);
        let reason = self.stop.unwrap_or("STOP");
        self.chunk(
            out,
            |candidate| {
                candidate.object("content", |content| {
                    content.array("parts", |list| list.object(|part| part.text("text", "")));
                    content.text("role", "model");
                });
                candidate.text("finishReason", reason);
                candidate.number("index", 0);
            },
            |root| {
                if counts.provenance != Provenance::Absent {
                    root.object("usageMetadata", |out| usage::write_gemini(&counts, out));
                }
            },
        );
    }

    fn chunk(
        &self,
        out: &mut Vec<u8>,
        candidate: impl FnOnce(&mut Object<'_>),
        more: impl FnOnce(&mut Object<'_>),
    ) {
        out.extend_from_slice(b"data: ");
        write::object(out, |root| {
            root.array("candidates", |list| list.object(candidate));
            more(root);
            root.text("modelVersion", &self.model);
            root.text("responseId", &self.id);
        });
        out.extend_from_slice(b"\n\n");
    }
}
