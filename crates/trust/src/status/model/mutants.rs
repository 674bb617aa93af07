//! Evaluators that are wrong in one way each: the enumeration must notice every one of them.

use super::{
    Fact, LogState, Logged, Outcome, ProbeId, Slot, SlotId, Vantage, at, control, digest, entitled,
    histories, verdict,
};

type Mutant = fn(&mut Vec<Fact>, &mut LogState);

fn each(facts: &mut [Fact], change: impl Fn(&mut Fact)) {
    facts.iter_mut().for_each(change);
}

/// Each takes one rule away, by making its input look sound.
const MUTANTS: &[(&str, Mutant)] = &[
    ("ignores that it is not logged", |facts, _| {
        each(facts, |fact| {
            let at = fact.finished;
            fact.logged.get_or_insert(Logged { index: 0, at });
        });
    }),
    ("ignores the positive control", |facts, _| each(facts, |f| f.positive_control = true)),
    ("ignores the number of subjects", |facts, _| each(facts, |f| f.subjects = 5)),
    ("ignores the build", |facts, _| each(facts, |f| f.build = digest("A"))),
    ("ignores the revision", |facts, _| each(facts, |f| f.rev = 1)),
    ("ignores the probe", |facts, _| each(facts, |f| f.probe = ProbeId::Tree)),
    ("ignores the probe's digest", |facts, _| each(facts, |f| f.probe_digest = digest("probe"))),
    ("ignores the deployment", |facts, _| each(facts, |f| f.deployment = "here".to_owned())),
    ("ignores age", |facts, _| {
        each(facts, |fact| {
            (fact.started, fact.finished) = (at(0), at(0));
            fact.logged = fact.logged.map(|logged| Logged { at: at(0), ..logged });
        });
    }),
    ("accepts the future", |facts, _| {
        each(facts, |fact| {
            fact.finished = fact.finished.min(at(0));
            fact.started = fact.started.min(fact.finished);
        });
    }),
    ("accepts a log entry older than its result", |facts, _| {
        each(facts, |fact| {
            let at = fact.finished;
            fact.logged = fact.logged.map(|logged| Logged { at, ..logged });
        });
    }),
    ("accepts a run that ends before it starts", |facts, _| {
        each(facts, |fact| fact.started = fact.started.min(fact.finished));
    }),
    ("forgets failures", |facts, _| facts.retain(|fact| fact.outcome != Outcome::Fail)),
    ("lets one pass clear a failure", |facts, _| {
        let last = facts.iter().rposition(|fact| fact.outcome == Outcome::Pass).unwrap_or(0);
        let mut index = 0;
        facts.retain(|fact| {
            index += 1;
            fact.outcome != Outcome::Fail || index > last
        });
    }),
    ("takes an error for a pass", |facts, _| {
        each(facts, |fact| {
            if fact.outcome == Outcome::Error {
                fact.outcome = Outcome::Pass;
            }
        });
    }),
    ("takes inconclusive for a pass", |facts, _| {
        each(facts, |fact| {
            if fact.outcome == Outcome::Inconclusive {
                fact.outcome = Outcome::Pass;
            }
        });
    }),
    ("accepts runs outside the schedule", |facts, _| {
        each(facts, |fact| {
            let (id, at) = (SlotId(format!("{:?}", fact.logged)), fact.started);
            fact.slot.get_or_insert(Slot { id, committed: Some(at) });
        });
    }),
    ("accepts slots that were never committed", |facts, _| {
        each(facts, |fact| {
            let at = fact.started;
            if let Some(slot) = &mut fact.slot {
                slot.committed.get_or_insert(at);
            }
        });
    }),
    ("accepts slots committed after the run", |facts, _| {
        each(facts, |fact| {
            if let Some(slot) = &mut fact.slot {
                slot.committed = slot.committed.map(|at| at.min(fact.started));
            }
        });
    }),
    ("lets a slot be rolled again", |facts, _| {
        each(facts, |fact| {
            let name = format!("{:?}", fact.logged);
            if let Some(slot) = &mut fact.slot {
                slot.id = SlotId(name);
            }
        });
    }),
    ("hears one vantage only", |facts, _| {
        each(facts, |fact| fact.vantage = Vantage::Inside);
        let copies: Vec<_> = facts.clone();
        facts.extend(copies.into_iter().map(|mut f| {
            f.vantage = Vantage::Outside;
            f
        }));
    }),
    ("ignores a contradictory log", |_, log| log.consistent = true),
    ("ignores an old head", |_, log| log.head_at = at(0)),
];

#[test]
fn every_mutant_is_caught() {
    let control = control();
    for (name, mutant) in MUTANTS {
        let mut caught = false;
        histories(|facts, log| {
            let (mut changed, mut changed_log) = (facts.to_vec(), log);
            mutant(&mut changed, &mut changed_log);
            let green = verdict(&control, &changed, changed_log).is_verified();
            caught = green && !entitled(facts, log);
            !caught
        });
        assert!(caught, "nobody notices that the evaluator {name}");
    }
}
