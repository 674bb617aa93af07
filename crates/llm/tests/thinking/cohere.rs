//! Thinking to and from Cohere, which signs nothing.

use llm::Format;
use serde_json::{Map, Value, json};

use super::{
    ANTHROPIC, COHERE, GEMINI, OPENAI, RESPONSES, answer, anthropic_events, blocks, content_of,
    gemini::{next_gemini, parts_of},
    join, next_anthropic, next_openai,
    responses::{next_responses, responses_answer, sent_again},
    send, stream,
};

fn call() -> Value {
    json!({"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}})
}

/// What a Cohere model answered: a thought, a plan, and a call.
fn message() -> Value {
    json!({
        "role":"assistant","tool_plan":"I will look.",
        "content":[{"type":"thinking","thinking":"Hm."},{"type":"text","text":"Let me see."}],
        "tool_calls":[call()],
    })
}

fn whole(inbound: Format) -> Value {
    answer(inbound, COHERE, &json!({"id":"c","finish_reason":"TOOL_CALL","message":message()}))
}

/// The same in events.
fn told() -> Vec<Value> {
    let part = |kind: &str, index: u64, message: Value| json!({"type":kind,"index":index,"delta":{"message":message}});
    let content = |at: u64, content: Value| part("content-delta", at, json!({"content":content}));
    vec![
        json!({"id":"c","type":"message-start","delta":{"message":{"role":"assistant"}}}),
        part("content-start", 0, json!({"content":{"type":"thinking","thinking":""}})),
        content(0, json!({"thinking":"H"})),
        content(0, json!({"thinking":"m."})),
        json!({"type":"content-end","index":0}),
        part("content-start", 1, json!({"content":{"type":"text","text":""}})),
        content(1, json!({"text":"Let me see."})),
        json!({"type":"content-end","index":1}),
        part("tool-plan-delta", 0, json!({"tool_plan":"I will "})),
        part("tool-plan-delta", 0, json!({"tool_plan":"look."})),
        part("tool-call-start", 0, json!({"tool_calls":call()})),
        json!({"type":"tool-call-end","index":0}),
        json!({"type":"message-end","delta":{"finish_reason":"TOOL_CALL"}}),
    ]
}

#[test]
fn every_client_brings_cohere_s_thoughts_and_plan_back_to_where_they_stood() {
    let mut joined = Map::new();
    for chunk in stream(OPENAI, COHERE, &told()) {
        join(&mut joined, chunk["choices"][0]["delta"].as_object().unwrap());
    }
    let chat = |message: Value| {
        let mut next = next_openai(message);
        next["messages"][2]["tool_call_id"] = "call_1".into();
        next
    };
    let output = stream(RESPONSES, COHERE, &told()).pop().unwrap()["response"]["output"].clone();
    let turns = [
        (OPENAI, chat(whole(OPENAI)["choices"][0]["message"].clone())),
        (OPENAI, chat(joined.into())),
        (ANTHROPIC, next_anthropic(&whole(ANTHROPIC)["content"])),
        (ANTHROPIC, next_anthropic(&content_of(&stream(ANTHROPIC, COHERE, &told())))),
        (RESPONSES, next_responses(&whole(RESPONSES)["output"])),
        (RESPONSES, next_responses(&output)),
        (GEMINI, next_gemini(&parts_of(&[whole(GEMINI)]))),
        (GEMINI, next_gemini(&parts_of(&stream(GEMINI, COHERE, &told())))),
    ];
    for (inbound, next) in turns {
        let (sent, dropped) = send(inbound, COHERE, &next);
        assert_eq!(sent["messages"][1], message(), "{inbound:?}");
        let result = json!([{"type":"text","text":"done"}]);
        assert_eq!(sent["messages"][2]["content"], result, "{inbound:?}");
        assert_eq!(dropped, Vec::<String>::new());
        // Nobody else is given them.
        for other in [OPENAI, ANTHROPIC, RESPONSES, GEMINI] {
            if other != inbound {
                let (sent, _) = send(inbound, other, &next);
                assert!(!sent.to_string().contains("Hm."), "{inbound:?} to {other:?}");
                assert!(!sent.to_string().contains("I will"), "{inbound:?} to {other:?}");
            }
        }
    }
}

/// The next request of a Cohere client that keeps the message as it got it.
fn next_cohere(message: &Value) -> Value {
    let id = &message["tool_calls"][0]["id"];
    json!({"model":"x","tools":super::tools(),"messages":[
        {"role":"user","content":"Go"}, message,
        {"role":"tool","tool_call_id":id,"content":[{"type":"text","text":"done"}]},
    ]})
}

/// A text before what was thought last changes places: contents and calls stand apart in a Cohere message.
#[test]
fn a_cohere_client_brings_others_thinking_back() {
    let body = json!({"id":"msg_1","model":"m","content":blocks(),"stop_reason":"tool_use",
        "usage":{"input_tokens":1,"output_tokens":1}});
    let got = answer(COHERE, ANTHROPIC, &body);
    let (sent, dropped) = send(COHERE, ANTHROPIC, &next_cohere(&got["message"]));
    assert_eq!(sent["messages"][1]["content"], blocks());
    assert_eq!(dropped, Vec::<String>::new());
    let got = responses_answer(COHERE);
    let (sent, dropped) = send(COHERE, RESPONSES, &next_cohere(&got["message"]));
    assert_eq!(sent["input"], sent_again());
    assert_eq!(dropped, Vec::<String>::new());
}

/// Clients tell deltas by their texts: a signature stands beside an empty one.
#[test]
fn a_stream_tells_signatures_beside_thoughts() {
    let events = stream(COHERE, ANTHROPIC, &anthropic_events());
    let signed: Vec<_> = events
        .iter()
        .filter_map(|event| event.pointer("/delta/message/content"))
        .filter(|content| content.get("signature").is_some())
        .collect();
    assert_eq!(signed.len(), 3);
    assert!(signed.iter().all(|content| content["thinking"] == ""));
}
