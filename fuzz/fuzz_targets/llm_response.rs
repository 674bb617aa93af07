//! Any bytes as an answer: no panic, and what comes out is JSON that the other side can read again.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use llm::{Format, Show, aws_error, respond, upstream_error};

fuzz_target!(|data: &[u8]| {
    let body = Bytes::copy_from_slice(data);
    let show = Show { model: Some("shown"), created: 1, id: "req_1" };
    drop(aws_error(400, None, data));
    for from in Format::ALL {
        drop(upstream_error(from, 500, data));
        for to in Format::CLIENTS {
            let Ok(answer) = respond(to, from, &body, show) else { continue };
            serde_json::from_slice::<serde::de::IgnoredAny>(&answer.body).expect("an answer is JSON");
            respond(from, to, &answer.body, show).expect("an answer can be read again");
        }
    }
});
