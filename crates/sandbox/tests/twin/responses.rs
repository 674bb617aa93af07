//! What a twin answers in the format Responses.

use std::time::Duration;

use sandbox::{MODELS, Running, Script};
use serde_json::{Value, json};

use crate::{
    RESPONSES,
    house::{send, start, stream, whole},
};

pub(crate) fn ask(model: &str, more: &Value) -> Value {
    let mut body = json!({"model": model, "input": "one two three"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The events of a stream, in order: each named by its type and numbered, the last one terminal.
pub(crate) async fn events(twin: &Running, body: &Value) -> Vec<Value> {
    let mut body = body.clone();
    body["stream"] = json!(true);
    let (text, ended) = stream(twin, RESPONSES, &body).await;
    assert!(ended && !text.contains("[DONE]"), "{text}");
    let mut events = Vec::new();
    for block in text.replace("\r\n", "\n").split("\n\n").filter(|block| block.contains("data:")) {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        let data: Value = serde_json::from_str(field("data:").unwrap()).unwrap();
        assert_eq!(field("event: "), data["type"].as_str());
        assert_eq!(data["sequence_number"], events.len());
        events.push(data);
    }
    events
}

/// The output as a client puts it together from the pieces, item by item.
fn assembled(events: &[Value]) -> Vec<Value> {
    let mut items: Vec<Value> = Vec::new();
    for event in events {
        let at = event["output_index"].as_u64().map(|at| usize::try_from(at).unwrap());
        if let (Some(at), Some(id)) = (at, event["item_id"].as_str()) {
            assert_eq!(items[at]["id"], id);
        }
        let mut append = |pointer: &str| {
            let text = items[at.unwrap()].pointer_mut(pointer).unwrap();
            *text =
                json!(format!("{}{}", text.as_str().unwrap(), event["delta"].as_str().unwrap()));
        };
        match event["type"].as_str().unwrap() {
            "response.output_item.added" => {
                assert_eq!(at, Some(items.len()));
                items.push(event["item"].clone());
            }
            "response.content_part.added" => {
                assert_eq!(event["content_index"], 0);
                items[at.unwrap()]["content"] = json!([event["part"]]);
            }
            "response.reasoning_summary_part.added" => {
                assert_eq!(event["summary_index"], 0);
                items[at.unwrap()]["summary"] = json!([event["part"]]);
            }
            "response.output_text.delta" => append("/content/0/text"),
            "response.reasoning_summary_text.delta" => append("/summary/0/text"),
            "response.function_call_arguments.delta" => append("/arguments"),
            "response.output_text.done" => {
                assert_eq!(items[at.unwrap()]["content"][0]["text"], event["text"]);
            }
            "response.content_part.done" => {
                assert_eq!(items[at.unwrap()]["content"][0], event["part"]);
            }
            "response.function_call_arguments.done" => {
                assert_eq!(items[at.unwrap()]["arguments"], event["arguments"]);
            }
            "response.reasoning_summary_text.done" => {
                assert_eq!(items[at.unwrap()]["summary"][0]["text"], event["text"]);
            }
            "response.reasoning_summary_part.done" => {
                assert_eq!(items[at.unwrap()]["summary"][0], event["part"]);
            }
            "response.output_item.done" => {
                let item = &mut items[at.unwrap()];
                if let Some(status) = event["item"].get("status") {
                    item["status"] = status.clone();
                }
                assert_eq!(*item, event["item"]);
            }
            _ => assert!(event.get("response").is_some(), "{event}"),
        }
    }
    items
}

/// One answer with numbers taken out that count requests.
fn unnumbered(value: &Value, serial: usize) -> Value {
    serde_json::from_str(&value.to_string().replace(&format!("_sandbox_{serial}"), "_")).unwrap()
}

#[tokio::test]
async fn streams_and_whole_answers_tell_the_same() {
    let moment = Duration::from_millis(1);
    let twin = start(Script { pace: moment, hush: moment, ..Script::default() }).await;
    let tools = json!([{"type": "function", "name": "look", "parameters": {"type": "object"}}]);
    let told = json!({
        "tools": tools, "reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"],
    });
    let fails = [
        "-error-",
        "flaky",
        "cut",
        "reset",
        "stall",
        "malformed",
        "embed",
        "rerank",
        "moderation",
        "draw",
        "transcribe",
        "speech",
    ];
    let mut serial = 0;
    for model in MODELS.iter().filter(|model| !fails.iter().any(|name| model.contains(name))) {
        for request in [ask(model, &json!({})), ask(model, &told)] {
            let events = events(&twin, &request).await;
            let kinds = |at: usize| events[at]["type"].as_str().unwrap();
            assert_eq!((kinds(0), kinds(1)), ("response.created", "response.in_progress"));
            assert_eq!(events[0]["response"]["status"], "in_progress");
            assert_eq!(kinds(events.len() - 1), "response.completed", "{model}");
            let last = &events[events.len() - 1]["response"];
            assert_eq!(json!(assembled(&events)), last["output"], "{model}");
            let (status, body) = whole(&twin, RESPONSES, &request).await;
            assert_eq!(status, 200, "{model} {body}");
            let (last, body) = (unnumbered(last, serial), unnumbered(&body, serial + 1));
            assert_eq!(sealed_alike(last), sealed_alike(body), "{model}");
            serial += 2;
        }
    }
    assert!(serial > 50);
}

/// The seal is bound to the item's number.
fn sealed_alike(mut answer: Value) -> Value {
    for item in answer["output"].as_array_mut().unwrap() {
        if let Some(sealed) = item.get_mut("encrypted_content") {
            assert!(sealed.as_str().unwrap().starts_with("sandbox-encrypted-"));
            *sealed = json!("sealed");
        }
    }
    answer
}

#[tokio::test]
async fn usage_and_settings_come_back() {
    let twin = start(Script::default()).await;
    let (_, body) = whole(&twin, RESPONSES, &ask("sandbox-echo", &json!({}))).await;
    assert_eq!(body["output"][0]["content"][0]["text"], "one two three");
    assert_eq!(
        body["usage"],
        json!({
            "input_tokens": 3, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 6,
        })
    );
    assert_eq!(body["store"], true);
    assert_eq!(body["text"]["format"], json!({"type": "text"}));
    let tools = json!([{"type": "function", "name": "look", "parameters": null}]);
    let asked = json!({
        "store": false, "temperature": 0.5, "metadata": {"a": "b"}, "instructions": "Be brief.",
        "tools": tools, "reasoning": {"effort": "low"}, "user": "someone", "parallel_tool_calls": false,
    });
    let (_, body) = whole(&twin, RESPONSES, &ask("sandbox-cached", &asked)).await;
    for name in ["store", "temperature", "metadata", "instructions", "user", "parallel_tool_calls"]
    {
        assert_eq!(body[name], asked[name], "{name}");
    }
    assert_eq!(body["tools"][0]["strict"], true);
    assert_eq!(body["reasoning"], json!({"effort": "low", "summary": null}));
    assert_eq!(body["usage"]["input_tokens"], 5);
    assert_eq!(body["usage"]["input_tokens_details"]["cached_tokens"], 2);
    for (model, expected) in
        [("sandbox-no-usage", None), ("sandbox-null-usage", Some(&Value::Null))]
    {
        let (_, body) = whole(&twin, RESPONSES, &ask(model, &json!({}))).await;
        assert_eq!(body.get("usage"), expected, "{model}");
    }
}

#[tokio::test]
async fn a_cap_leaves_the_answer_incomplete() {
    let twin = start(Script::default()).await;
    let asked = ask("sandbox-slow", &json!({"max_output_tokens": 16}));
    let events = events(&twin, &asked).await;
    let last = &events[events.len() - 1];
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(last["response"]["status"], "incomplete");
    assert_eq!(last["response"]["completed_at"], Value::Null);
    assert_eq!(last["response"]["incomplete_details"], json!({"reason": "max_output_tokens"}));
    assert_eq!(last["response"]["output"][0]["status"], "incomplete");
    assert_eq!(last["response"]["usage"]["output_tokens"], 16);
}

#[tokio::test]
async fn failures_after_the_headers_are_events() {
    let twin = start(Script::default()).await;
    let failed = ask("sandbox-error-in-200", &json!({}));
    let (status, body) = whole(&twin, RESPONSES, &failed).await;
    assert_eq!((status, &body["status"], &body["output"]), (200, &json!("failed"), &json!([])));
    assert_eq!(body["error"]["code"], "server_error");
    let told = events(&twin, &failed).await;
    let kinds: Vec<_> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["response.created", "response.in_progress", "response.failed"]);
    assert_eq!(told[2]["response"]["error"], body["error"]);

    let told = events(&twin, &ask("sandbox-error-mid-stream", &json!({}))).await;
    let last = &told[told.len() - 1];
    assert_eq!((&last["type"], &last["code"]), (&json!("error"), &json!("overloaded")));
    let pieces = told.iter().filter(|event| event["type"] == "response.output_text.delta");
    assert_eq!(pieces.count(), 3);
}

#[tokio::test]
async fn errors_before_the_headers_repeat_the_prompt() {
    let twin = start(Script::default()).await;
    for (status, kind) in [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (429, "rate_limit_error"),
        (500, "server_error"),
        (529, "server_error"),
    ] {
        let asked = ask(&format!("sandbox-error-{status}"), &json!({"stream": true}));
        let (got, body) = whole(&twin, RESPONSES, &asked).await;
        assert_eq!((got, &body["error"]["type"]), (status, &json!(kind)));
        assert!(body["error"]["message"].as_str().unwrap().contains("one two three"));
    }
    let limited = ask("sandbox-flaky-429", &json!({}));
    let first = send(&twin, RESPONSES, &limited).await.unwrap();
    assert_eq!(
        (first.status().as_u16(), &first.headers()["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    assert_eq!(whole(&twin, RESPONSES, &limited).await.0, 200);
    let (status, body) = whole(&twin, RESPONSES, &ask("gpt-5", &json!({}))).await;
    assert_eq!((status, &body["error"]["code"]), (404, &json!("model_not_found")));
}

#[tokio::test]
async fn pieces_are_padded_unless_that_is_declined() {
    let twin = start(Script::default()).await;
    let pieces = |events: Vec<Value>| -> Vec<Value> {
        events.into_iter().filter(|event| event.get("delta").is_some()).collect()
    };
    let padded = pieces(events(&twin, &ask("sandbox-echo", &json!({}))).await);
    for piece in &padded {
        let length =
            piece["delta"].as_str().unwrap().len() + piece["obfuscation"].as_str().unwrap().len();
        assert_eq!(length, 16);
    }
    let plain = json!({"stream": true, "stream_options": {"include_obfuscation": false}});
    let plain = pieces(events(&twin, &ask("sandbox-echo", &plain)).await);
    assert!(plain.len() == 3 && plain.iter().all(|piece| piece.get("obfuscation").is_none()));
}
