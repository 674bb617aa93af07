//! Events of sessions, from either side: an answer, never a panic, and nothing a provider says of an error is passed on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use llm::{RealtimeNames, RealtimeWhat, realtime_asks, realtime_tells};

const NAMES: RealtimeNames<'static> = RealtimeNames { shown: "voice", own: "gpt-realtime" };

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(asked) = realtime_asks(text, NAMES) {
        let event: serde_json::Value = serde_json::from_str(&asked.event).expect("still an event");
        assert!(event.pointer("/session/tracing").is_none_or(serde_json::Value::is_null) || event["type"] != "session.update");
        // What was let through is let through again.
        assert!(realtime_asks(&asked.event, NAMES).is_ok());
    }
    let told = realtime_tells(text, NAMES);
    let event = told.event.map(|event| serde_json::from_str::<serde_json::Value>(&event).expect("still an event"));
    if let RealtimeWhat::Failed(error) = told.what {
        let event = event.expect("the client hears of it");
        assert!(error.code.is_none_or(|code| code.len() <= 64));
        let message = event["error"]["message"].as_str().expect("words of ours");
        assert!(message.starts_with("The "), "{message}");
    }
});
