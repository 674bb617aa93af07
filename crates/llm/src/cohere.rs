//! Cohere Chat, second version.
//!
//! <https://docs.cohere.com/reference/chat>
//!
//! The format signs nothing: what a Cohere model thought, and what it planned before it called a tool, travels under a
//! seal of ours, which says no more than whose it is. Other families' thinking is shown to its clients with a
//! `signature` of our making beside it, which a client that sends the message back keeps.

mod content;
mod event_read;
mod event_write;
mod message;
mod read;
mod reply;
mod write;

pub(crate) use self::{
    event_read::EventReader,
    event_write::{EventWriter, part},
    read::read_request,
    reply::{ended, read_response, write_error, write_failure, write_response},
    write::write_request,
};

/// Stands behind the seal of what was planned before calling tools.
const PLAN: &str = "plan";

/// The seal of what a model of this family thought.
fn thought() -> String {
    crate::carrier::COHERE_SEAL.to_owned()
}

/// The seal of what it planned.
fn plan() -> String {
    format!("{}{PLAN}", crate::carrier::COHERE_SEAL)
}
