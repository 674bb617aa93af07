//! Events of sessions, from either side: an answer, never a panic, and nothing a provider says of an error is passed on.
#![no_main]

use libfuzzer_sys::fuzz_target;
use llm::{RealtimeNames, RealtimeWhat, realtime_asks, realtime_tells};
use serde_json::{Value, value::RawValue};

const NAMES: RealtimeNames<'static> = RealtimeNames { shown: "voice", own: "gpt-realtime" };

/// What is still an event; `None` where it holds a number that is JSON and larger than most readers take.
fn read(event: &str) -> Option<Value> {
    let _whole: &RawValue = serde_json::from_str(event).expect("still an event");
    serde_json::from_str(event).ok()
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(asked) = realtime_asks(text, NAMES) {
        if let Some(event) = read(&asked.event) {
            assert!(event.pointer("/session/tracing").is_none_or(Value::is_null) || event["type"] != "session.update");
        }
        // What was let through is let through again.
        assert!(realtime_asks(&asked.event, NAMES).is_ok());
    }
    let told = realtime_tells(text, NAMES);
    let event = told.event.map(|event| read(&event));
    if let RealtimeWhat::Failed(error) = told.what {
        assert!(error.code.is_none_or(|code| code.len() <= 64));
        if let Some(event) = event.expect("the client hears of it") {
            let message = event["error"]["message"].as_str().expect("words of ours");
            assert!(message.starts_with("The "), "{message}");
        }
    }
});
