//! What identifies a person or opens a door: found in text, hidden behind codes, and put back. No I/O.
//!
//! A [`Scanner`] is built once and shared. It walks the text once, looks closer only where a digit, an `@`,
//! a `://` or the like stands, and believes a number only when its check digit, its date and, where random
//! numbers pass too often, a word beside it agree. A [`Masker`] replaces what was found by codes that are
//! stable under one key; a [`Restorer`] puts the values back into a stream, however it was cut.
//!
//! Invariants: no input makes this crate panic; findings stand on character boundaries, sorted and disjoint;
//! restoring what was masked gives the text back byte for byte; nothing here prints a value.

mod bytes;
mod candidate;
mod card;
mod codes;
mod context;
mod cues;
mod email;
mod finding;
mod iban;
mod ids;
mod kind;
mod masker;
mod names;
mod net;
mod number;
mod phone;
mod plan;
mod restorer;
mod scanner;
mod secret;
mod table;

pub use codes::Codes;
pub use finding::Finding;
pub use kind::Kind;
pub use masker::Masker;
pub use names::{Directory, Names};
pub use restorer::{Escape, Restorer};
pub use scanner::{Recogniser, Scanner};
