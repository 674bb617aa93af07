//! Bundles: what is true verifies; any change to any part does not.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panic")]

use std::collections::BTreeMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use domain::{Action, ActorKind, Event, EventId, Timestamp};
use ledger::{
    ActorEntry, Bundle, BundledDisclosure, Checkpoint, Disclosed, Draft, DraftInput, EpochProof,
    EpochTree, Head, Known, LogProof, NoteSigner, Report, Status, leaf, tree, verify, verify_with,
};
use proptest::prelude::*;
use serde_json::Value;

const SPINE: &str = "probity.example/audit/spine";
const TENANT: &str = "probity.example/audit/t/7";

/// A log in memory.
struct Log {
    origin: &'static str,
    seed: [u8; 32],
    leaves: Vec<Vec<u8>>,
    disclosures: Vec<BundledDisclosure>,
    salts: u8,
}

impl Log {
    fn new(origin: &'static str) -> Self {
        Self { origin, seed: [42; 32], leaves: vec![], disclosures: vec![], salts: 0 }
    }

    fn add(&mut self, event: &Event) -> Vec<Disclosed> {
        let seq = u64::try_from(self.leaves.len()).unwrap();
        let input = DraftInput {
            id: EventId::from_uuid(uuid(seq)),
            time: Timestamp::from_millis(1_700_000_000_000 + i64::try_from(seq).unwrap()),
            event,
            actor: ActorEntry { kind: ActorKind::User, pid: Some("pid_1".to_owned()), id: None },
            subject_pid: event.subject.map(|_| "pid_2".to_owned()),
            retention: "7y",
        };
        let salts: Vec<_> = event
            .personal
            .iter()
            .map(|_| {
                self.salts += 1;
                [self.salts; 32]
            })
            .collect();
        let draft = Draft::new(input, &salts).unwrap();
        let mut disclosed = draft.disclosures.clone();
        disclosed.sort_by_key(Disclosed::digest);
        self.disclosures.extend(
            disclosed.iter().cloned().map(|disclosed| BundledDisclosure { seq, disclosed }),
        );
        self.leaves.push(leaf(&draft.body, self.origin, seq).unwrap());
        disclosed
    }

    fn head(&self) -> Checkpoint {
        let hashes: Vec<_> = self.leaves.iter().map(|leaf| tree::leaf_hash(leaf)).collect();
        Checkpoint {
            origin: self.origin.to_owned(),
            size: u64::try_from(hashes.len()).unwrap(),
            root: tree::root_of(&hashes),
        }
    }

    fn signed<T>(&self, make: impl Fn(&NoteSigner<'_>) -> T) -> T {
        let pair = Ed25519KeyPair::from_seed_unchecked(&self.seed).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        let sign = |message: &[u8]| <[u8; 64]>::try_from(pair.sign(message).as_ref()).unwrap();
        make(&NoteSigner { name: self.origin, public, sign: &sign })
    }

    fn note(&self) -> String {
        self.signed(|signer| self.head().to_note(signer).unwrap())
    }
}

fn uuid(at: u64) -> uuid::Uuid {
    uuid::Uuid::from_u128(u128::from(at))
}

fn sample() -> Log {
    let mut log = Log::new(TENANT);
    let user = domain::UserId::from_uuid(uuid(9));
    log.add(
        &Event::new(Action::OrganizationCreate).on_user(user).personal("email", "ada@example.org"),
    );
    log.add(
        &Event::new(Action::KeyCreate)
            .on("key", "key_1")
            .fact("scopes", vec!["chat"])
            .fact("expires", 0.5),
    );
    log.add(
        &Event::new(Action::SessionRefuse)
            .failed()
            .personal("email", "=eve@example.org,\"x\"")
            .personal("ip", "192.0.2.1"),
    );
    log
}

/// The bundle of a log that sits in slot 1 of 3, in the second entry of a spine of four.
fn bundle(log: &Log) -> Bundle {
    let head = |slot, checkpoint| Head { slot, checkpoint };
    let other = Log::new("probity.example/audit/t/other").head();
    let heads = [head(0, other.clone()), head(1, log.head()), head(2, other)];
    let epochs = EpochTree::new(&heads).unwrap();
    let mut spine = Log::new(SPINE);
    spine.add(&Event::new(Action::DeploymentStart));
    let mut event = Event::new(Action::LogEpoch);
    event.facts = epochs.epoch().facts();
    spine.add(&event);
    spine.add(&Event::new(Action::DeploymentStart));
    spine.add(&Event::new(Action::DeploymentStart));
    let hashes: Vec<_> = spine.leaves.iter().map(|leaf| tree::leaf_hash(leaf)).collect();
    Bundle {
        key: spine.signed(|signer| signer.verifier().unwrap()),
        checkpoint: log.note(),
        epoch: Some(EpochProof {
            slot: 1,
            path: epochs.path(1).unwrap(),
            leaf: spine.leaves[1].clone(),
            spine: LogProof {
                index: 1,
                path: vec![hashes[0], tree::root_of(&hashes[2..])],
                checkpoint: spine.note(),
            },
        }),
        entries: log.leaves.clone(),
        disclosures: log.disclosures.clone(),
    }
}

fn report(bundle: &Bundle) -> Report {
    let pin = bundle.key.fingerprint();
    verify(&bundle.to_bytes().unwrap(), Some(&pin)).unwrap()
}

/// Exactly these checks find a mismatch.
fn mismatches(report: &Report) -> Vec<&'static str> {
    assert_eq!(report.ok, report.checks.iter().all(|check| check.status != Status::Mismatch));
    report
        .checks
        .iter()
        .filter(|check| check.status == Status::Mismatch)
        .map(|check| check.name)
        .collect()
}

#[test]
fn a_true_bundle_verifies() {
    let report = report(&bundle(&sample()));
    assert_eq!(mismatches(&report), [""; 0], "{report}");
    assert_eq!((report.entries, report.disclosures.present), (3, 3));
    insta::assert_snapshot!(report.to_string());
    insta::assert_json_snapshot!(report);
}

#[test]
fn entries_and_readable_files_look_like_this() {
    let log = sample();
    let leaves: Vec<_> = log.leaves.iter().map(|leaf| std::str::from_utf8(leaf).unwrap()).collect();
    insta::assert_snapshot!(leaves.join("\n"));
    assert!(!leaves.concat().contains("example.org"), "no personal data in an entry");
    let bytes = bundle(&log).to_bytes().unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let csv = &text[text.find("seq,time").unwrap()..];
    insta::assert_snapshot!(csv[..csv.find('\0').unwrap()].replace('\r', ""));
}

#[test]
fn ordinary_tar_opens_it() {
    let dir = std::env::temp_dir().join(format!("probity-bundle-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let file = dir.join("audit.tar");
    std::fs::write(&file, bundle(&sample()).to_bytes().unwrap()).unwrap();
    let list = std::process::Command::new("tar").arg("-tf").arg(&file).output().unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(list.status.success(), "{}", String::from_utf8_lossy(&list.stderr));
    assert!(list.stderr.is_empty());
    assert_eq!(
        String::from_utf8(list.stdout).unwrap().lines().collect::<Vec<_>>(),
        [
            "manifest.json",
            "policy",
            "checkpoint",
            "epoch.json",
            "epoch.leaf",
            "spine.tlog-proof",
            "entries",
            "disclosures.jsonl",
            "audit.csv",
            "ocsf.jsonl"
        ]
    );
}

#[test]
fn the_spine_exports_itself() {
    let mut spine = Log::new(SPINE);
    spine.add(&Event::new(Action::DeploymentStart));
    let mut bundle = bundle(&spine);
    bundle.epoch = None;
    assert_eq!(mismatches(&report(&bundle)), [""; 0]);
}

#[test]
fn a_bundle_without_entries_verifies() {
    assert_eq!(mismatches(&report(&bundle(&Log::new(TENANT)))), [""; 0]);
}

const KEY: &str = "log key is the pinned one";
const SIGNATURE: &str = "checkpoint is signed by the log key";
const ROOT: &str = "root recomputed over all entries";
const PLACES: &str = "entries are in their places";
const EPOCH: &str = "head is committed to by the spine";
const EARLIER: &str = "log continues the earlier checkpoint";
const VALUES: &str = "personal values match their digests";
const REDACTED: &str = "missing personal values are accounted for";

#[test]
fn each_tampered_part_is_named() {
    type Attack = fn(&mut Bundle);
    let attacks: [(&str, Attack, &[&str]); 14] = [
        (
            "change an entry",
            |b| b.entries[1] = edited(&b.entries[1], "key.create", "key.revoke"),
            &[ROOT],
        ),
        ("drop the newest entry", |b| drop((b.entries.pop(), b.disclosures.truncate(1))), &[ROOT]),
        (
            "drop the first entry",
            |b| drop((b.entries.remove(0), b.disclosures.remove(0))),
            &[ROOT, PLACES],
        ),
        ("swap entries", |b| b.entries.swap(0, 1), &[ROOT, PLACES]),
        (
            "add an entry",
            |b| {
                b.entries.push(leaf("{\"v\":1,\"id\":\"x\",\"t\":0,\"class_uid\":1,\"activity_id\":1,\"action\":\"a\",\"outcome\":\"success\",\"actor\":{\"kind\":\"user\"},\"ret\":\"7y\"}", TENANT, 3).unwrap())
            },
            &[ROOT],
        ),
        (
            "sign by another key",
            |b| b.checkpoint = Log { seed: [1; 32], ..sample() }.note(),
            &[SIGNATURE],
        ),
        (
            "roll back to an earlier head",
            |b| {
                let mut log = sample();
                log.leaves.pop();
                b.checkpoint = log.note();
            },
            &[ROOT, EPOCH],
        ),
        (
            "replace the deployment's key",
            |b| b.key = Log { seed: [1; 32], ..Log::new(SPINE) }.signed(|s| s.verifier().unwrap()),
            &[SIGNATURE, EPOCH],
        ),
        ("move to another slot", |b| b.epoch.as_mut().unwrap().slot = 0, &[EPOCH]),
        ("hide the epoch", |b| b.epoch = None, &[EPOCH]),
        (
            "forge the epoch",
            |b| {
                let e = b.epoch.as_mut().unwrap();
                e.leaf = edited(&e.leaf, "\"logs\":3", "\"logs\":4");
            },
            &[EPOCH],
        ),
        (
            "sign the spine by another key",
            |b| {
                b.epoch.as_mut().unwrap().spine.checkpoint =
                    Log { seed: [1; 32], ..Log::new(SPINE) }.note()
            },
            &[EPOCH],
        ),
        ("drop a personal value", |b| drop(b.disclosures.remove(1)), &[REDACTED]),
        (
            "change a personal value",
            |b| b.disclosures[0].disclosed = Disclosed::new(&[1; 32], "email", "bob@example.org"),
            &[VALUES, REDACTED],
        ),
    ];
    for (name, attack, expected) in attacks {
        let true_key = bundle(&sample()).key.fingerprint();
        let mut bundle = bundle(&sample());
        attack(&mut bundle);
        let report = verify(&bundle.to_bytes().unwrap(), Some(&true_key)).unwrap();
        let found: Vec<_> = mismatches(&report).into_iter().filter(|name| *name != KEY).collect();
        assert_eq!(found, expected, "{name}\n{report}");
    }
}

fn edited(leaf: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(leaf).unwrap();
    assert!(text.contains(from));
    text.replace(from, to).into_bytes()
}

#[test]
fn a_consistent_forgery_needs_the_pinned_key() {
    let mut forged = bundle(&Log { seed: [1; 32], ..sample() });
    let mut spine = Log { seed: [1; 32], ..Log::new(SPINE) };
    forged.key = spine.signed(|signer| signer.verifier().unwrap());
    let proof = forged.epoch.as_mut().unwrap();
    spine.leaves = vec![edited(&proof.leaf, "\"seq\":1", "\"seq\":0")];
    proof.leaf.clone_from(&spine.leaves[0]);
    proof.spine = LogProof { index: 0, path: vec![], checkpoint: spine.note() };
    let bytes = forged.to_bytes().unwrap();
    assert!(verify(&bytes, None).unwrap().ok, "without a pin it cannot be told apart");
    let pin = bundle(&sample()).key.fingerprint();
    assert_eq!(mismatches(&verify(&bytes, Some(&pin)).unwrap()), [KEY]);
    let spaced = pin
        .to_uppercase()
        .as_bytes()
        .chunks(4)
        .map(|part| format!("{} ", String::from_utf8_lossy(part)))
        .collect::<String>();
    assert!(verify(&bundle(&sample()).to_bytes().unwrap(), Some(&spaced)).unwrap().ok);
}

#[test]
fn a_rewritten_log_does_not_continue_the_earlier_checkpoint() {
    let mut log = sample();
    let earlier = log.note();
    log.add(&Event::new(Action::KeyRevoke).on("key", "key_1"));
    let grown = bundle(&log).to_bytes().unwrap();
    let known = |checkpoint| Known { fingerprint: None, checkpoint: Some(checkpoint) };
    assert!(verify_with(&grown, known(&earlier)).unwrap().ok);
    let mut rewritten = Log::new(TENANT);
    for _ in 0..4 {
        rewritten.add(&Event::new(Action::KeyRevoke));
    }
    let report = verify_with(&bundle(&rewritten).to_bytes().unwrap(), known(&earlier)).unwrap();
    assert_eq!(mismatches(&report), [EARLIER]);
    let report =
        verify_with(&bundle(&Log::new(TENANT)).to_bytes().unwrap(), known(&earlier)).unwrap();
    assert_eq!(mismatches(&report), [EARLIER]);
}

#[test]
fn redactions_count_only_when_the_log_says_so() {
    let erase = |digests: Vec<String>| Event::new(Action::PrivacyErasure).fact("erased", digests);
    let expire = |before: u64| Event::new(Action::DisclosureExpire).fact("before", before);
    let email = Disclosed::new(&[1; 32], "email", "ada@example.org").digest();

    // Erased in the log and in fact.
    let mut log = sample();
    log.add(&erase(vec![email.clone()]));
    let kept = bundle(&log);
    let mut gone = kept.clone();
    gone.disclosures.remove(0);
    assert_eq!(report(&gone).disclosures.redacted, 1);
    assert_eq!(mismatches(&report(&gone)), [""; 0]);
    // Erased in the log, but still there.
    assert_eq!(mismatches(&report(&kept)), [REDACTED]);
    assert_eq!(report(&kept).disclosures.still_present, 1);
    // Another value is gone than the log says.
    let mut other = kept;
    other.disclosures.remove(2);
    assert_eq!(mismatches(&report(&other)), [REDACTED]);
    assert_eq!(report(&other).disclosures.unaccounted[0].seq, 2);

    // Expired up to entry 1: covers the value of entry 0, not those of entry 2.
    let mut log = sample();
    log.add(&expire(1));
    let mut bundle_ = bundle(&log);
    bundle_.disclosures.remove(0);
    assert_eq!(mismatches(&report(&bundle_)), [""; 0]);
    bundle_.disclosures.clear();
    assert_eq!(report(&bundle_).disclosures.unaccounted.len(), 2);

    // A failed erasure covers nothing, nor does one that came before the value.
    for early in [erase(vec![email.clone()]), expire(9)] {
        let mut log = Log::new(TENANT);
        log.add(&early);
        log.add(&Event::new(Action::UserCreate).personal("email", "ada@example.org"));
        let mut bundle = bundle(&log);
        bundle.disclosures.clear();
        assert_eq!(mismatches(&report(&bundle)), [REDACTED]);
    }
    let mut log = sample();
    log.add(&erase(vec![email]).failed());
    let mut bundle = bundle(&log);
    bundle.disclosures.remove(0);
    assert_eq!(mismatches(&report(&bundle)), [REDACTED]);
}

/// Every byte of the file, one at a time: lowest and highest bit, and the one that changes the case of a letter.
#[test]
fn any_changed_bit_is_unreadable_or_a_mismatch() {
    let bundle = bundle(&sample());
    let (good, pin) = (bundle.to_bytes().unwrap(), bundle.key.fingerprint());
    let mut seen = BTreeMap::from([("unreadable", 0), ("mismatch", 0)]);
    let mut bytes = good.clone();
    for at in 0..good.len() {
        for bit in [0, 5, 7] {
            bytes[at] ^= 1 << bit;
            match verify(&bytes, Some(&pin)) {
                Err(_) => *seen.get_mut("unreadable").unwrap() += 1,
                Ok(report) => {
                    assert!(!report.ok, "bit {bit} of byte {at} goes unnoticed");
                    *seen.get_mut("mismatch").unwrap() += 1;
                }
            }
            bytes[at] ^= 1 << bit;
        }
    }
    assert!(seen.values().all(|count| *count > 1000), "{seen:?}");
}

#[test]
fn cut_short_or_longer_is_unreadable() {
    let good = bundle(&sample()).to_bytes().unwrap();
    for length in (0..good.len()).step_by(97).chain([good.len() - 1, good.len() - 512]) {
        assert!(verify(&good[..length], None).is_err(), "{length}");
    }
    assert!(verify(&[good.clone(), vec![0; 512]].concat(), None).is_err());
    assert!(verify(&[good.clone(), good].concat(), None).is_err());
}

#[test]
fn too_much_or_inexact_is_refused_when_writing() {
    let input = |event| DraftInput {
        id: EventId::from_uuid(uuid(1)),
        time: Timestamp::from_millis(0),
        event,
        actor: ActorEntry { kind: ActorKind::System, pid: None, id: None },
        subject_pid: None,
        retention: "7y",
    };
    let large = Event::new(Action::ProjectChange).fact("text", "x".repeat(17_000));
    assert!(matches!(Draft::new(input(&large), &[]), Err(ledger::EntryError::TooLarge)));
    let inexact = Event::new(Action::ProjectChange).fact("n", u64::MAX);
    assert!(matches!(Draft::new(input(&inexact), &[]), Err(ledger::EntryError::Inexact)));
    let personal = Event::new(Action::UserCreate).personal("email", "x");
    assert!(matches!(Draft::new(input(&personal), &[]), Err(ledger::EntryError::Salts)));
}

#[test]
fn every_action_has_a_class() {
    for &action in Action::ALL {
        let mut log = Log::new(TENANT);
        log.add(&Event::new(action));
        let entry: Value = serde_json::from_slice(&log.leaves[0]).unwrap();
        assert_eq!(entry["action"], action.as_str());
        assert!(entry["class_uid"].as_u64().unwrap() >= 2000);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_judged_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        prop_assert!(verify(&bytes, None).is_err());
    }

    #[test]
    fn spliced_bundles_do_not_verify(at in any::<prop::sample::Index>(), cut in 0usize..1500, insert in prop::collection::vec(any::<u8>(), 0..600)) {
        let good = bundle(&sample()).to_bytes().unwrap();
        let at = at.index(good.len());
        let end = (at + cut).min(good.len());
        let bytes = [&good[..at], &insert, &good[end..]].concat();
        prop_assume!(bytes != good);
        if let Ok(report) = verify(&bytes, None) { prop_assert!(!report.ok); }
    }
}
