//! National numbers with letters: Spain, Finland, Ireland, Italy, Cyprus, and Corsica's in France.

use super::{
    check::{digit, is_date, number, two, weighted},
    west::nir_holds,
};
use crate::{
    Finding, Kind, bytes,
    candidate::{Edge, edge_after, edge_before},
    scanner::Scan,
};

/// A group of digits that a letter may belong to.
pub(crate) fn lettered(scan: &mut Scan<'_>, start: usize, end: usize) {
    let group = scan.text.get(start..end).unwrap_or_default();
    let mut values = [0u8; 8];
    for (slot, byte) in values.iter_mut().zip(group.bytes()) {
        *slot = byte - b'0';
    }
    let digits = values.get(..group.len().min(8)).unwrap_or_default();
    match group.len() {
        8 => {
            spanish(scan, start, end, digits);
            cypriot(scan, start, end, digits);
        }
        7 => {
            foreigner_in_spain(scan, start, end, digits);
            irish(scan, start, end, digits);
        }
        6 => finnish(scan, start, end, digits),
        _ => {}
    }
    if matches!(digits.first(), Some(1 | 2)) {
        corsican(scan, start);
    }
}

const CONTROL: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

/// The letter that belongs to digits, at most one mark away, and where it ends.
fn letter_after(text: &str, end: usize) -> (u8, usize) {
    let next = bytes::at(text, end);
    let skip = usize::from(matches!(next, b'-' | b' '));
    (bytes::at(text, end + skip).to_ascii_uppercase(), end + skip + 1)
}

fn control_fits(number: u64, letter: u8) -> bool {
    let place = usize::try_from(number % 23).unwrap_or(0);
    CONTROL.get(place) == Some(&letter)
}

fn push(scan: &mut Scan<'_>, kind: Kind, start: usize, end: usize, alone: bool) {
    let edge = edge_before(scan.text, start);
    if edge == Edge::Inside || edge_after(scan.text, end) == Edge::Inside {
        return;
    }
    let context = scan.around.look(scan.text, start, end, kind);
    let believed = alone && edge == Edge::Free && !context.speaks_against();
    let twin = scan.found.last().filter(|last| last.start == start && last.end == end);
    if let Some(twin) = twin.map(|twin| twin.kind) {
        // Two countries use the same form: the one that is named counts, then the one with the stronger check.
        let named = scan.around.look(scan.text, start, end, twin).speaks_for();
        let stronger = believed && twin == Kind::DkCpr && !named && !scan.regions.are_home_of(twin);
        if (context.speaks_for() || stronger)
            && let Some(last) = scan.found.last_mut()
        {
            last.kind = kind;
        }
    } else if believed || context.speaks_for() {
        scan.found.push(Finding::new(kind, start, end));
    }
}

fn spanish(scan: &mut Scan<'_>, start: usize, end: usize, digits: &[u8]) {
    let (letter, after) = letter_after(scan.text, end);
    if control_fits(number(digits, 0, 8), letter) {
        // `12345678 Z` may as well be a number and the next word.
        let alone = bytes::at(scan.text, end) != b' ';
        push(scan, Kind::EsDni, start, after, alone);
    }
}

fn foreigner_in_spain(scan: &mut Scan<'_>, start: usize, end: usize, digits: &[u8]) {
    let dash = usize::from(bytes::before(scan.text, start) == b'-');
    let Some(first) = start.checked_sub(1 + dash) else { return };
    let lead = match bytes::at(scan.text, first).to_ascii_uppercase() {
        b'X' => 0,
        b'Y' => 10_000_000,
        b'Z' => 20_000_000,
        _ => return,
    };
    let (letter, after) = letter_after(scan.text, end);
    if control_fits(lead + number(digits, 0, 7), letter) {
        let alone = bytes::at(scan.text, end) != b' ';
        push(scan, Kind::EsNie, first, after, alone);
    }
}

/// Since 2013 a second letter may follow, which counts nine times.
fn irish(scan: &mut Scan<'_>, start: usize, end: usize, digits: &[u8]) {
    const CHECK: &[u8; 23] = b"WABCDEFGHIJKLMNOPQRSTUV";
    let (letter, after) = letter_after(scan.text, end);
    let second = bytes::at(scan.text, after).to_ascii_uppercase();
    let (extra, after) = match second {
        b'A'..=b'I' => (u32::from(second - b'A') + 1, after + 1),
        b'W' | b'T' | b'X' => (0, after + 1),
        _ => (0, after),
    };
    let sum = weighted(digits, &[8, 7, 6, 5, 4, 3, 2]) + 9 * extra;
    if CHECK.get((sum % 23) as usize) == Some(&letter) {
        push(scan, Kind::IePps, start, after, false);
    }
}

/// Digits in even places count as they are, those in odd ones by a table.
fn cypriot(scan: &mut Scan<'_>, start: usize, end: usize, digits: &[u8]) {
    const ODD: [u32; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
    let letter = bytes::at(scan.text, end).to_ascii_uppercase();
    let sum: u32 = (0..8)
        .map(|place| match digit(digits, place) {
            value if place % 2 == 0 => ODD.get(value as usize).copied().unwrap_or(0),
            value => value,
        })
        .sum();
    if letter.is_ascii_uppercase() && u32::from(letter - b'A') == sum % 26 {
        push(scan, Kind::CyTic, start, end + 1, false);
    }
}

/// The sign between date and number names the century; new signs came in 2023.
fn finnish(scan: &mut Scan<'_>, start: usize, end: usize, digits: &[u8]) {
    const CHECK: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let century = match bytes::at(scan.text, end).to_ascii_uppercase() {
        b'+' => 1800,
        b'-' | b'U'..=b'Y' => 1900,
        b'A'..=b'F' => 2000,
        _ => return,
    };
    let series = scan.text.as_bytes().get(end + 1..end + 4).unwrap_or_default();
    if series.len() < 3 || !series.iter().all(u8::is_ascii_digit) {
        return;
    }
    let series = series.iter().fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0'));
    let check = bytes::at(scan.text, end + 4).to_ascii_uppercase();
    let place = usize::try_from((number(digits, 0, 6) * 1000 + series) % 31).unwrap_or(0);
    let date = is_date(century + two(digits, 4), two(digits, 2), two(digits, 0));
    if date && series >= 2 && CHECK.get(place) == Some(&check) {
        push(scan, Kind::FiHetu, start, end + 5, true);
    }
}

/// `2 85 05 2A 123 456 78`: the departments 2A and 2B count as 19 and 18.
fn corsican(scan: &mut Scan<'_>, start: usize) {
    let (mut values, mut length, mut place, mut corsica) = ([0u8; 15], 0, start, false);
    while length < 15 {
        let byte = bytes::at(scan.text, place);
        let value = match byte {
            b'0'..=b'9' if length != 6 => byte - b'0',
            b'A' | b'B' if length == 6 && values.get(5) == Some(&2) => {
                if let Some(tens) = values.get_mut(5) {
                    *tens = 1;
                }
                corsica = true;
                if byte == b'A' { 9 } else { 8 }
            }
            b' ' | b'.'
                if length > 0 && bytes::at(scan.text, place + 1).is_ascii_alphanumeric() =>
            {
                place += 1;
                continue;
            }
            _ => return,
        };
        if let Some(slot) = values.get_mut(length) {
            *slot = value;
        }
        length += 1;
        place += 1;
    }
    let (sex, month) = (digit(&values, 0), two(&values, 3));
    if corsica && nir_holds(sex, month, number(&values, 0, 13), number(&values, 13, 2)) {
        push(scan, Kind::FrNir, start, place, true);
    }
}

/// Sixteen letters and digits of a fixed form; digits may be written as letters where two people would collide.
pub(crate) fn codice_fiscale(code: &str) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let mut sum = 0;
    let mut plain = [0u8; 16];
    for (place, byte) in code.bytes().map(|byte| byte.to_ascii_uppercase()).enumerate() {
        let lettered = matches!(place, 0..=5 | 8 | 11 | 15);
        let value = match byte {
            b'0'..=b'9' if !lettered => byte - b'0',
            b'A'..=b'Z' => byte - b'A',
            _ => return false,
        };
        if place == 15 {
            return sum % 26 == u32::from(value) && is_born(&plain);
        }
        sum += match place % 2 {
            0 => ODD.get(usize::from(value)).copied().unwrap_or(0),
            _ => u32::from(value),
        };
        let Some(shown) = (if lettered { Some(byte) } else { digit_of(byte) }) else {
            return false;
        };
        if let Some(slot) = plain.get_mut(place) {
            *slot = shown;
        }
    }
    false
}

/// The digit that a byte stands for, also where a letter was taken instead.
fn digit_of(byte: u8) -> Option<u8> {
    if byte.is_ascii_digit() {
        return Some(byte - b'0');
    }
    b"LMNPQRSTUV"
        .iter()
        .position(|letter| *letter == byte)
        .and_then(|place| u8::try_from(place).ok())
}

/// Women have 40 added to the day; months are letters.
fn is_born(code: &[u8; 16]) -> bool {
    let month = code.get(8).and_then(|letter| b"ABCDEHLMPRST".iter().position(|one| one == letter));
    let Some(month) = month.and_then(|place| u32::try_from(place + 1).ok()) else { return false };
    let (year, day) = (two(code, 6), two(code, 9));
    let day = if day > 40 { day - 40 } else { day };
    is_date(1900 + year, month, day) || is_date(2000 + year, month, day)
}
