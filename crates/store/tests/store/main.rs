//! The store's conformance suite: every test runs on SQLite and on PostgreSQL.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

mod audit;
mod budget;
mod catalogue;
mod content;
mod directory;
mod fixture;
mod inspect;
mod isolation;
mod keys;
mod names;
mod notice;
mod opening;
mod organization;
mod outside;
mod payer;
mod provider;
mod receipt;
mod settle;
mod tidy;
