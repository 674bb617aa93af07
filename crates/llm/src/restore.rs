//! Putting back into an answer what was taken out of its request: the last thing that happens to it, in the client's
//! own format, whatever format the provider speaks.

use std::{fmt, sync::Arc};

use bytes::Bytes;

use crate::texts::{Form, Found, edits};

/// What the values are written into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    Plain,
    /// Inside a JSON text.
    Json,
}

/// What happens to one channel of an answer: a choice, its reasoning, the arguments of one tool call.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    Piece(&'a str, Escape),
    /// What was held back is needed now.
    End,
}

/// Appends what can be said of a channel after each step.
pub type Channel = Box<dyn FnMut(Step<'_>, &mut String) + Send>;

/// Makes a channel for each text of an answer.
#[derive(Clone)]
pub struct Restore {
    fresh: Arc<dyn Fn() -> Channel + Send + Sync>,
    /// The answer's text is to be a JSON text.
    json: bool,
}

impl fmt::Debug for Restore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restore").field("json", &self.json).finish_non_exhaustive()
    }
}

impl Restore {
    /// `json` as [`crate::Rewritten::json_answer`] says of the request.
    pub fn new(json: bool, fresh: impl Fn() -> Channel + Send + Sync + 'static) -> Self {
        Self { fresh: Arc::new(fresh), json }
    }

    /// Restores a whole answer. One that cannot be read stays as it is: codes give nothing away.
    #[must_use]
    pub fn answer(&self, body: &Bytes) -> Bytes {
        let text = std::str::from_utf8(body).unwrap_or_default();
        match edits(text, &[], &mut |found| self.whole(found)) {
            Ok(edits) => edits.apply(body),
            Err(_) => body.clone(),
        }
    }

    pub(crate) fn channel(&self) -> Channel {
        (self.fresh)()
    }

    /// How values are written into the answer's own text.
    pub(crate) const fn text_escape(&self) -> Escape {
        if self.json { Escape::Json } else { Escape::Plain }
    }

    /// The text with its values; nothing when that changes nothing.
    pub(crate) fn whole(&self, found: &Found<'_>) -> Option<String> {
        let structured = self.json && found.text.trim_start().starts_with(['{', '[']);
        let escape =
            if structured || found.form == Form::Fragment { Escape::Json } else { Escape::Plain };
        let mut out = String::with_capacity(found.text.len());
        let mut channel = self.channel();
        channel(Step::Piece(found.text, escape), &mut out);
        channel(Step::End, &mut out);
        (out != found.text).then_some(out)
    }
}
