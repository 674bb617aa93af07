//! A short cut for the bulk of every stream: events that differ from the last one only in the text they carry.
//!
//! Between two quotes that a full parse has found to hold a string, any text without quotes, backslashes and
//! control characters makes the same valid event again. So an event with the same bytes around such a text
//! needs no second parse.

use std::ops::Range;

use crate::edit::Edits;

/// What a text counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Output,
    Thinking,
}

/// The bytes around the text of an event, as received and as shown.
pub(crate) struct Stencil {
    before: Vec<u8>,
    after: Vec<u8>,
    shown_before: Vec<u8>,
    shown_after: Vec<u8>,
    weight: Weight,
}

impl Stencil {
    /// Cuts a stencil from `raw`, where `text` is the range of a JSON string with its quotes. `model` is the
    /// range of the model's name and what to show in its place.
    pub(crate) fn cut(
        raw: &[u8],
        text: Range<usize>,
        model: Option<(Range<usize>, &str)>,
        weight: Weight,
    ) -> Option<Self> {
        let (start, end) = (text.start.checked_add(1)?, text.end.checked_sub(1)?);
        let (before, after) = (raw.get(..start)?.to_vec(), raw.get(end..)?.to_vec());
        let (mut shown_before, mut shown_after) = (before.clone(), after.clone());
        if let Some((range, shown)) = model {
            let mut edits = Edits::default();
            if range.end <= start {
                shown_before.clear();
                edits.replace_text(range, shown);
                edits.write(&before, &mut shown_before);
            } else {
                shown_after.clear();
                let range = range.start.checked_sub(end)?..range.end.checked_sub(end)?;
                edits.replace_text(range, shown);
                edits.write(&after, &mut shown_after);
            }
        }
        Some(Self { before, after, shown_before, shown_after, weight })
    }

    /// The text of `raw` when it fits.
    pub(crate) fn text<'r>(&self, raw: &'r [u8]) -> Option<(&'r [u8], Weight)> {
        let text = raw.strip_prefix(self.before.as_slice())?.strip_suffix(self.after.as_slice())?;
        let plain = !text.iter().any(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\'));
        (plain && std::str::from_utf8(text).is_ok()).then_some((text, self.weight))
    }

    /// The event that the client reads.
    pub(crate) fn write(&self, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(&self.shown_before);
        out.extend_from_slice(text);
        out.extend_from_slice(&self.shown_after);
    }
}
