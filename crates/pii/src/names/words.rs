//! Text as words: runs of letters, with what stands between them left to the one who asks.

use crate::bytes;

#[derive(Clone, Copy)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Word {
    pub(super) fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    pub(super) fn is_capital(self, text: &str) -> bool {
        bytes::char_after(text, self.start).is_some_and(char::is_uppercase)
    }
}

pub(super) fn words(text: &str) -> impl Iterator<Item = Word> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text.get(at..)?.find(is_letter)?;
        let rest = text.get(start..)?;
        at = rest.find(|one| !is_letter(one)).map_or(text.len(), |length| start + length);
        Some(Word { start, end: at })
    })
}

fn is_letter(one: char) -> bool {
    // Most text is ASCII, and the general question is slow.
    if one.is_ascii() { one.is_ascii_alphabetic() } else { one.is_alphabetic() }
}

/// Words of one name stand beside each other: a space, a hyphen, an initial's full stop.
pub(super) fn are_joined(text: &str, left: Word, right: Word) -> bool {
    matches!(text.get(left.end..right.start), Some(" " | "-" | ". " | "." | "\u{a0}"))
}
