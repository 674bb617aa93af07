//! Single stories the exhaustive model does not tell.

use domain::Timestamp;

use super::{
    Context, Fact, FailReason, History, Outcome, Profile, StaleReason, Status, decayed,
    model::{at, both, build, control, good, log},
    of,
};
use crate::registry::{Control, Registry, Vantage};

fn inside(control: &Control, facts: &[Fact], now: Timestamp) -> Status {
    let (build, profile) = (build(), Profile::embedded());
    let log = super::LogState { head_at: now, ..log(0, true) };
    of(control, facts, &Context { now, build: &build, profile: &profile, log })
}

fn run(control: &Control, index: u64, minutes: i64, outcome: Outcome) -> Fact {
    Fact { outcome, ..good(control, Vantage::Inside, index, minutes) }
}

#[test]
fn one_failure_is_red_at_once_and_two_passes_clear_it() {
    let control = control();
    let mut facts = vec![run(&control, 1, -30, Outcome::Pass)];
    assert!(inside(&control, &facts, at(-30)).is_verified());
    facts.push(run(&control, 2, -20, Outcome::Fail));
    let failing = Status::Failing { why: FailReason::Probe, since: at(-20) };
    assert_eq!(inside(&control, &facts, at(-20)), failing);
    // A pass outside the schedule, such as the confirmation run, cannot cancel it.
    facts.push(Fact { slot: None, ..run(&control, 3, -19, Outcome::Pass) });
    assert_eq!(inside(&control, &facts, at(-19)), failing);
    facts.push(run(&control, 4, -10, Outcome::Pass));
    assert!(matches!(inside(&control, &facts, at(-10)), Status::Recovering { .. }));
    facts.push(run(&control, 5, 0, Outcome::Pass));
    assert!(inside(&control, &facts, at(0)).is_verified());
}

#[test]
fn errors_neither_pass_nor_fail_nor_extend() {
    let control = control();
    let mut facts = vec![run(&control, 1, 0, Outcome::Pass)];
    facts.extend((1..=9).map(|at| {
        let at_minutes = i64::try_from(at).unwrap() * 5;
        run(&control, 1 + at, at_minutes, Outcome::Error)
    }));
    assert!(inside(&control, &facts, at(30)).is_verified());
    assert!(matches!(
        inside(&control, &facts, at(31)),
        Status::Stale { why: StaleReason::Age, .. }
    ));
    assert!(matches!(
        inside(&control, &facts, at(61)),
        Status::Failing { why: FailReason::Age, .. }
    ));
}

#[test]
fn no_decisive_result_is_not_yet_verified() {
    let control = control();
    assert_eq!(inside(&control, &[], at(0)), Status::NotYetVerified);
    let error = [run(&control, 1, -1, Outcome::Error)];
    assert_eq!(inside(&control, &error, at(0)), Status::NotYetVerified);
    let vacuous = [Fact { subjects: 0, ..run(&control, 1, -1, Outcome::Pass) }];
    assert_eq!(inside(&control, &vacuous, at(0)), Status::NotYetVerified);
}

#[test]
fn vantages_that_do_not_exist_here_neither_help_nor_hurt() {
    let mut control = control();
    let facts = [run(&control, 1, -1, Outcome::Pass)];
    assert!(inside(&control, &facts, at(0)).is_verified());
    let (build, profile) = (build(), both());
    let cx = Context { now: at(0), build: &build, profile: &profile, log: log(0, true) };
    assert_eq!(of(&control, &facts, &cx), Status::NotYetVerified);
    if let crate::registry::Kind::Probed(probed) = &mut control.kind {
        probed.bindings[0].vantages = [Vantage::Customer].into();
    }
    assert_eq!(inside(&control, &facts, at(0)), Status::NotYetVerified);
}

#[test]
fn plans_and_exceptions_are_never_green() {
    let control = control();
    let facts = [run(&control, 1, -1, Outcome::Pass)];
    let mut planned = control.clone();
    planned.kind = Registry::shipped()
        .unwrap()
        .controls()
        .find(|control| control.bindings().is_empty())
        .unwrap()
        .kind
        .clone();
    assert!(matches!(inside(&planned, &facts, at(0)), Status::ComingSoon { slips: 0, .. }));
    let build = build();
    let mut profile = Profile::embedded();
    profile.not_applicable.insert(control.id.clone(), "no listener".to_owned());
    let cx = Context { now: at(0), build: &build, profile: &profile, log: log(0, true) };
    assert!(matches!(of(&control, &facts, &cx), Status::NotApplicable { .. }));
}

#[test]
fn documents_are_never_green_and_end_red() {
    let mut control = control();
    let attested = |document: &str| {
        format!("attestor = 'legal'\nvalid_from = '1970-01-01'\nexpires = '1970-01-08'\n{document}")
    };
    let hash = format!("document = '{}'", "0".repeat(64));
    let mut with = |text: &str| {
        control.kind = crate::registry::Kind::Attested(toml::from_str(text).unwrap());
        control.clone()
    };
    // `at(0)` is 7 January 1970, 22:40.
    let bare = with(&attested(""));
    assert_eq!(inside(&bare, &[], at(0)), Status::NotYetVerified);
    let document = with(&attested(&hash));
    let held = inside(&document, &[], at(0));
    assert!(matches!(held, Status::Attested { days_left: 1, .. }), "{held:?}");
    let tomorrow = at(60 * 24);
    assert!(matches!(inside(&document, &[], tomorrow), Status::Attested { days_left: 0, .. }));
    let after = at(60 * 48);
    let expired = inside(&document, &[], after);
    assert!(matches!(expired, Status::Failing { why: FailReason::Expired, .. }));
    assert_eq!(decayed(&held, after, after), expired);
    let inherited = with(&attested(&format!("{hash}\ninherited_from = 'host'")));
    assert!(matches!(inside(&inherited, &[], at(0)), Status::Inherited { .. }));
}

#[test]
fn forgetting_never_makes_greener() {
    let control = control();
    let outcomes = [Outcome::Pass, Outcome::Fail, Outcome::Error];
    // All histories of five decisive or broken runs, each followed by more errors than are kept.
    for code in 0..3usize.pow(5) {
        let mut history = History::default();
        let mut all = Vec::new();
        let mut digits = code;
        for index in 0..5u64 {
            let outcome = outcomes[digits % 3];
            digits /= 3;
            all.push(run(&control, index, -20 + i64::try_from(index).unwrap(), outcome));
        }
        all.extend((5..20).map(|index| run(&control, index, -1, Outcome::Error)));
        for fact in &all {
            history.push(fact.clone());
        }
        let kept = history.facts(&control.id);
        assert!(kept.len() <= 12, "{} kept", kept.len());
        let (whole, part) = (inside(&control, &all, at(0)), inside(&control, kept, at(0)));
        if part.is_verified() {
            assert!(whole.is_verified(), "{all:#?}");
        }
        assert_eq!(matches!(whole, Status::Failing { .. }), matches!(part, Status::Failing { .. }));
    }
}

#[test]
fn runs_outside_the_schedule_push_nothing_out() {
    let control = control();
    let mut history = History::default();
    history.push(run(&control, 1, -10, Outcome::Pass));
    for index in 2..30 {
        history.push(Fact { slot: None, ..run(&control, index, -5, Outcome::Pass) });
    }
    assert!(inside(&control, history.facts(&control.id), at(0)).is_verified());
}
