//! The data plane against real twins over loopback and a real store.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

mod abort;
mod batches;
mod budgets;
mod classes;
mod cohere;
mod contracts;
mod counters;
mod exposure;
mod families;
mod faults;
mod gemini;
mod hedging;
mod house;
mod images;
mod limits;
mod masking;
mod members;
mod notice;
mod paths;
mod ranking;
mod realtime;
mod retries;
mod routing;
mod rules;
mod tasks;
mod tasks_faults;
mod tasks_masking;
mod tokens;
mod tokens_faults;
mod traces;
mod wishes;
