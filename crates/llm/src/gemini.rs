//! Gemini `generateContent` and `streamGenerateContent`.
//!
//! <https://ai.google.dev/api/generate-content>
//!
//! Members are written in camel case; the format also takes snake case, which clients do send.

mod chunk_read;
mod chunk_write;
mod content;
mod contents;
mod part;
mod read;
mod reply;
mod schema;
mod write;

pub(crate) use self::{
    chunk_read::ChunkReader,
    chunk_write::ChunkWriter,
    part::{COVERED, is_covered},
    read::read_request,
    reply::{read_response, write_response},
    write::write_request,
};
use crate::{
    json::{Fields, Raw},
    segment,
};

/// The path of a call, with the model as a resource.
pub(crate) fn path(model: &str, stream: bool) -> String {
    let (kind, name) = match model.split_once('/') {
        Some((kind @ ("models" | "tunedModels"), name)) => (kind, name),
        _ => ("models", model),
    };
    let call = if stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
    let mut path = format!("/{kind}/");
    segment::push(&mut path, name, b"-._~");
    path.push(':');
    path.push_str(call);
    path
}

/// Takes a member by its name in camel case, or in snake case.
fn take<'a>(fields: &mut Fields<'a>, name: &str) -> Option<Raw<'a>> {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    let other = fields.take(&snake);
    fields.take(name).or(other)
}
