//! A number that may be written in groups: its digits, its shape, and what it touches.

use crate::bytes;

const DIGITS: usize = 20;
const SHAPE: usize = 16;

/// How a number stands among its neighbours.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edge {
    /// Nothing is attached to it.
    Free,
    /// Attached to a word (`INV-123`): only a cue can make it a person's.
    Tied,
    /// A part of something larger.
    Inside,
}

/// Groups of digits, grown one by one. The shape of `010203-1234` is `6-4`, that of a single group is empty.
pub(crate) struct Candidate {
    pub(crate) start: usize,
    pub(crate) end: usize,
    digits: [u8; DIGITS],
    count: usize,
    shape: [u8; SHAPE],
    marks: usize,
    groups: usize,
}

impl Candidate {
    pub(crate) fn new(text: &str, start: usize) -> Option<Self> {
        let mut new = Self {
            start,
            end: start,
            digits: [0; DIGITS],
            count: 0,
            shape: [0; SHAPE],
            marks: 0,
            groups: 0,
        };
        new.take_group(text, start).then_some(new)
    }

    /// Takes the next group of digits if one separator leads to it.
    pub(crate) fn grow(&mut self, text: &str) -> bool {
        let Some((mark, width)) = separator(text, self.end) else { return false };
        let from = self.end + width;
        bytes::at(text, from).is_ascii_digit() && self.mark(mark) && self.take_group(text, from)
    }

    fn take_group(&mut self, text: &str, from: usize) -> bool {
        let before = self.count;
        let mut end = from;
        for byte in text.as_bytes().iter().skip(from) {
            if !byte.is_ascii_digit() {
                break;
            }
            let Some(slot) = self.digits.get_mut(self.count) else { return false };
            *slot = byte - b'0';
            self.count += 1;
            end += 1;
        }
        let length = u8::try_from(self.count - before).unwrap_or(u8::MAX);
        self.end = end;
        self.groups += 1;
        length > 0 && self.mark(b'0'.saturating_add(length))
    }

    fn mark(&mut self, byte: u8) -> bool {
        let Some(slot) = self.shape.get_mut(self.marks) else { return false };
        *slot = byte;
        self.marks += 1;
        true
    }

    pub(crate) fn digits(&self) -> &[u8] {
        self.digits.get(..self.count).unwrap_or_default()
    }

    pub(crate) fn is_compact(&self) -> bool {
        self.groups == 1
    }

    pub(crate) fn has_shape(&self, shape: &str) -> bool {
        if self.is_compact() {
            return shape.is_empty();
        }
        self.shape.get(..self.marks) == Some(shape.as_bytes())
    }
}

/// The character between two groups, as its plain ASCII form, and its width in bytes.
pub(crate) fn separator(text: &str, place: usize) -> Option<(u8, usize)> {
    match bytes::at(text, place) {
        byte @ (b' ' | b'.' | b'-' | b'/' | b'+') => Some((byte, 1)),
        0xc2 | 0xe2 => match bytes::char_after(text, place)? {
            '\u{a0}' => Some((b' ', 2)),
            '\u{202f}' | '\u{2009}' => Some((b' ', 3)),
            '\u{2010}' | '\u{2011}' | '\u{2013}' => Some((b'-', 3)),
            _ => None,
        },
        _ => None,
    }
}

pub(crate) fn edge_before(text: &str, start: usize) -> Edge {
    if bytes::word_before(text, start) {
        return Edge::Inside;
    }
    let mark = bytes::before(text, start);
    let further = bytes::before(text, start.saturating_sub(1));
    match mark {
        b'-' | b'.' | b'/' | b':' | b'+' if further.is_ascii_digit() => Edge::Inside,
        b'+' | b'@' => Edge::Inside,
        b'-' | b'/' | b'_' | b'&' | b'%' if further.is_ascii_alphabetic() => Edge::Tied,
        _ => Edge::Free,
    }
}

pub(crate) fn edge_after(text: &str, end: usize) -> Edge {
    if bytes::word_after(text, end) {
        return Edge::Inside;
    }
    let mark = bytes::at(text, end);
    let further = bytes::at(text, end + 1);
    match mark {
        b'-' | b'/' | b'+' | b'@' if further.is_ascii_alphanumeric() => Edge::Inside,
        b'.' | b':' if further.is_ascii_digit() => Edge::Inside,
        b',' if is_decimal(text, end) => Edge::Inside,
        _ => Edge::Free,
    }
}

/// `1234567,89` is an amount; `1234567,89,next` is a row of a table.
fn is_decimal(text: &str, comma: usize) -> bool {
    let end = bytes::run_end(text, comma + 1, 3, |byte| byte.is_ascii_digit());
    end - comma == 3 && !matches!(bytes::at(text, end), b',' | b';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_read_group_by_group() {
        let text = "85.07.30-033.61 x";
        let mut number = Candidate::new(text, 0).unwrap();
        assert!(number.is_compact() && number.has_shape(""));
        while number.grow(text) {}
        assert!(number.has_shape("2.2.2-3.2"));
        assert_eq!(number.digits().len(), 11);
        assert_eq!(number.end, 15);
    }

    #[test]
    fn hard_spaces_and_dashes_read_like_plain_ones() {
        let text = "010203\u{2011}1234\u{a0}5";
        let mut number = Candidate::new(text, 0).unwrap();
        assert!(number.grow(text) && number.has_shape("6-4"));
        assert!(number.grow(text) && number.has_shape("6-4 1"));
        assert!(!number.grow(text));
    }

    #[test]
    fn long_numbers_end_the_candidate_and_nothing_else() {
        let long = "1".repeat(40);
        assert!(Candidate::new(&long, 0).is_none());
        let many = "1 ".repeat(40);
        let mut number = Candidate::new(&many, 0).unwrap();
        while number.grow(&many) {}
        assert!(number.digits().len() <= DIGITS);
    }
}
