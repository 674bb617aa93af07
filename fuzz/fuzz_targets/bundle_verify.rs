//! Any bytes are judged: an error or a report, never a panic. Nothing but a true bundle verifies under the pin.
#![no_main]

use libfuzzer_sys::fuzz_target;

const PIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fuzz_target!(|bytes: &[u8]| {
    if let Ok(report) = ledger::verify(bytes, Some(PIN)) {
        assert!(!report.ok);
        assert!(!report.to_string().is_empty());
    }
    if let Ok(report) = ledger::verify_receipt(bytes, Some(PIN)) {
        assert!(!report.ok);
        assert!(!report.to_string().is_empty());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = ledger::follows(text);
        let _ = ledger::Note::parse(text);
        let _ = ledger::VerifierKey::parse(text);
        let _ = ledger::LogProof::parse(text);
        let _ = ledger::Disclosed::parse(text);
    }
    if let Ok(entry) = ledger::Entry::parse(bytes) {
        let _ = ledger::Epoch::of(&entry);
    }
    if let Ok(value) = serde_json::from_slice(bytes)
        && whole(&value)
    {
        // What is written canonically reads back as the same canonical text.
        if let Ok(text) = ledger::canonical(&value) {
            // (Leaves hold whole numbers only; the parser does not promise the last bit of others.)
            let again = serde_json::from_str(&text).map(|value| ledger::canonical(&value));
            if let Ok(Ok(again)) = again {
                assert_eq!(again, text);
            }
        }
    }
});

fn whole(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Number(number) => number.is_i64() || number.is_u64(),
        serde_json::Value::Array(items) => items.iter().all(whole),
        serde_json::Value::Object(fields) => fields.values().all(whole),
        _ => true,
    }
}
