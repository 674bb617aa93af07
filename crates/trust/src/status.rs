//! The colour of a control: a pure function of registry, evidence in the log, build, profile and time.
//!
//! Nothing sets a status. [`Status::Verified`] carries a [`FreshPass`], which only this module can make, and only
//! from a pass that is logged, ran in a slot committed beforehand, found its planted violation, had enough
//! subjects, ran against the running build and is still fresh.

mod combine;
mod decay;
mod fact;
mod history;

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use domain::Timestamp;
use serde::{Deserialize, Serialize};

pub use decay::decayed;
pub use fact::{Fact, Logged, Outcome, Slot, SlotId};
pub use history::History;
pub(crate) use history::kept;

use crate::{
    Digest,
    registry::{Attested, Control, ControlId, Day, Kind, ProbeId, Quarter, Registry, Vantage},
};

/// A clock this much ahead of ours is tolerated; a result dated later than that never counts.
pub const SKEW: std::time::Duration = std::time::Duration::from_secs(1);

/// After a failure this many decisive results in a row must pass.
pub const PASSES_AFTER_FAILURE: usize = 2;

/// When a control was last shown to hold, and what becomes of that without news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    /// When the oldest of the passes it rests on finished.
    pub passed: Timestamp,
    /// The last moment at which those passes are fresh.
    pub until: Timestamp,
    /// The last moment before the control turns red.
    pub hard: Timestamp,
}

impl Deadlines {
    fn earlier(self, other: Self) -> Self {
        Self {
            passed: self.passed.min(other.passed),
            until: self.until.min(other.until),
            hard: self.hard.min(other.hard),
        }
    }
}

/// Proof that a control was shown to hold and that the proof is fresh. It cannot be made outside the evaluator:
///
/// ```compile_fail
/// fn forge(deadlines: trust::status::Deadlines) -> trust::status::FreshPass {
///     trust::status::FreshPass(deadlines)
/// }
/// ```
///
/// ```compile_fail
/// let pass: trust::status::FreshPass = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshPass(Deadlines);

impl FreshPass {
    #[must_use]
    pub const fn deadlines(&self) -> Deadlines {
        self.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Verified(FreshPass),
    /// The latest result is a pass, but a failure lies too close behind it.
    Recovering {
        deadlines: Deadlines,
        failed: Timestamp,
    },
    Stale {
        why: StaleReason,
        deadlines: Deadlines,
    },
    Failing {
        why: FailReason,
        since: Timestamp,
    },
    Attested {
        expires: Day,
        days_left: i64,
    },
    /// The document of a sub-processor.
    Inherited {
        from: String,
        expires: Day,
        days_left: i64,
    },
    ComingSoon {
        announced: Day,
        target: Quarter,
        slips: u32,
    },
    /// Active, but never decided.
    NotYetVerified,
    NotApplicable {
        reason: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaleReason {
    /// The last pass is older than it may be.
    Age,
    /// Another build runs than the one that passed.
    NewBuild,
    /// The head of the log has not moved for too long.
    LogHead,
    /// The copy being read is past the time until which it holds.
    Copy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailReason {
    /// A probe saw the statement violated.
    Probe,
    /// Nothing has passed for longer than the hard limit.
    Age,
    /// The log contradicts itself.
    Log,
    /// The document has expired.
    Expired,
}

impl Status {
    /// The stable name in JSON.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Verified(_) => "verified",
            Self::Recovering { .. } => "recovering",
            Self::Stale { .. } => "stale",
            Self::Failing { .. } => "failing",
            Self::Attested { .. } => "attested",
            Self::Inherited { .. } => "inherited",
            Self::ComingSoon { .. } => "coming_soon",
            Self::NotYetVerified => "not_yet_verified",
            Self::NotApplicable { .. } => "not_applicable",
        }
    }

    #[must_use]
    pub const fn is_verified(&self) -> bool {
        matches!(self, Self::Verified(_))
    }

    /// The clocks behind it, if it rests on a pass.
    #[must_use]
    pub const fn deadlines(&self) -> Option<Deadlines> {
        match self {
            Self::Verified(pass) => Some(pass.0),
            Self::Recovering { deadlines, .. } | Self::Stale { deadlines, .. } => Some(*deadlines),
            _ => None,
        }
    }

    /// The same with other clocks; only ever called with earlier ones.
    fn with(self, deadlines: Deadlines) -> Self {
        match self {
            Self::Verified(_) => Self::Verified(FreshPass(deadlines)),
            Self::Recovering { failed, .. } => Self::Recovering { deadlines, failed },
            Self::Stale { why, .. } => Self::Stale { why, deadlines },
            other => other,
        }
    }
}

/// What this deployment is, as far as status depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// The vantages that exist here. A binding is evaluated for those it names among them.
    pub vantages: std::collections::BTreeSet<Vantage>,
    /// How many independent witnesses must have signed the head; none are configured yet.
    pub witnesses: u32,
    /// Controls without a subject here, each with its reason.
    pub not_applicable: BTreeMap<ControlId, String>,
}

impl Profile {
    /// One machine: everything is checked from inside, and nobody else signs the log.
    #[must_use]
    pub fn embedded() -> Self {
        Self { vantages: [Vantage::Inside].into(), ..Self::default() }
    }
}

/// What is known of the log that holds the evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogState {
    /// False once a head was seen that does not continue an earlier one, or entries that do not hash to it.
    pub consistent: bool,
    /// When the newest signed head was made.
    pub head_at: Timestamp,
    /// How old that head may be.
    pub bound: std::time::Duration,
}

/// The running program, and the probe programs that were ever registered for this deployment.
#[derive(Clone, Debug)]
pub struct Build {
    pub deployment: String,
    pub digest: Digest,
    pub probes: std::collections::BTreeSet<Digest>,
}

/// Everything the evaluator may look at besides the control and its history.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub now: Timestamp,
    pub build: &'a Build,
    pub profile: &'a Profile,
    pub log: LogState,
}

/// The status of every control of the registry, in its order.
#[must_use]
pub fn status<'a>(
    registry: &'a Registry,
    history: &History,
    cx: &Context<'_>,
) -> Vec<(&'a Control, Status)> {
    let consistent = cx.log.consistent && whole(registry, history, cx);
    let cx = Context { log: LogState { consistent, ..cx.log }, ..*cx };
    registry
        .controls()
        .map(|control| (control, of(control, history.facts(&control.id), &cx)))
        .collect()
}

/// Whether the log is whole as far as its own probe knows. Evidence in a broken log says nothing; only what makes
/// that probe's control better again, a pass in its slot, makes the log count again.
fn whole(registry: &Registry, history: &History, cx: &Context<'_>) -> bool {
    let about_the_log = |control: &&Control| {
        control.bindings().iter().any(|binding| binding.probe == ProbeId::Tree)
    };
    !registry.controls().filter(about_the_log).any(|control| {
        let status = of(control, history.facts(&control.id), cx);
        matches!(status, Status::Failing { why: FailReason::Probe, .. })
    })
}

/// The status of one control. `facts` are in the order of the log.
#[must_use]
pub fn of(control: &Control, facts: &[Fact], cx: &Context<'_>) -> Status {
    if let Kind::Planned(planned) = &control.kind {
        let (announced, target, slips) = (planned.announced, planned.target, planned.slips);
        return Status::ComingSoon { announced, target, slips };
    }
    if let Some(reason) = cx.profile.not_applicable.get(&control.id) {
        return Status::NotApplicable { reason: reason.clone() };
    }
    match &control.kind {
        Kind::Attested(attested) => document(attested, cx.now),
        _ => combine::worst(control, facts, cx),
    }
}

fn document(attested: &Attested, now: Timestamp) -> Status {
    if attested.document.is_none() {
        return Status::NotYetVerified;
    }
    let expires = attested.expires;
    let days_left = (expires.get() - now.to_datetime().date()).whole_days();
    if days_left < 0 {
        return Status::Failing { why: FailReason::Expired, since: midnight_after(expires) };
    }
    match &attested.inherited_from {
        Some(from) => Status::Inherited { from: from.clone(), expires, days_left },
        None => Status::Attested { expires, days_left },
    }
}

fn midnight_after(day: Day) -> Timestamp {
    let next = day.get().next_day().unwrap_or(day.get());
    Timestamp::from_millis(next.midnight().assume_utc().unix_timestamp().saturating_mul(1_000))
}
