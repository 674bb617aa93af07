//! The answer as typed events.

use serde_json::{Value, json};

use super::{Answer, function_call, message, output_text, summary};
use crate::{
    behaviour::Behaviour,
    openai::{fragments, pieces},
    play::Frame,
    reply::{Block, Stop, hash},
};

/// All events of an answer. They say how it ended, so nothing like `[DONE]` follows.
pub(crate) fn frames(answer: &Answer<'_>, behaviour: Behaviour) -> Vec<Frame> {
    let mut events = Events { frames: Vec::new(), padded: answer.settings.padded };
    let begun = Value::Object(answer.envelope("in_progress", Vec::new()));
    events.push("response.created", json!({"response": begun}), false);
    events.push("response.in_progress", json!({"response": begun}), false);
    if behaviour == Behaviour::ErrorIn200 {
        events.push("response.failed", json!({"response": answer.failed()}), false);
        return events.frames;
    }
    for (at, block) in answer.reply.blocks.iter().enumerate() {
        events.item(answer, at, block);
    }
    let last = match answer.reply.stop {
        Stop::Length => "response.incomplete",
        Stop::End | Stop::Tools => "response.completed",
    };
    events.push(last, json!({"response": answer.whole()}), true);
    events.frames
}

struct Events {
    frames: Vec<Frame>,
    padded: bool,
}

impl Events {
    fn push(&mut self, name: &'static str, mut data: Value, semantic: bool) {
        if let Some(members) = data.as_object_mut() {
            members.shift_insert(0, "type".to_owned(), json!(name));
            members.shift_insert(1, "sequence_number".to_owned(), json!(self.frames.len()));
        }
        self.frames.push(Frame { name: Some(name), data: data.to_string(), semantic });
    }

    /// One piece of the answer; `place` says where it belongs.
    fn delta(&mut self, name: &'static str, place: &Value, piece: &str) {
        let mut data = with(place, "delta", json!(piece));
        if self.padded {
            data = with(&data, "obfuscation", json!(padding(piece)));
        }
        self.push(name, data, true);
    }

    fn item(&mut self, answer: &Answer<'_>, at: usize, block: &Block) {
        let id = answer.id(at, block);
        let whole = answer.item(at, block);
        let opening = match block {
            Block::Thinking { .. } | Block::Redacted(_) => with(&whole, "summary", json!([])),
            Block::Text(_) => message(&id, "in_progress", Vec::new()),
            Block::Call { id: call, name, .. } => {
                function_call(&id, "in_progress", (call, name), "")
            }
        };
        // A call's name is a piece of the answer.
        let told = matches!(block, Block::Call { .. });
        self.push("response.output_item.added", json!({"output_index": at, "item": opening}), told);
        let place = json!({"item_id": id, "output_index": at});
        match block {
            Block::Thinking { text, .. } if answer.settings.summary => self.summary(&place, text),
            Block::Thinking { .. } | Block::Redacted(_) => {}
            Block::Text(text) => self.text(&place, text),
            Block::Call { arguments, .. } => {
                for piece in fragments(arguments) {
                    self.delta("response.function_call_arguments.delta", &place, &piece);
                }
                let data = with(&place, "arguments", json!(arguments));
                self.push("response.function_call_arguments.done", data, false);
            }
        }
        self.push("response.output_item.done", json!({"output_index": at, "item": whole}), false);
    }

    fn summary(&mut self, place: &Value, text: &str) {
        let place = with(place, "summary_index", json!(0));
        let part = with(&place, "part", summary(""));
        self.push("response.reasoning_summary_part.added", part, false);
        for piece in pieces(text) {
            self.delta("response.reasoning_summary_text.delta", &place, piece);
        }
        let data = with(&place, "text", json!(text));
        self.push("response.reasoning_summary_text.done", data, false);
        let part = with(&place, "part", summary(text));
        self.push("response.reasoning_summary_part.done", part, false);
    }

    fn text(&mut self, place: &Value, text: &str) {
        let place = with(place, "content_index", json!(0));
        let part = with(&place, "part", output_text(""));
        self.push("response.content_part.added", part, false);
        let place_of_text = with(&place, "logprobs", json!([]));
        for piece in pieces(text) {
            self.delta("response.output_text.delta", &place_of_text, piece);
        }
        let data = with(&place_of_text, "text", json!(text));
        self.push("response.output_text.done", data, false);
        let part = with(&place, "part", output_text(text));
        self.push("response.content_part.done", part, false);
    }
}

/// A copy of an object with one member more, or another value of it.
fn with(object: &Value, name: &str, value: Value) -> Value {
    let mut object = object.clone();
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
    object
}

/// Brings a piece to a multiple of sixteen bytes.
fn padding(piece: &str) -> String {
    let noise = format!("{:016x}", hash(piece.as_bytes()));
    noise.chars().skip(piece.len() % 16).collect()
}
