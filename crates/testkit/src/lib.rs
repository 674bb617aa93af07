//! The backend matrix and the throw-away PostgreSQL cluster; never shipped.
//!
//! Invariant: a test that needs PostgreSQL fails where it is missing; it is never skipped.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "everything here runs inside a test, and a test says what is wrong by failing"
)]

mod backend;
mod catalogue;
mod ending;
mod postgres;
mod redis;

pub use backend::Backend;
pub use catalogue::{
    NOTICE, announce, families_catalogue, sandbox_catalogue, sandbox_file, sandboxes_catalogue,
};
pub use ending::end_with_connections;
pub use postgres::{Cluster, Database};
pub use redis::Redis;
