//! Writes the evaluation set as lines of JSON: text, and spans in characters. `bench/presidio.py` reads it.
//! Each line also has what the scanner finds. A number as argument makes another set from the same sentences.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a tool for measuring, built from parts of the tests"
)]

#[path = "../tests/all/dice.rs"]
mod dice;
#[path = "../tests/all/evaluation.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests use more of it")]
mod evaluation;
#[path = "../tests/all/ids.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod ids;

use pii::{Finding, Scanner};
use serde_json::{Value, json};

fn main() {
    let seed =
        std::env::args().nth(1).and_then(|seed| seed.parse().ok()).unwrap_or(evaluation::SEED);
    let scanner = Scanner::new();
    let mut found = Vec::new();
    for sample in evaluation::samples(seed) {
        scanner.scan(&sample.text, &mut found);
        let line = json!({
            "language": sample.language,
            "form": sample.form,
            "text": sample.text,
            "spans": spans(&sample.text, &sample.spans),
            "found": spans(&sample.text, &found),
        });
        println!("{line}");
    }
}

fn spans(text: &str, list: &[Finding]) -> Vec<Value> {
    let characters = |place: usize| text.get(..place).map_or(0, |before| before.chars().count());
    let one = |span: &Finding| json!({ "kind": span.kind.name(), "start": characters(span.start), "end": characters(span.end) });
    list.iter().map(one).collect()
}
