//! Thinking of Claude models at Bedrock: the same signatures as at their maker.

use llm::{Format, Quirks, StreamOptions, StreamTranslator, head, head_at, prepare};
use serde_json::{Map, Value, json};

use super::{
    ANTHROPIC, GEMINI, OPENAI, RESPONSES, answer, content_of, event_stream::message, join,
    next_anthropic, next_openai, responses::next_responses,
};

const BEDROCK: Format = Format::BedrockConverse;

fn content() -> Value {
    json!([
        {"reasoningContent":{"reasoningText":{"text":"First.","signature":"c2lnMQ=="}}},
        {"reasoningContent":{"redactedContent":"ZW5j"}},
        {"text":"Let me see."},
        {"toolUse":{"toolUseId":"toolu_1","name":"f","input":{"a":1}}},
    ])
}

fn whole(inbound: Format) -> Value {
    let message = json!({"role":"assistant","content":content()});
    let usage = json!({"inputTokens":1,"outputTokens":1,"totalTokens":2});
    answer(
        inbound,
        BEDROCK,
        &json!({"output":{"message":message},"stopReason":"tool_use","usage":usage}),
    )
}

fn streamed(inbound: Format) -> Vec<Value> {
    let thought = |inner: Value| json!({"contentBlockDelta":{"contentBlockIndex":0,"delta":{"reasoningContent":inner}}});
    let stop = |index: u64| json!({"contentBlockStop":{"contentBlockIndex":index}});
    let events = [
        json!({"messageStart":{"role":"assistant"}}),
        thought(json!({"text":"Fir"})),
        thought(json!({"text":"st."})),
        thought(json!({"signature":"c2lnMQ=="})),
        stop(0),
        json!({"contentBlockDelta":{"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"ZW5j"}}}}),
        stop(1),
        json!({"contentBlockDelta":{"contentBlockIndex":2,"delta":{"text":"Let me see."}}}),
        stop(2),
        json!({"contentBlockStart":{"contentBlockIndex":3,"start":{"toolUse":{"toolUseId":"toolu_1","name":"f"}}}}),
        json!({"contentBlockDelta":{"contentBlockIndex":3,"delta":{"toolUse":{"input":"{\"a\":1}"}}}}),
        stop(3),
        json!({"messageStop":{"stopReason":"tool_use"}}),
        json!({"metadata":{"usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}}),
    ];
    let mut stream = StreamTranslator::new(inbound, BEDROCK, StreamOptions::default());
    let mut out = Vec::new();
    for event in &events {
        stream.push(&message(event), &mut out).unwrap();
    }
    assert!(stream.finish(&mut out).unwrap().done);
    let text = String::from_utf8(out).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn send(inbound: Format, body: &Value, model: &str) -> (Value, Vec<String>) {
    let body = bytes::Bytes::from(body.to_string());
    let head = match inbound {
        GEMINI => head_at("x", false, &body).unwrap(),
        _ => head(inbound, &body).unwrap(),
    };
    let quirks = Quirks::of_model(model);
    let prepared = prepare(inbound, BEDROCK, &body, &head, model, &quirks).unwrap();
    (serde_json::from_slice(&prepared.body).unwrap(), prepared.dropped)
}

/// The second turn of every kind of client, after a whole answer and after a stream.
fn turns() -> Vec<(Format, Value)> {
    let mut joined = Map::new();
    for chunk in streamed(OPENAI) {
        if let Some(delta) = chunk["choices"][0]["delta"].as_object() {
            join(&mut joined, delta);
        }
    }
    let output = streamed(RESPONSES).last().unwrap()["response"]["output"].clone();
    vec![
        (OPENAI, next_openai(whole(OPENAI)["choices"][0]["message"].clone())),
        (OPENAI, next_openai(joined.into())),
        (ANTHROPIC, next_anthropic(&whole(ANTHROPIC)["content"])),
        (ANTHROPIC, next_anthropic(&content_of(&streamed(ANTHROPIC)))),
        (RESPONSES, next_responses(&whole(RESPONSES)["output"])),
        (RESPONSES, next_responses(&output)),
    ]
}

#[test]
fn every_client_brings_it_back() {
    for (inbound, next) in turns() {
        let (sent, dropped) = send(inbound, &next, "eu.anthropic.claude-opus-4-8-v1:0");
        assert_eq!(sent["messages"][1]["content"], content(), "{inbound:?}");
        assert_eq!(dropped, Vec::<String>::new(), "{inbound:?}");
    }
}

#[test]
fn it_is_good_at_the_maker_and_kept_from_others() {
    for (inbound, next) in turns() {
        let (sent, _) = super::send(inbound, ANTHROPIC, &next);
        let text = sent.to_string();
        assert!(text.contains("c2lnMQ==") && text.contains("ZW5j"), "{inbound:?}: {text}");
        let (sent, dropped) = send(inbound, &next, "mistral.mistral-large-3");
        assert!(!sent.to_string().contains("c2ln"), "{inbound:?}");
        assert!(!dropped.is_empty(), "{inbound:?}");
    }
}
