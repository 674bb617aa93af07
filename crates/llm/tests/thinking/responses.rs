//! Thinking to and from Responses.

use llm::Format;
use serde_json::{Map, Value, json};

use super::{
    ANTHROPIC, OPENAI, RESPONSES, answer, anthropic_events, blocks, content_of, join,
    next_anthropic, next_openai, openai_message, send, stream,
};

/// The next request of a Responses client that sends the items back as it got them.
pub(crate) fn next_responses(output: &Value) -> Value {
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

pub(crate) fn responses_events() -> Vec<Value> {
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

pub(crate) fn responses_answer(inbound: Format) -> Value {
    let body =
        json!({"id":"resp_1","model":"m","status":"completed","output":items(),"error":null});
    answer(inbound, RESPONSES, &body)
}

/// What must reach the provider again: its own reasoning to the letter, in its place.
pub(crate) fn sent_again() -> Value {
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
