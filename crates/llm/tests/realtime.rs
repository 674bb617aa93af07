//! Events of realtime sessions, in both directions.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use domain::Provenance;
use llm::{
    RealtimeNames, RealtimeWhat, Refusal, Task, UpstreamKind, realtime_asks, realtime_error,
    realtime_head, realtime_tells,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const NAMES: RealtimeNames<'static> = RealtimeNames { shown: "voice", own: "gpt-realtime" };

fn code(event: &Value) -> String {
    let text = event.to_string();
    let unfit = realtime_asks(&text, NAMES).unwrap_err();
    assert_eq!(unfit.1.as_deref(), event["event_id"].as_str());
    unfit.0.param.clone().unwrap_or_else(|| unfit.0.code.to_owned())
}

#[test]
fn what_a_client_says_passes_as_it_came() {
    for text in [
        "{ \"type\": \"input_audio_buffer.append\",\"audio\":\"AAAA\" }",
        "{\"type\":\"something.new\",\"x\":1.50}",
        "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"instructions\":\"hi\",\"tracing\":null}}",
    ] {
        let asked = realtime_asks(text, NAMES).unwrap();
        assert_eq!(asked.event, text);
        assert!(!asked.answer && !asked.transcribes);
    }
    assert!(realtime_asks("{\"type\":\"response.create\"}", NAMES).unwrap().answer);
}

#[test]
fn a_session_keeps_its_model_under_the_provider_s_name() {
    let text = "{\"type\":\"session.update\",\"session\":{\"model\": \"voice\",\"a\":[1, 2]}}";
    let asked = realtime_asks(text, NAMES).unwrap();
    assert_eq!(asked.event, text.replace("\"voice\"", "\"gpt-realtime\""));
    let own = text.replace("voice", "gpt-realtime");
    assert_eq!(realtime_asks(&own, NAMES).unwrap().event, own);
    let other = json!({"type": "session.update", "event_id": "e1", "session": {"model": "gpt-5"}});
    assert_eq!(code(&other), "session.model");
}

#[test]
fn what_the_provider_would_keep_is_refused_and_another_model_noticed() {
    let traced =
        json!({"type": "session.update", "event_id": "e2", "session": {"tracing": "auto"}});
    assert_eq!(code(&traced), "session.tracing");
    for session in [
        json!({"audio": {"input": {"transcription": {"model": "whisper-1"}}}}),
        json!({"input_audio_transcription": {"model": "whisper-1"}}),
        json!({"type": "transcription"}),
    ] {
        let text = json!({"type": "session.update", "session": session}).to_string();
        assert!(realtime_asks(&text, NAMES).unwrap().transcribes, "{text}");
    }
    let none =
        json!({"type": "session.update", "session": {"audio": {"input": {"transcription": null}}}});
    assert!(!realtime_asks(&none.to_string(), NAMES).unwrap().transcribes);
}

#[test]
fn what_is_no_event_is_refused() {
    for text in
        ["", "[]", "{}", "{\"type\":1}", "{\"type\":\"a\",\"type\":\"response.create\"}", "\u{0}"]
    {
        let unfit = realtime_asks(text, NAMES).unwrap_err();
        assert_eq!(unfit.0.code, "invalid_json", "{text}");
    }
    let older = json!({"type": "transcription_session.update", "event_id": "e3"});
    assert_eq!(code(&older), "unsupported_event");
}

#[test]
fn what_an_answer_used_is_told_apart() {
    let done = json!({"type": "response.done", "response": {"usage": {
        "total_tokens": 253, "input_tokens": 132, "output_tokens": 121,
        "input_token_details": {
            "text_tokens": 100, "audio_tokens": 30, "image_tokens": 2, "cached_tokens": 64,
            "cached_tokens_details": {"text_tokens": 50, "audio_tokens": 14, "image_tokens": 0},
        },
        "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
    }}})
    .to_string();
    let RealtimeWhat::Answered(Some(spent)) = realtime_tells(&done, NAMES).what else { panic!() };
    let (usage, units) = (spent.usage, spent.units);
    assert_eq!((usage.input, usage.cache_read, usage.output), (68, 64, 121));
    assert_eq!(usage.provenance, Provenance::Reported);
    assert_eq!((units.audio_input, units.image_input, units.audio_output), (16, 2, 91));
    for silent in [json!({}), json!({"usage": null}), json!({"usage": {"input_tokens": 1}})] {
        let text = json!({"type": "response.done", "response": silent}).to_string();
        assert_eq!(realtime_tells(&text, NAMES).what, RealtimeWhat::Answered(None), "{text}");
    }
}

#[test]
fn the_provider_s_name_for_the_model_is_not_shown() {
    let text =
        "{\"type\":\"session.created\",\"session\":{\"id\":\"s\",\"model\":\"gpt-realtime\"}}";
    let told = realtime_tells(text, NAMES);
    assert_eq!(told.event.unwrap(), text.replace("gpt-realtime", "voice"));
    assert_eq!(told.what, RealtimeWhat::Begun);
    let other = text.replace("created", "updated");
    assert_eq!(realtime_tells(&other, NAMES).what, RealtimeWhat::Other);
}

#[test]
fn errors_come_without_what_the_provider_says_of_them() {
    let error = json!({"type": "error", "event_id": "ev", "error": {
        "type": "invalid_request_error", "code": "invalid_value", "message": "Invalid: secret words",
        "param": "session.x", "event_id": "e9",
    }})
    .to_string();
    let told = realtime_tells(&error, NAMES);
    let event: Value = serde_json::from_str(&told.event.unwrap()).unwrap();
    assert!(!event.to_string().contains("secret"), "{event}");
    assert_eq!(event["event_id"], "ev");
    assert_eq!(
        (&event["error"]["code"], &event["error"]["param"]),
        (&json!("invalid_value"), &json!("session.x"))
    );
    assert_eq!(event["error"]["event_id"], "e9");
    let RealtimeWhat::Failed(error) = told.what else { panic!() };
    assert_eq!(error.kind, UpstreamKind::Invalid);
    let failed = json!({
        "type": "conversation.item.input_audio_transcription.failed", "event_id": "ev", "item_id": "i",
        "content_index": 0, "error": {"type": "server_error", "code": "x", "message": "secret words"},
    })
    .to_string();
    let told = realtime_tells(&failed, NAMES);
    let event: Value = serde_json::from_str(&told.event.unwrap()).unwrap();
    assert!(!event.to_string().contains("secret") && event["item_id"] == "i", "{event}");
    assert_eq!(told.what, RealtimeWhat::Other);
}

#[test]
fn the_rest_passes_and_pieces_are_counted() {
    let piece = |kind: &str, delta: &str| {
        let text = json!({"type": kind, "delta": delta}).to_string();
        let told = realtime_tells(&text, NAMES);
        assert_eq!(told.event.as_deref(), Some(text.as_str()));
        told.what
    };
    assert_eq!(
        piece("response.output_text.delta", "eight by"),
        RealtimeWhat::Piece { text: 2, sound: 0 }
    );
    let sound = "A".repeat(6_400);
    assert_eq!(
        piece("response.output_audio.delta", &sound),
        RealtimeWhat::Piece { text: 0, sound: 2 }
    );
    assert_eq!(piece("response.output_audio_transcript.delta", "word"), RealtimeWhat::Other);
    let limits = json!({"type": "rate_limits.updated", "rate_limits": []}).to_string();
    assert_eq!(realtime_tells(&limits, NAMES).event, None, "the operator's account");
    assert_eq!(realtime_tells("{\"type\":\"response.output_text.delta\",\"del", NAMES).event, None);
}

#[test]
fn a_session_is_named_by_its_address() {
    let head = realtime_head("voice").unwrap();
    assert_eq!((head.model.as_str(), head.task), ("voice", Some(Task::Realtime)));
    assert!(realtime_head("").is_err());
    let event = realtime_error(&Refusal::new(429, "budget_exceeded", "no"), ("ev", None));
    let event: Value = serde_json::from_str(&event).unwrap();
    assert_eq!(
        (&event["type"], &event["error"]["code"]),
        (&json!("error"), &json!("budget_exceeded"))
    );
}

proptest! {
    #[test]
    fn nothing_that_is_said_makes_it_panic(text in ".{0,300}", kind in 0..6usize) {
        let kinds = ["session.update", "response.create", "error", "response.done", "session.created", "x.delta"];
        drop(realtime_asks(&text, NAMES));
        let _ = realtime_tells(&text, NAMES);
        let event = json!({"type": kinds[kind], "session": {"model": text}, "error": {"message": text},
            "response": {"usage": text}, "delta": text}).to_string();
        drop(realtime_asks(&event, NAMES));
        let _ = realtime_tells(&event, NAMES);
    }
}
