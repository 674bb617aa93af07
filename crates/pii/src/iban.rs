//! Bank accounts: a country, the length that country uses, and a remainder of 1 when divided by 97.

use crate::{Finding, Kind, bytes, candidate::separator, scanner::Scan};

/// Countries and lengths of the IBAN registry.
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NL", 18),
    (b"NO", 15),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"SA", 24),
    (b"SC", 31),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
];

/// At digits that two letters stand before.
pub(crate) fn look(scan: &mut Scan<'_>, start: usize, end: usize) {
    let text = scan.text;
    let Some(first) = start.checked_sub(2) else { return };
    if end - start < 2 || bytes::word_before(text, first) {
        return;
    }
    let letters = [bytes::at(text, first), bytes::at(text, first + 1)];
    let capital = letters.iter().all(u8::is_ascii_uppercase);
    if !capital && !letters.iter().all(u8::is_ascii_lowercase) {
        return;
    }
    let country = letters.map(|letter| letter.to_ascii_uppercase());
    let Some((_, length)) = LENGTHS.iter().find(|(code, _)| **code == country) else { return };
    if let Some(after) = account_end(text, first, *length, capital)
        && !bytes::word_after(text, after)
    {
        scan.found.push(Finding::new(Kind::Iban, first, after));
    }
}

/// Reads so many letters and digits, over single separators, and checks them.
fn account_end(text: &str, first: usize, length: usize, capital: bool) -> Option<usize> {
    let (mut place, mut taken) = (first, 0);
    // The country and the two check digits count at the end.
    let (mut head, mut rest) = (0, 0);
    while taken < length {
        let byte = bytes::at(text, place);
        let right_case =
            if capital { byte.is_ascii_uppercase() } else { byte.is_ascii_lowercase() };
        if byte.is_ascii_digit() || right_case {
            if taken < 4 {
                head = append(head, byte);
            } else {
                rest = append(rest, byte) % 97;
            }
            taken += 1;
            place += 1;
            continue;
        }
        let (mark, width) = separator(text, place)?;
        if taken < 4 || !matches!(mark, b' ' | b'-') {
            return None;
        }
        place += width;
    }
    ((rest * 1_000_000 + head) % 97 == 1).then_some(place)
}

/// Letters count as two digits, from 10 for A.
fn append(sum: u64, byte: u8) -> u64 {
    match byte {
        b'0'..=b'9' => sum * 10 + u64::from(byte - b'0'),
        _ => sum * 100 + u64::from(byte.to_ascii_uppercase().saturating_sub(b'A')) + 10,
    }
}
