//! Writes made numbers of each kind, one per line, for a check against another library.
#![expect(clippy::print_stdout, reason = "that is all it does")]

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
