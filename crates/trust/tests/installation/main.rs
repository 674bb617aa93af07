//! The probes against a whole installation: green when it is sound, red when the thing itself is broken.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

mod access;
mod browsers;
mod bundle;
mod front;
mod here;
mod outside;
mod sabotage;
mod sound;
mod terms;
mod tls;
