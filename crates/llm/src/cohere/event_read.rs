//! Reading the events of a Cohere stream.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    plan,
    reply::{ended, stop_of},
    thought,
};
use crate::{
    StreamFault,
    conversation::Stopped,
    json::{self, Fields},
    stream::{Meter, Piece},
};

#[derive(Default)]
pub(crate) struct EventReader {
    /// Thoughts that are being told, by the provider's index.
    thoughts: BTreeSet<u64>,
    /// The provider's index of a call to ours.
    calls: BTreeMap<u64, u64>,
    next_call: u64,
    planning: bool,
}

impl EventReader {
    pub(crate) fn read<'a>(
        &mut self,
        text: &'a str,
        meter: &mut Meter,
        out: &mut Vec<Piece<'a>>,
    ) -> Result<(), StreamFault> {
        if text.trim() == "[DONE]" {
            // Says nothing that the last event has not said.
            return Ok(());
        }
        let raw = json::document(text.as_bytes()).ok_or(StreamFault::Malformed)?;
        let mut fields = Fields::lenient(raw).ok_or(StreamFault::Malformed)?;
        let kind = fields.take_text("type").ok_or(StreamFault::Malformed)?;
        let index = fields.take("index").and_then(json::whole).unwrap_or(0);
        let mut delta = fields.take("delta").and_then(Fields::lenient);
        let mut message = delta.as_mut().and_then(|delta| delta.take("message"));
        let mut part = |name: &str| {
            let mut message = Fields::lenient(message.take()?)?;
            message.take(name)
        };
        match &*kind {
            "message-start" => out.push(Piece::Start {
                id: fields.take_text("id").unwrap_or_default(),
                model: Cow::Borrowed(""),
            }),
            "content-start" | "content-delta" => {
                self.end_plan(out);
                self.content(index, part("content").and_then(Fields::lenient), out);
            }
            "content-end" => self.end_thought(index, out),
            "tool-plan-delta" => {
                let text = part("tool_plan").and_then(json::text).filter(|text| !text.is_empty());
                self.planning |= text.is_some();
                out.extend(text.map(Piece::Thinking));
            }
            "tool-call-start" => {
                self.end_plan(out);
                self.start_call(index, part("tool_calls").and_then(Fields::lenient), out);
            }
            "tool-call-delta" => {
                self.arguments(index, part("tool_calls").and_then(Fields::lenient), out);
            }
            "tool-call-end" => {
                out.extend(self.calls.remove(&index).map(|call| Piece::ToolEnd { call }));
            }
            "message-end" => self.end(delta.ok_or(StreamFault::Malformed)?, meter, out)?,
            // Citations, and whatever may come.
            _ => {}
        }
        Ok(())
    }

    fn content<'a>(&mut self, index: u64, content: Option<Fields<'a>>, out: &mut Vec<Piece<'a>>) {
        let Some(mut content) = content else { return };
        self.end_thoughts(Some(index), out);
        let thinks = content.take_text("type").is_some_and(|kind| kind == "thinking");
        let thought = content.take_text("thinking").filter(|text| !text.is_empty());
        if (thinks || thought.is_some()) && self.thoughts.insert(index) {
            out.push(Piece::Thinking(Cow::Borrowed("")));
        }
        out.extend(thought.map(Piece::Thinking));
        let text = content.take_text("text").filter(|text| !text.is_empty());
        out.extend(text.map(Piece::Text));
    }

    fn start_call<'a>(&mut self, index: u64, call: Option<Fields<'a>>, out: &mut Vec<Piece<'a>>) {
        let Some(mut fields) = call else { return };
        self.end_thoughts(None, out);
        let mut function = fields.take("function").and_then(Fields::lenient);
        let mut of = |name: &str| function.as_mut().and_then(|function| function.take_text(name));
        let call = self.next_call;
        self.next_call += 1;
        self.calls.insert(index, call);
        let id = fields.take_text("id").unwrap_or_else(|| format!("call_{call}").into());
        out.push(Piece::Tool { call, id, name: of("name").unwrap_or_default() });
        let text = of("arguments").filter(|text| !text.is_empty());
        out.extend(text.map(|text| Piece::Arguments { call, text }));
    }

    fn arguments<'a>(&mut self, index: u64, call: Option<Fields<'a>>, out: &mut Vec<Piece<'a>>) {
        let function = call.and_then(|mut call| call.take("function")).and_then(Fields::lenient);
        let text = function.and_then(|mut function| function.take_text("arguments"));
        if let (Some(text), Some(call)) =
            (text.filter(|text| !text.is_empty()), self.calls.get(&index).copied())
        {
            out.push(Piece::Arguments { call, text });
        }
    }

    fn end<'a>(
        &mut self,
        mut delta: Fields<'a>,
        meter: &mut Meter,
        out: &mut Vec<Piece<'a>>,
    ) -> Result<(), StreamFault> {
        if let Some(raw) = delta.take("usage") {
            meter.cohere(raw);
        }
        let reason = delta.take_text("finish_reason").ok_or(StreamFault::Malformed)?;
        let code = delta.take_text("code");
        if let Some(error) = ended(&reason, code.as_deref()) {
            return Err(StreamFault::Upstream(error));
        }
        self.end_plan(out);
        self.end_thoughts(None, out);
        for (_, call) in std::mem::take(&mut self.calls) {
            out.push(Piece::ToolEnd { call });
        }
        let kind = stop_of(&reason);
        out.push(Piece::Stop(Stopped { kind, sequence: None, explanation: None }));
        // Nothing follows it.
        out.push(Piece::Done);
        Ok(())
    }

    fn end_plan(&mut self, out: &mut Vec<Piece<'_>>) {
        if std::mem::take(&mut self.planning) {
            out.push(Piece::Signature(plan().into()));
            out.push(Piece::ThinkingEnd);
        }
    }

    /// Ends those that the provider did not end, but for the one that goes on.
    fn end_thoughts(&mut self, but: Option<u64>, out: &mut Vec<Piece<'_>>) {
        let over: Vec<u64> =
            self.thoughts.iter().copied().filter(|index| Some(*index) != but).collect();
        over.into_iter().for_each(|index| self.end_thought(index, out));
    }

    fn end_thought(&mut self, index: u64, out: &mut Vec<Piece<'_>>) {
        if self.thoughts.remove(&index) {
            out.push(Piece::Signature(thought().into()));
            out.push(Piece::ThinkingEnd);
        }
    }
}
