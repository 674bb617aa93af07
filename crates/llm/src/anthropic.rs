//! Anthropic Messages.
//!
//! <https://platform.claude.com/docs/en/api/messages>

use crate::{BadAnswer, BadRequest, Quirks, Show, Stop, conversation::{Request, Response}, json::Raw};

pub(crate) fn stop_of(reason: &str) -> Stop {
    match reason {
        "length" => Stop::Length,
        "tool_calls" | "function_call" => Stop::ToolUse,
        "content_filter" => Stop::Refusal,
        _ => Stop::End,
    }
}
pub(crate) fn read_request(_: Raw<'_>) -> Result<Request<'_>, BadRequest> { Err(BadRequest::new("unsupported", "soon")) }
pub(crate) fn write_request(_: &mut Request<'_>, _: &str, _: &Quirks, _: &mut Vec<u8>) -> Result<(), BadRequest> { Ok(()) }
pub(crate) fn read_response(_: Raw<'_>) -> Result<Response<'_>, BadAnswer> { Err(BadAnswer::Malformed) }
pub(crate) fn write_response(_: &Response<'_>, _: Show<'_>, _: &mut Vec<u8>) {}
