//! Any bytes as a request: no panic; same-format requests stay valid JSON; translations are valid requests
//! of the other format.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use llm::{BadRequest, Format, Head, Quirks, head, head_at, prepare};

/// The head, with a model where the path would say it.
fn head_of(format: Format, model: &str, stream: bool, body: &[u8]) -> Result<Head, BadRequest> {
    match format {
        Format::Gemini => head_at(model, stream, body),
        _ => head(format, body),
    }
}

fuzz_target!(|data: &[u8]| {
    let body = Bytes::copy_from_slice(data);
    for from in Format::ALL {
        let Ok(found) = head_of(from, "model", false, &body) else { continue };
        let _ = llm::beginning(from, &found, &body);
        for target in ["claude-opus-4-8", "gpt-5", "other"] {
            let quirks = Quirks::of_model(target);
            for to in Format::ALL {
                let Ok(prepared) = prepare(from, to, &body, &found, target, &quirks) else { continue };
                if !to.is_of_clients() {
                    // Nobody reads its requests here; they are JSON all the same.
                    serde_json::from_slice::<serde::de::IgnoredAny>(&prepared.body).expect("JSON");
                    continue;
                }
                let again = head_of(to, target, found.stream, &prepared.body)
                    .expect("a prepared request has a head");
                assert_eq!(again.model, target);
                assert_eq!(again.stream, found.stream);
            }
        }
    }
});
