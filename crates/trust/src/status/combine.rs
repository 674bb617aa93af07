//! One binding seen from one vantage, and the worst of all of them.

use domain::Timestamp;

use super::{
    Context, Deadlines, Fact, FailReason, FreshPass, Outcome, PASSES_AFTER_FAILURE, SKEW,
    StaleReason, Status,
};
use crate::registry::{Binding, Control, Vantage};

/// The worst over all bindings and vantages; green only if every one of them is.
pub(super) fn worst(control: &Control, facts: &[Fact], cx: &Context<'_>) -> Status {
    if !cx.log.consistent {
        return Status::Failing { why: FailReason::Log, since: cx.log.head_at };
    }
    let mut parts = control.bindings().iter().flat_map(|binding| {
        let here = binding.vantages.iter().filter(|vantage| cx.profile.vantages.contains(vantage));
        here.map(|vantage| one(control, binding, *vantage, facts, cx))
    });
    // A control that nobody here can look at is not verified, however it got that way.
    let Some(first) = parts.next() else { return Status::NotYetVerified };
    let all = parts.fold(first, worse);
    match all {
        Status::Verified(pass) if cx.now.since(cx.log.head_at) > cx.log.bound => {
            Status::Stale { why: StaleReason::LogHead, deadlines: pass.0 }
        }
        status => status,
    }
}

/// Failing > not yet verified > stale > recovering > verified.
const fn rank(status: &Status) -> u8 {
    match status {
        Status::Failing { .. } => 4,
        Status::NotYetVerified => 3,
        Status::Stale { .. } => 2,
        Status::Recovering { .. } => 1,
        _ => 0,
    }
}

/// The worse of two; where both are alike, the earlier deadlines hold.
fn worse(left: Status, right: Status) -> Status {
    let deadlines = match (left.deadlines(), right.deadlines()) {
        (Some(one), Some(two)) => Some(one.earlier(two)),
        _ => None,
    };
    let status = if rank(&right) > rank(&left) { right } else { left };
    match deadlines {
        Some(deadlines) => status.with(deadlines),
        None => status,
    }
}

fn one(
    control: &Control,
    binding: &Binding,
    vantage: Vantage,
    facts: &[Fact],
    cx: &Context<'_>,
) -> Status {
    let relevant: Vec<&Fact> = facts
        .iter()
        .filter(|fact| {
            fact.control == control.id
                && fact.rev == control.rev
                && fact.probe == binding.probe
                && fact.vantage == vantage
                && fact.deployment == cx.build.deployment
                && cx.build.probes.contains(&fact.probe_digest)
                && fact.logged.is_some()
        })
        .collect();
    let decisive: Vec<(&Fact, bool)> = relevant
        .iter()
        .enumerate()
        .filter_map(|(at, fact)| match fact.outcome {
            Outcome::Fail => Some((*fact, false)),
            Outcome::Pass if proven(fact, relevant.get(..at).unwrap_or_default(), binding, cx) => {
                Some((*fact, true))
            }
            _ => None,
        })
        .collect();
    decide(&decisive, binding, cx)
}

/// Whether a pass is worth anything: a vacuous, unscheduled, repeated, misdated or unproven one says nothing.
fn proven(pass: &Fact, earlier: &[&Fact], binding: &Binding, cx: &Context<'_>) -> bool {
    let latest = cx.now.plus(SKEW);
    let dated = pass.started <= pass.finished
        && pass.finished <= latest
        && pass.logged.is_some_and(|logged| pass.finished <= logged.at.plus(SKEW));
    let scheduled = pass.slot.as_ref().is_some_and(|slot| {
        let first =
            !earlier.iter().any(|fact| fact.slot.as_ref().is_some_and(|other| other.id == slot.id));
        first && slot.committed.is_some_and(|at| at <= pass.started.plus(SKEW))
    });
    dated && scheduled && pass.positive_control && pass.subjects >= binding.min_subjects
}

fn decide(decisive: &[(&Fact, bool)], binding: &Binding, cx: &Context<'_>) -> Status {
    let Some((latest, passed)) = decisive.last() else { return Status::NotYetVerified };
    if !passed {
        let run = decisive.iter().rev().take_while(|(_, passed)| !passed);
        let since = run.map(|(fact, _)| fact.finished).min().unwrap_or(latest.finished);
        return Status::Failing { why: FailReason::Probe, since: since.min(cx.now) };
    }
    let passed = latest.finished.min(cx.now);
    let (until, hard) = (passed.plus(binding.fresh.get()), passed.plus(binding.hard.get()));
    let deadlines = Deadlines { passed, until, hard };
    if cx.now > hard {
        return Status::Failing { why: FailReason::Age, since: hard };
    }
    if cx.now > until {
        return Status::Stale { why: StaleReason::Age, deadlines };
    }
    if binding.build_bound && latest.build != cx.build.digest {
        return Status::Stale { why: StaleReason::NewBuild, deadlines };
    }
    match failed_recently(decisive) {
        Some(failed) => Status::Recovering { deadlines, failed },
        None => Status::Verified(FreshPass(deadlines)),
    }
}

fn failed_recently(decisive: &[(&Fact, bool)]) -> Option<Timestamp> {
    let mut tail = decisive.iter().rev().take(PASSES_AFTER_FAILURE);
    tail.find(|(_, passed)| !passed).map(|(fact, _)| fact.finished)
}
