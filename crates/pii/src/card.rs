//! Payment cards: a known first part, the length that issuer uses, and Luhn.

use crate::{
    Kind,
    ids::luhn,
    number::{
        Rule::{Alone, Cue},
        Spec,
    },
};

pub(crate) const SPECS: &[Spec] = &[
    Spec {
        kind: Kind::Card,
        length: 16,
        shapes: &[("", Alone), ("4 4 4 4", Alone), ("4-4-4-4", Alone), ("4.4.4.4", Alone)],
        check: |digits| issuer_16(digits) && luhn(digits),
    },
    Spec {
        kind: Kind::Card,
        length: 15,
        shapes: &[("", Alone), ("4 6 5", Alone), ("4-6-5", Alone)],
        check: |digits| matches!(first(digits, 2), 34 | 37) && luhn(digits),
    },
    Spec {
        kind: Kind::Card,
        length: 14,
        shapes: &[("", Alone), ("4 6 4", Alone), ("4-6-4", Alone)],
        check: |digits| {
            matches!(first(digits, 3), 300..=305 | 360..=369 | 380..=399) && luhn(digits)
        },
    },
    // Thirteen digits beginning with 4 are a product of Germany more often than an old card.
    Spec {
        kind: Kind::Card,
        length: 13,
        shapes: &[("", Cue)],
        check: |digits| first(digits, 1) == 4 && luhn(digits),
    },
    Spec {
        kind: Kind::Card,
        length: 19,
        shapes: &[("", Cue), ("4 4 4 4 3", Alone), ("6 13", Cue)],
        check: |digits| {
            (first(digits, 1) == 4 || matches!(first(digits, 2), 62 | 50 | 56..=58 | 63 | 67))
                && luhn(digits)
        },
    },
];

fn first(digits: &[u8], count: usize) -> u32 {
    digits.iter().take(count).fold(0, |sum, digit| sum * 10 + u32::from(*digit))
}

fn issuer_16(digits: &[u8]) -> bool {
    matches!(first(digits, 1), 4)
        || matches!(first(digits, 2), 51..=55 | 62 | 65)
        || matches!(
            first(digits, 4),
            2221..=2720 | 3528..=3589 | 5018..=5020 | 5038 | 5893 | 6011 | 6304 | 6440..=6499 | 6759 | 6761..=6763
        )
}
