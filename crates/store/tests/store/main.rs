//! The store's conformance suite: every test runs on SQLite and on PostgreSQL.

mod audit;
mod catalogue;
mod directory;
mod fixture;
mod inspect;
mod isolation;
mod keys;
mod opening;
mod organization;
mod outside;
mod provider;
mod settle;
mod tidy;
