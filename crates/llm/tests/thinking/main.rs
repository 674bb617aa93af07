//! Thinking survives a second turn, whatever the client speaks and however the answer came.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

mod bedrock;
mod cohere;
#[path = "../support/event_stream.rs"]
#[expect(dead_code, reason = "other tests read whole fixtures")]
mod event_stream;
mod gemini;
mod responses;

use bytes::Bytes;
use llm::{Format, Quirks, Show, StreamOptions, StreamTranslator, head, head_at, prepare, respond};
use serde_json::{Map, Value, json};

const OPENAI: Format = Format::OpenAiChat;
const ANTHROPIC: Format = Format::AnthropicMessages;
const RESPONSES: Format = Format::OpenAiResponses;
const GEMINI: Format = Format::Gemini;
const COHERE: Format = Format::Cohere;

fn send(inbound: Format, outbound: Format, body: &Value) -> (Value, Vec<String>) {
    let body = Bytes::from(body.to_string());
    let head = match inbound {
        GEMINI => head_at("x", false, &body).unwrap(),
        _ => head(inbound, &body).unwrap(),
    };
    let prepared = prepare(inbound, outbound, &body, &head, "m", &Quirks::default()).unwrap();
    (serde_json::from_slice(&prepared.body).unwrap(), prepared.dropped)
}

fn answer(inbound: Format, outbound: Format, body: &Value) -> Value {
    let body = Bytes::from(body.to_string());
    let answer = respond(inbound, outbound, &body, Show::default()).unwrap();
    assert_eq!(answer.dropped, Vec::<String>::new());
    serde_json::from_slice(&answer.body).unwrap()
}

fn stream(inbound: Format, outbound: Format, events: &[Value]) -> Vec<Value> {
    let mut stream = StreamTranslator::new(inbound, outbound, StreamOptions::default());
    let mut out = Vec::new();
    for event in events {
        stream.push(format!("data: {event}\n\n").as_bytes(), &mut out).unwrap();
    }
    stream.finish(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn tools() -> Value {
    json!([{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}])
}

/// What Anthropic answered: interleaved thinking with signatures, one redacted.
fn blocks() -> Value {
    json!([
        {"type":"thinking","thinking":"First.","signature":"c2lnMQ=="},
        {"type":"redacted_thinking","data":"ZW5j"},
        {"type":"text","text":"Let me see."},
        {"type":"thinking","thinking":"Second.","signature":"c2lnMg=="},
        {"type":"tool_use","id":"toolu_1","name":"f","input":{"a":1}},
    ])
}

/// The next request of an OpenAI-format client that keeps the assistant's message as it got it.
fn next_openai(message: Value) -> Value {
    json!({"model":"x","tools":tools(),"messages":[
        {"role":"user","content":"Go"}, message,
        {"role":"tool","tool_call_id":"toolu_1","content":"done"},
    ]})
}

#[test]
fn an_openai_client_brings_anthropic_s_thinking_back() {
    let got = answer(
        OPENAI,
        ANTHROPIC,
        &json!({"id":"msg_1","model":"m","content":blocks(),"stop_reason":"tool_use",
            "usage":{"input_tokens":1,"output_tokens":1}}),
    );
    let message = got["choices"][0]["message"].clone();
    assert_eq!(message["reasoning_content"], "First.Second.");
    let (sent, dropped) = send(OPENAI, ANTHROPIC, &next_openai(message));
    assert_eq!(sent["messages"][1]["content"], blocks());
    assert_eq!(dropped, Vec::<String>::new());
}

fn anthropic_events() -> Vec<Value> {
    let mut events = vec![
        json!({"type":"message_start","message":{"id":"msg_1","model":"m","usage":{"input_tokens":1,"output_tokens":1}}}),
    ];
    for (index, block) in blocks().as_array().unwrap().iter().enumerate() {
        let mut delta = |delta: Value| {
            events.push(json!({"type":"content_block_delta","index":index,"delta":delta}));
        };
        let (start, deltas) = match block["type"].as_str().unwrap() {
            "thinking" => {
                let text = block["thinking"].as_str().unwrap();
                let (left, right) = text.split_at(3);
                let deltas = vec![
                    json!({"type":"thinking_delta","thinking":left}),
                    json!({"type":"thinking_delta","thinking":right}),
                    json!({"type":"signature_delta","signature":block["signature"]}),
                ];
                (json!({"type":"thinking","thinking":"","signature":""}), deltas)
            }
            "text" => (
                json!({"type":"text","text":""}),
                vec![json!({"type":"text_delta","text":block["text"]})],
            ),
            "tool_use" => (
                json!({"type":"tool_use","id":"toolu_1","name":"f","input":{}}),
                vec![json!({"type":"input_json_delta","partial_json":"{\"a\":1}"})],
            ),
            _ => (block.clone(), Vec::new()),
        };
        let place = json!({"type":"content_block_start","index":index,"content_block":start});
        deltas.into_iter().for_each(&mut delta);
        let first =
            events.len() - usize::from(block["type"] != "redacted_thinking") * events_of(block);
        events.insert(first, place);
        events.push(json!({"type":"content_block_stop","index":index}));
    }
    events.push(json!({"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}));
    events.push(json!({"type":"message_stop"}));
    events
}

fn events_of(block: &Value) -> usize {
    if block["type"] == "thinking" { 3 } else { 1 }
}

/// Joins deltas as the official Python library does: members of `index` and `type` are replaced, strings
/// joined, numbers added, and lists joined by the `index` of their entries, taken as a place.
fn join(into: &mut Map<String, Value>, delta: &Map<String, Value>) {
    for (key, value) in delta {
        let Some(before) = into.get_mut(key).filter(|before| !before.is_null()) else {
            into.insert(key.clone(), value.clone());
            continue;
        };
        match (before, value) {
            (before, value) if key == "index" || key == "type" => *before = value.clone(),
            (Value::String(before), Value::String(value)) => before.push_str(value),
            (Value::Number(before), Value::Number(value)) => {
                *before = (before.as_u64().unwrap() + value.as_u64().unwrap()).into();
            }
            (Value::Array(before), Value::Array(value)) => {
                for entry in value {
                    let place = usize::try_from(entry["index"].as_u64().unwrap()).unwrap();
                    match before.get_mut(place) {
                        Some(Value::Object(before)) => join(before, entry.as_object().unwrap()),
                        _ => before.insert(place.min(before.len()), entry.clone()),
                    }
                }
            }
            (Value::Object(before), Value::Object(value)) => join(before, value),
            _ => {}
        }
    }
}

#[test]
fn an_openai_client_brings_streamed_thinking_back_joined_or_as_deltas() {
    let chunks = stream(OPENAI, ANTHROPIC, &anthropic_events());
    let mut joined = Map::new();
    let mut pieces = Vec::new();
    for chunk in &chunks {
        let delta = chunk["choices"][0]["delta"].as_object().unwrap();
        join(&mut joined, delta);
        pieces.extend(
            delta.get("reasoning_details").and_then(Value::as_array).cloned().unwrap_or_default(),
        );
    }
    let (sent, dropped) = send(OPENAI, ANTHROPIC, &next_openai(joined.clone().into()));
    assert_eq!(sent["messages"][1]["content"], blocks());
    assert_eq!(dropped, Vec::<String>::new());

    joined.insert("reasoning_details".into(), pieces.into());
    let (sent, _) = send(OPENAI, ANTHROPIC, &next_openai(joined.into()));
    assert_eq!(sent["messages"][1]["content"], blocks());
}

/// The next request of an Anthropic-format client.
fn next_anthropic(content: &Value) -> Value {
    json!({"model":"x","max_tokens":99,"messages":[
        {"role":"user","content":"Go"}, {"role":"assistant","content":content},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1","content":"done"}]},
    ],"tools":[{"name":"f","input_schema":{"type":"object"}}]})
}

fn openai_message() -> Value {
    json!({"role":"assistant","content":"See.","reasoning":"Deep.","reasoning_details":[
            {"type":"reasoning.text","id":"r","format":"f","text":"Deep.","index":0},
            {"type":"reasoning.encrypted","format":"f","data":"x","index":1}],
        "tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]})
}

#[test]
fn an_anthropic_client_brings_an_openai_provider_s_reasoning_back() {
    let got = answer(
        ANTHROPIC,
        OPENAI,
        &json!({"id":"c","model":"m","choices":[{"message":openai_message(),"finish_reason":"tool_calls"}]}),
    );
    assert_eq!(got["content"][0]["type"], "thinking");
    let (sent, dropped) = send(ANTHROPIC, OPENAI, &next_anthropic(&got["content"]));
    assert_eq!(sent["messages"][1], openai_message());
    assert_eq!(dropped, Vec::<String>::new());
}

#[test]
fn an_anthropic_client_brings_streamed_reasoning_back() {
    let chunk = |delta: Value| json!({"id":"c","model":"m","choices":[{"index":0,"delta":delta}]});
    let events = [
        chunk(json!({"role":"assistant","content":""})),
        chunk(
            json!({"reasoning":"De","reasoning_details":[{"type":"reasoning.text","id":"r","format":"f","text":"De","index":0}]}),
        ),
        chunk(
            json!({"reasoning":"ep.","reasoning_details":[{"type":"reasoning.text","text":"ep.","index":0}]}),
        ),
        chunk(
            json!({"reasoning_details":[{"type":"reasoning.encrypted","format":"f","data":"x","index":1}]}),
        ),
        chunk(json!({"content":"See."})),
        chunk(
            json!({"tool_calls":[{"index":0,"id":"call_1","function":{"name":"f","arguments":"{}"}}]}),
        ),
        json!({"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}),
    ];
    let content = content_of(&stream(ANTHROPIC, OPENAI, &events));
    let (sent, dropped) = send(ANTHROPIC, OPENAI, &next_anthropic(&content));
    assert_eq!(sent["messages"][1], openai_message());
    assert_eq!(dropped, Vec::<String>::new());
}

/// The blocks that an Anthropic-format client has put together from a stream.
fn content_of(events: &[Value]) -> Value {
    let mut content: Vec<Value> = Vec::new();
    let mut inputs: Vec<String> = Vec::new();
    for event in events {
        match event["type"].as_str().unwrap() {
            "content_block_start" => {
                content.push(event["content_block"].clone());
                inputs.push(String::new());
            }
            "content_block_delta" => {
                let block = content.last_mut().unwrap();
                for name in ["thinking", "signature", "text"] {
                    if let Some(text) = event["delta"][name].as_str() {
                        block[name] = (block[name].as_str().unwrap().to_owned() + text).into();
                    }
                }
                inputs
                    .last_mut()
                    .unwrap()
                    .push_str(event["delta"]["partial_json"].as_str().unwrap_or(""));
            }
            _ => {}
        }
    }
    for (block, input) in content.iter_mut().zip(inputs).filter(|(_, input)| !input.is_empty()) {
        block["input"] = serde_json::from_str(&input).unwrap();
    }
    content.into()
}
