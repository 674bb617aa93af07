//! Reading the events of a Responses stream.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use super::reply::{Ended, reasoning_text};
use crate::{
    Stop, StreamFault, carrier,
    conversation::Stopped,
    json::{self, Fields, Raw},
    stream::{Meter, Piece},
    upstream,
};

#[derive(Default)]
pub(crate) struct EventReader {
    started: bool,
    /// Calls by the provider's place for them.
    calls: BTreeMap<u64, Call>,
    /// Parts of messages, by item and place, that have come in deltas.
    told: BTreeSet<(u64, u64)>,
    /// The reasoning item whose text has come in deltas.
    thought: Option<Thought>,
    refused: Option<String>,
}

#[derive(Clone, Copy)]
struct Call {
    number: u64,
    argued: bool,
    ended: bool,
}

struct Thought {
    item: u64,
    /// The text is a summary; where a server gives both, only one is passed on.
    summary: bool,
}

impl EventReader {
    /// Reads the data of one event.
    pub(crate) fn read<'a>(
        &mut self,
        text: &'a str,
        meter: &mut Meter,
        out: &mut Vec<Piece<'a>>,
    ) -> Result<(), StreamFault> {
        if text.trim() == "[DONE]" {
            // Not of this format, but some servers send it after the end.
            return Ok(());
        }
        let raw = json::document(text.as_bytes()).ok_or(StreamFault::Malformed)?;
        let mut fields = Fields::lenient(raw).ok_or(StreamFault::Malformed)?;
        let kind = fields.take_text("type").unwrap_or_default();
        let error = fields.take("error");
        let mut response = fields.take("response").and_then(Fields::lenient);
        if let Some(raw) = response.as_mut().and_then(|response| response.take("usage")) {
            // Also of an answer that failed: what was used is to be paid.
            meter.responses(raw);
        }
        let failure = response.as_mut().and_then(|response| response.take("error")).or(error);
        if failure.is_some() || matches!(&*kind, "error" | "response.failed") {
            let error = failure.unwrap_or(raw);
            return Err(StreamFault::Upstream(upstream::reduce(None, error)));
        }
        if kind.is_empty() {
            return Err(StreamFault::Malformed);
        }
        if let Some(response) = response.as_mut().filter(|_| !self.started) {
            self.started = true;
            out.push(Piece::Start {
                id: response.take_text("id").unwrap_or_default(),
                model: response.take_text("model").unwrap_or_default(),
            });
        }
        match &*kind {
            "response.completed" | "response.incomplete" => {
                let response = response.ok_or(StreamFault::Malformed)?;
                self.end(response, out);
            }
            _ => self.progress(&kind, fields, out),
        }
        Ok(())
    }

    fn progress<'a>(&mut self, kind: &str, mut fields: Fields<'a>, out: &mut Vec<Piece<'a>>) {
        let item = number(&mut fields, "output_index");
        match kind {
            "response.output_item.added" => {
                if let Some(call) = fields.take("item").and_then(function_call) {
                    self.call(item, call, out);
                }
            }
            "response.output_item.done" => {
                if let Some(raw) = fields.take("item") {
                    self.item_done(item, raw, out);
                }
            }
            "response.output_text.delta" => self.say(item, &mut fields, "delta", Piece::Text, out),
            "response.output_text.done" => self.say(item, &mut fields, "text", Piece::Text, out),
            "response.refusal.delta" => {
                self.say(item, &mut fields, "delta", Piece::Refusal, out);
            }
            "response.refusal.done" => {
                self.say(item, &mut fields, "refusal", Piece::Refusal, out);
            }
            "response.function_call_arguments.delta" => {
                self.argue(item, fields.take_text("delta"), false, out);
            }
            "response.function_call_arguments.done" => {
                self.argue(item, fields.take_text("arguments"), true, out);
            }
            "response.reasoning_summary_part.added" if number(&mut fields, "summary_index") > 0 => {
                self.think(item, true, Some("\n\n".into()), out);
            }
            "response.reasoning_summary_text.delta" => {
                self.think(item, true, fields.take_text("delta"), out);
            }
            "response.reasoning_text.delta" => {
                self.think(item, false, fields.take_text("delta"), out);
            }
            // What tools of the provider do, annotations, and what may come in the future.
            _ => {}
        }
    }

    /// Text of a part: its deltas, or the whole of it where a server sends none.
    fn say<'a>(
        &mut self,
        item: u64,
        fields: &mut Fields<'a>,
        name: &str,
        piece: impl FnOnce(Cow<'a, str>) -> Piece<'a>,
        out: &mut Vec<Piece<'a>>,
    ) {
        let place = (item, number(fields, "content_index"));
        let Some(text) = fields.take_text(name).filter(|text| !text.is_empty()) else { return };
        if name != "delta" && self.told.contains(&place) {
            return;
        }
        self.told.insert(place);
        let piece = piece(text);
        if let Piece::Refusal(text) = &piece {
            self.refused.get_or_insert_default().push_str(text);
        }
        out.push(piece);
    }

    fn think<'a>(
        &mut self,
        item: u64,
        summary: bool,
        text: Option<Cow<'a, str>>,
        out: &mut Vec<Piece<'a>>,
    ) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        let open = self.thought.as_ref().filter(|open| open.item == item);
        if open.is_some_and(|open| open.summary != summary) {
            return;
        }
        if open.is_none() {
            self.thought = Some(Thought { item, summary });
        }
        out.push(Piece::Thinking(text));
    }

    fn call<'a>(&mut self, item: u64, call: NewCall<'a>, out: &mut Vec<Piece<'a>>) {
        if self.calls.contains_key(&item) {
            return;
        }
        let number = self.calls.len() as u64;
        self.calls.insert(item, Call { number, argued: false, ended: false });
        out.push(Piece::Tool { call: number, id: call.id, name: call.name });
    }

    /// Arguments of a call: their deltas, or the `whole` of them where a server sends none.
    fn argue<'a>(
        &mut self,
        item: u64,
        text: Option<Cow<'a, str>>,
        whole: bool,
        out: &mut Vec<Piece<'a>>,
    ) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        let Some(call) = self.calls.get_mut(&item).filter(|call| !call.ended) else { return };
        if !(whole && call.argued) {
            call.argued = true;
            out.push(Piece::Arguments { call: call.number, text });
        }
    }

    fn item_done<'a>(&mut self, item: u64, raw: Raw<'a>, out: &mut Vec<Piece<'a>>) {
        let Some(mut fields) = Fields::lenient(raw) else { return };
        match fields.take_text("type").as_deref() {
            Some("function_call") => {
                let arguments = fields.take_text("arguments");
                if let Some(call) = function_call(raw) {
                    self.call(item, call, out);
                }
                self.argue(item, arguments, true, out);
                if let Some(call) = self.calls.get_mut(&item).filter(|call| !call.ended) {
                    call.ended = true;
                    out.push(Piece::ToolEnd { call: call.number });
                }
            }
            Some("reasoning") => {
                let told = self.thought.take().is_some_and(|thought| thought.item == item);
                let sealed = fields.take_text("encrypted_content").is_some();
                let text = reasoning_text(&mut fields);
                if sealed || told || !text.is_empty() {
                    if !told {
                        // Even an empty one opens: its signature alone follows.
                        out.push(Piece::Thinking(text));
                    }
                    out.push(Piece::Signature(carrier::seal_item(raw).into()));
                    out.push(Piece::ThinkingEnd);
                }
            }
            _ => {}
        }
    }

    fn end<'a>(&mut self, mut response: Fields<'a>, out: &mut Vec<Piece<'a>>) {
        let ended = Ended::take(&mut response);
        let calls = !self.calls.is_empty();
        let refused = self.refused.take();
        let kind = match ended.stop(calls) {
            Some(Stop::End) | None if refused.is_some() => Stop::Refusal,
            kind => kind.unwrap_or(Stop::End),
        };
        let explanation = refused.map(Cow::Owned);
        out.push(Piece::Stop(Stopped { kind, sequence: None, explanation }));
        out.push(Piece::Done);
    }
}

struct NewCall<'a> {
    id: Cow<'a, str>,
    name: Cow<'a, str>,
}

fn function_call(raw: Raw<'_>) -> Option<NewCall<'_>> {
    let mut item = Fields::lenient(raw)?;
    if item.take_text("type")? != "function_call" {
        return None;
    }
    Some(NewCall { id: item.take_text("call_id")?, name: item.take_text("name")? })
}

fn number(fields: &mut Fields<'_>, name: &str) -> u64 {
    fields.take(name).and_then(json::whole).unwrap_or(0)
}
