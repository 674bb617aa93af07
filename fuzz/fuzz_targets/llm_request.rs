//! Any bytes as a request: no panic; same-format requests stay valid JSON; translations are valid requests
//! of the other format.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use llm::{Format, Quirks, head, prepare};

fuzz_target!(|data: &[u8]| {
    let body = Bytes::copy_from_slice(data);
    for from in Format::ALL {
        let Ok(found) = head(from, &body) else { continue };
        for target in ["claude-opus-4-8", "gpt-5", "other"] {
            let quirks = Quirks::of_model(target);
            for to in Format::ALL {
                let Ok(prepared) = prepare(from, to, &body, &found, target, &quirks) else { continue };
                let again = head(to, &prepared.body).expect("a prepared request has a head");
                assert_eq!(again.model, target);
                assert_eq!(again.stream, found.stream);
            }
        }
    }
});
