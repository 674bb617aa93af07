//! Belgium, the Netherlands, France, Luxembourg.

use super::check::{digit, is_date, luhn, number, two, verhoeff, weighted};
use crate::{
    Kind,
    number::{
        Rule::{Alone, Cue},
        Spec,
    },
};

pub(super) const SPECS: &[Spec] = &[
    Spec {
        kind: Kind::BeNationalNumber,
        length: 11,
        shapes: &[
            ("", Alone),
            ("2.2.2-3.2", Alone),
            ("2.2.2.3.2", Alone),
            ("2 2 2 3 2", Alone),
            ("2-2-2-3-2", Alone),
            ("6-3-2", Alone),
            ("6-3.2", Alone),
            ("6 3 2", Alone),
            ("6-5", Alone),
        ],
        check: belgium,
    },
    Spec {
        kind: Kind::NlBsn,
        length: 9,
        shapes: &[("", Cue), ("3 3 3", Cue), ("4 2 3", Cue), ("4.2.3", Cue), ("3.3.3", Cue)],
        check: bsn,
    },
    // Old letters leave the leading zero out.
    Spec { kind: Kind::NlBsn, length: 8, shapes: &[("", Cue)], check: bsn },
    Spec {
        kind: Kind::FrNir,
        length: 15,
        shapes: &[
            ("", Alone),
            ("1 2 2 2 3 3 2", Alone),
            ("1.2.2.2.3.3.2", Alone),
            ("1-2-2-2-3-3-2", Alone),
            ("13 2", Alone),
            ("1 2 2 5 3 2", Alone),
        ],
        check: nir,
    },
    Spec {
        kind: Kind::LuMatricule,
        length: 13,
        shapes: &[("", Alone), ("8 5", Alone), ("4 2 2 5", Alone), ("4 2 2 3 2", Alone)],
        check: luxembourg,
    },
];

fn belgium(digits: &[u8]) -> bool {
    let (year, day, base) = (two(digits, 0), two(digits, 4), number(digits, 0, 9));
    // Whoever is in the other register has 20 or 40 added to the month.
    let month = match two(digits, 2) {
        month @ 20..=32 => month - 20,
        month @ 40..=52 => month - 40,
        month => month,
    };
    let check = number(digits, 9, 2);
    let fits = |base: u64, year: u32| {
        let plain =
            is_date(year, month, day) || (month == 0 || day == 0) && month <= 12 && day <= 31;
        97 - base % 97 == check && plain
    };
    fits(base, 1900 + year) || fits(2_000_000_000 + base, 2000 + year)
}

fn bsn(digits: &[u8]) -> bool {
    let weights: &[u32] =
        if digits.len() == 9 { &[9, 8, 7, 6, 5, 4, 3, 2] } else { &[8, 7, 6, 5, 4, 3, 2] };
    let last = digits.last().copied().map_or(0, u32::from);
    let filled = digits.iter().any(|digit| *digit != 0);
    filled && weighted(digits, weights) % 11 == last
}

fn nir(digits: &[u8]) -> bool {
    nir_holds(digit(digits, 0), two(digits, 3), number(digits, 0, 13), number(digits, 13, 2))
}

/// Month 20 stands for an unknown one. `base` has Corsica's departments 2A and 2B as 19 and 18.
pub(super) fn nir_holds(sex: u32, month: u32, base: u64, check: u64) -> bool {
    matches!(sex, 1 | 2) && matches!(month, 1..=12 | 20) && 97 - base % 97 == check
}

fn luxembourg(digits: &[u8]) -> bool {
    let year = number(digits, 0, 4);
    let born = u32::try_from(year).unwrap_or(0);
    let mut second: Vec<u8> = digits.iter().copied().take(11).collect();
    second.extend(digits.last());
    (1850..=2100).contains(&born)
        && is_date(born, two(digits, 4), two(digits, 6))
        && luhn(digits.get(..12).unwrap_or_default())
        && verhoeff(&second)
}
