//! Writing Converse answers.

pub(crate) mod event_stream;

use serde_json::{Value, json};

use crate::{
    openai::{fragments, pieces},
    play::Frame,
    reply::{Block, Count, Reply, Stop, Tell},
};

/// The whole answer as one JSON document. It has neither an id nor the model's name.
pub(crate) fn whole(reply: &Reply) -> Value {
    let content: Vec<Value> = reply.blocks.iter().map(whole_block).collect();
    let mut body = json!({
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason(reply.stop),
        "metrics": {"latencyMs": 12},
    });
    if let (Some(usage), Some(members)) = (usage(&reply.count), body.as_object_mut()) {
        members.insert("usage".to_owned(), usage);
    }
    body
}

fn whole_block(block: &Block) -> Value {
    match block {
        Block::Thinking { text, signature } => {
            json!({"reasoningContent": {"reasoningText": {"text": text, "signature": signature}}})
        }
        Block::Redacted(data) => json!({"reasoningContent": {"redactedContent": data}}),
        Block::Text(text) => json!({"text": text}),
        Block::Call { id, name, arguments } => json!({"toolUse": {
            "toolUseId": id, "name": name,
            "input": serde_json::from_str::<Value>(arguments).unwrap_or_default(),
        }}),
    }
}

/// The answer as messages. Blocks of text and thought have no beginning of their own.
pub(crate) fn frames(reply: &Reply) -> Vec<Frame> {
    let mut frames = vec![event("messageStart", &json!({"role": "assistant", "p": "abc"}), false)];
    for (at, block) in reply.blocks.iter().enumerate() {
        if let Block::Call { id, name, .. } = block {
            let start = json!({"toolUse": {"toolUseId": id, "name": name}});
            let data = json!({"start": start, "contentBlockIndex": at, "p": "abcdef"});
            frames.push(event("contentBlockStart", &data, true));
        }
        for delta in deltas(block) {
            let data = json!({"delta": delta, "contentBlockIndex": at, "p": "abcd"});
            frames.push(event("contentBlockDelta", &data, true));
        }
        frames.push(event("contentBlockStop", &json!({"contentBlockIndex": at}), false));
    }
    frames.push(event("messageStop", &json!({"stopReason": stop_reason(reply.stop)}), true));
    let mut last = json!({"metrics": {"latencyMs": 12}});
    if let (Some(usage), Some(members)) = (usage(&reply.count), last.as_object_mut()) {
        members.insert("usage".to_owned(), usage);
    }
    frames.push(event("metadata", &last, false));
    frames
}

fn event(name: &'static str, data: &Value, semantic: bool) -> Frame {
    Frame { name: Some(name), data: data.to_string(), semantic }
}

fn deltas(block: &Block) -> Vec<Value> {
    match block {
        Block::Thinking { text, signature } => {
            let said = pieces(text).map(|text| json!({"reasoningContent": {"text": text}}));
            let signed = json!({"reasoningContent": {"signature": signature}});
            said.chain([signed]).collect()
        }
        Block::Redacted(data) => vec![json!({"reasoningContent": {"redactedContent": data}})],
        Block::Text(text) => pieces(text).map(|text| json!({"text": text})).collect(),
        Block::Call { arguments, .. } => {
            fragments(arguments).map(|part| json!({"toolUse": {"input": part}})).collect()
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

/// `None` when the twin keeps quiet about usage. `inputTokens` excludes what came from a cache.
fn usage(count: &Count) -> Option<Value> {
    match count.tell {
        Tell::No => None,
        Tell::Null => Some(Value::Null),
        Tell::Yes => Some(json!({
            "inputTokens": count.input,
            "outputTokens": count.output,
            "totalTokens": count.input + count.cached + count.output,
            "cacheReadInputTokens": count.cached,
            "cacheWriteInputTokens": 0,
        })),
    }
}

/// What the service calls an error of that status.
pub(crate) const fn exception(status: u16) -> &'static str {
    match status {
        401 => "UnrecognizedClientException",
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        429 => "ThrottlingException",
        503 | 529 => "ServiceUnavailableException",
        500..=599 => "InternalServerException",
        _ => "ValidationException",
    }
}

/// The status that the service answers with: a wrong credential is no 401 here, and overload has one word.
pub(crate) const fn status(status: u16) -> u16 {
    match status {
        401 => 403,
        529 => 503,
        status => status,
    }
}
