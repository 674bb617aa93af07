//! The use-cases on a real store. One binary; every test on every engine.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by failing"
)]

mod account;
mod audit;
mod budgets;
mod email_code;
mod house;
mod keys;
mod masking;
mod matrix;
mod notice;
mod people;
mod projects;
mod providers;
mod rights;
mod routing;
mod second_factor;
mod sign_in;
mod sign_in_policy;
