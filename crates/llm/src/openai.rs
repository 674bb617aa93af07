//! OpenAI Chat Completions.
//!
//! <https://platform.openai.com/docs/api-reference/chat>

mod chunk_read;
mod chunk_write;
mod content;
mod message;
mod read;
mod reply;
mod write;

pub(crate) use self::{
    chunk_read::ChunkReader,
    chunk_write::ChunkWriter,
    read::read_request,
    reply::{finish_reason, read_response, stop_of, write_response},
    write::write_request,
};
