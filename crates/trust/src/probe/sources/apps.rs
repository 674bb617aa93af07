//! The ways to ask, each with a random text in every place that it has for one.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::super::routing::places::{FAMILIES, PARLOUR, SERVED};
use crate::seed::Seed;

/// One request: by which way, and what is said in it.
pub(super) struct Asked {
    pub(super) app: &'static str,
    pub(super) path: String,
    pub(super) body: Value,
    /// The random texts in it.
    pub(super) said: Vec<String>,
}

/// Random texts of one request, as they are needed.
pub(super) struct Texts {
    seed: Seed,
    of: String,
    pub(super) all: Vec<String>,
}

impl Texts {
    pub(super) fn new(seed: Seed, of: &str) -> Self {
        Self { seed, of: of.to_owned(), all: Vec::new() }
    }

    pub(super) fn text(&mut self, place: &str) -> String {
        let text = self.seed.text(&format!("source|{}|{place}", self.of), 20);
        self.all.push(text.clone());
        text
    }

    /// As the bytes of a file.
    fn bytes(&mut self, place: &str) -> String {
        STANDARD.encode(format!("A picture of {}, as it was drawn.", self.text(place)))
    }
}

/// How the format of a client puts them into a request for a model.
type Format = fn(&mut Texts, &str, bool) -> Value;

/// One way to ask: its name, the path, and the format.
struct Way {
    app: &'static str,
    path: fn(&str, bool) -> String,
    body: Format,
    /// At which of the twins.
    families: &'static [&'static str],
}

const WAYS: [Way; 5] = [
    Way {
        app: "Chat Completions",
        path: |_, _| "/v1/chat/completions".to_owned(),
        body: completions,
        families: &["fam-openai", "fam-bedrock"],
    },
    Way {
        app: "Messages",
        path: |_, _| "/v1/messages".to_owned(),
        body: messages,
        families: &["fam-anthropic", "fam-openai"],
    },
    Way {
        app: "Responses",
        path: |_, _| "/v1/responses".to_owned(),
        body: responses,
        families: &["fam-responses", "fam-openai"],
    },
    Way {
        app: "Gemini",
        path: |model, stream| {
            let how = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
            format!("/v1beta/models/{model}:{how}")
        },
        body: gemini,
        families: &["fam-gemini", "fam-openai"],
    },
    Way {
        app: "Cohere's Chat",
        path: |_, _| "/v2/chat".to_owned(),
        body: cohere,
        families: &["fam-openai"],
    },
];

/// Every request of a program, streamed and not.
pub(super) fn all(seed: Seed) -> Vec<Asked> {
    let mut all = Vec::new();
    for way in &WAYS {
        for (at, family) in way.families.iter().enumerate() {
            let (model, stream) = (format!("{family}/{SERVED}"), at % 2 == 1);
            let mut texts = Texts::new(seed, &format!("{}|{family}", way.app));
            let body = (way.body)(&mut texts, &model, stream);
            let path = (way.path)(&model, stream);
            all.push(Asked { app: way.app, path, body, said: texts.all });
        }
    }
    all.extend(tasks(seed));
    all
}

/// What is no conversation.
fn tasks(seed: Seed) -> [Asked; 3] {
    let of = |app: &'static str, path: &str, body: fn(&mut Texts) -> Value| {
        let mut texts = Texts::new(seed, app);
        let body = body(&mut texts);
        Asked { app, path: path.to_owned(), body, said: texts.all }
    };
    let embeddings: fn(&mut Texts) -> Value = |all| {
        json!({
            "model": format!("{PARLOUR}/sandbox-embed"),
            "input": [all.text("first document"), all.text("second document")],
        })
    };
    [
        of("Embeddings", "/v1/embeddings", embeddings),
        of("Ranking", "/v2/rerank", |all| {
            json!({
                "model": format!("{PARLOUR}/sandbox-rerank"), "query": all.text("question"),
                "documents": [all.text("first document"), all.text("second document")],
            })
        }),
        of("Moderation", "/v1/moderations", |all| {
            let model = format!("{PARLOUR}/sandbox-moderation");
            json!({"model": model, "input": all.text("question")})
        }),
    ]
}

/// The model that pages and batches ask for.
pub(super) fn plain_model() -> String {
    format!("{}/{SERVED}", FAMILIES.first().map_or("", |(name, _)| name))
}

/// The parameters of a tool.
fn parameters() -> Value {
    json!({"type": "object", "properties": {"place": {"type": "string"}}})
}

fn completions(all: &mut Texts, model: &str, stream: bool) -> Value {
    let call = json!({"place": all.text("call of a tool")}).to_string();
    let call = json!({
        "id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": call},
    });
    let image = format!("data:image/png;base64,{}", all.bytes("image"));
    json!({
        "model": model, "stream": stream, "max_tokens": 50, "stop": [all.text("setting")],
        "messages": [
            {"role": "system", "content": all.text("instructions")},
            {"role": "user", "content": all.text("earlier question")},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": all.text("result of a tool")},
            {"role": "assistant", "content": all.text("earlier answer")},
            {"role": "user", "content": [
                {"type": "text", "text": all.text("question")},
                {"type": "image_url", "image_url": {"url": image}},
            ]},
        ],
        "tools": [{"type": "function", "function": {
            "name": "look_up", "description": all.text("tool"), "parameters": parameters(),
        }}],
    })
}

fn messages(all: &mut Texts, model: &str, stream: bool) -> Value {
    // Only where it is passed on as it is does the twin take images.
    let document = if stream {
        let source =
            json!({"type": "text", "media_type": "text/plain", "data": all.text("document")});
        json!({"type": "document", "source": source})
    } else {
        let data = all.bytes("image");
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}})
    };
    json!({
        "model": model, "stream": stream, "max_tokens": 50, "system": all.text("instructions"),
        "stop_sequences": [all.text("setting")],
        "messages": [
            {"role": "user", "content": all.text("earlier question")},
            {"role": "assistant", "content": [{
                "type": "tool_use", "id": "toolu_1", "name": "look_up",
                "input": {"place": all.text("call of a tool")},
            }]},
            {"role": "user", "content": [{
                "type": "tool_result", "tool_use_id": "toolu_1",
                "content": all.text("result of a tool"),
            }]},
            {"role": "assistant", "content": all.text("earlier answer")},
            {"role": "user", "content": [document, {"type": "text", "text": all.text("question")}]},
        ],
        "tools": [{
            "name": "look_up", "description": all.text("tool"), "input_schema": parameters(),
        }],
    })
}

fn responses(all: &mut Texts, model: &str, stream: bool) -> Value {
    let call = json!({"place": all.text("call of a tool")}).to_string();
    let image = format!("data:image/png;base64,{}", all.bytes("image"));
    json!({
        "model": model, "stream": stream, "store": false, "instructions": all.text("instructions"),
        "input": [
            {"role": "user", "content": all.text("earlier question")},
            {"type": "function_call", "call_id": "call_1", "name": "look_up", "arguments": call},
            {"type": "function_call_output", "call_id": "call_1",
             "output": all.text("result of a tool")},
            {"role": "assistant", "content": all.text("earlier answer")},
            {"role": "user", "content": [
                {"type": "input_text", "text": all.text("question")},
                {"type": "input_image", "image_url": image},
            ]},
        ],
        "tools": [{
            "type": "function", "name": "look_up", "description": all.text("tool"),
            "parameters": parameters(), "strict": false,
        }],
    })
}

fn gemini(all: &mut Texts, _: &str, _: bool) -> Value {
    let data = all.bytes("image");
    json!({
        "systemInstruction": {"parts": [{"text": all.text("instructions")}]},
        "contents": [
            {"role": "user", "parts": [{"text": all.text("earlier question")}]},
            {"role": "model", "parts": [{"functionCall": {
                "name": "look_up", "args": {"place": all.text("call of a tool")},
            }}]},
            {"role": "user", "parts": [{"functionResponse": {
                "name": "look_up", "response": {"result": all.text("result of a tool")},
            }}]},
            {"role": "model", "parts": [{"text": all.text("earlier answer")}]},
            {"role": "user", "parts": [
                {"text": all.text("question")},
                {"inlineData": {"mimeType": "image/png", "data": data}},
            ]},
        ],
        "tools": [{"functionDeclarations": [{
            "name": "look_up", "description": all.text("tool"), "parameters": parameters(),
        }]}],
        "generationConfig": {"stopSequences": [all.text("setting")], "maxOutputTokens": 50},
    })
}

fn cohere(all: &mut Texts, model: &str, stream: bool) -> Value {
    json!({
        "model": model, "stream": stream, "max_tokens": 50,
        "stop_sequences": [all.text("setting")],
        "messages": [
            {"role": "system", "content": all.text("instructions")},
            {"role": "user", "content": all.text("earlier question")},
            {"role": "assistant", "content": all.text("earlier answer")},
            {"role": "user", "content": all.text("question")},
        ],
        "documents": [{"data": {"text": all.text("document")}}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_said_twice_and_each_stands_in_its_request() {
        let all = all(Seed::new(crate::Digest::of(b"seed")));
        let mut seen = std::collections::BTreeSet::new();
        for asked in &all {
            let body = asked.body.to_string();
            assert!(!asked.said.is_empty(), "{}", asked.app);
            for text in &asked.said {
                assert!(seen.insert(text.clone()), "{} repeats a text", asked.app);
                let needles = crate::scan::Needles::new([text]);
                assert!(!needles.search(body.as_bytes()).is_empty(), "{}", asked.app);
            }
        }
        assert_eq!(all.len(), 12);
    }
}
