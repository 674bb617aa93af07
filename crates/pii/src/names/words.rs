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
        let start = next_letter(text, at)?;
        at = run_end(text, start);
        Some(Word { start, end: at })
    })
}

fn next_letter(text: &str, mut at: usize) -> Option<usize> {
    loop {
        let rest = text.as_bytes().get(at..)?;
        at += rest.iter().position(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80)?;
        let one = bytes::char_after(text, at)?;
        if one.is_alphabetic() {
            return Some(at);
        }
        at += one.len_utf8();
    }
}

/// Most text is ASCII, where a letter is one look; other characters are asked one by one.
fn run_end(text: &str, mut at: usize) -> usize {
    loop {
        let rest = text.as_bytes().get(at..).unwrap_or_default();
        at += rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        match bytes::char_after(text, at).filter(|one| !one.is_ascii() && one.is_alphabetic()) {
            Some(one) => at += one.len_utf8(),
            None => return at,
        }
    }
}

/// Which pairs of first letters exist: most words of a text are passed by with one look.
pub(super) struct Starts(Vec<u64>);

impl Default for Starts {
    fn default() -> Self {
        Self(vec![0; 1024])
    }
}

impl Starts {
    pub(super) fn insert(&mut self, folded: &str) {
        let (slot, bit) = Self::place(folded.as_bytes());
        if let Some(slot) = self.0.get_mut(slot) {
            *slot |= bit;
        }
    }

    /// Whether something begins like this word, as it stands in the text.
    pub(super) fn may_hold(&self, word: &str) -> bool {
        let word = word.as_bytes();
        if word.iter().take(2).any(|byte| !byte.is_ascii()) {
            return true;
        }
        let (slot, bit) = Self::place(word);
        self.0.get(slot).is_some_and(|pairs| pairs & bit != 0)
    }

    fn place(word: &[u8]) -> (usize, u64) {
        let at =
            |place: usize| word.get(place).map_or(0, |byte| usize::from(byte.to_ascii_lowercase()));
        let pair = at(0) * 256 + at(1);
        (pair / 64, 1 << (pair % 64))
    }
}

/// Words of one name stand beside each other: a space, a hyphen, an initial's full stop.
pub(super) fn are_joined(text: &str, left: Word, right: Word) -> bool {
    matches!(text.get(left.end..right.start), Some(" " | "-" | ". " | "." | "\u{a0}"))
}
