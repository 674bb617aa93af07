//! Anthropic Messages.
//!
//! <https://platform.claude.com/docs/en/api/messages>

mod blocks;
mod content;
mod event_read;
mod event_write;
mod plan;
mod read;
mod reply;
mod write;

/// The documented key under which a text that is not valid JSON travels as a tool's input.
const INVALID: &str = "INVALID_JSON";

pub(crate) use self::{
    blocks::{input, tool_id},
    content::{arguments, read_thinking_block},
    event_read::EventReader,
    event_write::EventWriter,
    plan::{Plan, plan},
    read::{read_request, read_thinking},
    reply::{read_response, stop_of, write_response},
    write::{NO_SCHEMA, write_request},
};
