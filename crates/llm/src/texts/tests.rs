use pii::{Finding, Kind, Masker, Restorer, Scanner};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Escape, Restore, Step};

/// What is shown of a document, in order of the alphabet, with the names of what is given to tools.
fn shown(document: &Value) -> Vec<String> {
    let mut all = Vec::new();
    rewrite(document.to_string().as_bytes(), &mut |found| {
        all.push(match found.key {
            Some(key) => format!("{key}: {}", found.text),
            None => found.text.to_owned(),
        });
        None
    })
    .unwrap();
    all.sort();
    all
}

/// Members stand in no order.
fn sorted<const N: usize>(mut all: [&str; N]) -> [&str; N] {
    all.sort_unstable();
    all
}

fn shouted(document: &str) -> String {
    let body = rewrite(document.as_bytes(), &mut |found| Some(found.text.to_uppercase())).unwrap();
    String::from_utf8(body.body.unwrap()).unwrap()
}

#[test]
fn texts_of_a_chat_request() {
    let document = json!({
        "model": "gpt", "stream": true, "user": "u-1", "stop": ["END"],
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "name": "anna", "content": [
                {"type": "text", "text": "hello"},
                {"type": "image_url", "image_url": {"url": "https://example.com/x.png"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                {"type": "file", "file": {"filename": "cv.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
            ]},
            {"role": "assistant", "content": null, "reasoning_content": "hm", "reasoning_details": [
                {"type": "reasoning.text", "text": "hm", "signature": "c2ln"},
                {"type": "reasoning.encrypted", "data": "ZGF0YQ=="},
            ], "tool_calls": [{
                "id": "call_1", "type": "function",
                "function": {"name": "send", "arguments": "{\"to\": {\"mail\": \"a\"}, \"n\": 7}"},
            }]},
            {"role": "tool", "tool_call_id": "call_1", "name": "send", "content": "sent"},
        ],
        "tools": [{"type": "function", "function": {
            "name": "send", "description": "sends",
            "parameters": {"type": "object", "description": "what", "required": ["to"],
                "properties": {"to": {"type": "string", "enum": ["x"], "pattern": "^a$"}}},
        }}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    });
    assert_eq!(
        shown(&document),
        sorted([
            "u-1", "END", "be kind", "hello", "cv.pdf", "anna", "hm", "hm", "to", "mail",
            "mail: a", "n", "n: 7", "sent", "sends", "what", "enum: x",
        ])
    );
    let text = document.to_string();
    assert!(rewrite(text.as_bytes(), &mut |_| None).unwrap().json_answer);
}

#[test]
fn texts_of_a_messages_request() {
    let document = json!({
        "model": "claude", "max_tokens": 9, "metadata": {"user_id": "u-1"},
        "system": [{"type": "text", "text": "be kind", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "ZGF0YQ=="},
                {"type": "tool_use", "id": "t1", "name": "send", "input": {"to": ["a", 7], "name": "b", "id": "c"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "sent"}]},
                {"type": "document", "title": "letter", "source": {"type": "text", "media_type": "text/plain", "data": "dear"}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}},
                {"type": "image", "source": {"type": "url", "url": "https://example.com"}},
                {"type": "hologram", "caption": "new", "inner": [{"words": "newer"}]},
            ]},
        ],
    });
    assert_eq!(
        shown(&document),
        sorted([
            "user_id",
            "user_id: u-1",
            "be kind",
            "hello",
            "hm",
            "to",
            "to: a",
            "to: 7",
            "name",
            "name: b",
            "id",
            "id: c",
            "sent",
            "letter",
            "dear",
            "new",
            "newer",
        ])
    );
}

#[test]
fn texts_of_a_cohere_request() {
    let document = json!({
        "model": "command", "max_tokens": 9, "safety_mode": "STRICT", "tool_choice": "REQUIRED",
        "documents": ["bare", {"id": "d1", "data": {"title": "letter", "name": "Anna", "url": "u", "page": 7}}],
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": [{"type": "text", "text": "hello"},
                {"type": "image_url", "image_url": {"url": "https://example.com", "detail": "low"}}]},
            {"role": "assistant", "tool_plan": "send it", "content": [{"type": "thinking", "thinking": "hm", "signature": "c2ln"}],
             "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "send", "arguments": "{\"to\":\"a\"}"}}],
             "citations": [{"start": 0, "end": 2, "text": "he", "type": "PLAN", "sources": [
                {"type": "document", "id": "d1", "document": {"name": "Bo"}},
                {"type": "tool", "id": "t1", "tool_output": {"id": "me"}}]}]},
            {"role": "tool", "tool_call_id": "c1", "content": [
                {"type": "document", "document": {"id": "r1", "data": {"name": "Cy"}}}]},
        ],
        "response_format": {"type": "json_object", "json_schema": {
            "type": "object", "description": "what", "required": ["mail"],
            "properties": {"mail": {"type": "string", "enum": ["x"], "pattern": "^a$"}}}},
    });
    assert_eq!(
        shown(&document),
        sorted([
            "STRICT",
            "REQUIRED",
            "bare",
            "title",
            "title: letter",
            "name",
            "name: Anna",
            "url",
            "url: u",
            "page",
            "page: 7",
            "be kind",
            "hello",
            "low",
            "send it",
            "hm",
            "to",
            "to: a",
            "he",
            "name",
            "name: Bo",
            "id",
            "id: me",
            "name",
            "name: Cy",
            "what",
            "enum: x",
        ])
    );
    let text = document.to_string();
    assert!(rewrite(text.as_bytes(), &mut |_| None).unwrap().json_answer);
}

#[test]
fn texts_of_a_responses_request() {
    let document = json!({
        "model": "gpt", "instructions": "be kind", "prompt_cache_key": "k",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hello"},
                {"type": "input_image", "image_url": "https://example.com"}]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "ZQ=="},
            {"type": "function_call", "call_id": "c1", "name": "send", "arguments": "{\"to\":\"a\"}"},
            {"type": "function_call_output", "call_id": "c1", "output": "sent"},
            {"type": "custom_tool_call", "call_id": "c2", "name": "shell", "input": "ls"},
            {"type": "image_generation_call", "id": "i1", "result": "AAAA"},
        ],
        "text": {"format": {"type": "text"}},
    });
    assert_eq!(
        shown(&document),
        sorted(["be kind", "k", "hello", "hm", "to", "to: a", "sent", "ls"])
    );
    assert_eq!(shown(&json!({"model": "m", "input": "hello"})), ["hello"]);
}

#[test]
fn texts_of_a_gemini_request() {
    let document = json!({
        "systemInstruction": {"parts": [{"text": "be kind"}]},
        "contents": [
            {"role": "user", "parts": [{"text": "hello"}, {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                {"fileData": {"mimeType": "video/mp4", "fileUri": "https://example.com"}}]},
            {"role": "model", "parts": [{"functionCall": {"name": "send", "args": {"to": "a"}}, "thoughtSignature": "c2ln"}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "send", "response": {"said": "sent"}}}]},
        ],
        "generationConfig": {"responseMimeType": "application/json", "responseSchema": {"type": "STRING"}},
    });
    assert_eq!(
        shown(&document),
        sorted(["be kind", "hello", "to", "to: a", "said", "said: sent",])
    );
    assert!(rewrite(document.to_string().as_bytes(), &mut |_| None).unwrap().json_answer);
}

#[test]
fn only_texts_change_and_everything_else_stays_byte_for_byte() {
    let document = "{ \"model\":\"m\" ,\"x\":1.50,\n \"messages\":[{\"role\":\"user\",\"content\":\"a\\u0062\"}, \
                    {\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{ \\\"k\\\" : \\\"v\\\\u0061\\\" }\"}}]}] }";
    let expected = "{ \"model\":\"m\" ,\"x\":1.50,\n \"messages\":[{\"role\":\"user\",\"content\":\"AB\"}, \
                    {\"tool_calls\":[{\"function\":{\"name\":\"f\",\"arguments\":\"{ \\\"K\\\" : \\\"VA\\\" }\"}}]}] }";
    assert_eq!(shouted(document), expected);
}

/// What says that it is a file but holds words is read; so is what only begins like a file.
#[test]
fn a_text_cannot_pass_for_a_file() {
    let hidden = json!({"input": [
        {"type": "base64", "media_type": "image/png", "data": "write to anna"},
        {"text": "data:text/plain;base64,write to anna"},
        {"type": "tool", "name": "Anna Andersson"},
    ]});
    assert_eq!(shown(&hidden).len(), 3);
}

#[test]
fn what_cannot_be_read_is_refused() {
    let deep = format!("{{\"input\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let bodies: [&[u8]; 5] =
        [b"", b"{\"input\":\"a\"", b"{\"input\":\"\\ud800\"}", b"\xff", deep.as_bytes()];
    for body in bodies {
        let refused = rewrite(body, &mut |_| None).unwrap_err();
        assert_eq!(refused.code, "unreadable_text", "{}", String::from_utf8_lossy(body));
    }
}

/// JSON of any shape, with member names that mean something to the walk.
fn document() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        ".{0,12}",
        Just("write to anna@example.com".to_owned()),
        Just("{\"to\":\"anna@example.com\",\"n\":[1,\"+45 20 12 34 56\"]}".to_owned()),
    ];
    let leaf = prop_oneof![
        text.prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
    ];
    let name = prop_oneof![
        "[a-z]{1,3}",
        Just("type".into()),
        Just("text".into()),
        Just("content".into()),
        Just("arguments".into()),
        Just("input".into()),
        Just("data".into()),
        Just("name".into()),
        Just("role".into()),
        Just("tools".into()),
        Just("schema".into()),
        Just("enum".into()),
        Just("response".into()),
        Just("functionResponse".into()),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..5)
                .prop_map(|all: Vec<(String, Value)>| Value::Object(all.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn masking_and_restoring_is_the_identity(document in document()) {
        let text = document.to_string();
        let (scanner, mut masker, mut found) = (Scanner::new(), Masker::new(&[7; 32]), Vec::new());
        let masked = rewrite(text.as_bytes(), &mut |shown| {
            // Numbers come back as strings.
            if shown.form == Form::Number {
                return None;
            }
            scanner.scan(shown.text, &mut found);
            masker.mask(shown.text, &found)
        });
        let masked = masked.unwrap().body.unwrap_or_else(|| text.clone().into_bytes());
        serde_json::from_slice::<Value>(&masked).unwrap();
        let codes = masker.codes();
        let restore = Restore::new(false, move || {
            let mut restorer = Restorer::new(codes.clone());
            Box::new(move |step, out| match step {
                Step::Piece(text, Escape::Plain) => restorer.push(text, pii::Escape::Plain, out),
                Step::Piece(text, Escape::Json) => restorer.push(text, pii::Escape::Json, out),
                Step::End => restorer.finish(out),
            })
        });
        let restored = restore.answer(&masked.into());
        prop_assert_eq!(serde_json::from_slice::<Value>(&restored).unwrap(), document);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(
        prop_oneof![any::<u8>(), Just(b'{'), Just(b'}'), Just(b'['), Just(b'"'), Just(b'\\'), Just(b':')], 0..60,
    )) {
        drop(rewrite(&bytes, &mut |found| Some(found.text.to_owned())));
    }
}

/// A value that would end a string must not end the string it is put into.
#[test]
fn values_are_escaped_where_the_answer_is_json() {
    let value = "a\"b";
    let mut masker = Masker::new(&[7; 32]);
    let finding = Finding { kind: Kind::Secret, start: 0, end: value.len() };
    let code = masker.mask(value, &[finding]).unwrap();
    let answer = json!({"choices": [{"message": {
        "content": format!("{{\"key\":\"{code}\"}}"),
        "tool_calls": [{"function": {"name": "f", "arguments": format!("{{\"key\":\"{code}")}}],
    }}]});
    let codes = masker.codes();
    let restore = |json| {
        let codes = codes.clone();
        Restore::new(json, move || {
            let mut restorer = Restorer::new(codes.clone());
            Box::new(move |step, out| match step {
                Step::Piece(text, Escape::Plain) => restorer.push(text, pii::Escape::Plain, out),
                Step::Piece(text, Escape::Json) => restorer.push(text, pii::Escape::Json, out),
                Step::End => restorer.finish(out),
            })
        })
    };
    let told = |json| -> Value {
        serde_json::from_slice(&restore(json).answer(&answer.to_string().into())).unwrap()
    };
    let content =
        |told: &Value| told["choices"][0]["message"]["content"].as_str().unwrap().to_owned();
    assert_eq!(content(&told(true)), "{\"key\":\"a\\\"b\"}");
    assert_eq!(content(&told(false)), "{\"key\":\"a\"b\"}", "a text is no JSON");
    let arguments = &told(false)["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"];
    assert_eq!(arguments, "{\"key\":\"a\\\"b", "arguments are, even when they are cut off");
}
