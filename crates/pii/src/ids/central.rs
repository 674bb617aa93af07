//! Germany, Austria, Switzerland, Poland, Czechia and Slovakia, Hungary.

use super::check::{digit, ean_13, is_date, mod_11_10, number, two, weighted};
use crate::{
    Kind,
    number::{
        Rule::{Alone, Cue},
        Spec,
    },
};

pub(super) const SPECS: &[Spec] = &[
    Spec {
        kind: Kind::DeTaxId,
        length: 11,
        shapes: &[("", Alone), ("2 3 3 3", Alone), ("2/3/3/3", Alone)],
        check: tax_id,
    },
    Spec {
        kind: Kind::AtSvnr,
        length: 10,
        shapes: &[("4 6", Alone), ("4-6", Alone), ("4/6", Alone), ("", Cue)],
        check: svnr,
    },
    Spec {
        kind: Kind::ChAhv,
        length: 13,
        shapes: &[("", Alone), ("3.4.4.2", Alone), ("3 4 4 2", Alone), ("3-4-4-2", Alone)],
        check: |digits| digits.starts_with(&[7, 5, 6]) && ean_13(digits),
    },
    Spec { kind: Kind::PlPesel, length: 11, shapes: &[("", Cue)], check: pesel },
    Spec {
        kind: Kind::CzSkBirthNumber,
        length: 10,
        shapes: &[("6/4", Alone), ("", Cue), ("6 4", Cue)],
        check: birth_number,
    },
    Spec {
        kind: Kind::HuTaj,
        length: 9,
        shapes: &[("3 3 3", Cue), ("3-3-3", Cue), ("", Cue)],
        check: |digits| weighted(digits, &[3, 7, 3, 7, 3, 7, 3, 7]) % 10 == digit(digits, 8),
    },
    Spec {
        kind: Kind::HuTaxId,
        length: 10,
        shapes: &[("", Cue)],
        check: |digits| {
            digits.starts_with(&[8])
                && weighted(digits, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 == digit(digits, 9)
        },
    },
];

/// Of the first ten digits exactly one comes twice or three times.
fn tax_id(digits: &[u8]) -> bool {
    let mut counts = [0u8; 10];
    for value in digits.iter().take(10) {
        if let Some(count) = counts.get_mut(usize::from(*value)) {
            *count += 1;
        }
    }
    let mut repeated = counts.into_iter().filter(|count| *count > 1);
    digit(digits, 0) != 0
        && matches!((repeated.next(), repeated.next()), (Some(2 | 3), None))
        && mod_11_10(digits)
}

/// Months 13 to 15 were given out where a day had no numbers left.
fn svnr(digits: &[u8]) -> bool {
    let (day, month, year) = (two(digits, 4), two(digits, 6), two(digits, 8));
    let date = is_date(1900 + year, month, day)
        || is_date(2000 + year, month, day)
        || (13..=15).contains(&month) && (1..=31).contains(&day);
    let sum = weighted(digits, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    digit(digits, 0) != 0 && date && sum % 11 == digit(digits, 3)
}

fn pesel(digits: &[u8]) -> bool {
    let (year, month) = (two(digits, 0), two(digits, 2));
    let (century, month) = match month {
        1..=12 => (1900, month),
        21..=32 => (2000, month - 20),
        41..=52 => (2100, month - 40),
        61..=72 => (2200, month - 60),
        81..=92 => (1800, month - 80),
        _ => return false,
    };
    is_date(century + year, month, two(digits, 4))
        && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

/// Women have 50 added to the month; since 2004 another 20 may be added when a day is full.
fn birth_number(digits: &[u8]) -> bool {
    let year = two(digits, 0);
    let year = if year < 54 { 2000 + year } else { 1900 + year };
    let month = match two(digits, 2) {
        month @ 71..=82 if year > 2003 => month - 70,
        month @ 51..=62 => month - 50,
        month @ 21..=32 if year > 2003 => month - 20,
        month => month,
    };
    // Until 1985 a remainder of 10 was written as 0.
    let rest = number(digits, 0, 9) % 11;
    let check = u64::from(digit(digits, 9));
    let holds = rest == check || rest == 10 && check == 0 && year < 1986;
    is_date(year, month, two(digits, 4)) && holds
}
