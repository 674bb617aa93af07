//! The evaluator against every small history.
//!
//! The oracle below says what must be true for green, in its own words; it shares no code with the evaluator.
//! The mutants show that it would notice: each takes one rule away, and the same enumeration must find a history
//! that turns green without right.

mod mutants;

use std::time::Duration;

use domain::Timestamp;

use super::{
    Build, Context, Fact, LogState, Logged, Outcome, Profile, Slot, SlotId, Status, decayed, of,
};
use crate::{
    Digest,
    registry::{Control, ProbeId, Registry, Vantage},
};

const MINUTE: i64 = 60_000;
const NOW: i64 = 10_000 * MINUTE;
const FRESH: i64 = 30;
const HARD: i64 = 60;
const FLOOR: u64 = 3;

const CONTROL: &str = r#"
id = "model"
title = "Model"
summary = "One control, two vantages."
[[control]]
id = "MO-01"
rev = 1
statement = "It holds."
why = "Because."
limits = "Nothing else."
reach = "deployment"
severity = "high"
owner = "security"
[[control.kind.probed.bindings]]
probe = "tree"
vantages = ["inside", "outside"]
cadence = "10m"
fresh = "30m"
hard = "60m"
build_bound = true
min_subjects = 3
population = "entries"
"#;

pub(super) fn control() -> Control {
    let registry = Registry::parse([("model", CONTROL)]).unwrap();
    registry.controls().next().unwrap().clone()
}

pub(super) fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(NOW + minutes * MINUTE)
}

fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

pub(super) fn build() -> Build {
    Build { deployment: "here".to_owned(), digest: digest("A"), probes: [digest("probe")].into() }
}

pub(super) fn both() -> Profile {
    Profile { vantages: [Vantage::Inside, Vantage::Outside].into(), ..Profile::default() }
}

pub(super) fn log(age: i64, consistent: bool) -> LogState {
    LogState { consistent, head_at: at(-age), bound: Duration::from_secs(30 * 60) }
}

/// A result without fault, `minutes` from now.
pub(super) fn good(control: &Control, vantage: Vantage, index: u64, minutes: i64) -> Fact {
    Fact {
        control: control.id.clone(),
        rev: 1,
        probe: ProbeId::Tree,
        probe_digest: digest("probe"),
        vantage,
        deployment: "here".to_owned(),
        build: digest("A"),
        slot: Some(Slot { id: SlotId(index.to_string()), committed: Some(at(minutes - 1)) }),
        started: at(minutes),
        finished: at(minutes),
        outcome: Outcome::Pass,
        positive_control: true,
        subjects: 5,
        logged: Some(Logged { index, at: at(minutes.min(0)) }),
    }
}

/// Every single result worth telling apart.
fn cells(control: &Control, index: u64) -> Vec<Fact> {
    let mut all = Vec::new();
    for minutes in [-80, -40, -20, -5, 0, 5] {
        let base = good(control, Vantage::Inside, index, minutes);
        for outcome in [Outcome::Pass, Outcome::Fail, Outcome::Error, Outcome::Inconclusive] {
            for bits in 0..16u32 {
                let mut fact = Fact { outcome, ..base.clone() };
                if bits & 1 != 0 {
                    fact.build = digest("B");
                }
                fact.positive_control = bits & 2 == 0;
                fact.subjects = if bits & 4 == 0 { 5 } else { FLOOR - 1 };
                if bits & 8 != 0 {
                    fact.logged = None;
                }
                all.push(fact);
            }
        }
        for outcome in [Outcome::Pass, Outcome::Fail] {
            let fact = || Fact { outcome, ..base.clone() };
            let slot = |committed| Some(Slot { id: SlotId(index.to_string()), committed });
            all.extend([
                Fact { rev: 2, ..fact() },
                Fact { slot: None, ..fact() },
                Fact { slot: slot(None), ..fact() },
                Fact { slot: slot(Some(at(minutes + 1))), ..fact() },
                Fact { probe_digest: digest("other"), ..fact() },
                Fact { deployment: "elsewhere".to_owned(), ..fact() },
                Fact { probe: ProbeId::Keys, ..fact() },
                Fact { started: at(minutes + 1), ..fact() },
                Fact { logged: Some(Logged { index, at: at(minutes - 2) }), ..fact() },
                // Where the clock of the log is wrong as well.
                Fact { logged: Some(Logged { index, at: at(minutes) }), ..fact() },
                Fact { vantage: Vantage::Outside, ..fact() },
            ]);
        }
    }
    all
}

/// What green means, said without looking at the evaluator.
fn entitled(facts: &[Fact], log: LogState) -> bool {
    let counts = |fact: &Fact, vantage| {
        fact.logged.is_some()
            && fact.rev == 1
            && fact.vantage == vantage
            && fact.probe == ProbeId::Tree
            && fact.probe_digest == digest("probe")
            && fact.deployment == "here"
    };
    let age = |fact: &Fact| (NOW - fact.finished.as_millis()) / MINUTE;
    let worth = |fact: &Fact, index: usize| {
        let slot = fact.slot.as_ref();
        fact.outcome == Outcome::Pass
            && fact.positive_control
            && fact.subjects >= FLOOR
            && fact.build == digest("A")
            && (0..=FRESH).contains(&age(fact))
            && fact.started <= fact.finished
            && fact.logged.is_some_and(|logged| fact.finished <= logged.at)
            && slot.is_some_and(|slot| slot.committed.is_some_and(|when| when <= fact.started))
            && !facts[..index].iter().any(|other| {
                counts(other, fact.vantage)
                    && other.slot.as_ref().map(|slot| &slot.id) == slot.map(|slot| &slot.id)
            })
    };
    let proven = |vantage| {
        let good = facts
            .iter()
            .enumerate()
            .rfind(|(index, fact)| counts(fact, vantage) && worth(fact, *index));
        // Two passes must lie behind a failure; with two results from this vantage, one is not enough.
        let failed =
            facts.iter().rposition(|fact| counts(fact, vantage) && fact.outcome == Outcome::Fail);
        let passes_since = |index: usize| {
            let after = facts[index..].iter();
            after.filter(|fact| counts(fact, vantage) && fact.outcome == Outcome::Pass).count()
        };
        good.is_some_and(|(index, _)| {
            failed.is_none_or(|failed| failed < index && passes_since(failed) >= 2)
        })
    };
    log.consistent
        && (NOW - log.head_at.as_millis()) / MINUTE <= 30
        && proven(Vantage::Inside)
        && proven(Vantage::Outside)
}

/// Runs `visit` over every history of two results beside two sound ones from the other vantage.
fn histories(mut visit: impl FnMut(&[Fact], LogState) -> bool) {
    let control = control();
    let (first, second) = (cells(&control, 10), cells(&control, 11));
    let outside = |index, minutes| good(&control, Vantage::Outside, index, minutes);
    for one in &first {
        for two in &second {
            for repeated in [false, true] {
                let mut two = two.clone();
                if repeated && let (Some(a), Some(b)) = (&one.slot, &mut two.slot) {
                    b.id = a.id.clone();
                }
                let facts = [outside(8, -11), outside(9, -1), one.clone(), two];
                for log in [log(0, true), log(31, true), log(0, false)] {
                    if !visit(&facts, log) {
                        return;
                    }
                }
            }
        }
    }
}

fn verdict(control: &Control, facts: &[Fact], log: LogState) -> Status {
    let (build, profile) = (build(), both());
    of(control, facts, &Context { now: at(0), build: &build, profile: &profile, log })
}

#[test]
fn no_history_turns_green_without_right() {
    let control = control();
    let (mut seen, mut green) = (0u32, 0u32);
    histories(|facts, log| {
        seen += 1;
        let status = verdict(&control, facts, log);
        if let Status::Verified(pass) = &status {
            green += 1;
            assert!(entitled(facts, log), "green without right: {facts:#?} {log:?}");
            let deadlines = pass.deadlines();
            assert!(deadlines.until <= deadlines.passed.plus(Duration::from_secs(1_800)));
            // Without another result it turns amber, then red, on its own.
            let later = |minutes| decayed(&status, at(1_000_000), at(minutes));
            assert!(matches!(later(FRESH + 1), Status::Stale { .. }), "{facts:#?}");
            assert!(matches!(later(HARD + 1), Status::Failing { .. }), "{facts:#?}");
            assert!(matches!(decayed(&status, at(0), at(1)), Status::Stale { .. }));
            for minutes in [0, 1, FRESH - 1, FRESH + 1, HARD - 1, HARD + 1] {
                assert!(crate::snapshot::agrees(&status, at(5), at(minutes)));
            }
        }
        true
    });
    assert!(seen > 1_000_000, "only {seen} histories");
    assert!(green > 1_000, "only {green} were green: the model says nothing");
}
