//! Writing Responses answers.

mod stream;

use serde_json::{Map, Value, json};

use crate::{
    reply::{Block, Count, Reply, Stop, Tell},
    seal,
    settings::Settings,
};

pub(crate) use stream::frames;

/// Fixed, so that answers do not depend on the hour.
const CREATED: u64 = 1_700_000_000;

/// An answer and what its request said about it.
pub(crate) struct Answer<'a> {
    pub reply: &'a Reply,
    pub settings: &'a Settings,
    pub serial: u64,
}

impl Answer<'_> {
    /// The whole answer as one JSON document.
    pub(crate) fn whole(&self) -> Value {
        let items = self.reply.blocks.iter().enumerate();
        let output = items.map(|(at, block)| self.item(at, block)).collect();
        let short = self.reply.stop == Stop::Length;
        let mut body = self.envelope(if short { "incomplete" } else { "completed" }, output);
        body.insert("completed_at".to_owned(), if short { Value::Null } else { json!(CREATED) });
        if short {
            let why = json!({"reason": "max_output_tokens"});
            body.insert("incomplete_details".to_owned(), why);
        }
        match usage(&self.reply.count) {
            Some(usage) => body.insert("usage".to_owned(), usage),
            None => body.remove("usage"),
        };
        Value::Object(body)
    }

    /// What an answer looks like that its provider gave up on.
    pub(crate) fn failed(&self) -> Value {
        let mut body = self.envelope("failed", Vec::new());
        let why = json!({"code": "server_error", "message": "sandbox is overloaded"});
        body.insert("error".to_owned(), why);
        Value::Object(body)
    }

    fn envelope(&self, status: &str, output: Vec<Value>) -> Map<String, Value> {
        let head = json!({
            "id": format!("resp_sandbox_{}", self.serial),
            "object": "response",
            "created_at": CREATED,
            "status": status,
            "completed_at": null,
            "error": null,
            "incomplete_details": null,
            "model": self.reply.model,
            "output": output,
            "usage": null,
        });
        let mut body = head.as_object().cloned().unwrap_or_default();
        body.extend(self.settings.shown.clone());
        body
    }

    fn id(&self, at: usize, block: &Block) -> String {
        let prefix = match block {
            Block::Thinking { .. } | Block::Redacted(_) => "rs",
            Block::Text(_) => "msg",
            Block::Call { .. } => "fc",
        };
        format!("{prefix}_sandbox_{}_{at}", self.serial)
    }

    /// One item of the output, as it is in the end.
    fn item(&self, at: usize, block: &Block) -> Value {
        let id = self.id(at, block);
        match block {
            Block::Thinking { text, .. } => {
                let summary = if self.settings.summary { vec![summary(text)] } else { Vec::new() };
                self.reasoning(&id, text, summary)
            }
            Block::Redacted(text) => self.reasoning(&id, text, Vec::new()),
            Block::Text(text) => {
                let short = self.reply.stop == Stop::Length;
                let status = if short { "incomplete" } else { "completed" };
                message(&id, status, vec![output_text(text)])
            }
            Block::Call { id: call, name, arguments } => {
                function_call(&id, "completed", (call, name), arguments)
            }
        }
    }

    fn reasoning(&self, id: &str, text: &str, summary: Vec<Value>) -> Value {
        let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
        if let (true, Some(members)) = (self.settings.encrypted, item.as_object_mut()) {
            members.insert("encrypted_content".to_owned(), json!(seal::close(id, text)));
        }
        item
    }
}

fn message(id: &str, status: &str, content: Vec<Value>) -> Value {
    json!({"id": id, "type": "message", "status": status, "content": content, "role": "assistant"})
}

fn function_call(id: &str, status: &str, (call, name): (&str, &str), arguments: &str) -> Value {
    json!({
        "id": id, "type": "function_call", "status": status,
        "arguments": arguments, "call_id": call, "name": name,
    })
}

fn summary(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}

fn output_text(text: &str) -> Value {
    json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
}

/// `None` when the twin keeps quiet about usage. `input_tokens` includes what came from a cache.
fn usage(count: &Count) -> Option<Value> {
    let input = count.input + count.cached;
    match count.tell {
        Tell::No => None,
        Tell::Null => Some(Value::Null),
        Tell::Yes => Some(json!({
            "input_tokens": input,
            "input_tokens_details": {"cached_tokens": count.cached, "cache_write_tokens": 0},
            "output_tokens": count.output,
            "output_tokens_details": {"reasoning_tokens": count.thinking},
            "total_tokens": input + count.output,
        })),
    }
}
