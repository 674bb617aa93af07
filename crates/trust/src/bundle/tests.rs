//! A bundle made by hand: what holds, and that nothing in it can be changed unnoticed.

use ledger::{
    Appender, Checkpoint, NoteSigner, VerifierKey,
    tree::{inclusion_proof, leaf_hash},
};
use std::collections::BTreeMap;

use domain::{Catalogue, Timestamp};
use serde_json::json;
use vault::SigningKey;

use super::*;
use crate::{
    Settings, Trust,
    evidence::{Challenge, ProbeResult, Reason},
    registry::{ProbeId, Registry, Vantage},
    slots::{Planned, Schedule},
    status::{Logged, Outcome, Profile, SlotId},
};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const ORIGIN: &str = "here/audit/spine";

/// A log that is built entry by entry.
#[derive(Default)]
struct Log {
    tree: Appender,
    nodes: BTreeMap<(u8, u64), Hash>,
    leaves: Vec<String>,
}

impl Log {
    fn append(&mut self, action: &str, at: Timestamp, facts: serde_json::Value) -> u64 {
        let seq = self.tree.size();
        let leaf = json!({
            "v": 1, "log": ORIGIN, "seq": seq, "id": "evt", "t": at.as_millis(), "class_uid": 0,
            "activity_id": 0, "action": action, "outcome": "success",
            "actor": {"kind": "prober"}, "facts": facts, "ret": "7y",
        })
        .to_string();
        for node in self.tree.push(leaf_hash(leaf.as_bytes())) {
            self.nodes.insert((node.level, node.index), node.hash);
        }
        self.leaves.push(leaf);
        seq
    }

    fn proved(&self, index: u64, envelope: Option<String>) -> Vec<u8> {
        let size = self.tree.size();
        let mut read = |level, at| self.nodes.get(&(level, at)).copied();
        let path = inclusion_proof(index, size, &mut read).unwrap();
        let path = path.into_iter().map(Digest::from_bytes).collect();
        let leaf = self.leaves[usize::try_from(index).unwrap()].clone();
        serde_json::to_vec(&Proved { leaf, index, path, envelope }).unwrap()
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

struct Made {
    bytes: Vec<u8>,
    fingerprint: String,
}

/// A bundle whose one result has `outcome`; the snapshot says what the facade says, or `lie` of it.
#[expect(clippy::too_many_lines, reason = "everything that a bundle holds, once")]
fn bundle(outcome: Outcome, lie: bool) -> Made {
    let (log_key, prober) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
    let snapshot_key = SigningKey::generate().unwrap();
    let build = Digest::of(b"build");
    let trust = Trust::new(
        Registry::shipped().unwrap(),
        Settings {
            deployment: "here".to_owned(),
            build,
            profile: Profile::embedded(),
            catalogue: Catalogue::default().into(),
            key: SigningKey::from_seed(*snapshot_key.seed()).unwrap(),
            columns: Vec::new(),
            file_encrypted: true,
        },
    );
    let registry = trust.registry();
    let mut log = Log::default();
    let registered = log.append(
        "control.register",
        NOW,
        json!({
            "build": build.to_string(), "registry": registry.digest().to_string(),
            "prober": hex::encode(prober.public()), "snapshot_key": hex::encode(snapshot_key.public()),
        }),
    );
    let seed = Digest::of(b"seed");
    let commitment = Digest::of(seed.as_bytes());
    let slot = SlotId("slot".to_owned());
    let planned = Planned { id: slot.clone(), probe: ProbeId::Tamper, due: NOW, commitment };
    let schedule = Schedule {
        deployment: "here".to_owned(),
        vantage: Vantage::Inside,
        from: NOW,
        until: NOW,
        slots: vec![planned],
    };
    let schedule = text(schedule.sign(&prober).unwrap().to_bytes().unwrap());
    let digest = |text: &str| json!({"digest": Digest::of(text.as_bytes()).to_string()});
    let slots = log.append("slots.commit", NOW, digest(&schedule));
    let result = ProbeResult {
        run: domain::RunId::new(NOW),
        slot: Some(slot),
        control: "AUD-02".parse().unwrap(),
        control_rev: 1,
        probe: ProbeId::Tamper,
        probe_digest: build,
        vantage: Vantage::Inside,
        deployment: "here".to_owned(),
        build,
        registry: registry.digest(),
        challenge: Some(Challenge { commitment, reveal: seed }),
        started: NOW,
        finished: NOW,
        outcome,
        positive_control: true,
        subjects: 9,
        population: 9,
        uncovered: Vec::new(),
        measures: Vec::new(),
        reason: Reason::Held,
    };
    let envelope = result.clone().sign(&prober).unwrap().to_bytes().unwrap();
    let envelope = text(envelope);
    let evidence = log.append("evidence.append", NOW, digest(&envelope));
    let head =
        Checkpoint { origin: ORIGIN.to_owned(), size: log.tree.size(), root: log.tree.root() };
    let sign = |message: &[u8]| log_key.sign(message);
    let note =
        head.to_note(&NoteSigner { name: ORIGIN, public: log_key.public(), sign: &sign }).unwrap();
    let verifier = VerifierKey::new(ORIGIN, log_key.public()).unwrap();
    let shown = crate::snapshot::LogHead {
        origin: ORIGIN.to_owned(),
        size: head.size,
        root: Digest::from_bytes(head.root),
        at: NOW,
        note: note.clone(),
    };
    trust.head(shown, true, NOW);
    let observed = crate::Observed {
        id: domain::EvidenceId::new(NOW),
        result,
        digest: Digest::of(envelope.as_bytes()),
        logged: Logged { index: evidence, at: NOW },
        committed: Some(NOW),
    };
    trust.observe(observed, NOW);
    let mut snapshot = trust.snapshot(NOW).unwrap().snapshot.clone();
    if lie {
        let entry = snapshot.controls.iter_mut().find(|entry| entry.id.as_str() == "AUD-02");
        entry.unwrap().status = "verified".to_owned();
    }
    let keys = Keys { format: FORMAT.to_owned(), log: verifier.to_string() };
    let files = vec![
        ("README".to_owned(), README.as_bytes().to_vec()),
        ("registry.json".to_owned(), registry.json().to_vec()),
        ("keys.json".to_owned(), serde_json::to_vec(&keys).unwrap()),
        ("checkpoint".to_owned(), note.into_bytes()),
        (
            "snapshot.dsse.json".to_owned(),
            snapshot.sign(&snapshot_key).unwrap().to_bytes().unwrap(),
        ),
        ("registered/0.json".to_owned(), log.proved(registered, None)),
        ("slots/1.json".to_owned(), log.proved(slots, Some(schedule))),
        ("evidence/2.json".to_owned(), log.proved(evidence, Some(envelope))),
    ];
    Made { bytes: tar::write(&files), fingerprint: verifier.fingerprint() }
}

#[test]
fn a_sound_bundle_verifies_down_to_every_status() {
    for outcome in [Outcome::Pass, Outcome::Fail, Outcome::Error] {
        let made = bundle(outcome, false);
        let report = verify(&made.bytes, Some(&made.fingerprint)).unwrap();
        assert!(report.ok, "{report:#?}");
        assert_eq!(report.evidence, 1);
        assert!(!verify(&made.bytes, Some("another")).unwrap().ok);
    }
}

#[test]
fn a_snapshot_that_is_greener_than_its_evidence_is_noticed() {
    for outcome in [Outcome::Fail, Outcome::Error, Outcome::Inconclusive] {
        let report = verify(&bundle(outcome, true).bytes, None).unwrap();
        let failed: Vec<_> = report.checks.iter().filter(|check| !check.ok).collect();
        assert!(!report.ok && failed.len() == 1, "{report:#?}");
        assert!(failed[0].detail.contains("AUD-02"), "{failed:#?}");
    }
}

#[test]
fn no_byte_of_what_counts_can_be_changed() {
    let made = bundle(Outcome::Pass, false);
    let files = tar::read(&made.bytes).unwrap();
    for (at, (name, data)) in files.iter().enumerate() {
        // All over the file, and every byte of a short one: a change of one letter must not go unnoticed.
        for place in (0..data.len()).step_by(data.len() / 300 + 1) {
            let mut changed = files.clone();
            // Now another letter, now the same in the other case.
            changed[at].1[place] ^= if place % 2 == 0 { 1 } else { 0x20 };
            let report = verify(&tar::write(&changed), Some(&made.fingerprint)).unwrap();
            assert!(!report.ok, "{name} at {place}");
        }
        let mut without = files.clone();
        without.remove(at);
        let report = verify(&tar::write(&without), Some(&made.fingerprint)).unwrap();
        assert!(!report.ok, "without {name}");
    }
}

#[test]
fn another_kind_of_file_is_no_broken_bundle() {
    let export = vec![
        ("manifest.json".to_owned(), b"{\"format\":\"probity-audit-bundle/1\"}".to_vec()),
        ("checkpoint".to_owned(), b"note".to_vec()),
    ];
    for file in [tar::write(&export), Vec::new(), b"something else".to_vec()] {
        assert_eq!(verify(&file, None).unwrap_err().code(), "unreadable");
    }
}
