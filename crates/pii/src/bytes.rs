//! Looking at single bytes and characters around a place, without ever leaving the text.

pub(crate) fn at(text: &str, place: usize) -> u8 {
    text.as_bytes().get(place).copied().unwrap_or(0)
}

pub(crate) fn before(text: &str, place: usize) -> u8 {
    place.checked_sub(1).map_or(0, |place| at(text, place))
}

pub(crate) fn char_before(text: &str, place: usize) -> Option<char> {
    text.get(..place)?.chars().next_back()
}

pub(crate) fn char_after(text: &str, place: usize) -> Option<char> {
    text.get(place..)?.chars().next()
}

/// A letter, a digit or an underscore of any script stands right before this place.
pub(crate) fn word_before(text: &str, place: usize) -> bool {
    let byte = before(text, place);
    if byte < 0x80 {
        return byte.is_ascii_alphanumeric() || byte == b'_';
    }
    char_before(text, place).is_some_and(char::is_alphanumeric)
}

pub(crate) fn word_after(text: &str, place: usize) -> bool {
    let byte = at(text, place);
    if byte < 0x80 {
        return byte.is_ascii_alphanumeric() || byte == b'_';
    }
    char_after(text, place).is_some_and(char::is_alphanumeric)
}

/// The end of the longest run of bytes from here that satisfy the condition.
pub(crate) fn run_end(text: &str, from: usize, limit: usize, keep: impl Fn(u8) -> bool) -> usize {
    let run = text.as_bytes().iter().skip(from).take(limit);
    from + run.take_while(|byte| keep(**byte)).count()
}

/// The start of the longest run of bytes up to here that satisfy the condition.
pub(crate) fn run_start(text: &str, to: usize, limit: usize, keep: impl Fn(u8) -> bool) -> usize {
    let run = text.as_bytes().get(..to).unwrap_or_default().iter().rev().take(limit);
    to - run.take_while(|byte| keep(**byte)).count()
}

/// The nearest character boundary at or before this place.
pub(crate) fn floor(text: &str, mut place: usize) -> usize {
    place = place.min(text.len());
    while !text.is_char_boundary(place) {
        place -= 1;
    }
    place
}

pub(crate) fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}
