//! Reading the events of a Converse stream, each as an object whose only member names its kind.

use std::{borrow::Cow, collections::BTreeMap};

use super::reply::stop_of;
use crate::{
    StreamFault,
    conversation::Stopped,
    json::{self, Fields},
    stream::{Meter, Piece},
    upstream,
};

#[derive(Default)]
pub(crate) struct EventReader {
    /// Blocks that are open, by the provider's index.
    open: BTreeMap<u64, Block>,
    next_call: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Text,
    Thinking,
    Tool(u64),
}

impl EventReader {
    pub(crate) fn read<'a>(
        &mut self,
        text: &'a str,
        meter: &mut Meter,
        out: &mut Vec<Piece<'a>>,
    ) -> Result<(), StreamFault> {
        let raw = json::document(text.as_bytes()).ok_or(StreamFault::Malformed)?;
        let all = Fields::lenient(raw).ok_or(StreamFault::Malformed)?;
        let (kind, raw) = all.entries().next().ok_or(StreamFault::Malformed)?;
        let mut fields = Fields::lenient(raw).ok_or(StreamFault::Malformed)?;
        match kind {
            "messageStart" => {
                out.push(Piece::Start { id: Cow::Borrowed(""), model: Cow::Borrowed("") });
            }
            "contentBlockStart" => self.start(fields, out)?,
            "contentBlockDelta" => self.delta(fields, out)?,
            "contentBlockStop" => self.stop(&mut fields, out)?,
            "messageStop" => {
                let reason = fields.take_text("stopReason").ok_or(StreamFault::Malformed)?;
                let kind = stop_of(&reason);
                out.push(Piece::Stop(Stopped { kind, sequence: None, explanation: None }));
            }
            "metadata" => {
                if let Some(raw) = fields.take("usage") {
                    meter.converse(raw);
                }
                // Nothing follows it.
                out.push(Piece::Done);
            }
            "exception" => {
                let name = fields.take_text("name").unwrap_or_default();
                let message = fields.take("error").and_then(Fields::lenient);
                let message = message.and_then(|mut said| said.take_text("message"));
                return Err(StreamFault::Upstream(upstream::aws(None, &name, message.as_deref())));
            }
            // New events may come at any time and are to be ignored.
            _ => {}
        }
        Ok(())
    }

    /// Only calls begin with an event of their own.
    fn start<'a>(
        &mut self,
        mut fields: Fields<'a>,
        out: &mut Vec<Piece<'a>>,
    ) -> Result<(), StreamFault> {
        let index = index(&mut fields)?;
        let started = fields.take("start").and_then(Fields::lenient);
        let call = started.and_then(|mut start| start.take("toolUse")).and_then(Fields::lenient);
        let Some(mut tool) = call else { return Ok(()) };
        let call = self.next_call;
        self.next_call += 1;
        self.open.insert(index, Block::Tool(call));
        out.push(Piece::Tool {
            call,
            id: tool.take_text("toolUseId").unwrap_or_default(),
            name: tool.take_text("name").unwrap_or_default(),
        });
        Ok(())
    }

    fn delta<'a>(
        &mut self,
        mut fields: Fields<'a>,
        out: &mut Vec<Piece<'a>>,
    ) -> Result<(), StreamFault> {
        let index = index(&mut fields)?;
        let delta = fields.take("delta").and_then(Fields::lenient);
        let mut delta = delta.ok_or(StreamFault::Malformed)?;
        let block = self.open.get(&index).copied();
        if let Some(text) = delta.take_text("text") {
            self.open.entry(index).or_insert(Block::Text);
            out.extend(Some(text).filter(|text| !text.is_empty()).map(Piece::Text));
        } else if let Some(mut tool) = delta.take("toolUse").and_then(Fields::lenient) {
            let text = tool.take_text("input").filter(|text| !text.is_empty());
            if let (Some(Block::Tool(call)), Some(text)) = (block, text) {
                out.push(Piece::Arguments { call, text });
            }
        } else if let Some(thought) = delta.take("reasoningContent").and_then(Fields::lenient) {
            self.thought(index, thought, out);
        }
        Ok(())
    }

    fn thought<'a>(&mut self, index: u64, mut thought: Fields<'a>, out: &mut Vec<Piece<'a>>) {
        if let Some(data) = thought.take_text("redactedContent") {
            out.push(Piece::RedactedThinking(data));
            return;
        }
        if self.open.insert(index, Block::Thinking) != Some(Block::Thinking) {
            // Even one without words opens: its signature alone may follow.
            out.push(Piece::Thinking(Cow::Borrowed("")));
        }
        let said = thought.take_text("text").filter(|text| !text.is_empty());
        out.extend(said.map(Piece::Thinking));
        let signature = thought.take_text("signature").filter(|text| !text.is_empty());
        out.extend(signature.map(Piece::Signature));
    }

    fn stop(
        &mut self,
        fields: &mut Fields<'_>,
        out: &mut Vec<Piece<'_>>,
    ) -> Result<(), StreamFault> {
        match self.open.remove(&index(fields)?) {
            Some(Block::Thinking) => out.push(Piece::ThinkingEnd),
            Some(Block::Tool(call)) => out.push(Piece::ToolEnd { call }),
            Some(Block::Text) | None => {}
        }
        Ok(())
    }
}

fn index(fields: &mut Fields<'_>) -> Result<u64, StreamFault> {
    fields.take("contentBlockIndex").and_then(json::whole).ok_or(StreamFault::Malformed)
}
