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
    let ours = facts.iter().rev().filter(|fact| fact.vantage == vantage);
    let planned = |fact: &Fact| fact.slot.as_ref().is_some_and(|slot| slot.committed.is_some());
    let kept = kept(ours.map(|fact| (Some(fact.outcome), planned(fact))));
    let mut oldest_first = kept.into_iter().rev();
    facts.retain(|fact| fact.vantage != vantage || oldest_first.next().unwrap_or(true));
}

/// Which results of one control and vantage can make a difference, newest first: outcome, and whether the run was
/// planned. Passes of other runs turn nothing green, so they do not push out those that do.
pub(crate) fn kept(newest_first: impl IntoIterator<Item = (Option<Outcome>, bool)>) -> Vec<bool> {
    let (mut recent, mut passes, mut failures) = (0, 0, 0);
    let all = newest_first.into_iter().map(|(outcome, planned)| {
        recent += 1;
        let counter = match outcome {
            Some(Outcome::Pass) if planned => &mut passes,
            Some(Outcome::Fail) => &mut failures,
            _ => return recent <= RECENT,
        };
        *counter += 1;
        recent <= RECENT || *counter <= PASSES_AFTER_FAILURE
    });
    all.collect()
}
