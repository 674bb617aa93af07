//! Writing answers of Cohere's chat.

use serde_json::{Map, Value, json};

use crate::{
    ask::Ask,
    openai::{fragments, pieces},
    play::Frame,
    reply::{Block, Count, Reply, Stop, Tell},
};

/// Tokens that the service reads besides what it was sent, and does not bill.
const PREAMBLE: u64 = 64;
/// What is planned before tools are called without a thought.
const PLAN: &str = "I will use a tool.";

/// The whole answer as one JSON document. It does not say the model's name.
pub(crate) fn whole(reply: &Reply, serial: u64, ask: &Ask) -> Value {
    let mut message = Map::new();
    message.insert("role".to_owned(), json!("assistant"));
    let (mut content, mut calls) = (Vec::new(), Vec::new());
    for block in shown(reply, ask) {
        match block {
            Block::Text(text) => content.push(json!({"type": "text", "text": text})),
            Block::Thinking { text, .. } => {
                content.push(json!({"type": "thinking", "thinking": text}));
            }
            Block::Redacted(_) => {}
            Block::Call { id, name, arguments } => calls.push(call(id, name, arguments)),
        }
    }
    if !content.is_empty() {
        message.insert("content".to_owned(), Value::Array(content));
    }
    if plans(reply, ask) {
        message.insert("tool_plan".to_owned(), json!(PLAN));
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    if let Some(citation) = citation(reply, ask) {
        message.insert("citations".to_owned(), json!([citation]));
    }
    let mut body = json!({
        "id": format!("sandbox-{serial}"), "finish_reason": finish(reply.stop), "message": message,
    });
    if let (Some(usage), Some(members)) = (usage(&reply.count), body.as_object_mut()) {
        members.insert("usage".to_owned(), usage);
    }
    body
}

/// The answer as events.
pub(crate) fn frames(reply: &Reply, serial: u64, ask: &Ask) -> Vec<Frame> {
    let empty = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
    let first = json!({
        "id": format!("sandbox-{serial}"), "type": "message-start", "delta": {"message": empty},
    });
    let mut frames =
        vec![Frame { name: Some("message-start"), data: first.to_string(), semantic: false }];
    if plans(reply, ask) {
        frames.extend(
            pieces(PLAN).map(|text| told("tool-plan-delta", None, &json!({"tool_plan": text}))),
        );
    }
    let (mut at, mut calls) = (0, 0);
    for block in shown(reply, ask) {
        match block {
            Block::Text(text) => {
                frames.extend(spoken("text", text, at));
                at += 1;
            }
            Block::Thinking { text, .. } => {
                frames.extend(spoken("thinking", text, at));
                at += 1;
            }
            Block::Redacted(_) => {}
            Block::Call { id, name, arguments } => {
                frames.extend(called((id, name, arguments), calls));
                calls += 1;
            }
        }
    }
    if let Some(citation) = citation(reply, ask) {
        frames.push(told("citation-start", Some(0), &json!({"citations": citation})));
        frames.push(ended("citation-end", 0));
    }
    let mut delta = json!({"finish_reason": finish(reply.stop)});
    if let (Some(usage), Some(members)) = (usage(&reply.count), delta.as_object_mut()) {
        members.insert("usage".to_owned(), usage);
    }
    let last = json!({"type": "message-end", "delta": delta});
    frames.push(Frame { name: Some("message-end"), data: last.to_string(), semantic: true });
    frames
}

/// The blocks of the answer, without thoughts where they are not to be had.
fn shown<'r>(reply: &'r Reply, ask: &Ask) -> impl Iterator<Item = &'r Block> {
    let thinks = ask.thinking;
    reply.blocks.iter().filter(move |block| thinks || !matches!(block, Block::Thinking { .. }))
}

fn plans(reply: &Reply, ask: &Ask) -> bool {
    let mut blocks = shown(reply, ask);
    reply.stop == Stop::Tools && !blocks.any(|block| matches!(block, Block::Thinking { .. }))
}

fn told(kind: &'static str, index: Option<u64>, message: &Value) -> Frame {
    let mut data = json!({"type": kind, "delta": {"message": message}});
    if let (Some(index), Some(members)) = (index, data.as_object_mut()) {
        members.insert("index".to_owned(), json!(index));
    }
    Frame { name: Some(kind), data: data.to_string(), semantic: !kind.ends_with("content-start") }
}

fn ended(kind: &'static str, index: u64) -> Frame {
    let data = json!({"type": kind, "index": index});
    Frame { name: Some(kind), data: data.to_string(), semantic: false }
}

fn spoken(kind: &str, text: &str, index: u64) -> Vec<Frame> {
    let part = |text: &str| json!({"content": {kind: text}});
    let start = json!({"content": {"type": kind, kind: ""}});
    let mut frames = vec![told("content-start", Some(index), &start)];
    frames.extend(pieces(text).map(|text| told("content-delta", Some(index), &part(text))));
    frames.push(ended("content-end", index));
    frames
}

fn called((id, name, arguments): (&str, &str, &str), index: u64) -> Vec<Frame> {
    let start = json!({"tool_calls": call(id, name, "")});
    let part = |text: String| json!({"tool_calls": {"function": {"arguments": text}}});
    let mut frames = vec![told("tool-call-start", Some(index), &start)];
    frames
        .extend(fragments(arguments).map(|text| told("tool-call-delta", Some(index), &part(text))));
    frames.push(ended("tool-call-end", index));
    frames
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

/// The first word of the text rests on the first document.
fn citation(reply: &Reply, ask: &Ask) -> Option<Value> {
    let document = ask.settings.cited.as_ref()?;
    let text = reply.blocks.iter().find_map(|block| match block {
        Block::Text(text) => Some(text),
        _ => None,
    })?;
    let word = text.split_whitespace().next()?;
    let id = document.get("id").cloned().unwrap_or_else(|| json!("doc:0"));
    let data = document.get("data").cloned().unwrap_or_else(|| json!({"text": document}));
    Some(json!({
        "start": 0, "end": word.chars().count(), "text": word, "type": "TEXT_CONTENT",
        "sources": [{"type": "document", "id": id, "document": data}],
    }))
}

const fn finish(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "COMPLETE",
        Stop::Length => "MAX_TOKENS",
        Stop::Tools => "TOOL_CALL",
    }
}

/// `None` when the twin keeps quiet about usage. What is billed includes what came from a cache.
fn usage(count: &Count) -> Option<Value> {
    let input = count.input + count.cached;
    match count.tell {
        Tell::No => None,
        Tell::Null => Some(Value::Null),
        Tell::Yes => Some(json!({
            "billed_units": {"input_tokens": input, "output_tokens": count.output},
            "tokens": {"input_tokens": input + PREAMBLE, "output_tokens": count.output},
            "cached_tokens": count.cached,
        })),
    }
}
