//! Phone numbers, by the plans of libphonenumber: international ones as they are, national ones beside a cue.

use crate::{
    Finding, Kind, bytes,
    candidate::{Candidate, Edge, edge_after, edge_before},
    plan,
    scanner::Scan,
};

/// A cue says `telephone` close to the number or at the head of its column.
const NEAR: usize = 20;
const MOST_DIGITS: usize = 15;
const LEAST_DIGITS: usize = 7;
/// Digits of a number as it is dialled in its own country.
const AT_HOME: std::ops::RangeInclusive<usize> = LEAST_DIGITS..=12;
const TRIES: usize = 4;

/// The digits of one number and each place where it may end, with how many digits that takes.
#[derive(Default)]
struct Dialled {
    digits: [u8; MOST_DIGITS],
    count: usize,
    ends: [(usize, usize); MOST_DIGITS],
    groups: usize,
}

impl Dialled {
    fn digits(&self, count: usize) -> &str {
        self.digits
            .get(..count)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .unwrap_or_default()
    }

    fn ends(&self) -> &[(usize, usize)] {
        self.ends.get(..self.groups).unwrap_or_default()
    }

    fn push(&mut self, group: &[u8]) -> bool {
        let Some(slots) = self.digits.get_mut(self.count..self.count + group.len()) else {
            return false;
        };
        slots.copy_from_slice(group);
        self.count += group.len();
        true
    }

    fn end(&mut self, place: usize) {
        if let Some(slot) = self.ends.get_mut(self.groups) {
            *slot = (place, self.count);
            self.groups += 1;
        }
    }
}

/// `+45 32 12 34 56`
pub(crate) fn plus(scan: &mut Scan<'_>, at: usize) -> usize {
    let text = scan.text;
    if !bytes::at(text, at + 1).is_ascii_digit() || bytes::word_before(text, at) {
        return at + 1;
    }
    international(scan, at, at + 1)
}

/// A number without a plus: `0045 ...`, or a national one that a word calls a phone number.
pub(crate) fn bare(scan: &mut Scan<'_>, start: usize) {
    let text = scan.text;
    if edge_before(text, start) != Edge::Free {
        return;
    }
    if text.as_bytes().get(start..start + 2) == Some(b"00")
        && matches!(bytes::at(text, start + 2), b'1'..=b'9')
        && international(scan, start, start + 2) > start + 1
    {
        return;
    }
    let dialled = dialled(text, start);
    // Cheap before dear: only what can be dialled at home is worth looking around for.
    if !dialled.ends().iter().any(|(_, count)| AT_HOME.contains(count)) {
        return;
    }
    let first_end = dialled.ends().first().map_or(start, |(end, _)| *end);
    let context = scan.around.look(text, start, first_end, Kind::Phone);
    if !context.speaks_for() || context.cue.is_none_or(|distance| distance > NEAR) {
        return;
    }
    let other = scan.around.nearest_other(Kind::Phone);
    if other.zip(context.cue).is_some_and(|(other, phone)| other < phone) || is_date(text, start) {
        return;
    }
    for (end, count) in
        dialled.ends().iter().rev().filter(|(_, count)| AT_HOME.contains(count)).take(TRIES)
    {
        if scan.regions.understand(dialled.digits(*count)) {
            scan.found.push(Finding::new(Kind::Phone, start, *end));
            return;
        }
    }
}

/// Returns where to go on: behind the number, or behind the first byte when there is none.
fn international(scan: &mut Scan<'_>, start: usize, from: usize) -> usize {
    let text = scan.text;
    let dialled = dialled(text, from);
    let long = dialled.ends().iter().rev().filter(|(_, count)| *count >= LEAST_DIGITS);
    for (end, count) in long.take(TRIES) {
        if plan::is_international(dialled.digits(*count)) {
            let start = if bytes::before(text, start) == b'('
                && text.get(start..*end).is_some_and(|n| n.contains(')'))
            {
                start - 1
            } else {
                start
            };
            scan.found.push(Finding::new(Kind::Phone, start, *end));
            return *end;
        }
    }
    start + 1
}

fn dialled(text: &str, from: usize) -> Dialled {
    let mut dialled = Dialled::default();
    let mut place = from;
    loop {
        let end = bytes::run_end(text, place, MOST_DIGITS + 1, |byte| byte.is_ascii_digit());
        let group = text.get(place..end).unwrap_or_default();
        // The zero in `+44 (0)20` is dialled at home only.
        let at_home =
            group == "0" && bytes::before(text, place) == b'(' && bytes::at(text, end) == b')';
        if !(at_home && place > from) {
            if !dialled.push(group.as_bytes()) {
                return dialled;
            }
            if edge_after(text, end) != Edge::Inside
                || !bytes::word_after(text, end) && joins(text, end)
            {
                dialled.end(end);
            }
        }
        let Some(next) = next_group(text, end) else { return dialled };
        place = next;
    }
}

/// Whether the mark here only joins groups, so that the number may also end before it.
fn joins(text: &str, end: usize) -> bool {
    matches!(bytes::at(text, end), b' ' | b'(' | b')')
}

/// Where the next group of digits begins: one mark further, or two of them when one is a space or a bracket.
fn next_group(text: &str, end: usize) -> Option<usize> {
    let mut place = end;
    for _ in 0..3 {
        match bytes::char_after(text, place)? {
            '0'..='9' => return (place > end).then_some(place),
            one @ (' ' | '.' | '-' | '/' | '(' | ')' | '\u{a0}' | '\u{202f}' | '\u{2011}'
            | '\u{2013}') => {
                place += one.len_utf8();
            }
            _ => return None,
        }
    }
    bytes::at(text, place).is_ascii_digit().then_some(place)
}

/// `13/06/2019`
fn is_date(text: &str, start: usize) -> bool {
    let Some(mut date) = Candidate::new(text, start) else { return false };
    date.grow(text)
        && date.grow(text)
        && ["2/2/4", "2.2.4", "2-2-4", "4-2-2"].iter().any(|shape| date.has_shape(shape))
}
