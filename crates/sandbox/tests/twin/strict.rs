//! What the twins of Gemini and Bedrock refuse, as the services do.

use sandbox::Script;
use serde_json::{Value, json};

use crate::house::{start, stream, whole};

const GEMINI: &str = "/v1beta/models/sandbox-echo:generateContent";
const BEDROCK: &str = "/model/sandbox-echo/converse";

fn with(mut body: Value, more: &Value) -> Value {
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn turn(parts: Value) -> Value {
    json!({"role": "user", "parts": parts})
}

fn contents() -> Value {
    json!({"contents": [turn(json!([{"text": "one two"}]))]})
}

#[tokio::test]
async fn gemini_refuses_what_it_does_not_know() {
    let twin = start(Script::default()).await;
    let call = json!({"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]});
    let answer =
        |name: &str| json!({"functionResponse": {"name": name, "response": {"output": "x"}}});
    let asked = turn(json!([{"text": "go"}]));
    for (more, says) in [
        (json!({"future_field": 1}), "Unknown name"),
        (json!({"contents": []}), "contents"),
        (json!({"contents": [turn(json!([]))]}), "must not be empty"),
        (json!({"contents": [turn(json!([{"text": "a", "tone": "b"}]))]}), "Unknown name"),
        (json!({"contents": [turn(json!([{"thought": true}]))]}), "oneof"),
        (json!({"contents": [{"role": "assistant", "parts": [{"text": "a"}]}]}), "valid role"),
        (
            json!({"contents": [turn(json!([{"text": "a", "thoughtSignature": "c2ln"}]))]}),
            "signature",
        ),
        (
            json!({"contents": [asked, call, turn(json!([{"text": "later"}]))]}),
            "number of function",
        ),
        (json!({"contents": [asked, call, turn(json!([answer("g")]))]}), "function response"),
        (json!({"contents": [turn(json!([answer("f")]))]}), "function response"),
        (json!({"generationConfig": {"maxTokens": 1}}), "Unknown name"),
        (json!({"generationConfig": {"maxOutputTokens": 0}}), "positive"),
        (json!({"generationConfig": {"responseJsonSchema": {}}}), "mime type"),
        (
            json!({"generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "low"}}}),
            "only one",
        ),
        (
            json!({"toolConfig": {"functionCallingConfig": {"mode": "AUTO", "allowedFunctionNames": ["f"]}}}),
            "mode is ANY",
        ),
        (json!({"cachedContent": "cachedContents/1"}), "CachedContent"),
    ] {
        let (status, body) = whole(&twin, GEMINI, &with(contents(), &more)).await;
        assert!(matches!(status, 400 | 403), "{more}: {status}");
        let error = &body["error"];
        assert_eq!(error["code"], status, "{body}");
        assert!(error["message"].as_str().unwrap().contains(says), "{more}: {body}");
    }
    assert_eq!(whole(&twin, GEMINI, &contents()).await.0, 200);
    let answered = json!({"contents": [asked, call, turn(json!([answer("f")]))]});
    assert_eq!(whole(&twin, GEMINI, &answered).await.0, 200);
}

#[tokio::test]
async fn gemini_says_who_is_wrong_in_its_own_words() {
    let twin = start(Script::default().with_key("right")).await;
    let (status, body) = whole(&twin, GEMINI, &contents()).await;
    assert_eq!((status, &body["error"]["details"][0]["reason"]), (400, &json!("API_KEY_INVALID")));
    let twin = start(Script::default()).await;
    let none = "/v1beta/models/none:generateContent";
    let (status, body) = whole(&twin, none, &contents()).await;
    assert_eq!((status, &body["error"]["status"]), (404, &json!("NOT_FOUND")));
    // Without the word the answer would be one array.
    let path = "/v1beta/models/sandbox-echo:streamGenerateContent";
    assert_eq!(whole(&twin, path, &contents()).await.0, 400);
    let (text, ended) = stream(&twin, &format!("{path}?alt=sse"), &contents()).await;
    assert!(ended && text.contains("\"finishReason\":\"STOP\""), "{text}");
}

fn said(content: Value) -> Value {
    json!({"role": "user", "content": content})
}

fn messages() -> Value {
    json!({"messages": [said(json!([{"text": "one two"}]))]})
}

#[tokio::test]
async fn bedrock_refuses_what_it_does_not_know() {
    let twin = start(Script::default()).await;
    let call = json!({"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}]});
    let result = said(json!([{"toolResult": {"toolUseId": "a", "content": [{"text": "x"}]}}]));
    let asked = said(json!([{"text": "go"}]));
    let tool = json!({"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}});
    for (more, says) in [
        (json!({"model": "x"}), "extraneous"),
        (json!({"messages": []}), "at least one"),
        (json!({"messages": [said(json!([{"text": " "}]))]}), "is blank"),
        (json!({"messages": [said(json!([{"type": "text", "text": "a"}]))]}), "extraneous"),
        (json!({"messages": [said(json!([]))]}), "is empty"),
        (json!({"messages": [asked, asked]}), "alternate"),
        (json!({"messages": [call, result]}), "start with a user"),
        (json!({"messages": [asked, call, result]}), "toolConfig"),
        (json!({"messages": [said(json!([{"cachePoint": {"type": "default"}}]))]}), "cachePoint"),
        (
            json!({"messages": [said(json!([{"image": {"format": "tiff", "source": {"bytes": ""}}}]))]}),
            "format",
        ),
        (
            json!({"messages": [asked, {"role": "assistant", "content": [
                {"reasoningContent": {"reasoningText": {"text": "a", "signature": "c2ln"}}}]}]}),
            "signature",
        ),
        (json!({"inferenceConfig": {"max_tokens": 1}}), "extraneous"),
        (json!({"inferenceConfig": {"temperature": 1.5}}), "between"),
        (json!({"toolConfig": {"tools": []}}), "at least 1"),
        (
            json!({"toolConfig": {"tools": [tool], "toolChoice": {"tool": {"name": "g"}}}}),
            "no tool",
        ),
        (
            json!({"outputConfig": {"textFormat": {"type": "json_schema",
                "structure": {"jsonSchema": {"schema": {}}}}}}),
            "string",
        ),
    ] {
        let (status, body) = whole(&twin, BEDROCK, &with(messages(), &more)).await;
        assert_eq!(status, 400, "{more}");
        assert!(body["message"].as_str().unwrap().contains(says), "{more}: {body}");
    }
    assert_eq!(whole(&twin, BEDROCK, &messages()).await.0, 200);
    let config = json!({"toolConfig": {"tools": [tool, {"cachePoint": {"type": "default"}}]}});
    let turns = json!({"messages": [asked, call, result]});
    assert_eq!(whole(&twin, BEDROCK, &with(turns, &config)).await.0, 200);
    let twin = start(Script::default().with_key("right")).await;
    assert_eq!(whole(&twin, BEDROCK, &messages()).await.0, 403);
}
