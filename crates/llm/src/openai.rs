//! OpenAI Chat Completions.
//!
//! <https://platform.openai.com/docs/api-reference/chat>

mod chunk_read;
mod chunk_write;
mod content;
mod message;
mod read;
mod reply;
mod schema;
pub(crate) mod shared;
mod write;

pub(crate) use self::{
    chunk_read::ChunkReader,
    chunk_write::ChunkWriter,
    content::source,
    message::{result_text, url},
    read::read_request,
    reply::{finish_reason, read_response, stop_of, write_response},
    schema::write_schema,
    write::{
        Documents, effort, forced, level, limits, messages, output, sampling, sayable, tools,
        write_request,
    },
};
