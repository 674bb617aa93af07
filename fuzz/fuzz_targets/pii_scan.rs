//! Any text is scanned, masked, cut and restored: never a panic, findings sorted and apart, and the text back byte for byte.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pii::{Directory, Escape, Masker, Names, Restorer, Scanner};

static SCANNER: LazyLock<Scanner> = LazyLock::new(|| {
    Scanner::new().with(Names::of(Directory::new(["Anna Jensen", "Zofia Kowalska"])).and_strangers())
});

fuzz_target!(|data: &[u8]| {
    // The first byte says how the masked text is cut.
    let Some((cut, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let mut found = Vec::new();
    SCANNER.scan(text, &mut found);
    let mut end = 0;
    for one in &found {
        assert!(one.start >= end && one.start < one.end);
        assert!(text.get(one.start..one.end).is_some());
        end = one.end;
    }
    let mut masker = Masker::new(&[7; 32]);
    let masked = masker.mask(text, &found).unwrap_or_else(|| text.to_owned());
    let codes = masker.codes();
    let (mut restorer, mut out) = (Restorer::new(codes), String::new());
    let (mut rest, length) = (masked.as_str(), usize::from(cut % 16) + 1);
    while !rest.is_empty() {
        let mut at = length.min(rest.len());
        while !rest.is_char_boundary(at) {
            at += 1;
        }
        let (piece, after) = rest.split_at(at);
        restorer.push(piece, Escape::Plain, &mut out);
        rest = after;
    }
    restorer.finish(&mut out);
    assert_eq!(out, text);
});
