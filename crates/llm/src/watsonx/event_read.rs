//! Reading the events of a watsonx.ai stream.

use crate::{
    StreamFault, json, openai,
    stream::{Meter, Piece},
};

#[derive(Default)]
pub(crate) struct EventReader(openai::ChunkReader);

impl EventReader {
    /// Reads the data of one event. Nothing says that it was the last: the stream just ends.
    pub(crate) fn read<'a>(
        &mut self,
        text: &'a str,
        meter: &mut Meter,
        out: &mut Vec<Piece<'a>>,
    ) -> Result<(), StreamFault> {
        match json::document(text.as_bytes()).and_then(super::failed) {
            Some(error) => Err(StreamFault::Upstream(error)),
            None => self.0.read(text, meter, out),
        }
    }
}
