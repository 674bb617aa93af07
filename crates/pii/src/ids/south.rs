//! Portugal, Greece, Croatia, Slovenia. (Spain, Italy and Cyprus have letters.)

use super::check::{digit, is_date, luhn, mod_11_10, number, two, weighted};
use crate::{
    Kind,
    number::{
        Rule::{Alone, Cue},
        Spec,
    },
};

pub(super) const SPECS: &[Spec] = &[
    Spec {
        kind: Kind::PtNif,
        length: 9,
        shapes: &[("", Cue), ("3 3 3", Cue), ("3.3.3", Cue)],
        check: nif,
    },
    Spec { kind: Kind::GrAfm, length: 9, shapes: &[("", Cue)], check: afm },
    Spec {
        kind: Kind::GrAmka,
        length: 11,
        shapes: &[("", Cue), ("6 5", Cue), ("6-5", Cue)],
        check: amka,
    },
    Spec { kind: Kind::HrOib, length: 11, shapes: &[("", Cue)], check: mod_11_10 },
    Spec { kind: Kind::SiEmso, length: 13, shapes: &[("", Alone)], check: emso },
];

/// Companies begin with 5 and above, people with 1, 2, 3 or 45.
fn nif(digits: &[u8]) -> bool {
    let person = matches!(digit(digits, 0), 1..=3) || digits.starts_with(&[4, 5]);
    let rest = weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    let check = if rest < 2 { 0 } else { 11 - rest };
    person && check == digit(digits, 8)
}

fn afm(digits: &[u8]) -> bool {
    let filled = digits.iter().any(|digit| *digit != 0);
    filled && weighted(digits, &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == digit(digits, 8)
}

fn amka(digits: &[u8]) -> bool {
    let (day, month, year) = (two(digits, 0), two(digits, 2), two(digits, 4));
    (is_date(1900 + year, month, day) || is_date(2000 + year, month, day)) && luhn(digits)
}

/// Three digits of the year: 9xx is of the last millennium, 0xx of this one.
fn emso(digits: &[u8]) -> bool {
    let year = u32::try_from(number(digits, 4, 3)).unwrap_or(0);
    let year = if year >= 800 { 1000 + year } else { 2000 + year };
    year < 2100
        && is_date(year, two(digits, 2), two(digits, 0))
        && weighted(digits, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}
