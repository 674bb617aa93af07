//! Server-sent events of a task, passed on as they are: images in the making, speech, a recording's text.

use domain::{Units, Usage};

use super::{Task, usage};
use crate::{
    Progress, Refusal, StreamFault,
    json::{self, Fields},
    refusal,
    stream::{Frame, Framer},
    upstream,
};

/// Passes whole events on and reads what they say of usage. An event that holds an error is not passed on: it may
/// quote the request.
pub struct TaskStream {
    task: Task,
    framer: Framer,
    seen: Seen,
}

struct Seen {
    usage: Usage,
    units: Units,
    progress: Progress,
    /// Images that were finished.
    images: u64,
}

impl TaskStream {
    /// `units` is what is known before the answer; `limit` the largest event, in bytes.
    #[must_use]
    pub fn new(task: Task, units: Units, limit: usize) -> Self {
        let seen =
            Seen { usage: Usage::default(), units, progress: Progress::default(), images: 0 };
        Self { task, framer: Framer::new(limit), seen }
    }

    /// Takes a piece of the provider's stream and appends what the client may read to `out`.
    ///
    /// # Errors
    /// When the provider sent an error or something that is no event.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<Progress, StreamFault> {
        let Self { task, framer, seen } = self;
        framer.push(chunk, |frame| seen.take(*task, &frame, out))?;
        Ok(self.seen.progress)
    }

    /// The provider's stream has ended.
    ///
    /// # Errors
    /// As [`Self::push`]; `Truncated` when it ended within an event or without any.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<Progress, StreamFault> {
        let Self { task, framer, seen } = self;
        framer.finish(|frame| match frame.complete {
            true => seen.take(*task, &frame, out),
            false => Err(StreamFault::Truncated),
        })?;
        if !self.seen.progress.semantic {
            return Err(StreamFault::Truncated);
        }
        self.seen.progress.done = true;
        Ok(self.seen.progress)
    }

    #[must_use]
    pub const fn usage(&self) -> Usage {
        self.seen.usage
    }

    /// What is known so far; images that were begun count only once they are finished.
    #[must_use]
    pub const fn units(&self) -> Units {
        let mut units = self.seen.units;
        if self.seen.images > 0 {
            units.images = Some(self.seen.images);
        }
        units
    }

    /// Appends an error in the form that the SDKs read inside a stream.
    pub fn fail(refusal: &Refusal, request_id: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: error\ndata: ");
        refusal::write_error(crate::Format::OpenAiChat, refusal, request_id, out);
        out.extend_from_slice(b"\n\n");
    }
}

impl Seen {
    fn take(
        &mut self,
        task: Task,
        frame: &Frame<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), StreamFault> {
        if frame.has_data && &*frame.data != b"[DONE]" {
            let document = json::document(&frame.data).ok_or(StreamFault::Malformed)?;
            let mut fields = Fields::lenient(document).ok_or(StreamFault::Malformed)?;
            let kind = fields.take_text("type");
            if let Some(raw) = fields.take("error") {
                return Err(StreamFault::Upstream(upstream::reduce(None, raw)));
            }
            if kind.as_deref() == Some("error") {
                return Err(StreamFault::Upstream(upstream::reduce(None, document)));
            }
            if let Some(raw) = fields.take("usage")
                && let Some(usage) = usage::read(task, raw, &mut self.units)
            {
                self.usage = usage;
            }
            let made = ["image_generation.completed", "image_edit.completed"];
            self.images += u64::from(kind.is_some_and(|kind| made.contains(&&*kind)));
            self.progress.semantic = true;
        }
        out.extend_from_slice(frame.raw);
        Ok(())
    }
}
