use super::*;

fn result(at: i64) -> ProbeResult {
    let now = Timestamp::from_millis(at);
    let seed = Digest::of(b"seed");
    ProbeResult {
        run: RunId::new(now),
        slot: Some(SlotId("s".to_owned())),
        control: "GW-01".parse().unwrap(),
        control_rev: 1,
        probe: ProbeId::Canary,
        probe_digest: Digest::of(b"probe"),
        vantage: Vantage::Inside,
        deployment: "here".to_owned(),
        build: Digest::of(b"build"),
        registry: Digest::of(b"registry"),
        challenge: Some(Challenge { commitment: Digest::of(seed.as_bytes()), reveal: seed }),
        started: now,
        finished: now,
        outcome: Outcome::Pass,
        positive_control: true,
        subjects: 6,
        population: 6,
        uncovered: Vec::new(),
        measures: vec![Measure::new("files", 4, "files")],
        reason: Reason::Held,
    }
}

#[test]
fn evidence_round_trips_through_its_envelope() {
    let key = SigningKey::generate().unwrap();
    let envelope = result(5).sign(&key).unwrap();
    let opened = ProbeResult::open(&envelope, &key.public()).unwrap();
    assert_eq!(opened.control.as_str(), "GW-01");
    assert_eq!(opened.finished, Timestamp::from_millis(5));
    assert!(ProbeResult::open(&envelope, &SigningKey::generate().unwrap().public()).is_err());
}

#[test]
fn a_pass_without_its_positive_control_is_refused() {
    let key = SigningKey::generate().unwrap();
    let bare = ProbeResult { positive_control: false, ..result(5) };
    let envelope = bare.sign(&key).unwrap();
    assert_eq!(ProbeResult::open(&envelope, &key.public()).unwrap_err().code(), "bad_evidence");
    let challenge = Challenge { commitment: Digest::of(b"x"), reveal: Digest::of(b"y") };
    let changed = ProbeResult { challenge: Some(challenge), ..result(5) };
    assert!(ProbeResult::open(&changed.sign(&key).unwrap(), &key.public()).is_err());
}

#[test]
fn only_a_run_that_could_fail_may_pass() {
    assert_eq!(Verdict::held(false, 9, 9, 1).outcome(), Outcome::Inconclusive);
    assert_eq!(Verdict::held(true, 0, 0, 1).reason(), Reason::TooFewSubjects);
    assert_eq!(Verdict::held(true, 5, 6, 1).reason(), Reason::TooFewSubjects);
    assert_eq!(Verdict::held(true, 6, 6, 1).counted(), Some((6, 6)));
    assert_eq!(Verdict::sampled(true, 3, 600, 3).counted(), Some((3, 600)));
    assert_eq!(Verdict::sampled(true, 2, 600, 3).outcome(), Outcome::Inconclusive);
    assert_eq!(Verdict::sampled(true, 0, 0, 0).outcome(), Outcome::Inconclusive);
}
