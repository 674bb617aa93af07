//! Writing Gemini answers.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use crate::{
    openai::pieces,
    play::Frame,
    reply::{Block, Count, Reply, Stop, Tell, signature_of},
};

/// What is signed on a part that is no call.
const SAID: &str = "said";

/// The signature on a part: on a call it is bound to the call.
fn signature(call: Option<&Value>) -> String {
    let bound = call.map_or_else(
        || SAID.to_owned(),
        |call| {
            let part = |name: &str| call.get(name).map(Value::to_string).unwrap_or_default();
            format!("{}{}", part("name"), part("args"))
        },
    );
    STANDARD.encode(signature_of(&bound))
}

/// Whether the twin signed that, where it stands; `call` when the part is one.
pub(crate) fn is_signature(text: &str, call: Option<&Value>) -> bool {
    text == signature(call)
}

/// The whole answer as one JSON document; `thoughts` when they are to be shown.
pub(crate) fn whole(reply: &Reply, serial: u64, thoughts: bool) -> Value {
    let parts: Vec<Value> = parts(reply, thoughts, false).into_iter().flatten().collect();
    let mut body = chunk(reply, serial, &parts, Some(finish(reply.stop)));
    tell(&mut body, usage(&reply.count, reply.count.output));
    Value::Object(body)
}

/// The answer as chunks, each an answer in itself.
pub(crate) fn frames(reply: &Reply, serial: u64, thoughts: bool) -> Vec<Frame> {
    let all: Vec<Value> = parts(reply, thoughts, true).into_iter().flatten().collect();
    let frame = |body: Map<String, Value>| Frame {
        name: None,
        data: Value::Object(body).to_string(),
        semantic: true,
    };
    let mut frames = Vec::new();
    for (at, part) in all.iter().enumerate() {
        let mut body = chunk(reply, serial, std::slice::from_ref(part), None);
        // Counts grow with what was said; only the last are those of the whole answer.
        let said = u64::try_from(at).unwrap_or(0).min(reply.count.output);
        tell(&mut body, usage(&reply.count, said));
        frames.push(frame(body));
    }
    let mut last = chunk(reply, serial, &[json!({"text": ""})], Some(finish(reply.stop)));
    tell(&mut last, usage(&reply.count, reply.count.output));
    frames.push(frame(last));
    frames
}

/// The parts of each block. What was thought is signed on the part after it.
fn parts(reply: &Reply, thoughts: bool, stream: bool) -> Vec<Vec<Value>> {
    let mut signed = false;
    let mut all = Vec::new();
    for block in &reply.blocks {
        all.push(match block {
            Block::Thinking { text, .. } => {
                signed = true;
                thought(text, thoughts, stream)
            }
            Block::Redacted(_) => {
                signed = true;
                Vec::new()
            }
            Block::Text(text) => said(text, std::mem::take(&mut signed), stream),
            Block::Call { id, name, arguments } => {
                vec![call((id, name, arguments), std::mem::take(&mut signed))]
            }
        });
    }
    all
}

fn thought(text: &str, shown: bool, stream: bool) -> Vec<Value> {
    let part = |text: &str| json!({"text": text, "thought": true});
    match (shown, stream) {
        (false, _) => Vec::new(),
        (true, true) => pieces(text).map(part).collect(),
        (true, false) => vec![part(text)],
    }
}

/// Text that is streamed is signed on an empty part after it.
fn said(text: &str, signed: bool, stream: bool) -> Vec<Value> {
    let signature = signature(None);
    if !stream {
        let mut part = json!({"text": text});
        if signed && let Some(members) = part.as_object_mut() {
            members.insert("thoughtSignature".to_owned(), json!(signature));
        }
        return vec![part];
    }
    let mut parts: Vec<Value> = pieces(text).map(|text| json!({"text": text})).collect();
    if signed {
        parts.push(json!({"text": "", "thoughtSignature": signature}));
    }
    parts
}

/// Older models give their calls no ids, and so does the twin where a model calls once.
fn call((id, name, arguments): (&str, &str, &str), signed: bool) -> Value {
    let args = serde_json::from_str::<Value>(arguments).unwrap_or_default();
    let mut call = json!({"name": name, "args": args});
    if args != json!({})
        && let Some(members) = call.as_object_mut()
    {
        members.shift_insert(0, "id".to_owned(), json!(id));
    }
    let mut part = json!({"functionCall": call});
    if signed && let Some(members) = part.as_object_mut() {
        members.insert("thoughtSignature".to_owned(), json!(signature(Some(&call))));
    }
    part
}

fn chunk(reply: &Reply, serial: u64, parts: &[Value], finish: Option<&str>) -> Map<String, Value> {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let (Some(finish), Some(members)) = (finish, candidate.as_object_mut()) {
        members.insert("finishReason".to_owned(), json!(finish));
    }
    let body = json!({
        "candidates": [candidate],
        "modelVersion": reply.model,
        "responseId": format!("sandbox-{serial}"),
    });
    body.as_object().cloned().unwrap_or_default()
}

fn tell(body: &mut Map<String, Value>, usage: Option<Value>) {
    if let Some(usage) = usage {
        body.insert("usageMetadata".to_owned(), usage);
    }
}

const fn finish(stop: Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Tools => "STOP",
        Stop::Length => "MAX_TOKENS",
    }
}

/// `None` when the twin keeps quiet about usage. `promptTokenCount` includes what came from a cache, and
/// `candidatesTokenCount` does not include what was thought. `said` is what has come so far.
fn usage(count: &Count, said: u64) -> Option<Value> {
    let prompt = count.input + count.cached;
    let thought = count.thinking.min(said);
    match count.tell {
        Tell::No => None,
        Tell::Null => Some(Value::Null),
        Tell::Yes => {
            let mut usage = json!({
                "promptTokenCount": prompt,
                "candidatesTokenCount": said - thought,
                "totalTokenCount": prompt + said,
                "promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}],
            });
            if let Some(members) = usage.as_object_mut() {
                if count.cached > 0 {
                    members.insert("cachedContentTokenCount".to_owned(), json!(count.cached));
                }
                if thought > 0 {
                    members.insert("thoughtsTokenCount".to_owned(), json!(thought));
                }
            }
            Some(usage)
        }
    }
}
