//! What is kept in memory of each control's results: enough to evaluate it, and never more than a few.

use std::collections::BTreeMap;

use super::{Fact, Outcome, PASSES_AFTER_FAILURE};
use crate::registry::{ControlId, Vantage};

/// Results kept per control and vantage besides the latest passes and failures.
const RECENT: usize = 8;

/// Facts by control, each list in the order of the log.
#[derive(Clone, Debug, Default)]
pub struct History(BTreeMap<ControlId, Vec<Fact>>);

impl History {
    /// Adds the next fact of the log. Older ones that can no longer make a difference are forgotten.
    pub fn push(&mut self, fact: Fact) {
        let vantage = fact.vantage;
        let facts = self.0.entry(fact.control.clone()).or_default();
        facts.push(fact);
        forget(facts, vantage);
    }

    #[must_use]
    pub fn facts(&self, control: &ControlId) -> &[Fact] {
        self.0.get(control).map_or(&[], Vec::as_slice)
    }
}

/// Forgetting never makes a control greener: the latest failures stay as long as the latest passes.
fn forget(facts: &mut Vec<Fact>, vantage: Vantage) {
    let (mut recent, mut passes, mut failures) = (0, 0, 0);
    let mut keep: Vec<bool> = facts
        .iter()
        .rev()
        .map(|fact| {
            if fact.vantage != vantage {
                return true;
            }
            recent += 1;
            let counter = match fact.outcome {
                Outcome::Pass => &mut passes,
                Outcome::Fail => &mut failures,
                _ => return recent <= RECENT,
            };
            *counter += 1;
            recent <= RECENT || *counter <= PASSES_AFTER_FAILURE
        })
        .collect();
    keep.reverse();
    let mut kept = keep.into_iter();
    facts.retain(|_| kept.next().unwrap_or(true));
}
