//! Writing the events of a Cohere stream.
//!
//! Clients keep one call at a time: what belongs to a later one waits until the one that is open is whole.

use std::collections::BTreeMap;

use domain::Provenance;

use super::reply::{finish_reason, write_usage};
use crate::{
    Stop,
    balance::Balance,
    carrier,
    conversation::Stopped,
    stream::{Piece, View},
    write::{self, Object},
};

#[derive(Default)]
pub(crate) struct EventWriter {
    id: String,
    open: Open,
    /// Index of the next content.
    next: u64,
    /// Index of the next call.
    next_call: u64,
    waiting: BTreeMap<u64, Waiting>,
    stop: Option<Stop>,
    refused: bool,
}

#[derive(Default)]
enum Open {
    #[default]
    Nothing,
    Text,
    Thinking,
    Tool {
        call: u64,
        balance: Balance,
    },
}

/// A call whose turn has not come.
struct Waiting {
    id: String,
    name: String,
    arguments: String,
}

impl EventWriter {
    pub(crate) fn write(&mut self, piece: Piece<'_>, view: &View<'_>, out: &mut Vec<u8>) {
        match piece {
            Piece::Start { id, .. } => self.start(id.into_owned(), out),
            Piece::Text(text) => self.text(&text, out),
            Piece::Refusal(text) => {
                self.refused = true;
                self.text(&text, out);
            }
            Piece::Thinking(text) => {
                self.think(out);
                if !text.is_empty() {
                    self.delta(out, |content| content.text("thinking", &text));
                }
            }
            Piece::Signature(text) => {
                self.think(out);
                self.sign(&carrier::encrypted(&text), out);
            }
            Piece::RedactedThinking(data) => {
                self.close(out);
                self.think(out);
                self.sign(&carrier::encrypted_redacted(&data), out);
                self.close(out);
            }
            Piece::ThinkingEnd => self.close(out),
            Piece::Tool { call, id, name } => self.tool(call, &id, &name, out),
            Piece::Arguments { call, text } => self.arguments(call, &text, out),
            Piece::ToolEnd { .. } | Piece::Ping => {}
            Piece::Stop(stop) => self.stopped(&stop, out),
            Piece::Done => self.done(view, out),
        }
    }

    fn start(&mut self, id: String, out: &mut Vec<u8>) {
        self.id = id;
        event(out, "message-start", |root| {
            root.text("id", &self.id);
            root.object("delta", |delta| {
                delta.object("message", |message| {
                    message.text("role", "assistant");
                    message.array("content", |_| {});
                    message.text("tool_plan", "");
                    message.array("tool_calls", |_| {});
                    message.array("citations", |_| {});
                });
            });
        });
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        if !matches!(self.open, Open::Text) {
            self.begin(Open::Text, "text", out);
        }
        self.delta(out, |content| content.text("text", text));
    }

    fn think(&mut self, out: &mut Vec<u8>) {
        if !matches!(self.open, Open::Thinking) {
            self.begin(Open::Thinking, "thinking", out);
        }
    }

    /// Beside an empty thought: clients know a delta by the one or the other text.
    fn sign(&self, signature: &str, out: &mut Vec<u8>) {
        self.delta(out, |content| {
            content.text("thinking", "");
            content.text("signature", signature);
        });
    }

    fn begin(&mut self, open: Open, kind: &str, out: &mut Vec<u8>) {
        self.close(out);
        self.open = open;
        part(out, "content-start", Some(self.next), |message| {
            message.object("content", |content| {
                content.text("type", kind);
                content.text(kind, "");
            });
        });
    }

    fn delta(&self, out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        part(out, "content-delta", Some(self.next), |message| message.object("content", fill));
    }

    fn tool(&mut self, call: u64, id: &str, name: &str, out: &mut Vec<u8>) {
        let busy = match &self.open {
            Open::Tool { balance, .. } => !balance.whole(),
            _ => false,
        };
        if busy || !self.waiting.is_empty() {
            let (id, name) = (id.to_owned(), name.to_owned());
            self.waiting.insert(call, Waiting { id, name, arguments: String::new() });
            return;
        }
        self.close(out);
        self.open = Open::Tool { call, balance: Balance::default() };
        part(out, "tool-call-start", Some(self.next_call), |message| {
            message.object("tool_calls", |call| {
                call.text("id", id);
                call.text("type", "function");
                call.object("function", |function| {
                    function.text("name", name);
                    function.text("arguments", "");
                });
            });
        });
    }

    fn arguments(&mut self, call: u64, text: &str, out: &mut Vec<u8>) {
        if let Some(waiting) = self.waiting.get_mut(&call) {
            waiting.arguments.push_str(text);
            return;
        }
        let Open::Tool { call: open, balance } = &mut self.open else { return };
        if *open == call {
            balance.feed(text);
            self.argue(text, out);
        }
    }

    fn argue(&self, text: &str, out: &mut Vec<u8>) {
        part(out, "tool-call-delta", Some(self.next_call), |message| {
            message.object("tool_calls", |call| {
                call.object("function", |function| function.text("arguments", text));
            });
        });
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        match std::mem::take(&mut self.open) {
            Open::Nothing => {}
            Open::Text | Open::Thinking => {
                event(out, "content-end", |root| root.number("index", self.next));
                self.next += 1;
            }
            Open::Tool { balance, .. } => {
                if !balance.begun() {
                    // A call without arguments is a call with none: clients parse the text as JSON.
                    self.argue("{}", out);
                }
                event(out, "tool-call-end", |root| root.number("index", self.next_call));
                self.next_call += 1;
            }
        }
    }

    /// Ends what is open, and writes the calls that had to wait.
    fn flush(&mut self, out: &mut Vec<u8>) {
        self.close(out);
        for (call, waiting) in std::mem::take(&mut self.waiting) {
            self.tool(call, &waiting.id, &waiting.name, out);
            if !waiting.arguments.is_empty() {
                self.arguments(call, &waiting.arguments, out);
            }
            self.close(out);
        }
    }

    fn stopped(&mut self, stop: &Stopped<'_>, out: &mut Vec<u8>) {
        self.flush(out);
        if let Some(text) = stop.explanation.as_deref().filter(|_| !self.refused) {
            self.text(text, out);
            self.close(out);
        }
        self.stop = Some(stop.kind);
    }

    fn done(&mut self, view: &View<'_>, out: &mut Vec<u8>) {
        self.flush(out);
        let counts = view.meter.usage(view.options.input_estimate);
        event(out, "message-end", |root| {
            root.text("id", &self.id);
            root.object("delta", |delta| {
                delta.text("finish_reason", finish_reason(self.stop.unwrap_or(Stop::End)));
                if counts.provenance != Provenance::Absent {
                    write_usage(&counts, delta);
                }
            });
        });
    }
}

fn event(out: &mut Vec<u8>, name: &str, fill: impl FnOnce(&mut Object<'_>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    write::object(out, |root| {
        root.text("type", name);
        fill(root);
    });
    out.extend_from_slice(b"\n\n");
}

/// An event that tells a part of the message.
pub(crate) fn part(
    out: &mut Vec<u8>,
    name: &str,
    index: Option<u64>,
    fill: impl FnOnce(&mut Object<'_>),
) {
    event(out, name, |root| {
        if let Some(index) = index {
            root.number("index", index);
        }
        root.object("delta", |delta| delta.object("message", fill));
    });
}
