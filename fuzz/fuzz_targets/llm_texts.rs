//! Any bytes as a request whose texts are masked: no panic; what was JSON stays JSON; no text that was found is left
//! where it was found; restored, it says what it said before.
#![no_main]

use libfuzzer_sys::fuzz_target;
use llm::{Escape, Form, Restore, Step, rewrite};
use pii::{Masker, Restorer, Scanner};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let (scanner, mut masker, mut found) = (Scanner::new(), Masker::new(&[7; 32]), Vec::new());
    let masked = rewrite(data, &mut |text| {
        // Numbers come back as strings.
        if text.form == Form::Number {
            return None;
        }
        scanner.scan(text.text, &mut found);
        masker.mask(text.text, &found)
    });
    let Ok(masked) = masked else { return };
    let Some(masked) = masked.body else { return };
    // Of members that are given twice, parsers keep one: such a document is compared as it is read.
    let Ok(before) = serde_json::from_slice::<Value>(data) else { return };
    serde_json::from_slice::<Value>(&masked).expect("JSON stays JSON");
    let codes = masker.codes();
    let restore = Restore::new(false, move || {
        let mut restorer = Restorer::new(codes.clone());
        Box::new(move |step, out| match step {
            Step::Piece(text, Escape::Plain) => restorer.push(text, pii::Escape::Plain, out),
            Step::Piece(text, Escape::Json) => restorer.push(text, pii::Escape::Json, out),
            Step::End => restorer.finish(out),
        })
    });
    let restored = restore.answer(&masked.into());
    assert_eq!(serde_json::from_slice::<Value>(&restored).expect("JSON stays JSON"), before);
});
