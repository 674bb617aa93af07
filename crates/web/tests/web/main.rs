//! The edge as a whole, in process: a real store, a real gateway, and a provider twin behind it.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

mod bad_input;
mod batches;
mod cohere;
mod data_plane;
mod directory;
mod edge;
mod email_code;
mod forms;
mod gemini;
mod house;
mod leak;
mod notices;
mod pages;
mod playground;
mod receipts;
mod reconcile;
mod rights;
#[path = "../../examples/gallery/samples.rs"]
mod samples;
mod second_factor;
mod serving;
mod sso;
mod subprocessors;
mod tasks;
mod tls;
mod usage;
