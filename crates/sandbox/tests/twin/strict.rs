//! What the twins of Gemini, Bedrock and Cohere refuse, as the services do.

use sandbox::Script;
use serde_json::{Value, json};

use crate::house::{start, stream, whole};

const GEMINI: &str = "/v1beta/models/sandbox-echo:generateContent";
const BEDROCK: &str = "/model/sandbox-echo/converse";
const COHERE: &str = "/v2/chat";

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

fn chat() -> Value {
    json!({"model": "sandbox-echo", "messages": [{"role": "user", "content": "one two"}]})
}

#[tokio::test]
async fn cohere_refuses_what_it_does_not_know() {
    let twin = start(Script::default()).await;
    let asked = json!({"role": "user", "content": "go"});
    let call = json!({"role": "assistant", "tool_plan": "I go.", "tool_calls": [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    let result = |content: Value| json!({"role": "tool", "tool_call_id": "a", "content": content});
    let tool =
        json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}});
    let bare = json!({"type": "function", "function": {"name": "f"}});
    let thought = json!({"type": "thinking", "thinking": "a", "signature": "b"});
    for (more, says) in [
        (json!({"future_field": 1}), "future_field"),
        (json!({"top_p": 0.5}), "top_p"),
        (json!({"messages": []}), "at least one"),
        (json!({"messages": [{"role": "developer", "content": "a"}]}), "unknown role"),
        (json!({"messages": [{"role": "user"}]}), "content is required"),
        (json!({"messages": [{"role": "user", "content": [thought]}]}), "in this role"),
        (json!({"messages": [asked, {"role": "assistant", "content": [thought]}]}), "signature"),
        (json!({"messages": [asked, {"role": "assistant"}]}), "content or tool_calls"),
        (json!({"messages": [asked, call, result(json!("sunny"))]}), "JSON object"),
        (json!({"messages": [asked, result(json!("{}"))]}), "has no call"),
        (json!({"messages": [asked, call, asked]}), "has no result"),
        (json!({"tools": [bare]}), "parameters"),
        (json!({"tool_choice": "REQUIRED"}), "no tools"),
        (json!({"tools": [tool], "tool_choice": "auto"}), "REQUIRED or NONE"),
        (json!({"tools": [tool], "response_format": {"type": "json_object"}}), "in combination"),
        (json!({"documents": ["a"], "response_format": {"type": "json_object"}}), "in combination"),
        (json!({"response_format": {"type": "json_schema"}}), "not known"),
        (json!({"documents": [{"text": "a"}]}), "text"),
        (json!({"p": 1}), "p is out"),
        (json!({"k": 501}), "k is out"),
        (json!({"frequency_penalty": -1}), "frequency_penalty is out"),
        (json!({"stop_sequences": ["1", "2", "3", "4", "5", "6"]}), "at most 5"),
        (json!({"thinking": {"type": "adaptive"}}), "enabled or disabled"),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 1}}), "budget_tokens"),
    ] {
        let (status, body) = whole(&twin, COHERE, &with(chat(), &more)).await;
        assert_eq!(status, 400, "{more}: {body}");
        assert!(body["message"].as_str().unwrap().contains(says), "{more}: {body}");
    }
    let parts = json!([{"type": "document", "document": {"id": "d", "data": {"a": 1}}}]);
    for content in [json!("{}"), parts] {
        let turns = json!({"messages": [asked, call, result(content)], "tools": [tool]});
        assert_eq!(whole(&twin, COHERE, &with(chat(), &turns)).await.0, 200);
    }
    assert_eq!(whole(&twin, COHERE, &json!({"model": "none", "messages": [asked]})).await.0, 404);
    let twin = start(Script::default().with_key("right")).await;
    assert_eq!(whole(&twin, COHERE, &chat()).await.0, 401);
}

#[tokio::test]
async fn cohere_plans_cites_and_bills() {
    let twin = start(Script::default()).await;
    let documents = json!({"documents": [{"id": "d", "data": {"text": "one"}}], "stream": true});
    let (status, body) = whole(&twin, COHERE, &with(chat(), &json!({"documents": ["one"]}))).await;
    assert_eq!((status, &body["message"]["citations"][0]["text"]), (200, &json!("one")));
    assert_eq!(body["usage"]["billed_units"], json!({"input_tokens": 2, "output_tokens": 2}));
    assert_eq!(body["usage"]["tokens"]["input_tokens"], 66);
    let (text, ended) = stream(&twin, COHERE, &with(chat(), &documents)).await;
    assert!(ended && text.contains("event: citation-start"), "{text}");
    let tools = json!({"model": "sandbox-tools", "stream": true, "tools": [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]});
    let (text, _) = stream(&twin, COHERE, &with(chat(), &tools)).await;
    for part in ["tool-plan-delta", "tool-call-start", "tool-call-end", "\"TOOL_CALL\""] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
