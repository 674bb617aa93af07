//! Prints what stands in the files that are given: kind, file, value. To try the scanner on text of your own.
#![allow(clippy::print_stdout, reason = "that is all it does")]

use pii::{Directory, Names, Scanner};

fn main() {
    let scanner = Scanner::new().with(Names::of(Directory::default()).and_strangers());
    let mut found = Vec::new();
    for path in std::env::args().skip(1) {
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let text = String::from_utf8_lossy(&bytes);
        scanner.scan(&text, &mut found);
        for one in &found {
            let value = text.get(one.start..one.end).unwrap_or_default();
            println!("{}\t{path}\t{}", one.kind.name(), value.lines().next().unwrap_or_default());
        }
    }
}
