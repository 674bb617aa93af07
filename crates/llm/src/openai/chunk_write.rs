//! Writing the chunks of a Chat Completions stream.

use domain::Provenance;

use super::{finish_reason, reply::Place};
use crate::{
    Format,
    carrier::{self, Detail},
    conversation::Body,
    stream::{Piece, View},
    usage,
    write::{self, Object},
};

#[derive(Default)]
pub(crate) struct ChunkWriter {
    id: String,
    model: String,
    place: Place,
    /// The thinking that is open has been announced.
    thinking: bool,
    /// The call that is open has had arguments.
    argued: bool,
    /// The refusal has been said.
    refused: bool,
}

impl ChunkWriter {
    pub(crate) fn write(&mut self, piece: Piece<'_>, view: &View<'_>, out: &mut Vec<u8>) {
        match piece {
            Piece::Start { id, model } => {
                self.id = id.into_owned();
                self.model = match &view.options.shown_model {
                    Some(shown) => shown.clone(),
                    None => model.into_owned(),
                };
                self.delta(view, out, |delta| {
                    delta.text("role", "assistant");
                    delta.text("content", "");
                });
            }
            Piece::Text(text) => {
                self.place.text = true;
                self.delta(view, out, |delta| delta.text("content", &text));
            }
            Piece::Refusal(text) => {
                self.refused = true;
                self.delta(view, out, |delta| delta.text("refusal", &text));
            }
            // Its details come whole, once the item is complete.
            Piece::Thinking(text) if view.outbound == Format::OpenAiResponses => {
                if !text.is_empty() {
                    self.delta(view, out, |delta| delta.text("reasoning_content", &text));
                }
            }
            Piece::Thinking(text) => {
                let entry = Detail { text: Some(text.as_ref().into()), ..text_entry() };
                let detail = self.detail(view.outbound, entry);
                self.delta(view, out, |delta| {
                    delta.text("reasoning_content", &text);
                    details(&detail, delta);
                });
            }
            Piece::Signature(signature) if view.outbound == Format::OpenAiResponses => {
                let body = Body::Thinking { text: "".into(), signature: Some(signature) };
                self.carried(&body, view, out);
            }
            Piece::Signature(text) => {
                let bare = carrier::bare(&text);
                let entry = Detail { signature: Some(bare.into()), ..text_entry() };
                let detail = self.detail(view.outbound, entry);
                self.delta(view, out, |delta| details(&detail, delta));
            }
            Piece::RedactedThinking(data) => {
                self.carried(&Body::RedactedThinking { data }, view, out);
            }
            Piece::ThinkingEnd => {
                self.place.thoughts += u64::from(self.thinking);
                self.thinking = false;
            }
            Piece::Tool { call, id, name } => self.call(call, &id, &name, view, out),
            Piece::Arguments { call, text } => {
                self.argued = true;
                self.arguments(call, &text, view, out);
            }
            // A call without arguments is a call with none: clients parse the text as JSON.
            Piece::ToolEnd { call } if !self.argued => self.arguments(call, "{}", view, out),
            Piece::ToolEnd { .. } => {}
            Piece::Stop(stop) => {
                if let Some(text) = stop.explanation.as_ref().filter(|_| !self.refused) {
                    self.delta(view, out, |delta| delta.text("refusal", text));
                }
                self.chunk(view, out, |choice| {
                    choice.object("delta", |_| {});
                    choice.text("finish_reason", finish_reason(stop.kind));
                    if let Some(sequence) = &stop.sequence {
                        choice.text("stop_reason", sequence);
                    }
                });
            }
            Piece::Ping => out.extend_from_slice(b": ping\n\n"),
            Piece::Done => self.done(view, out),
        }
    }

    /// Thinking that is carried whole.
    fn carried(&mut self, body: &Body<'_>, view: &View<'_>, out: &mut Vec<u8>) {
        let position = self.place.position();
        if let Some(detail) = carrier::detail_of(body, self.place.thoughts, position) {
            self.delta(view, out, |delta| details(&detail, delta));
        }
        self.place.thoughts += 1;
    }

    fn call(&mut self, call: u64, id: &str, name: &str, view: &View<'_>, out: &mut Vec<u8>) {
        self.place.calls += 1;
        self.argued = false;
        self.delta(view, out, |delta| {
            tool(call, delta, |item| {
                item.text("id", id);
                item.text("type", "function");
                item.object("function", |function| {
                    function.text("name", name);
                    function.text("arguments", "");
                });
            });
        });
    }

    fn arguments(&self, call: u64, text: &str, view: &View<'_>, out: &mut Vec<u8>) {
        self.delta(view, out, |delta| {
            tool(call, delta, |item| {
                item.object("function", |function| function.text("arguments", text));
            });
        });
    }

    /// The entry's next delta. Only its first says the format and the place: client libraries that join
    /// deltas join every string and add every number except `index`.
    fn detail<'d>(&mut self, outbound: Format, entry: Detail<'d>) -> Detail<'d> {
        let first = !self.thinking;
        self.thinking = true;
        Detail {
            index: Some(self.place.thoughts),
            format: first.then(|| carrier::tag_of(outbound).into()),
            position: first.then(|| self.place.position()),
            ..entry
        }
    }

    fn delta(&self, view: &View<'_>, out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        self.chunk(view, out, |choice| {
            choice.object("delta", fill);
            choice.null("finish_reason");
        });
    }

    fn chunk(&self, view: &View<'_>, out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        self.event(view, out, |root| {
            root.array("choices", |list| {
                list.object(|choice| {
                    choice.number("index", 0);
                    fill(choice);
                });
            });
            if view.options.include_usage {
                root.null("usage");
            }
        });
    }

    fn event(&self, view: &View<'_>, out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        out.extend_from_slice(b"data: ");
        write::object(out, |root| {
            root.text("id", &self.id);
            root.text("object", "chat.completion.chunk");
            root.number("created", view.options.created);
            root.text("model", &self.model);
            fill(root);
        });
        out.extend_from_slice(b"\n\n");
    }

    fn done(&self, view: &View<'_>, out: &mut Vec<u8>) {
        let counts = view.meter.usage(view.options.input_estimate);
        if view.options.include_usage && counts.provenance != Provenance::Absent {
            self.event(view, out, |root| {
                root.array("choices", |_| {});
                root.object("usage", |out| usage::write_openai(&counts, out));
            });
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }
}

fn text_entry() -> Detail<'static> {
    Detail { kind: "reasoning.text".into(), ..Detail::default() }
}

fn details(detail: &Detail<'_>, delta: &mut Object<'_>) {
    delta.array("reasoning_details", |list| list.object(|item| detail.write(item)));
}

fn tool(call: u64, delta: &mut Object<'_>, fill: impl FnOnce(&mut Object<'_>)) {
    delta.array("tool_calls", |list| {
        list.object(|item| {
            item.number("index", call);
            fill(item);
        });
    });
}
