//! The twins over a real socket.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "helpers of tests")]

mod house;
mod responses;
mod responses_refused;
mod responses_turns;
mod strict;
mod tasks;

use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use sandbox::{MODELS, Script};
use serde_json::{Value, json};

use house::{send, start, stream, whole};

const OPENAI: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";
const ANTHROPIC: &str = "/v1/messages";

/// Models that have no conversations.
const TASKS: [&str; 6] = [
    "sandbox-embed",
    "sandbox-rerank",
    "sandbox-moderation",
    "sandbox-draw",
    "sandbox-transcribe",
    "sandbox-speech",
];

fn ask(model: &str, stream: bool) -> Value {
    json!({
        "model": model, "stream": stream, "max_tokens": 1000,
        "messages": [{"role": "user", "content": "one two three"}],
    })
}

#[tokio::test]
async fn every_model_answers_on_every_protocol() {
    let mut script = Script::inspected();
    script.pace = Duration::from_millis(1);
    script.hush = Duration::from_millis(1);
    let twin = start(script).await;
    for model in MODELS.iter().filter(|model| !TASKS.contains(model)) {
        for path in [OPENAI, RESPONSES, ANTHROPIC] {
            let body = if path == RESPONSES {
                json!({"model": model, "stream": true, "input": "one two three"})
            } else {
                ask(model, true)
            };
            let (text, ended) = match send(&twin, path, &body).await {
                Ok(_) => stream(&twin, path, &body).await,
                Err(_) => stream(&twin, path, &body).await,
            };
            let breaks = matches!(*model, "sandbox-cut" | "sandbox-reset" | "sandbox-stall");
            assert_eq!(ended, !breaks, "{model} {path}");
            assert!(!text.is_empty(), "{model} {path}");
        }
    }
}

#[tokio::test]
async fn echo_counts_words() {
    let twin = start(Script::default()).await;
    let (status, body) = whole(&twin, OPENAI, &ask("sandbox-echo", false)).await;
    assert_eq!(status, 200);
    assert_eq!(body.pointer("/choices/0/message/content"), Some(&json!("one two three")));
    assert_eq!(body.pointer("/usage/prompt_tokens"), Some(&json!(3)));
    assert_eq!(body.pointer("/usage/completion_tokens"), Some(&json!(3)));

    let (_, body) = whole(&twin, ANTHROPIC, &ask("sandbox-echo", false)).await;
    assert_eq!(body.pointer("/content/0/text"), Some(&json!("one two three")));
    assert_eq!(body.pointer("/usage/input_tokens"), Some(&json!(3)));

    let (_, body) = whole(&twin, "/v1/messages/count_tokens", &ask("sandbox-echo", false)).await;
    assert_eq!(body, json!({"input_tokens": 3}));
}

#[tokio::test]
async fn usage_is_told_in_each_protocols_convention() {
    let twin = start(Script::default()).await;
    let mut request = ask("sandbox-cached", true);
    request["messages"][0]["content"] = json!("one two three four");
    request["stream_options"] = json!({"include_usage": true});
    let (text, _) = stream(&twin, OPENAI, &request).await;
    assert!(text.contains("\"prompt_tokens\":4"), "{text}");
    assert!(text.contains("\"cached_tokens\":2"), "{text}");
    let (text, _) = stream(&twin, ANTHROPIC, &request).await;
    assert!(text.contains("\"input_tokens\":2"), "{text}");
    assert!(text.contains("\"cache_read_input_tokens\":2"), "{text}");

    for (model, expected) in
        [("sandbox-no-usage", None), ("sandbox-null-usage", Some(&Value::Null))]
    {
        let (_, body) = whole(&twin, OPENAI, &ask(model, false)).await;
        assert_eq!(body.get("usage"), expected, "{model}");
    }
}

#[tokio::test]
async fn errors_come_in_the_protocols_words_and_repeat_the_prompt() {
    let twin = start(Script::default()).await;
    for status in [400, 401, 429, 500, 529] {
        let model = format!("sandbox-error-{status}");
        for path in [OPENAI, ANTHROPIC] {
            let (got, body) = whole(&twin, path, &ask(&model, true)).await;
            assert_eq!(got, status);
            assert!(body["error"]["message"].as_str().unwrap().contains("one two three"));
        }
    }
    let response = send(&twin, OPENAI, &ask("sandbox-error-429", false)).await.unwrap();
    assert_eq!(response.headers()["retry-after"], "1");
    let (_, body) = whole(&twin, ANTHROPIC, &ask("sandbox-error-529", false)).await;
    assert_eq!(body["error"]["type"], "overloaded_error");
    let (status, _) = whole(&twin, OPENAI, &ask("gpt-4o", false)).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn flaky_fails_once_per_request() {
    let twin = start(Script::default()).await;
    let statuses = [
        whole(&twin, OPENAI, &ask("sandbox-flaky", false)).await.0,
        whole(&twin, OPENAI, &ask("sandbox-flaky", false)).await.0,
        whole(&twin, OPENAI, &ask("sandbox-flaky", false)).await.0,
    ];
    assert_eq!(statuses, [500, 200, 500]);
    assert!(send(&twin, OPENAI, &ask("sandbox-flaky-reset", false)).await.is_err());
    assert!(send(&twin, OPENAI, &ask("sandbox-flaky-reset", false)).await.is_ok());
}

#[tokio::test]
async fn framing_oddities_carry_the_same_answer() {
    let twin = start(Script::default()).await;
    let (text, _) = stream(&twin, OPENAI, &ask("sandbox-crlf", true)).await;
    assert!(text.contains("\r\n\r\n"));
    let (text, _) = stream(&twin, OPENAI, &ask("sandbox-comments", true)).await;
    assert!(text.starts_with(": "));
    assert!(text.contains("\ndata:{"));
    let (text, _) = stream(&twin, OPENAI, &ask("sandbox-split-utf8", true)).await;
    assert!(text.contains("世界"));
    let (text, _) = stream(&twin, OPENAI, &ask("sandbox-huge-event", true)).await;
    assert!(text.len() > 1 << 20);
    let (text, _) = stream(&twin, OPENAI, &ask("sandbox-malformed-sse", true)).await;
    assert!(text.trim_end().ends_with("\"con"));
    let (text, _) = stream(&twin, ANTHROPIC, &ask("sandbox-error-in-200", true)).await;
    assert!(text.contains("event: error"));
}

#[tokio::test]
async fn a_client_that_leaves_is_counted_at_once() {
    let twin = start(Script::default()).await;
    let mut body = send(&twin, OPENAI, &ask("sandbox-stall", true)).await.unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    assert_eq!(twin.inspector().counters().open, 1);
    let left = Instant::now();
    drop(body);
    let counters = twin.inspector().wait(|counters| counters.cancelled == 1).await;
    assert!(counters.last_cancelled.unwrap() - left < Duration::from_millis(50));
    assert_eq!(counters.open, 0);
}

#[tokio::test]
async fn tools_and_their_results() {
    let twin = start(Script::default()).await;
    let mut request = ask("sandbox-tools", false);
    request["tools"] = json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]);
    let (_, body) = whole(&twin, OPENAI, &request).await;
    let message = body["choices"][0]["message"].clone();
    assert_eq!(message["tool_calls"][0]["function"], json!({"name": "look", "arguments": "{}"}));
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");

    let id = message["tool_calls"][0]["id"].clone();
    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(message);
    assert_eq!(whole(&twin, OPENAI, &request).await.0, 400, "a call without a result");
    let messages = request["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "tool", "tool_call_id": id, "content": "sunny"}));
    let (status, body) = whole(&twin, OPENAI, &request).await;
    assert_eq!((status, &body["choices"][0]["message"]["content"]), (200, &json!("sunny")));

    request["model"] = json!("sandbox-parallel-tools");
    request["messages"] = json!([{"role": "user", "content": "both"}]);
    let (text, _) = {
        request["stream"] = json!(true);
        stream(&twin, OPENAI, &request).await
    };
    assert!(text.contains("\"index\":1,\"id\""), "{text}");
}

#[tokio::test]
async fn thinking_must_come_back_as_it_was() {
    let twin = start(Script::default()).await;
    let mut request = ask("sandbox-thinking", false);
    request["thinking"] = json!({"type": "enabled", "budget_tokens": 1024});
    request["tools"] = json!([{"name": "look", "input_schema": {"type": "object"}}]);
    let (_, first) = whole(&twin, ANTHROPIC, &request).await;
    assert_eq!(first["content"][0]["type"], "thinking");
    assert_eq!(first["stop_reason"], "tool_use");
    let id = first["content"][1]["id"].clone();
    let result = json!({"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": id, "content": "sunny"},
    ]});
    let mut turn = |content: Value| {
        request["messages"] = json!([
            {"role": "user", "content": "weather"},
            {"role": "assistant", "content": content}, result,
        ]);
        request.clone()
    };
    let kept = turn(first["content"].clone());
    let lost = turn(json!([first["content"][1]]));
    let mut changed = first["content"].clone();
    changed[0]["thinking"] = json!("Let me think differently.");
    let changed = turn(changed);
    assert_eq!(whole(&twin, ANTHROPIC, &lost).await.0, 400);
    assert_eq!(whole(&twin, ANTHROPIC, &changed).await.0, 400);
    let (status, body) = whole(&twin, ANTHROPIC, &kept).await;
    assert_eq!(status, 200);
    assert_eq!(body["content"][1]["text"], "verified 1 sunny");
}

#[tokio::test]
async fn images_schemas_and_embeddings() {
    let twin = start(Script::default()).await;
    let mut request = ask("sandbox-image", false);
    request["messages"][0]["content"] = json!([
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}},
        {"type": "text", "text": "what"},
    ]);
    let (_, body) = whole(&twin, ANTHROPIC, &request).await;
    assert_eq!(body["content"][0]["text"], "images 1 image/png:5");

    let mut request = ask("sandbox-json-schema", false);
    request["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "n", "schema":
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}}});
    let (_, body) = whole(&twin, OPENAI, &request).await;
    assert_eq!(body["choices"][0]["message"]["content"], "{\"a\":1}");

    let request = json!({"model": "sandbox-embed", "input": ["a b", "c"]});
    let (_, body) = whole(&twin, "/v1/embeddings", &request).await;
    assert_eq!(body["data"][1]["embedding"].as_array().unwrap().len(), 384);
    assert_eq!(body["usage"]["prompt_tokens"], 3);
    let again = whole(&twin, "/v1/embeddings", &request).await.1;
    assert_eq!(body, again);
}

#[tokio::test]
async fn a_required_key_is_required_and_inspection_is_off_by_default() {
    let twin = start(Script::inspected().with_key("another")).await;
    assert_eq!(whole(&twin, OPENAI, &ask("sandbox-echo", false)).await.0, 401);
    assert_eq!(whole(&twin, ANTHROPIC, &ask("sandbox-echo", false)).await.0, 401);
    let (_, page) = whole(&twin, "/_inspect", &json!(null)).await;
    assert_eq!(page["counters"]["requests"], 2);
    assert!(page["requests"][0]["body"].as_str().unwrap().contains("one two three"));

    let twin = start(Script::default().with_key("secret")).await;
    assert_eq!(whole(&twin, OPENAI, &ask("sandbox-echo", false)).await.0, 200);
    assert_eq!(whole(&twin, "/_inspect", &json!(null)).await.0, 404);
    assert!(twin.inspector().requests().is_empty());
    twin.shutdown().await;
}
