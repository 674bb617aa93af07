//! Reading the events of a Messages stream.

use std::collections::BTreeMap;

use super::{content::arguments, reply::read_stop};
use crate::{
    StreamFault,
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

#[derive(Clone, Copy)]
enum Block {
    Text,
    Thinking,
    Tool(u64),
    /// What a server-side tool does; the other format has no word for it.
    Unknown,
}

impl EventReader {
    /// Reads the data of one event.
    pub(crate) fn read<'a>(
        &mut self,
        text: &'a str,
        meter: &mut Meter,
        out: &mut Vec<Piece<'a>>,
    ) -> Result<(), StreamFault> {
        let raw = json::document(text.as_bytes()).ok_or(StreamFault::Malformed)?;
        let mut fields = Fields::lenient(raw).ok_or(StreamFault::Malformed)?;
        let kind = fields.take_text("type").ok_or(StreamFault::Malformed)?;
        match &*kind {
            "message_start" => {
                let message = fields.take("message").and_then(Fields::lenient);
                let mut message = message.ok_or(StreamFault::Malformed)?;
                if let Some(raw) = message.take("usage") {
                    meter.anthropic_start(raw);
                }
                out.push(Piece::Start {
                    id: message.take_text("id").unwrap_or_default(),
                    model: message.take_text("model").unwrap_or_default(),
                });
            }
            "content_block_start" => self.start(fields, out)?,
            "content_block_delta" => self.delta(fields, out)?,
            "content_block_stop" => self.stop(&mut fields, out)?,
            "message_delta" => {
                if let Some(raw) = fields.take("usage") {
                    meter.anthropic_delta(raw);
                }
                let delta = fields.take("delta").and_then(Fields::lenient);
                let stop = delta.and_then(|mut delta| read_stop(&mut delta));
                out.extend(stop.map(Piece::Stop));
            }
            "message_stop" => out.push(Piece::Done),
            "ping" => out.push(Piece::Ping),
            "error" => {
                let raw = fields.take("error").ok_or(StreamFault::Malformed)?;
                return Err(StreamFault::Upstream(upstream::reduce(None, raw)));
            }
            // New events may come at any time and are to be ignored.
            _ => {}
        }
        Ok(())
    }

    fn start<'a>(
        &mut self,
        mut fields: Fields<'a>,
        out: &mut Vec<Piece<'a>>,
    ) -> Result<(), StreamFault> {
        let index = index(&mut fields)?;
        let block = fields.take("content_block").and_then(Fields::lenient);
        let mut block = block.ok_or(StreamFault::Malformed)?;
        let kind = block.take_text("type").ok_or(StreamFault::Malformed)?;
        let opened = match &*kind {
            "text" => {
                let text = block.take_text("text").filter(|text| !text.is_empty());
                out.extend(text.map(Piece::Text));
                Block::Text
            }
            "thinking" => {
                // Even an empty one opens: its signature alone may follow.
                out.push(Piece::Thinking(block.take_text("thinking").unwrap_or_default()));
                let signature = block.take_text("signature").filter(|text| !text.is_empty());
                out.extend(signature.map(Piece::Signature));
                Block::Thinking
            }
            "redacted_thinking" => {
                out.extend(block.take_text("data").map(Piece::RedactedThinking));
                Block::Unknown
            }
            "tool_use" => {
                let call = self.next_call;
                self.next_call += 1;
                out.push(Piece::Tool {
                    call,
                    id: block.take_text("id").unwrap_or_default(),
                    name: block.take_text("name").unwrap_or_default(),
                });
                // Usually `{}` here and the text in deltas; compatible servers may give it at once.
                let text = arguments(block.take("input"));
                if text.len() > 2 {
                    out.push(Piece::Arguments { call, text });
                }
                Block::Tool(call)
            }
            _ => Block::Unknown,
        };
        self.open.insert(index, opened);
        Ok(())
    }

    fn delta<'a>(
        &self,
        mut fields: Fields<'a>,
        out: &mut Vec<Piece<'a>>,
    ) -> Result<(), StreamFault> {
        let block = self.open.get(&index(&mut fields)?).copied();
        let delta = fields.take("delta").and_then(Fields::lenient);
        let mut delta = delta.ok_or(StreamFault::Malformed)?;
        let kind = delta.take_text("type").ok_or(StreamFault::Malformed)?;
        match (&*kind, block) {
            ("text_delta", Some(Block::Text)) => {
                out.extend(
                    delta.take_text("text").filter(|text| !text.is_empty()).map(Piece::Text),
                );
            }
            ("thinking_delta", Some(Block::Thinking)) => {
                let text = delta.take_text("thinking").filter(|text| !text.is_empty());
                out.extend(text.map(Piece::Thinking));
            }
            ("signature_delta", Some(Block::Thinking)) => {
                out.extend(delta.take_text("signature").map(Piece::Signature));
            }
            ("input_json_delta", Some(Block::Tool(call))) => {
                let text = delta.take_text("partial_json").filter(|text| !text.is_empty());
                out.extend(text.map(|text| Piece::Arguments { call, text }));
            }
            // Citations, and what belongs to blocks that were not understood.
            _ => {}
        }
        Ok(())
    }

    fn stop(
        &mut self,
        fields: &mut Fields<'_>,
        out: &mut Vec<Piece<'_>>,
    ) -> Result<(), StreamFault> {
        match self.open.remove(&index(fields)?) {
            Some(Block::Thinking) => out.push(Piece::ThinkingEnd),
            Some(Block::Tool(call)) => out.push(Piece::ToolEnd { call }),
            _ => {}
        }
        Ok(())
    }
}

fn index(fields: &mut Fields<'_>) -> Result<u64, StreamFault> {
    fields.take("index").and_then(json::whole).ok_or(StreamFault::Malformed)
}
