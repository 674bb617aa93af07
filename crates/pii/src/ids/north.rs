//! Denmark, Sweden, Norway, Iceland, Estonia, Latvia, Lithuania.

use super::check::{digit, is_date, luhn, two, weighted};
use crate::{
    Kind,
    number::{
        Rule::{Alone, Cue},
        Spec,
    },
};

pub(super) const SPECS: &[Spec] = &[
    Spec {
        kind: Kind::SePersonnummer,
        length: 10,
        shapes: &[("6-4", Alone), ("6+4", Alone), ("", Cue), ("6 4", Cue)],
        check: personnummer_10,
    },
    Spec {
        kind: Kind::SePersonnummer,
        length: 12,
        shapes: &[("8-4", Alone), ("8+4", Alone), ("", Alone), ("8 4", Alone)],
        check: personnummer_12,
    },
    Spec {
        kind: Kind::DkCpr,
        length: 10,
        shapes: &[("6-4", Alone), ("", Cue), ("6 4", Cue)],
        check: cpr,
    },
    Spec {
        kind: Kind::NoFnr,
        length: 11,
        shapes: &[("", Alone), ("6 5", Alone), ("6-5", Alone)],
        check: fodselsnummer,
    },
    Spec {
        kind: Kind::IsKennitala,
        length: 10,
        shapes: &[("6-4", Cue), ("", Cue)],
        check: kennitala,
    },
    Spec { kind: Kind::EeLtPersonalCode, length: 11, shapes: &[("", Cue)], check: ee_lt },
    Spec {
        kind: Kind::LvPersonalCode,
        length: 11,
        shapes: &[("6-5", Alone), ("", Cue)],
        check: latvia,
    },
    // Since 2017 codes are drawn by lot, begin with 32 and have no check digit: the word alone decides.
    Spec {
        kind: Kind::LvPersonalCode,
        length: 11,
        shapes: &[("6-5", Cue), ("", Cue)],
        check: |digits| digits.starts_with(&[3, 2]),
    },
];

/// The century is unknown, so a leap day is right when it is in either.
fn short_date(year: u32, month: u32, day: u32) -> bool {
    is_date(1900 + year, month, day) || is_date(2000 + year, month, day)
}

fn personnummer_10(digits: &[u8]) -> bool {
    let day = two(digits, 4);
    // A coordination number adds 60 to the day.
    let day = if day > 60 { day - 60 } else { day };
    short_date(two(digits, 0), two(digits, 2), day) && luhn(digits)
}

fn personnummer_12(digits: &[u8]) -> bool {
    let year = two(digits, 0) * 100 + two(digits, 2);
    let day = two(digits, 6);
    let day = if day > 60 { day - 60 } else { day };
    (1850..=2099).contains(&year)
        && is_date(year, two(digits, 4), day)
        && luhn(digits.get(2..).unwrap_or_default())
}

/// The sum over 11 stopped being a promise in 2007: only the date and its century can be checked.
fn cpr(digits: &[u8]) -> bool {
    let year = two(digits, 4);
    let century = match (digit(digits, 6), year) {
        (0..=3, _) | (4 | 9, 37..) => 1900,
        (4 | 9, _) | (5..=8, ..=57) => 2000,
        _ => 1800,
    };
    is_date(century + year, two(digits, 2), two(digits, 0))
}

fn fodselsnummer(digits: &[u8]) -> bool {
    let (mut day, mut month, year) = (two(digits, 0), two(digits, 2), two(digits, 4));
    if day > 40 {
        day -= 40;
    }
    if month > 40 {
        month -= 40;
    }
    let series = digit(digits, 6) * 100 + two(digits, 7);
    let century = match (series, year) {
        (0..=499, _) | (900.., 40..) => 1900,
        (500.., ..40) => 2000,
        (500..=749, 54..) => 1800,
        _ => return false,
    };
    let first = weighted(digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]);
    let second = weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]);
    is_date(century + year, month, day) && first.is_multiple_of(11) && second.is_multiple_of(11)
}

fn kennitala(digits: &[u8]) -> bool {
    let century = match digit(digits, 9) {
        8 => 1800,
        9 => 1900,
        0 => 2000,
        _ => return false,
    };
    is_date(century + two(digits, 4), two(digits, 2), two(digits, 0))
        && weighted(digits, &[3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

fn ee_lt(digits: &[u8]) -> bool {
    let century = match digit(digits, 0) {
        1 | 2 => 1800,
        3 | 4 => 1900,
        5 | 6 => 2000,
        7 | 8 => 2100,
        _ => return false,
    };
    let first = weighted(digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    let check = if first < 10 {
        first
    } else {
        weighted(digits, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10
    };
    is_date(century + two(digits, 1), two(digits, 3), two(digits, 5)) && check == digit(digits, 10)
}

fn latvia(digits: &[u8]) -> bool {
    let century = match digit(digits, 6) {
        0 => 1800,
        1 => 1900,
        2 => 2000,
        _ => return false,
    };
    let sum = 1 + weighted(digits, &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9]);
    is_date(century + two(digits, 4), two(digits, 2), two(digits, 0))
        && sum % 11 % 10 == digit(digits, 10)
}
