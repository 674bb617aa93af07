//! Thinking to and from Gemini.

use llm::Format;
use serde_json::{Map, Value, json};

use super::{
    ANTHROPIC, GEMINI, OPENAI, RESPONSES, answer, anthropic_events, blocks, content_of, join,
    next_anthropic, next_openai, openai_message,
    responses::{next_responses, responses_answer, responses_events, sent_again},
    send, stream,
};

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
pub(super) fn next_gemini(parts: &[Value]) -> Value {
    let call = parts.iter().rev().find_map(|part| part.get("functionCall")).unwrap();
    json!({"contents":[
        {"role":"user","parts":[{"text":"Go"}]}, {"role":"model","parts":parts},
        {"role":"user","parts":[{"functionResponse":{"id":call["id"],"name":"f","response":{"output":"done"}}}]},
    ],"tools":[{"functionDeclarations":[{"name":"f"}]}]})
}

/// The parts of a whole answer, and of every chunk of a stream.
pub(super) fn parts_of(answers: &[Value]) -> Vec<Value> {
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
