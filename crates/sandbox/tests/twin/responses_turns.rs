//! Second turns in the format Responses: what the twin must get back as it was.

use sandbox::{Running, Script};
use serde_json::{Value, json};

use crate::{
    RESPONSES,
    house::{start, whole},
    responses::{ask, events},
};

fn tools() -> Value {
    let schema = json!({"type": "object", "properties": {}});
    json!([
        {"type": "function", "name": "look", "parameters": schema},
        {"type": "function", "name": "note", "parameters": schema},
    ])
}

/// The next turn: everything said, then `more`.
fn then(first: &[Value], more: Value) -> Value {
    let mut input = vec![json!({"role": "user", "content": "one two three"})];
    input.extend(first.iter().cloned());
    input.push(more);
    json!(input)
}

fn output(call: &Value) -> Value {
    json!({"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"})
}

async fn refused(twin: &Running, body: &Value) -> Value {
    let (status, body) = whole(twin, RESPONSES, body).await;
    assert!(matches!(status, 400 | 404), "{status} {body}");
    body["error"].clone()
}

#[tokio::test]
async fn calls_wait_for_their_outputs() {
    let twin = start(Script::default()).await;
    let mut request = ask("sandbox-tools", &json!({"tools": tools()}));
    let (_, body) = whole(&twin, RESPONSES, &request).await;
    let call = body["output"][0].clone();
    assert_eq!((&call["type"], &call["name"]), (&json!("function_call"), &json!("look")));
    assert_eq!((&call["arguments"], &body["status"]), (&json!("{}"), &json!("completed")));

    request["input"] = then(&[], output(&call));
    assert_eq!(refused(&twin, &request).await["param"], "input", "an output without a call");
    request["input"] = then(std::slice::from_ref(&call), json!({"role": "user", "content": "x"}));
    assert_eq!(refused(&twin, &request).await["param"], "input", "a call without an output");
    request["input"] = then(std::slice::from_ref(&call), output(&call));
    let (status, body) = whole(&twin, RESPONSES, &request).await;
    assert_eq!((status, &body["output"][0]["content"][0]["text"]), (200, &json!("sunny")));
}

#[tokio::test]
async fn parallel_and_forced_calls() {
    let twin = start(Script::default()).await;
    let request = ask("sandbox-parallel-tools", &json!({"tools": tools()}));
    let (_, body) = whole(&twin, RESPONSES, &request).await;
    let calls = body["output"].as_array().unwrap();
    let names: Vec<_> = calls.iter().map(|call| call["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["look", "note"]);
    assert_ne!(calls[0]["call_id"], calls[1]["call_id"]);
    let mut input = then(calls, output(&calls[0]));
    input.as_array_mut().unwrap().push(output(&calls[1]));
    let (_, body) = whole(
        &twin,
        RESPONSES,
        &ask(
            "sandbox-parallel-tools",
            &json!({
                "tools": tools(), "input": input,
            }),
        ),
    )
    .await;
    assert_eq!(body["output"][0]["content"][0]["text"], "sunny sunny");

    let choice = json!({"type": "function", "name": "note"});
    let forced = json!({"tools": tools(), "tool_choice": choice});
    let (_, body) = whole(&twin, RESPONSES, &ask("sandbox-echo", &forced)).await;
    assert_eq!(body["output"][0]["name"], "note");
    assert_eq!(body["tool_choice"], choice);
}

#[tokio::test]
async fn reasoning_is_shown_and_sealed_as_asked() {
    let twin = start(Script::default()).await;
    let (_, body) = whole(&twin, RESPONSES, &ask("sandbox-thinking", &json!({}))).await;
    let bare = &body["output"][0];
    assert_eq!((&bare["type"], &bare["summary"]), (&json!("reasoning"), &json!([])));
    assert_eq!(bare.get("encrypted_content"), None);
    assert_eq!(body["usage"]["output_tokens_details"]["reasoning_tokens"], 5);

    let all = json!({
        "reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"],
    });
    let (_, body) = whole(&twin, RESPONSES, &ask("sandbox-thinking", &all)).await;
    let item = &body["output"][0];
    assert_eq!(item["summary"][0]["text"], "Let me think about it.");
    assert!(item["encrypted_content"].is_string());
    let (_, body) = whole(&twin, RESPONSES, &ask("sandbox-redacted-thinking", &all)).await;
    let item = &body["output"][0];
    assert_eq!(item["summary"], json!([]));
    assert!(item["encrypted_content"].is_string());
}

#[tokio::test]
async fn reasoning_must_come_back_as_it_was() {
    let twin = start(Script::default()).await;
    let mut request = ask(
        "sandbox-thinking",
        &json!({
            "tools": tools(), "store": false, "include": ["reasoning.encrypted_content"],
        }),
    );
    let streamed = events(&twin, &request).await;
    let first = streamed[streamed.len() - 1]["response"]["output"].as_array().unwrap();
    assert_eq!(
        (&first[0]["type"], &first[1]["type"]),
        (&json!("reasoning"), &json!("function_call"))
    );
    let mut turn = |reasoning: Option<Value>| {
        let items: Vec<Value> = reasoning.into_iter().chain([first[1].clone()]).collect();
        request["input"] = then(&items, output(&first[1]));
        request.clone()
    };
    let changed = |name: &str, value: Value| {
        let mut item = first[0].clone();
        item[name] = value;
        Some(item)
    };
    let sealed = first[0]["encrypted_content"].as_str().unwrap();
    for wrong in [
        changed("encrypted_content", json!(sealed.replace("encrypted-c", "encrypted-d"))),
        changed("encrypted_content", json!("gAAAAB")),
        changed("id", json!("rs_sandbox_999_0")),
    ] {
        let error = refused(&twin, &turn(wrong)).await;
        assert_eq!(error["code"], "invalid_encrypted_content", "{error}");
    }
    let error = refused(&twin, &turn(changed("encrypted_content", Value::Null))).await;
    assert!(error["message"].as_str().unwrap().contains("not found"), "{error}");

    let error = refused(&twin, &turn(changed("summary", Value::Null))).await;
    assert_eq!(error["code"], "missing_required_parameter", "{error}");

    let mut nameless = first[0].clone();
    nameless.as_object_mut().unwrap().remove("id");
    for kept in [first[0].clone(), nameless] {
        let (status, body) = whole(&twin, RESPONSES, &turn(Some(kept))).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["output"][1]["content"][0]["text"], "verified 1 sunny");
    }
    let (_, body) = whole(&twin, RESPONSES, &turn(None)).await;
    assert_eq!(body["output"][1]["content"][0]["text"], "verified 0 sunny");

    request["input"] = then(&[], first[0].clone());
    let error = refused(&twin, &request).await;
    assert!(error["message"].as_str().unwrap().contains("following item"), "{error}");
}

#[tokio::test]
async fn pictures_and_schemas() {
    let twin = start(Script::default()).await;
    let content = json!([
        {"type": "input_image", "image_url": "data:image/png;base64,aGVsbG8=", "detail": "auto"},
        {"type": "input_text", "text": "what"},
    ]);
    let asked = json!({"input": [{"role": "user", "content": content}]});
    let (_, body) = whole(&twin, RESPONSES, &ask("sandbox-image", &asked)).await;
    assert_eq!(body["output"][0]["content"][0]["text"], "images 1 image/png:5");

    let schema = json!({
        "type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"],
        "additionalProperties": false,
    });
    let format = json!({"type": "json_schema", "name": "n", "schema": schema, "strict": true});
    let asked = json!({"text": {"format": format}});
    let (_, body) = whole(&twin, RESPONSES, &ask("sandbox-json-schema", &asked)).await;
    assert_eq!(body["output"][0]["content"][0]["text"], "{\"a\":1}");
    assert_eq!(body["text"], json!({"format": format, "verbosity": "medium"}));
}
