//! Every colour again from the evidence alone, and what was planned and never came.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::Slots;
use crate::{
    Digest, Snapshot,
    centre::HEAD_BOUND,
    registry::Registry,
    status::{Build, Context, Fact, History, LogState, SlotId, status},
};

/// A result enters the log a moment before it is shown: this much older than the snapshot, it must be in it.
const SHOWN: Duration = Duration::from_secs(60);

/// The longest run with what it takes to write its result down.
const FINISHED: Duration = Duration::from_secs(600);

/// Where the snapshot differs from what follows from the evidence; empty when it does not.
pub(super) fn differences(
    registry: &Registry,
    snapshot: &Snapshot,
    builds: BTreeSet<Digest>,
    facts: Vec<Fact>,
) -> Vec<String> {
    let mut differ = Vec::new();
    let mut history = History::default();
    for fact in facts {
        let Some(logged) = fact.logged else { continue };
        // What came after the snapshot it could not know.
        if snapshot.seen.is_some_and(|seen| logged.index <= seen) {
            history.push(fact);
        } else if logged.at.plus(SHOWN) < snapshot.issued {
            differ.push(format!("the result in entry {} was left out", logged.index));
        }
    }
    let head_at = snapshot.log.as_ref().map(|head| head.at).unwrap_or_default();
    let (deployment, digest) = (snapshot.deployment.clone(), snapshot.build);
    let build = Build { deployment, digest, probes: builds };
    let cx = Context {
        now: snapshot.issued,
        build: &build,
        profile: &snapshot.profile,
        log: LogState { consistent: true, head_at, bound: HEAD_BOUND },
    };
    let mut shown: BTreeMap<_, _> =
        snapshot.controls.iter().map(|entry| (&entry.id, entry.status.as_str())).collect();
    for (control, status) in status(registry, &history, &cx) {
        let said = shown.remove(&control.id).unwrap_or("absent");
        if said != status.as_str() {
            differ.push(format!("{} is {} and shown as {said}", control.id, status.as_str()));
        }
    }
    differ.extend(shown.keys().map(|id| format!("{id} is on no list")));
    differ
}

/// Planned runs that left no result, between the oldest result of a control in the file and the snapshot.
pub(super) fn gaps(
    registry: &Registry,
    snapshot: &Snapshot,
    slots: &Slots,
    facts: &[Fact],
) -> usize {
    let mut missing: BTreeSet<&SlotId> = BTreeSet::new();
    for control in registry.controls() {
        let own = || facts.iter().filter(|fact| fact.control == control.id);
        let Some(oldest) = own().map(|fact| fact.finished).min() else { continue };
        let filled: BTreeSet<_> =
            own().filter_map(|fact| fact.slot.as_ref().map(|slot| &slot.id)).collect();
        let bound: Vec<_> = control.bindings().iter().map(|binding| binding.probe).collect();
        let due = slots.iter().filter(|(_, slot)| {
            bound.contains(&slot.probe)
                && slot.due > oldest
                && slot.due.plus(FINISHED) < snapshot.issued
        });
        missing.extend(due.map(|(id, _)| id).filter(|id| !filled.contains(id)));
    }
    missing.len()
}
