//! Working the choice out again from the receipt alone.

use std::collections::BTreeSet;

use domain::ranking::{Basis, Inputs, RULE, Score, rank};
use serde::Deserialize;

use crate::verify::Check;

/// A receipt, as far as it speaks of the choice. Members that are not known here are no matter.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    pub(super) stream: bool,
    pub(super) order: Option<Basis>,
    #[serde(default)]
    pub(super) candidates: Vec<Considered>,
    #[serde(default)]
    excluded: Vec<Considered>,
    #[serde(default)]
    pub(super) attempts: Vec<Attempt>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Considered {
    pub(super) provider: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) model: String,
    inputs: Option<Inputs>,
    #[serde(flatten)]
    pub(super) score: Option<Score>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Attempt {
    pub(super) candidate: usize,
    #[serde(default)]
    pub(super) outcome: String,
}

/// Whether the order of candidates follows from what the receipt records of them, and the attempts follow that order.
#[must_use]
pub fn follows(receipt: &str) -> Check {
    const NAME: &str = "choice follows from its inputs";
    let Ok(choice) = serde_json::from_str::<Choice>(receipt) else {
        return Check::mismatch(NAME, "the receipt cannot be read");
    };
    if let Err(what) = choice.asked_in_order() {
        return Check::mismatch(NAME, what);
    }
    let Some(basis) = &choice.order else {
        return match choice.candidates.len() {
            0 | 1 => Check::ok(NAME, "there was nothing to choose from"),
            _ => Check::skipped(NAME, "the receipt does not record what the order rests on"),
        };
    };
    // Rule 1 knew one input less, and where that is missing both rules say the same.
    if !(1..=RULE).contains(&basis.rule) {
        let detail = format!("ordered by rule {}; this program knows rule {RULE}", basis.rule);
        return Check::skipped(NAME, detail);
    }
    match choice.ranked(basis) {
        Ok(count) => {
            Check::ok(NAME, format!("rule {} puts {count} candidates in this order", basis.rule))
        }
        Err(what) => Check::mismatch(NAME, what),
    }
}

impl Choice {
    /// Recomputes scores and order; the number of candidates.
    fn ranked(&self, basis: &Basis) -> Result<usize, String> {
        if basis.stream != self.stream {
            return Err("the order is that of another kind of request".to_owned());
        }
        // Who was passed over only because somebody else stood first was ranked as well.
        let ranked = self.excluded.iter().filter(|one| one.inputs.is_some());
        let all: Vec<&Considered> = self.candidates.iter().chain(ranked).collect();
        let inputs: Option<Vec<Inputs>> = all.iter().map(|one| one.inputs).collect();
        let inputs = inputs.ok_or("what is known of a candidate is missing")?;
        let places: BTreeSet<u32> = inputs.iter().map(|one| one.place).collect();
        if places.len() != inputs.len() {
            return Err("two candidates have the same place".to_owned());
        }
        for (wanted, (at, score)) in rank(basis, &inputs).into_iter().enumerate() {
            let (Some(one), Some(here)) = (all.get(at), all.get(wanted)) else { continue };
            if one.score != Some(score) {
                return Err(format!(
                    "the score of {} does not follow: it is {}",
                    one.name, score.score
                ));
            }
            if at != wanted {
                return Err(format!("{} stands where {} belongs", here.name, one.name));
            }
        }
        Ok(all.len())
    }

    /// Nobody was asked before somebody who stands further up, unless that one could not serve the request.
    fn asked_in_order(&self) -> Result<(), String> {
        let mut next = 0;
        for attempt in &self.attempts {
            let at = attempt.candidate;
            if at >= self.candidates.len() {
                return Err("somebody was asked who is no candidate".to_owned());
            }
            let passed_over = self.candidates.get(next..at).unwrap_or_default();
            if let Some(skipped) = passed_over.iter().find(|one| !self.is_excluded(one)) {
                return Err(format!("{} was passed over without a reason", skipped.name));
            }
            next = next.max(at + 1);
        }
        Ok(())
    }

    fn is_excluded(&self, one: &Considered) -> bool {
        self.excluded.iter().any(|other| other.provider == one.provider)
    }
}
