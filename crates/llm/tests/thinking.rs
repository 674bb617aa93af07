//! Thinking survives a second turn, whatever the client speaks and however the answer came.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops where it fails")]

use bytes::Bytes;
use llm::{Format, Quirks, Show, StreamOptions, StreamTranslator, head, head_at, prepare, respond};
use serde_json::{Map, Value, json};

const OPENAI: Format = Format::OpenAiChat;
const ANTHROPIC: Format = Format::AnthropicMessages;
const RESPONSES: Format = Format::OpenAiResponses;
const GEMINI: Format = Format::Gemini;

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

/// The next request of a Responses client that sends the items back as it got them.
fn next_responses(output: &Value) -> Value {
    let mut input = vec![json!({"role":"user","content":"Go"})];
    input.extend(output.as_array().unwrap().iter().cloned());
    let id = input.last().unwrap()["call_id"].clone();
    input.push(json!({"type":"function_call_output","call_id":id,"output":"done"}));
    json!({"model":"x","input":input,"store":false,
        "tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{}}}]})
}

#[test]
fn a_responses_client_brings_anthropic_s_thinking_back() {
    let got = answer(
        RESPONSES,
        ANTHROPIC,
        &json!({"id":"msg_1","model":"m","content":blocks(),"stop_reason":"tool_use",
            "usage":{"input_tokens":1,"output_tokens":1}}),
    );
    let events = stream(RESPONSES, ANTHROPIC, &anthropic_events());
    let streamed = events.last().unwrap()["response"]["output"].clone();
    for output in [&got["output"], &streamed] {
        let (sent, dropped) = send(RESPONSES, ANTHROPIC, &next_responses(output));
        assert_eq!(sent["messages"][1]["content"], blocks());
        assert_eq!(dropped, Vec::<String>::new());
        // Nobody else is given it.
        let (sent, dropped) = send(RESPONSES, OPENAI, &next_responses(output));
        assert!(!sent.to_string().contains("c2lnMQ"));
        assert_eq!(dropped, ["input[].encrypted_content"]);
    }
}

#[test]
fn a_responses_client_brings_a_chat_provider_s_reasoning_back() {
    let got = answer(
        RESPONSES,
        OPENAI,
        &json!({"id":"c","model":"m","choices":[{"message":openai_message(),"finish_reason":"tool_calls"}]}),
    );
    assert_eq!(got["output"][0]["summary"][0]["text"], "Deep.");
    let (sent, dropped) = send(RESPONSES, OPENAI, &next_responses(&got["output"]));
    assert_eq!(sent["messages"][1], openai_message());
    assert_eq!(dropped, Vec::<String>::new());
    let (sent, dropped) = send(RESPONSES, ANTHROPIC, &next_responses(&got["output"]));
    assert!(!sent.to_string().contains("probity"));
    assert_eq!(dropped, ["input[].encrypted_content"]);
}

/// What a Responses provider answered: reasoning before and between what it did.
fn items() -> Value {
    json!([
        {"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"First."},{"type":"summary_text","text":"Then."}],"encrypted_content":"gAAAA1"},
        {"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"See.","annotations":[]}]},
        {"id":"rs_2","type":"reasoning","summary":[],"encrypted_content":"gAAAA2"},
        {"id":"fc_1","type":"function_call","status":"completed","call_id":"call_1","name":"f","arguments":"{\"a\":1}"},
    ])
}

fn responses_events() -> Vec<Value> {
    let mut events =
        vec![json!({"type":"response.created","response":{"id":"resp_1","model":"m","output":[]}})];
    for (index, item) in items().as_array().unwrap().iter().enumerate() {
        let mut begun = item.clone();
        for name in ["summary", "content"] {
            if begun.get(name).is_some() {
                begun[name] = json!([]);
            }
        }
        if begun.get("arguments").is_some() {
            begun["arguments"] = "".into();
        }
        events.push(json!({"type":"response.output_item.added","output_index":index,"item":begun}));
        for (part, summary) in item["summary"].as_array().into_iter().flatten().enumerate() {
            let (left, right) = summary["text"].as_str().unwrap().split_at(2);
            events.push(json!({"type":"response.reasoning_summary_part.added","output_index":index,"summary_index":part}));
            for delta in [left, right] {
                events.push(json!({"type":"response.reasoning_summary_text.delta","output_index":index,"summary_index":part,"delta":delta}));
            }
        }
        for part in item["content"].as_array().into_iter().flatten() {
            events.push(json!({"type":"response.output_text.delta","output_index":index,"content_index":0,"delta":part["text"]}));
        }
        if let Some(arguments) = item["arguments"].as_str() {
            events.push(json!({"type":"response.function_call_arguments.delta","output_index":index,"delta":arguments}));
        }
        events.push(json!({"type":"response.output_item.done","output_index":index,"item":item}));
    }
    let end = json!({"id":"resp_1","model":"m","status":"completed","output":items()});
    events.push(json!({"type":"response.completed","response":end}));
    events
}

fn responses_answer(inbound: Format) -> Value {
    let body =
        json!({"id":"resp_1","model":"m","status":"completed","output":items(),"error":null});
    answer(inbound, RESPONSES, &body)
}

/// What must reach the provider again: its own reasoning to the letter, in its place.
fn sent_again() -> Value {
    let given = items();
    json!([
        {"type":"message","role":"user","content":"Go"},
        given[0],
        {"type":"message","role":"assistant","content":"See."},
        given[2],
        {"type":"function_call","call_id":"call_1","name":"f","arguments":"{\"a\":1}"},
        {"type":"function_call_output","call_id":"call_1","output":"done"},
    ])
}

#[test]
fn an_anthropic_client_brings_reasoning_items_back() {
    let whole = responses_answer(ANTHROPIC)["content"].clone();
    assert_eq!(whole[0]["thinking"], "First.\n\nThen.");
    let streamed = content_of(&stream(ANTHROPIC, RESPONSES, &responses_events()));
    assert_eq!(streamed, whole);
    let (sent, dropped) = send(ANTHROPIC, RESPONSES, &next_anthropic(&whole));
    assert_eq!(sent["input"], sent_again());
    assert_eq!(dropped, Vec::<String>::new());
    let (sent, dropped) = send(ANTHROPIC, OPENAI, &next_anthropic(&whole));
    assert!(!sent.to_string().contains("gAAAA"));
    assert_eq!(dropped, ["messages[].content[].thinking"]);
}

#[test]
fn a_chat_client_brings_reasoning_items_back() {
    let whole = responses_answer(OPENAI)["choices"][0]["message"].clone();
    assert_eq!(whole["reasoning_content"], "First.\n\nThen.");
    let mut joined = Map::new();
    for chunk in stream(OPENAI, RESPONSES, &responses_events()) {
        join(&mut joined, chunk["choices"][0]["delta"].as_object().unwrap());
    }
    for message in [whole, joined.into()] {
        let mut next = next_openai(message);
        next["messages"][2]["tool_call_id"] = "call_1".into();
        let (sent, dropped) = send(OPENAI, RESPONSES, &next);
        assert_eq!(sent["input"], sent_again());
        assert_eq!(dropped, Vec::<String>::new());
        let (sent, dropped) = send(OPENAI, ANTHROPIC, &next);
        assert!(!sent.to_string().contains("gAAAA"));
        assert_eq!(dropped, ["messages[].reasoning_details"]);
    }
}

#[test]
fn a_seal_is_not_opened_unless_a_reasoning_item_is_in_it() {
    for forged in [
        "",
        "[]",
        "{\"type\":\"message\",\"encrypted_content\":\"x\"}",
        "{\"type\":\"reasoning\"}",
        "{\"type\":\"reasoning\",\"type\":\"reasoning\",\"encrypted_content\":\"x\"}",
        "{\"type\":\"reasoning\",\"encrypted_content\":\"x\"},{}",
        "{\"type\":\"reasoning\",\"encrypted_content\":\"probity.anthropic.v1/thinking/x\"}",
    ] {
        let signature = format!("probity.openai-responses.v1/{forged}");
        let content = json!([{"type":"thinking","thinking":"t","signature":signature},{"type":"text","text":"y"}]);
        let (sent, dropped) = send(ANTHROPIC, RESPONSES, &next_anthropic(&content));
        assert_eq!(sent["input"][1], json!({"type":"message","role":"assistant","content":"y"}));
        assert_eq!(dropped, ["messages[].content[].thinking"], "{forged}");
    }
}

/// What Gemini answered: a thought, and signatures on a text and on a call.
fn gemini_parts() -> Value {
    json!([
        {"text":"Hm.","thought":true},
        {"text":"Let me see.","thoughtSignature":"c2lnMQ=="},
        {"functionCall":{"id":"call_1","name":"f","args":{"a":1}},"thoughtSignature":"c2lnMg=="},
    ])
}

fn gemini_answer(inbound: Format) -> Value {
    let content = json!({"role":"model","parts":gemini_parts()});
    let body = json!({"candidates":[{"content":content,"finishReason":"STOP"}],"modelVersion":"m","responseId":"r"});
    answer(inbound, GEMINI, &body)
}

/// The same in chunks, the thought in two of them.
fn gemini_events() -> Vec<Value> {
    let chunk = |part: &Value| json!({"candidates":[{"content":{"role":"model","parts":[part]}}],"modelVersion":"m","responseId":"r"});
    let mut events = vec![
        chunk(&json!({"text":"H","thought":true})),
        chunk(&json!({"text":"m.","thought":true})),
    ];
    events.extend(gemini_parts().as_array().unwrap().iter().skip(1).map(chunk));
    events.push(json!({"candidates":[{"content":{"role":"model","parts":[{"text":""}]},"finishReason":"STOP"}]}));
    events
}

#[test]
fn every_client_brings_gemini_s_signatures_back_to_their_parts() {
    let mut joined = Map::new();
    for chunk in stream(OPENAI, GEMINI, &gemini_events()) {
        join(&mut joined, chunk["choices"][0]["delta"].as_object().unwrap());
    }
    let mut chat = Vec::new();
    for message in [gemini_answer(OPENAI)["choices"][0]["message"].clone(), joined.into()] {
        let mut next = next_openai(message);
        next["messages"][2]["tool_call_id"] = "call_1".into();
        chat.push(next);
    }
    let streamed = stream(RESPONSES, GEMINI, &gemini_events());
    let output = streamed.last().unwrap()["response"]["output"].clone();
    let turns = [
        (OPENAI, chat.remove(0)),
        (OPENAI, chat.remove(0)),
        (ANTHROPIC, next_anthropic(&gemini_answer(ANTHROPIC)["content"])),
        (ANTHROPIC, next_anthropic(&content_of(&stream(ANTHROPIC, GEMINI, &gemini_events())))),
        (RESPONSES, next_responses(&gemini_answer(RESPONSES)["output"])),
        (RESPONSES, next_responses(&output)),
    ];
    for (inbound, next) in turns {
        let (sent, dropped) = send(inbound, GEMINI, &next);
        assert_eq!(sent["contents"][1]["parts"], gemini_parts(), "{inbound:?}");
        assert_eq!(
            sent["contents"][2]["parts"],
            json!([{"functionResponse":{"id":"call_1","name":"f","response":{"output":"done"}}}])
        );
        assert_eq!(dropped, Vec::<String>::new());
        // Nobody else is given them.
        for other in [OPENAI, ANTHROPIC, RESPONSES] {
            if other != inbound {
                let (sent, _) = send(inbound, other, &next);
                assert!(!sent.to_string().contains("c2ln"), "{inbound:?} to {other:?}");
            }
        }
    }
}

/// The next request of a Gemini client that keeps the parts as it got them.
fn next_gemini(parts: &[Value]) -> Value {
    let call = parts.iter().rev().find_map(|part| part.get("functionCall")).unwrap();
    json!({"contents":[
        {"role":"user","parts":[{"text":"Go"}]}, {"role":"model","parts":parts},
        {"role":"user","parts":[{"functionResponse":{"id":call["id"],"name":"f","response":{"output":"done"}}}]},
    ],"tools":[{"functionDeclarations":[{"name":"f"}]}]})
}

/// The parts of a whole answer, and of every chunk of a stream.
fn parts_of(answers: &[Value]) -> Vec<Value> {
    let parts = answers.iter().map(|answer| &answer["candidates"][0]["content"]["parts"]);
    parts.flat_map(|parts| parts.as_array().unwrap().clone()).collect()
}

#[test]
fn a_gemini_client_brings_everybody_s_thinking_back() {
    let whole = answer(
        GEMINI,
        ANTHROPIC,
        &json!({"id":"msg_1","model":"m","content":blocks(),"stop_reason":"tool_use",
            "usage":{"input_tokens":1,"output_tokens":1}}),
    );
    for answers in [vec![whole], stream(GEMINI, ANTHROPIC, &anthropic_events())] {
        let (sent, dropped) = send(GEMINI, ANTHROPIC, &next_gemini(&parts_of(&answers)));
        assert_eq!(sent["messages"][1]["content"], blocks());
        assert_eq!(dropped, Vec::<String>::new());
    }
    for answers in [vec![responses_answer(GEMINI)], stream(GEMINI, RESPONSES, &responses_events())]
    {
        let (sent, dropped) = send(GEMINI, RESPONSES, &next_gemini(&parts_of(&answers)));
        assert_eq!(sent["input"], sent_again());
        assert_eq!(dropped, Vec::<String>::new());
    }
    let chat = json!({"id":"c","model":"m","choices":[{"message":openai_message(),"finish_reason":"tool_calls"}]});
    let (sent, dropped) =
        send(GEMINI, OPENAI, &next_gemini(&parts_of(&[answer(GEMINI, OPENAI, &chat)])));
    assert_eq!(sent["messages"][1], openai_message());
    assert_eq!(dropped, Vec::<String>::new());
}
