//! The HTTP edge: route table, handlers, pages, public APIs.

pub mod assets;
pub mod pages;
mod shell;
pub mod view;

pub use shell::Shell;

/// The version of this build.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
