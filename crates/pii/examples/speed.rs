//! Measures the scanner on ordinary text, on text full of numbers, and with names.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a tool for measuring, built from parts of the tests"
)]

#[path = "../tests/all/dice.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod dice;
#[path = "../tests/all/ids.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod ids;

use std::time::{Duration, Instant};

use pii::{Directory, Kind, Masker, Names, Scanner};

const PROSE: &str = "The harbour was quiet that morning, and the boats lay so close together that a child could \
    have walked from one quay to the other. Nobody spoke of the storm. Søren had bought bread, coffee and a bag of \
    apples - the small, sour ones - and put everything on the table before anyone asked. \"We leave at noon,\" he \
    said; the others nodded. It was the third summer they had tried, and in 2019 the engine had failed twice. ";

/// What somebody would send to keep a scanner busy.
const HOSTILE: &[(&str, &str)] = &[
    ("hostile: at signs", "@"),
    ("hostile: half addresses", "a.b@"),
    ("hostile: single digits", "1 "),
    ("hostile: digits", "7"),
    ("hostile: dotted digits", "12.34."),
    ("hostile: colons", "a1:"),
    ("hostile: many colons", "::"),
    ("hostile: schemes", "x://y:"),
    ("hostile: keys begun", "-----BEGIN PRIVATE KEY----- "),
    ("hostile: certificates", "-----BEGIN CERTIFICATE-----"),
    ("hostile: tokens begun", "eyJ1."),
    ("hostile: prefixes", "sk-1"),
    ("hostile: underscores", "_"),
    ("hostile: passwords", "password: "),
    ("hostile: calling codes", "+45 "),
    ("hostile: plus digits", "+4520"),
    ("hostile: zeros", "0045 "),
    ("hostile: phone cues", "tel 20123456 "),
    ("hostile: accounts begun", "DE89 "),
    ("hostile: tables", "1;22222222;3\n"),
    ("hostile: narrow tables", ";\n0123456789"),
    ("hostile: accents", "é1"),
];

fn main() {
    let prose = PROSE.repeat(10_000);
    let numbers = numbers(4_000_000);
    let ids = people(1_000_000);
    let scanner = Scanner::new();
    scanner.warm_up();
    measure("prose", &scanner, &prose);
    measure("numbers", &scanner, &numbers);
    measure("people", &scanner, &ids);
    for (name, piece) in HOSTILE {
        measure(name, &scanner, &piece.repeat(1_000_000 / piece.len()));
    }
    let names = (0..10_000).map(|n| format!("Anna{} Jensen{}", letters(n), letters(n * 7)));
    let named = Scanner::new().with(Names::of(Directory::new(names)));
    measure("prose, directory of 10,000", &named, &prose);
    let names: Vec<_> =
        (0..20_000).map(|n| format!("Anna{} Jensen{}", letters(n), letters(n * 7))).collect();
    let (before, begun) = (resident(), Instant::now());
    let known = Names::of(Directory::new(&names));
    println!(
        "directory of 20,000: made in {:?}, {} KiB",
        begun.elapsed(),
        resident().saturating_sub(before)
    );
    let mut found = Vec::new();
    let begun = Instant::now();
    scanner.scan_with(&known, &prose, &mut found);
    report("prose, directory of 20,000 beside it", prose.len(), begun.elapsed(), found.len());
    let strangers = Scanner::new().with(Names::of(Directory::new(["Anna Jensen"])).and_strangers());
    measure("prose, names of strangers", &strangers, &prose);
    let begun = Instant::now();
    let masked = Masker::new(&[7; 32]).mask(&prose, &[]);
    report("masker, nothing found", prose.len(), begun.elapsed(), usize::from(masked.is_some()));
}

/// Memory of this process in KiB, where the system says so.
fn resident() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4
}

fn letters(mut number: usize) -> String {
    let mut word = String::new();
    while number > 0 {
        word.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
    }
    word
}

/// Rows of amounts, dates, orders and times, as an export of a shop.
fn numbers(size: usize) -> String {
    let mut dice = dice::Dice::new(5);
    let mut text = String::with_capacity(size);
    while text.len() < size {
        let row = format!(
            "{};2024-{:02}-{:02} {:02}:{:02};{},{:02};{};{} {}\n",
            dice.digits(10),
            dice.between(1, 12),
            dice.between(1, 28),
            dice.below(24),
            dice.below(60),
            dice.between(1, 9999),
            dice.below(100),
            dice.digits(13),
            dice.digits(4),
            dice.digits(3),
        );
        text.push_str(&row);
    }
    text
}

/// Nothing but what is looked for.
fn people(size: usize) -> String {
    let mut dice = dice::Dice::new(6);
    let kinds = [Kind::DkCpr, Kind::NlBsn, Kind::Iban, Kind::Card, Kind::PlPesel];
    let mut text = String::with_capacity(size);
    while text.len() < size {
        let kind = kinds[dice.below(kinds.len())];
        let row = format!(
            "{} {}, anna{}@example.org, +45 20 {}\n",
            ids::cue(kind),
            ids::written(kind, &mut dice),
            dice.digits(3),
            dice.digits(6)
        );
        text.push_str(&row);
    }
    text
}

fn measure(name: &str, scanner: &Scanner, text: &str) {
    let mut found = Vec::new();
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        scanner.scan(text, &mut found);
        best = best.min(begun.elapsed());
    }
    report(name, text.len(), best, found.len());
}

fn report(name: &str, bytes: usize, time: Duration, found: usize) {
    let speed = bytes as f64 / time.as_secs_f64() / 1e6;
    println!("{name:28} {speed:8.1} MB/s  {found} found in {bytes} bytes");
}
