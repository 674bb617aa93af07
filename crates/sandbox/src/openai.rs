//! Writing Chat Completions responses.

use serde_json::{Map, Value, json};

use crate::{
    play::Frame,
    reply::{Block, Count, Reply, Stop, Tell},
};

/// Fixed, so that answers do not depend on the hour.
const CREATED: u64 = 1_700_000_000;

/// The whole answer as one JSON document.
pub(crate) fn whole(reply: &Reply, serial: u64) -> Value {
    let mut message = Map::new();
    message.insert("role".to_owned(), json!("assistant"));
    message.insert("content".to_owned(), Value::Null);
    message.insert("refusal".to_owned(), Value::Null);
    let mut calls = Vec::new();
    for block in &reply.blocks {
        match block {
            Block::Text(text) => {
                message.insert("content".to_owned(), json!(text));
            }
            Block::Thinking { text, .. } => {
                message.insert("reasoning_content".to_owned(), json!(text));
            }
            Block::Redacted(_) => {}
            Block::Call { id, name, arguments } => calls.push(json!({
                "id": id, "type": "function", "function": {"name": name, "arguments": arguments},
            })),
        }
    }
    if !calls.is_empty() {
        message.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    let mut body = json!({
        "id": format!("chatcmpl-sandbox-{serial}"),
        "object": "chat.completion",
        "created": CREATED,
        "model": reply.model,
        "choices": [{
            "index": 0, "message": message, "logprobs": null, "finish_reason": finish(reply.stop),
        }],
        "system_fingerprint": "fp_sandbox",
    });
    if let (Some(usage), Some(members)) = (usage(&reply.count), body.as_object_mut()) {
        members.insert("usage".to_owned(), usage);
    }
    body
}

/// The answer as a stream of chunks, `[DONE]` included.
pub(crate) fn frames(reply: &Reply, serial: u64, include_usage: bool) -> Vec<Frame> {
    let chunk = |delta: Value, finish: Value, semantic: bool| {
        let choice =
            json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}]);
        let mut body = envelope(reply, serial, choice);
        if let (true, Some(members)) = (include_usage, body.as_object_mut()) {
            members.insert("usage".to_owned(), Value::Null);
        }
        Frame { name: None, data: body.to_string(), semantic }
    };
    let mut frames = vec![chunk(
        json!({"role": "assistant", "content": "", "refusal": null}),
        Value::Null,
        false,
    )];
    let mut index = 0;
    for block in &reply.blocks {
        let deltas: Vec<Value> = match block {
            Block::Text(text) => pieces(text).map(|text| json!({"content": text})).collect(),
            Block::Thinking { text, .. } => {
                pieces(text).map(|text| json!({"reasoning_content": text})).collect()
            }
            Block::Redacted(_) => Vec::new(),
            Block::Call { id, name, arguments } => {
                let deltas = call_deltas(index, id, name, arguments);
                index += 1;
                deltas
            }
        };
        frames.extend(deltas.into_iter().map(|delta| chunk(delta, Value::Null, true)));
    }
    frames.push(chunk(json!({}), json!(finish(reply.stop)), true));
    if let (true, Some(usage)) = (include_usage, usage(&reply.count)) {
        let mut body = envelope(reply, serial, json!([]));
        if let Some(members) = body.as_object_mut() {
            members.insert("usage".to_owned(), usage);
        }
        frames.push(Frame { name: None, data: body.to_string(), semantic: false });
    }
    frames.push(Frame { name: None, data: "[DONE]".to_owned(), semantic: false });
    frames
}

/// The same as Azure streams it: what it says of the prompt comes first, without an id or a model.
pub(crate) fn filtered(reply: &Reply, serial: u64, include_usage: bool) -> Vec<Frame> {
    let safe = json!({"hate": {"filtered": false, "severity": "safe"}});
    let first = json!({
        "choices": [], "created": 0, "id": "", "model": "", "object": "",
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": safe}],
    });
    let first = Frame { name: None, data: first.to_string(), semantic: false };
    std::iter::once(first).chain(frames(reply, serial, include_usage)).collect()
}

fn envelope(reply: &Reply, serial: u64, choices: Value) -> Value {
    json!({
        "id": format!("chatcmpl-sandbox-{serial}"),
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": reply.model,
        "system_fingerprint": "fp_sandbox",
        "choices": choices,
    })
}

/// First the call's name, then its arguments in fragments that need not end where a token does.
fn call_deltas(index: usize, id: &str, name: &str, arguments: &str) -> Vec<Value> {
    let opening = json!({"tool_calls": [{
        "index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""},
    }]});
    let mut deltas = vec![opening];
    deltas
        .extend(fragments(arguments).map(
            |part| json!({"tool_calls": [{"index": index, "function": {"arguments": part}}]}),
        ));
    deltas
}

/// A text in pieces of one word each, spaces kept.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ')
}

/// A text in pieces of at most seven characters.
pub(crate) fn fragments(text: &str) -> impl Iterator<Item = String> {
    let mut rest = text.chars();
    std::iter::from_fn(move || {
        let piece: String = rest.by_ref().take(7).collect();
        (!piece.is_empty()).then_some(piece)
    })
}

const fn finish(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "stop",
        Stop::Length => "length",
        Stop::Tools => "tool_calls",
    }
}

/// `None` when the twin keeps quiet about usage. `prompt_tokens` includes what came from a cache.
fn usage(count: &Count) -> Option<Value> {
    let input = count.input + count.cached;
    match count.tell {
        Tell::No => None,
        Tell::Null => Some(Value::Null),
        Tell::Yes => Some(json!({
            "prompt_tokens": input,
            "completion_tokens": count.output,
            "total_tokens": input + count.output,
            "prompt_tokens_details": {"cached_tokens": count.cached, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": count.thinking, "audio_tokens": 0,
                "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
            },
        })),
    }
}
