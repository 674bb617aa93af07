//! Bulgaria, Romania.

use super::check::{digit, is_date, two, weighted};
use crate::{
    Kind,
    number::{
        Rule::{Alone, Cue},
        Spec,
    },
};

pub(super) const SPECS: &[Spec] = &[
    Spec { kind: Kind::BgEgn, length: 10, shapes: &[("", Cue)], check: egn },
    Spec {
        kind: Kind::RoCnp,
        length: 13,
        shapes: &[("", Alone)],
        check: |digits| matches!(digit(digits, 0), 1 | 2 | 5 | 6) && cnp(digits),
    },
    // Those of the 19th century and of foreigners begin like goods from Sweden and other places.
    Spec { kind: Kind::RoCnp, length: 13, shapes: &[("", Cue)], check: cnp },
];

/// The month carries the century: 20 more before 1900, 40 more from 2000 on.
fn egn(digits: &[u8]) -> bool {
    let (year, month) = (two(digits, 0), two(digits, 2));
    let (century, month) = match month {
        1..=12 => (1900, month),
        21..=32 => (1800, month - 20),
        41..=52 => (2000, month - 40),
        _ => return false,
    };
    let sum = weighted(digits, &[2, 4, 8, 5, 10, 9, 7, 3, 6]);
    is_date(century + year, month, two(digits, 4)) && sum % 11 % 10 == digit(digits, 9)
}

/// Counties run to 48, sectors of the capital to 46, with 51, 52 and 70 besides.
fn cnp(digits: &[u8]) -> bool {
    let years: &[u32] = match digit(digits, 0) {
        1 | 2 => &[1900],
        3 | 4 => &[1800],
        5 | 6 => &[2000],
        7 | 8 => &[1900, 2000],
        _ => return false,
    };
    let date = |century: &u32| is_date(century + two(digits, 1), two(digits, 3), two(digits, 5));
    let county = matches!(two(digits, 7), 1..=48 | 51 | 52 | 70);
    let rest = weighted(digits, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    let check = if rest == 10 { 1 } else { rest };
    years.iter().any(date) && county && check == digit(digits, 12)
}
