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

fuzz_target!(|data: &[u8]| {
    let Some((size, bytes)) = data.split_first() else { return };
    for from in Format::ALL {
        for to in Format::ALL {
            let whole = run(from, to, [bytes]);
            let cut = run(from, to, bytes.chunks(usize::from(*size).max(1)));
            assert_eq!(whole, cut);
        }
    }
});
