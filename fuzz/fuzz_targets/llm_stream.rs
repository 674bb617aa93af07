//! Any bytes as a stream, in any cut: no panic, and the same output however it was cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use llm::{Format, Progress, StreamFault, StreamOptions, StreamTranslator};

fn run<'c>(
    from: Format,
    to: Format,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> (Vec<u8>, Result<Progress, StreamFault>) {
    let options = StreamOptions {
        shown_model: Some("shown".to_owned()),
        include_usage: true,
        event_limit: 4096,
        ..StreamOptions::default()
    };
    let mut stream = StreamTranslator::new(to, from, options);
    let mut out = Vec::new();
    for chunk in chunks {
        if let Err(fault) = stream.push(chunk, &mut out) {
            return (out, Err(fault));
        }
    }
    let result = stream.finish(&mut out);
    (out, result)
}

/// The bytes as events of a binary stream, one a line: a fuzzer does not guess checksums.
fn messages(bytes: &[u8]) -> Vec<u8> {
    const KINDS: [&str; 7] = [
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
        "throttlingException",
    ];
    let mut out = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let (first, payload) = line.split_first().unwrap_or((&0, b"{}"));
        let kind = KINDS[usize::from(*first) % KINDS.len()];
        let exception = kind.ends_with("Exception");
        let (name, word) = if exception { (":exception-type", "exception") } else { (":event-type", "event") };
        let mut headers = Vec::new();
        for (name, value) in [(name, kind), (":message-type", word)] {
            headers.push(name.len() as u8);
            headers.extend_from_slice(name.as_bytes());
            headers.extend_from_slice(&[7, 0, value.len() as u8]);
            headers.extend_from_slice(value.as_bytes());
        }
        let start = out.len();
        out.extend_from_slice(&((16 + headers.len() + payload.len()) as u32).to_be_bytes());
        out.extend_from_slice(&(headers.len() as u32).to_be_bytes());
        let sum = crc32fast::hash(&out[start..]);
        out.extend_from_slice(&sum.to_be_bytes());
        out.extend_from_slice(&headers);
        out.extend_from_slice(payload);
        let sum = crc32fast::hash(&out[start..]);
        out.extend_from_slice(&sum.to_be_bytes());
    }
    out
}

fuzz_target!(|data: &[u8]| {
    let Some((size, bytes)) = data.split_first() else { return };
    for from in Format::ALL {
        for to in Format::CLIENTS {
            let size = usize::from(*size).max(1);
            assert_eq!(run(from, to, [bytes]), run(from, to, bytes.chunks(size)));
        }
    }
    let binary = messages(bytes);
    for to in Format::CLIENTS {
        let from = Format::BedrockConverse;
        let size = usize::from(*size).max(1);
        assert_eq!(run(from, to, [binary.as_slice()]), run(from, to, binary.chunks(size)));
    }
});
