use super::{Frame, State, StreamFault};
use crate::Format;
pub(crate) struct Translate;
impl Translate {
    pub(crate) fn new(_: Format, _: Format) -> Self { Self }
    pub(crate) fn event(&mut self, _: &mut State, _: &Frame<'_>, _: &mut Vec<u8>) -> Result<(), StreamFault> { Err(StreamFault::Malformed) }
    pub(crate) fn finish(&mut self, _: &mut State, _: &mut Vec<u8>) -> Result<(), StreamFault> { Err(StreamFault::Truncated) }
}
