//! Replacing parts of a JSON text in place; everything else stays byte for byte.

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;

use crate::{json::Raw, write::quote};

/// Edits of one text, in any order; ranges must not overlap.
#[derive(Default)]
pub(crate) struct Edits {
    list: Vec<(Range<usize>, Vec<u8>)>,
}

impl Edits {
    pub(crate) fn replace(&mut self, range: Range<usize>, with: impl Into<Vec<u8>>) {
        self.list.push((range, with.into()));
    }

    pub(crate) fn replace_text(&mut self, range: Range<usize>, with: &str) {
        let mut quoted = Vec::with_capacity(with.len() + 2);
        quote(&mut quoted, with);
        self.replace(range, quoted);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Appends the edited text to `out`.
    pub(crate) fn write(mut self, text: &[u8], out: &mut Vec<u8>) {
        self.list.sort_by_key(|(range, _)| range.start);
        let mut position = 0;
        for (range, with) in self.list {
            out.extend_from_slice(text.get(position..range.start).unwrap_or_default());
            out.extend_from_slice(&with);
            position = range.end;
        }
        out.extend_from_slice(text.get(position..).unwrap_or_default());
    }

    /// The edited text; `text` itself when there is nothing to do.
    pub(crate) fn on(self, text: &str) -> Cow<'_, str> {
        if self.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = Vec::with_capacity(text.len() + self.added());
        self.write(text.as_bytes(), &mut out);
        Cow::Owned(String::from_utf8(out).unwrap_or_default())
    }

    fn added(&self) -> usize {
        self.list.iter().map(|(_, with)| with.len()).sum()
    }

    /// The edited text; shares `text` when there is nothing to do.
    pub(crate) fn apply(self, text: &Bytes) -> Bytes {
        if self.is_empty() {
            return text.clone();
        }
        let mut out = Vec::with_capacity(text.len() + self.added());
        self.write(text, &mut out);
        out.into()
    }
}

/// Where `part` lies in `whole`; `None` when it does not.
pub(crate) fn span(whole: &[u8], part: Raw<'_>) -> Option<Range<usize>> {
    let part = part.get().as_bytes();
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    let end = start.checked_add(part.len())?;
    (end <= whole.len()).then_some(start..end)
}
