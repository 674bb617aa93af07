//! National numbers of people: what is written with digits alone is a table, what has letters is code.

mod central;
mod check;
mod east;
mod lettered;
mod north;
mod south;
mod west;

pub(crate) use check::luhn;
pub(crate) use lettered::{codice_fiscale, lettered};

use crate::{card, number::Spec};

const LENGTHS: usize = 20;

/// The specs of all numbers, by their count of digits.
pub(crate) struct Ids {
    by_length: Vec<Vec<&'static Spec>>,
}

impl Default for Ids {
    fn default() -> Self {
        let all =
            [north::SPECS, west::SPECS, central::SPECS, south::SPECS, east::SPECS, card::SPECS];
        let by_length = (0..=LENGTHS)
            .map(|length| all.into_iter().flatten().filter(|spec| spec.length == length).collect())
            .collect();
        Self { by_length }
    }
}

impl Ids {
    pub(crate) fn of_length(&self, length: usize) -> &[&'static Spec] {
        self.by_length.get(length).map_or(&[], Vec::as_slice)
    }
}
