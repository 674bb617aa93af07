//! Writing Messages responses.

use serde_json::{Value, json};

use crate::{
    openai::{fragments, pieces},
    play::Frame,
    reply::{Block, Count, Reply, Stop, Tell},
};

/// The whole answer as one JSON document.
pub(crate) fn whole(reply: &Reply, serial: u64) -> Value {
    let content: Vec<Value> = reply.blocks.iter().map(whole_block).collect();
    let mut body = envelope(reply, serial, content, json!(stop_reason(reply.stop)));
    if let (Some(usage), Some(members)) = (usage(&reply.count), body.as_object_mut()) {
        members.insert("usage".to_owned(), usage);
    }
    body
}

fn envelope(reply: &Reply, serial: u64, content: Vec<Value>, stop_reason: Value) -> Value {
    json!({
        "id": format!("msg_sandbox_{serial}"),
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": null,
    })
}

fn whole_block(block: &Block) -> Value {
    match block {
        Block::Thinking { text, signature } => {
            json!({"type": "thinking", "thinking": text, "signature": signature})
        }
        Block::Redacted(data) => json!({"type": "redacted_thinking", "data": data}),
        Block::Text(text) => json!({"type": "text", "text": text}),
        Block::Call { id, name, arguments } => json!({
            "type": "tool_use", "id": id, "name": name,
            "input": serde_json::from_str::<Value>(arguments).unwrap_or_default(),
        }),
    }
}

/// The answer as typed events.
pub(crate) fn frames(reply: &Reply, serial: u64) -> Vec<Frame> {
    let mut start = envelope(reply, serial, Vec::new(), Value::Null);
    if let (Some(mut usage), Some(members)) = (usage(&reply.count), start.as_object_mut()) {
        // At the start the provider knows the input; the output count is only a beginning.
        if let Some(output) = usage.get_mut("output_tokens") {
            *output = json!(1);
        }
        members.insert("usage".to_owned(), usage);
    }
    let mut frames = vec![
        event("message_start", json!({"message": start}), false),
        event("ping", json!({}), false),
    ];
    for (index, block) in reply.blocks.iter().enumerate() {
        let (opening, deltas) = streamed_block(block);
        let opening = json!({"index": index, "content_block": opening});
        frames.push(event("content_block_start", opening, !deltas_only(block)));
        frames.extend(deltas.into_iter().map(|delta| {
            event("content_block_delta", json!({"index": index, "delta": delta}), true)
        }));
        frames.push(event("content_block_stop", json!({"index": index}), false));
    }
    let mut last =
        json!({"delta": {"stop_reason": stop_reason(reply.stop), "stop_sequence": null}});
    let told = match reply.count.tell {
        Tell::No => None,
        Tell::Null => Some(Value::Null),
        Tell::Yes => Some(json!({"output_tokens": reply.count.output})),
    };
    if let (Some(told), Some(members)) = (told, last.as_object_mut()) {
        members.insert("usage".to_owned(), told);
    }
    frames.push(event("message_delta", last, true));
    frames.push(event("message_stop", json!({}), false));
    frames
}

fn event(name: &'static str, mut data: Value, semantic: bool) -> Frame {
    if let Some(members) = data.as_object_mut() {
        members.shift_insert(0, "type".to_owned(), json!(name));
    }
    Frame { name: Some(name), data: data.to_string(), semantic }
}

/// Whether the block's start says nothing yet.
const fn deltas_only(block: &Block) -> bool {
    matches!(block, Block::Text(_) | Block::Thinking { .. })
}

fn streamed_block(block: &Block) -> (Value, Vec<Value>) {
    match block {
        Block::Thinking { text, signature } => {
            let mut deltas: Vec<Value> = pieces(text)
                .map(|text| json!({"type": "thinking_delta", "thinking": text}))
                .collect();
            deltas.push(json!({"type": "signature_delta", "signature": signature}));
            (json!({"type": "thinking", "thinking": "", "signature": ""}), deltas)
        }
        Block::Redacted(data) => (json!({"type": "redacted_thinking", "data": data}), Vec::new()),
        Block::Text(text) => {
            let deltas = pieces(text).map(|text| json!({"type": "text_delta", "text": text}));
            (json!({"type": "text", "text": ""}), deltas.collect())
        }
        Block::Call { id, name, arguments } => {
            let mut deltas = vec![json!({"type": "input_json_delta", "partial_json": ""})];
            deltas.extend(
                fragments(arguments)
                    .map(|part| json!({"type": "input_json_delta", "partial_json": part})),
            );
            (json!({"type": "tool_use", "id": id, "name": name, "input": {}}), deltas)
        }
    }
}

const fn stop_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::Tools => "tool_use",
    }
}

/// `None` when the twin keeps quiet about usage. `input_tokens` excludes what came from a cache.
fn usage(count: &Count) -> Option<Value> {
    match count.tell {
        Tell::No => None,
        Tell::Null => Some(Value::Null),
        Tell::Yes => Some(json!({
            "input_tokens": count.input,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": count.cached,
            "output_tokens": count.output,
            "service_tier": "standard",
        })),
    }
}
