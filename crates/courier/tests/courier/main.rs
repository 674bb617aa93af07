//! Letters and events against real servers on loopback, on both engines.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod announcements;
mod budgets;
mod hooks;
mod house;
mod mail;
