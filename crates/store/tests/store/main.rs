//! The store's conformance suite: every test runs on SQLite and on PostgreSQL.

mod catalogue;
mod directory;
mod fixture;
mod isolation;
mod keys;
mod opening;
mod organization;
mod provider;
mod settle;
mod tidy;
mod usage;
