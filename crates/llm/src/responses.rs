//! OpenAI Responses.
//!
//! <https://platform.openai.com/docs/api-reference/responses>

mod content;
mod event;
mod event_read;
mod event_write;
mod input;
mod item;
mod keep;
mod read;
mod reply;
mod shell;
mod turns;
mod write;

pub(crate) use self::{
    event::write_event,
    event_read::EventReader,
    event_write::EventWriter,
    keep::{Keeping, keep_nothing, keeping},
    read::read_request,
    reply::{Ended, measure, read_response, write_response},
    write::write_request,
};
