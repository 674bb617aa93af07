use std::time::Duration;

use domain::{Catalogue, EvidenceId, RunId};

use super::*;
use crate::{
    dsse::Envelope,
    evidence::{ProbeResult, Reason},
    registry::{ProbeId, Vantage},
    status::{Logged, SlotId},
};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

fn after(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn trust() -> Trust {
    Trust::new(
        Registry::shipped().unwrap(),
        Settings {
            deployment: "here".to_owned(),
            build: Digest::of(b"build"),
            profile: Profile::embedded(),
            catalogue: Catalogue::default().into(),
            key: SigningKey::generate().unwrap(),
            columns: vec![("user", "email", DataClass::Email)],
            file_encrypted: true,
        },
    )
}

fn result(trust: &Trust, control: &str, outcome: Outcome, at: Timestamp) -> ProbeResult {
    let probe = trust
        .registry()
        .control(&control.parse().unwrap())
        .map(|control| control.bindings()[0].probe)
        .unwrap_or(ProbeId::Tree);
    ProbeResult {
        run: RunId::new(at),
        slot: Some(SlotId(format!("{control}{at}"))),
        control: control.parse().unwrap(),
        control_rev: 1,
        probe,
        probe_digest: Digest::of(b"build"),
        vantage: Vantage::Inside,
        deployment: "here".to_owned(),
        build: Digest::of(b"build"),
        registry: trust.registry().digest(),
        challenge: None,
        started: at,
        finished: at,
        outcome,
        positive_control: outcome == Outcome::Pass,
        subjects: 10,
        population: 10,
        uncovered: Vec::new(),
        measures: Vec::new(),
        reason: Reason::Held,
    }
}

fn head(at: Timestamp) -> LogHead {
    let root = Digest::of(b"root");
    LogHead { origin: "log".to_owned(), size: 9, root, at, note: String::new() }
}

fn observe(trust: &Trust, control: &str, outcome: Outcome, at: Timestamp) {
    take_in(trust, result(trust, control, outcome, at), Some(at));
}

fn take_in(trust: &Trust, result: ProbeResult, committed: Option<Timestamp>) {
    let at = result.finished;
    let logged = Logged { index: 1, at };
    let (id, digest) = (EvidenceId::new(at), Digest::of(b"envelope"));
    trust.observe(Observed { id, result, digest, logged, committed }, at);
}

fn name(trust: &Trust, control: &str, now: Timestamp) -> &'static str {
    trust.snapshot(now).unwrap().status(&control.parse().unwrap()).unwrap().as_str()
}

#[test]
fn a_new_deployment_claims_nothing() {
    let trust = trust();
    let page = trust.page(NOW).unwrap();
    assert_eq!(page.headline, "0 verified · 0 failing · 58 not yet verified · 205 coming soon");
    assert_eq!(page.areas.iter().map(|area| area.controls.len()).sum::<usize>(), 263);
    assert_eq!(
        page.labels,
        [
            "checked from inside only",
            "prober shares host and user",
            "log not independently witnessed"
        ]
    );
    assert!(page.providers.is_empty() && page.log.is_none());
    assert_eq!(page.encryption.len(), DataClass::ALL.len());
    let planned = &page.areas.iter().find(|area| area.id == "people").unwrap().controls[0];
    assert_eq!(planned.status.label, "coming soon");
    assert_eq!(
        planned.status.sentence,
        "Announced on 20 Nov 2026, planned for the fourth quarter of 2027."
    );
}

#[test]
fn evidence_turns_green_only_with_a_head_and_decays_by_itself() {
    let trust = trust();
    observe(&trust, "AUD-01", Outcome::Pass, NOW);
    assert_eq!(name(&trust, "AUD-01", NOW), "stale", "without a head of the log nothing is fresh");
    trust.head(head(NOW), true, NOW);
    assert_eq!(name(&trust, "AUD-01", NOW), "verified");
    let published = trust.snapshot(NOW).unwrap();
    assert_eq!(published.snapshot.valid_until, after(180), "no longer than the freshest proof");
    assert_eq!(published.snapshot.counts_at(after(181)).verified, 0);
    assert_eq!(published.snapshot.counts_at(after(361)).failing, 1);
    assert_eq!(name(&trust, "AUD-01", after(181)), "stale");
    let page = trust.page(after(10)).unwrap();
    let audit = page.areas.iter().find(|area| area.id == "audit").unwrap();
    let control = &audit.controls[0];
    assert_eq!(control.status.last_shown, Some(NOW));
    assert_eq!(control.strip.len(), 90);
    assert_eq!(control.evidence.as_ref().unwrap().log_index, 1);
    assert_eq!(control.cadence, ["every minute, from inside"]);
    assert!(control.status.sentence.starts_with("Shown to hold at 15 Jan 2027, 08:00:00 UTC"));
}

#[test]
fn everybody_gets_the_same_signed_bytes() {
    let trust = trust();
    let (one, two) = (trust.snapshot(NOW).unwrap(), trust.snapshot(after(5)).unwrap());
    assert_eq!(one.envelope, two.envelope);
    let envelope = Envelope::from_bytes(&one.envelope).unwrap();
    assert_eq!(Snapshot::open(&envelope, &trust.public_key()).unwrap(), one.snapshot);
    assert_ne!(trust.snapshot(after(16)).unwrap().envelope, one.envelope);
    let json: serde_json::Value = serde_json::from_slice(&trust.json(NOW).unwrap()).unwrap();
    assert_eq!(json["snapshot"]["counts"]["coming_soon"], 205);
    assert_eq!(json["key"], hex::encode(trust.public_key()));
    assert!(json["signed"]["payload"].is_string());
}

#[test]
fn news_name_what_changed() {
    let trust = trust();
    let mut events = trust.events();
    assert_eq!(events.borrow_and_update().version, 0);
    trust.head(head(NOW), true, NOW);
    observe(&trust, "KEY-01", Outcome::Pass, NOW);
    let update = Arc::clone(&events.borrow_and_update());
    let changed: Vec<_> = update.changed.iter().map(|entry| entry.id.as_str()).collect();
    assert_eq!(changed, ["KEY-01"]);
    assert_eq!((update.version, update.counts.verified), (2, 1));
    observe(&trust, "KEY-01", Outcome::Fail, after(1));
    assert_eq!(events.borrow_and_update().counts.failing, 1);
    assert_eq!(name(&trust, "KEY-01", after(1)), "failing");
}

#[test]
fn a_log_that_contradicts_itself_is_red_for_good() {
    let trust = trust();
    trust.head(head(NOW), true, NOW);
    observe(&trust, "KEY-01", Outcome::Pass, NOW);
    trust.head(head(NOW), false, NOW);
    assert_eq!(name(&trust, "KEY-01", NOW), "failing");
    trust.head(head(after(9)), true, after(9));
    assert_eq!(name(&trust, "KEY-01", after(9)), "failing");
}

#[test]
fn badge_shows_counts_and_when_they_stop_holding() {
    let trust = trust();
    let svg = trust.badge(NOW).unwrap();
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
    assert!(svg.contains("● 0 verified") && svg.contains("○ 205 coming soon"), "{svg}");
    assert!(svg.contains("holds until 15 Jan 2027, 08:05:00 UTC"), "{svg}");
    assert!(!svg.contains("#1a7f5a"), "nothing verified is not green");
    trust.head(head(NOW), true, NOW);
    observe(&trust, "KEY-01", Outcome::Fail, NOW);
    assert!(trust.badge(NOW).unwrap().contains("#b3261e"));
}

#[test]
fn a_broken_tree_discredits_everything_until_it_holds_again() {
    let trust = trust();
    trust.head(head(NOW), true, NOW);
    observe(&trust, "KEY-01", Outcome::Pass, NOW);
    observe(&trust, "AUD-01", Outcome::Fail, after(1));
    assert_eq!(name(&trust, "KEY-01", after(1)), "failing");
    let unscheduled =
        ProbeResult { slot: None, ..result(&trust, "AUD-01", Outcome::Pass, after(2)) };
    take_in(&trust, unscheduled, None);
    assert_eq!(name(&trust, "KEY-01", after(2)), "failing", "only a planned run clears anything");
    observe(&trust, "AUD-01", Outcome::Pass, after(3));
    assert_eq!(name(&trust, "KEY-01", after(3)), "verified");
    assert_eq!(name(&trust, "AUD-01", after(3)), "recovering");
}

#[test]
fn earlier_results_fill_the_strip_but_not_the_status() {
    let trust = trust();
    trust.recall([("KEY-01".parse().unwrap(), Outcome::Pass, NOW)]);
    assert_eq!(name(&trust, "KEY-01", NOW), "not_yet_verified");
    let page = trust.page(after(7_200)).unwrap();
    let keys = page.areas.iter().find(|area| area.id == "keys").unwrap();
    assert_eq!(keys.controls[0].strip.last().unwrap().state, "partly");
}
