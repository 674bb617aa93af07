//! Writes made numbers of each kind, one per line, for a check against another library.
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

use pii::Kind;

fn main() {
    let mut dice = dice::Dice::new(3);
    let made = Kind::ALL.into_iter().filter(|kind| *kind >= Kind::AtSvnr && *kind != Kind::Person);
    for kind in made.chain([Kind::Iban, Kind::Card]) {
        for _ in 0..500 {
            println!("{} {}", kind.name(), ids::plain(kind, &mut dice));
        }
    }
}
