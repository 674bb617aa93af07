//! Writing the events of a Messages stream.
//!
//! Blocks follow each other here, while tool calls of the other format may be mixed: what belongs to a later
//! call waits until the one that is open is whole.

use std::collections::BTreeMap;

use super::{blocks::tool_id, reply::write_stop};
use crate::{
    Stop,
    balance::Balance,
    conversation::Stopped,
    stream::{Piece, View},
    usage,
    write::{self, Object},
};

#[derive(Default)]
pub(crate) struct EventWriter {
    open: Open,
    /// Index of the next block.
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    stop: Option<Stopped<'static>>,
}

#[derive(Default)]
enum Open {
    #[default]
    Nothing,
    Text,
    Thinking {
        signed: bool,
    },
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
            Piece::Start { id, model } => start(&id, &model, view, out),
            Piece::Text(text) | Piece::Refusal(text) => {
                if !matches!(self.open, Open::Text) {
                    self.close(out);
                    self.begin(Open::Text, out, |block| {
                        block.text("type", "text");
                        block.text("text", "");
                    });
                }
                self.delta(out, "text_delta", "text", &text);
            }
            Piece::Thinking(text) => {
                self.think(out);
                if !text.is_empty() {
                    self.delta(out, "thinking_delta", "thinking", &text);
                }
            }
            Piece::Signature(text) => {
                self.think(out);
                self.delta(out, "signature_delta", "signature", &text);
                self.open = Open::Thinking { signed: true };
            }
            Piece::RedactedThinking(data) => {
                self.close(out);
                self.begin(Open::Thinking { signed: true }, out, |block| {
                    block.text("type", "redacted_thinking");
                    block.text("data", &data);
                });
                self.close(out);
            }
            Piece::ThinkingEnd => self.close(out),
            Piece::Tool { call, id, name } => self.tool(call, &id, &name, out),
            Piece::Arguments { call, text } => self.arguments(call, &text, out),
            Piece::ToolEnd { .. } => {}
            Piece::Stop(stop) => {
                self.close(out);
                self.flush(out);
                self.stop = Some(Stopped {
                    kind: stop.kind,
                    sequence: stop.sequence.map(|text| text.into_owned().into()),
                    explanation: stop.explanation.map(|text| text.into_owned().into()),
                });
            }
            Piece::Ping => event(out, "ping", |_| {}),
            Piece::Done => self.done(view, out),
        }
    }

    fn think(&mut self, out: &mut Vec<u8>) {
        if matches!(self.open, Open::Thinking { signed: false }) {
            return;
        }
        self.close(out);
        self.begin(Open::Thinking { signed: false }, out, |block| {
            block.text("type", "thinking");
            block.text("thinking", "");
            block.text("signature", "");
        });
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
        self.begin(Open::Tool { call, balance: Balance::default() }, out, |block| {
            block.text("type", "tool_use");
            block.text("id", &tool_id(id));
            block.text("name", name);
            block.object("input", |_| {});
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
            self.delta(out, "input_json_delta", "partial_json", text);
        }
    }

    /// Writes the calls that had to wait.
    fn flush(&mut self, out: &mut Vec<u8>) {
        for (call, waiting) in std::mem::take(&mut self.waiting) {
            self.tool(call, &waiting.id, &waiting.name, out);
            if !waiting.arguments.is_empty() {
                self.arguments(call, &waiting.arguments, out);
            }
            self.close(out);
        }
    }

    fn begin(&mut self, open: Open, out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        let index = self.next;
        event(out, "content_block_start", |root| {
            root.number("index", index);
            root.object("content_block", fill);
        });
        self.open = open;
    }

    fn delta(&self, out: &mut Vec<u8>, kind: &str, name: &str, text: &str) {
        let index = self.next;
        event(out, "content_block_delta", |root| {
            root.number("index", index);
            root.object("delta", |delta| {
                delta.text("type", kind);
                delta.text(name, text);
            });
        });
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if matches!(std::mem::take(&mut self.open), Open::Nothing) {
            return;
        }
        let index = self.next;
        self.next += 1;
        event(out, "content_block_stop", |root| root.number("index", index));
    }

    fn done(&mut self, view: &View<'_>, out: &mut Vec<u8>) {
        self.close(out);
        self.flush(out);
        let end = Stopped { kind: Stop::End, sequence: None, explanation: None };
        let stop = self.stop.take().unwrap_or(end);
        let counts = view.meter.usage(view.options.input_estimate);
        event(out, "message_delta", |root| {
            root.object("delta", |delta| write_stop(Some(&stop), delta));
            root.object("usage", |out| usage::write_anthropic(&counts, out));
        });
        event(out, "message_stop", |_| {});
    }
}

fn start(id: &str, model: &str, view: &View<'_>, out: &mut Vec<u8>) {
    event(out, "message_start", |root| {
        root.object("message", |message| {
            message.text("id", id);
            message.text("type", "message");
            message.text("role", "assistant");
            message.text("model", view.options.shown_model.as_deref().unwrap_or(model));
            message.array("content", |_| {});
            message.null("stop_reason");
            message.null("stop_sequence");
            // The provider tells at the end; until then the estimate stands in, as the format wants a number.
            let counts =
                domain::Usage { input: view.options.input_estimate, ..domain::Usage::default() };
            message.object("usage", |out| usage::write_anthropic(&counts, out));
        });
    });
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
