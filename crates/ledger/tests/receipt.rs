//! Receipts with their proofs: what is true verifies; any change to any field does not.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panic")]

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use domain::{Action, ActorKind, Event, EventId, OrgId, Timestamp};
use ledger::{
    ActorEntry, BatchProof, Checkpoint, Draft, DraftInput, EpochProof, EpochTree, Head, LogProof,
    NoteSigner, ReceiptProof, ReceiptReport, Status, follows, leaf, tree, verify_receipt,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const SPINE: &str = "probity.example/audit/spine";
const ORG: u128 = 7;

fn uuid(at: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(at)
}

fn origin() -> String {
    format!("probity.example/audit/t/{}", uuid(ORG))
}

/// A log in memory, signed by one key under its own name.
struct Log(String, Vec<Vec<u8>>);

impl Log {
    fn add(&mut self, event: &Event, kind: ActorKind) {
        let seq = u64::try_from(self.1.len()).unwrap();
        let input = DraftInput {
            id: EventId::from_uuid(uuid(u128::from(seq))),
            time: Timestamp::from_millis(1_700_000_000_000),
            event,
            actor: ActorEntry { kind, pid: None, id: None },
            subject_pid: None,
            retention: "7y",
        };
        let draft = Draft::new(input, &[]).unwrap();
        self.1.push(leaf(&draft.body, &self.0, seq).unwrap());
    }

    fn hashes(&self) -> Vec<tree::Node> {
        let mut all = tree::Appender::default();
        self.1.iter().flat_map(|leaf| all.push(tree::leaf_hash(leaf))).collect()
    }

    fn path(&self, index: u64) -> Vec<ledger::Hash> {
        let nodes = self.hashes();
        let size = u64::try_from(self.1.len()).unwrap();
        tree::inclusion_proof(index, size, &mut |level, at| {
            nodes.iter().find(|node| node.level == level && node.index == at).map(|node| node.hash)
        })
        .unwrap()
    }

    fn head(&self) -> Checkpoint {
        let leaves: Vec<_> = self.1.iter().map(|leaf| tree::leaf_hash(leaf)).collect();
        let size = u64::try_from(leaves.len()).unwrap();
        Checkpoint { origin: self.0.clone(), size, root: tree::root_of(&leaves) }
    }

    fn signed<T>(&self, make: impl Fn(&NoteSigner<'_>) -> T) -> T {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[42; 32]).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        let sign = |message: &[u8]| <[u8; 64]>::try_from(pair.sign(message).as_ref()).unwrap();
        make(&NoteSigner { name: &self.0, public, sign: &sign })
    }

    fn proof(&self, index: u64) -> LogProof {
        let checkpoint = self.signed(|signer| self.head().to_note(signer).unwrap());
        LogProof { index, path: self.path(index), checkpoint }
    }
}

fn inputs(place: u32, price: u64) -> Value {
    json!({"place": place, "healthy": true, "errors_permille": 0, "price": {"input": price, "output": price}})
}

/// The cheaper of two was asked first, failed, and the other answered.
fn receipt() -> Value {
    json!({
        "version": 1, "request": "req_1", "requested_model": "m", "stream": true,
        "order": {"rule": 1, "sort": "balanced", "stream": true, "input_tokens": 10, "output_tokens": 90},
        "candidates": [
            {"provider": "pvd_b", "name": "cheap", "model": "m", "inputs": inputs(1, 10), "cost_nano": 1000, "score": 1000},
            {"provider": "pvd_a", "name": "dear", "model": "m", "inputs": inputs(0, 20), "cost_nano": 2000, "score": 1666},
        ],
        "excluded": [{"provider": "pvd_c", "name": "far", "reason": "region"}],
        "attempts": [{"candidate": 0, "outcome": "upstream_server", "ms": 3}, {"candidate": 1, "outcome": "ok", "ms": 4}],
    })
}

fn usage(receipt: &str) -> Value {
    json!({
        "version": 1, "request": "req_1", "requested_model": "m", "model": "m", "provider": "pvd_a",
        "organization": OrgId::from_uuid(uuid(ORG)), "streaming": true, "attempts": 2, "status": 200,
        "cost_nano": 2_000, "currency": "USD", "started_at": 1_700_000_000_000_i64,
        "receipt_sha256": hex::encode(Sha256::digest(receipt)),
    })
}

fn proven(receipt: &str, usage: &Value) -> ReceiptProof {
    let usage = usage.to_string();
    let rows = [b"another".to_vec(), usage.clone().into_bytes(), b"third".to_vec()];
    let rows = Log(String::new(), rows.to_vec());
    let mut log = Log(origin(), Vec::new());
    log.add(&Event::new(Action::OrganizationCreate), ActorKind::User);
    let root = hex::encode(rows.head().root);
    log.add(
        &Event::new(Action::UsageSettle).fact("requests", 3).fact("root", root),
        ActorKind::System,
    );
    log.add(&Event::new(Action::AuditExport), ActorKind::User);
    let empty = Log("probity.example/audit/t/other".to_owned(), Vec::new()).head();
    let heads = [empty.clone(), log.head(), empty];
    let heads: Vec<Head> =
        heads.into_iter().zip(0..).map(|(checkpoint, slot)| Head { slot, checkpoint }).collect();
    let epochs = EpochTree::new(&heads).unwrap();
    let mut spine = Log(SPINE.to_owned(), Vec::new());
    spine.add(&Event::new(Action::DeploymentStart), ActorKind::System);
    let mut event = Event::new(Action::LogEpoch);
    event.facts = epochs.epoch().facts();
    spine.add(&event, ActorKind::System);
    ReceiptProof {
        key: spine.signed(|signer| signer.verifier().unwrap()),
        receipt: receipt.to_owned(),
        usage,
        batch: BatchProof { index: 1, size: 3, path: rows.path(1) },
        event: String::from_utf8(log.1[1].clone()).unwrap(),
        log: log.proof(1),
        epoch: EpochProof {
            slot: 1,
            path: epochs.path(1).unwrap(),
            leaf: spine.1[1].clone(),
            spine: spine.proof(1),
        },
    }
}

fn sample() -> ReceiptProof {
    let text = receipt().to_string();
    proven(&text, &usage(&text))
}

fn report(proof: &ReceiptProof) -> ReceiptReport {
    verify_receipt(proof.to_text().as_bytes(), Some(&proof.key.fingerprint())).unwrap()
}

fn mismatches(report: &ReceiptReport) -> Vec<&'static str> {
    let wrong = report.checks.iter().filter(|check| check.status == Status::Mismatch);
    let names: Vec<_> = wrong.map(|check| check.name).collect();
    assert_eq!(report.ok, names.is_empty());
    names
}

/// What of a receipt and its row, recorded together, does not fit.
fn recorded(change: impl Fn(&mut Value), change_row: impl Fn(&mut Value)) -> Vec<&'static str> {
    let mut receipt = receipt();
    change(&mut receipt);
    let text = receipt.to_string();
    let mut usage = usage(&text);
    change_row(&mut usage);
    mismatches(&report(&proven(&text, &usage)))
}

const CHOICE: [&str; 1] = ["choice follows from its inputs"];
const SAME: [&str; 1] = ["receipt and usage speak of the same request"];

#[test]
fn a_true_receipt_verifies_however_it_is_spaced() {
    let proof = sample();
    let report = report(&proof);
    assert_eq!(mismatches(&report), [""; 0], "{report}");
    insta::assert_snapshot!(report.to_string());
    let value: Value = serde_json::from_str(&proof.to_text()).unwrap();
    assert!(verify_receipt(value.to_string().as_bytes(), None).unwrap().ok);
    assert_eq!(ReceiptProof::parse(proof.to_text().as_bytes()).unwrap(), proof);
    let other = verify_receipt(proof.to_text().as_bytes(), Some(&"0".repeat(64))).unwrap();
    assert_eq!(mismatches(&other), ["log key is the pinned one"]);
}

/// Only the space between the fields may change: what says the same is the same document.
#[test]
fn no_byte_of_it_can_be_changed() {
    let text = sample().to_text();
    let value: Value = serde_json::from_str(&text).unwrap();
    for (at, mask) in (0..text.len()).flat_map(|at| [(at, 1), (at, 0x20)]) {
        let mut changed = text.clone().into_bytes();
        changed[at] ^= mask;
        let verified = verify_receipt(&changed, None).is_ok_and(|report| report.ok);
        let same = || serde_json::from_slice::<Value>(&changed).is_ok_and(|other| other == value);
        assert!(!verified || same(), "byte {at}: {}", &text[at.saturating_sub(20)..at]);
    }
}

#[test]
fn every_field_counts() {
    let value: Value = serde_json::from_str(&sample().to_text()).unwrap();
    let mut seen = 0;
    for pointer in [
        "/format",
        "/log_key",
        "/receipt",
        "/usage",
        "/batch/index",
        "/batch/size",
        "/batch/path/0",
        "/event",
        "/event_proof",
        "/epoch/slot",
        "/epoch/path/0",
        "/epoch/entry",
        "/epoch/entry_proof",
    ] {
        let mut changed = value.clone();
        let field = changed.pointer_mut(pointer).unwrap();
        *field = match &*field {
            Value::String(text) => json!(format!("{text} ")),
            number => json!(number.as_u64().unwrap() + 1),
        };
        let verified = verify_receipt(changed.to_string().as_bytes(), None);
        assert!(!verified.is_ok_and(|report| report.ok), "{pointer}");
        seen += 1;
    }
    assert_eq!(seen, 13);
    let mut more = value.clone();
    more["note"] = json!("x");
    assert!(verify_receipt(more.to_string().as_bytes(), None).is_err(), "nothing may be added");
    for bytes in [&b"{}"[..], b"", b"[]", b"{\"format\":\"probity-receipt/1\"}", b"\xff"] {
        assert!(verify_receipt(bytes, None).is_err());
    }
    let mut short = value;
    short["batch"]["path"].as_array_mut().unwrap().pop();
    assert!(!verify_receipt(short.to_string().as_bytes(), None).unwrap().ok);
}

/// Signed all the way up, and still not true.
#[test]
fn a_choice_that_does_not_follow_is_found_though_it_was_recorded() {
    assert_eq!(recorded(|_| {}, |_| {}), [""; 0]);
    for (pointer, value) in [
        ("/candidates/0/score", json!(999)),
        ("/candidates/0/cost_nano", json!(1)),
        ("/candidates/1/inputs/price/input", json!(1)),
        ("/candidates/0/inputs/healthy", json!(false)),
        ("/candidates/0/inputs/errors_permille", json!(900)),
        ("/candidates/0/inputs/place", json!(0)),
        ("/candidates/1/inputs", Value::Null),
        ("/order/input_tokens", json!(11)),
        ("/order/stream", json!(false)),
        ("/order/sort", json!("latency")),
        ("/attempts/0/candidate", json!(1)),
        ("/attempts/1/candidate", json!(2)),
    ] {
        let set = |receipt: &mut Value| *receipt.pointer_mut(pointer).unwrap() = value.clone();
        let found = recorded(set, |_| {});
        assert!(found.contains(&CHOICE[0]), "{pointer}: {found:?}");
    }
    let swapped =
        recorded(|receipt| receipt["candidates"].as_array_mut().unwrap().reverse(), |_| {});
    assert!(swapped.contains(&CHOICE[0]), "{swapped:?}");
}

#[test]
fn a_receipt_of_another_request_is_found() {
    for (name, value) in [
        ("request", json!("req_2")),
        ("requested_model", json!("other")),
        ("model", json!("other")),
        ("provider", json!("pvd_b")),
        ("streaming", json!(false)),
        ("attempts", json!(4)),
    ] {
        assert_eq!(recorded(|_| {}, |usage| usage[name] = value.clone()), SAME, "{name}");
    }
    // An attempt that nobody waited for is counted, and has no outcome.
    assert_eq!(recorded(|_| {}, |usage| usage["attempts"] = json!(3)), [""; 0]);
    let foreign = OrgId::from_uuid(uuid(8));
    let found = recorded(|_| {}, |usage| usage["organization"] = json!(foreign));
    assert!(found.contains(&"batch is an entry of the organization's signed log"), "{found:?}");
}

#[test]
fn a_request_that_was_left_in_the_middle_has_a_receipt_too() {
    let text =
        json!({"request": "req_1", "outcome": "interrupted", "provider": "pvd_a", "model": "m"})
            .to_string();
    assert_eq!(mismatches(&report(&proven(&text, &usage(&text)))), [""; 0]);
}

#[test]
fn what_cannot_be_judged_is_said_and_not_passed() {
    let without = |names: &[&str]| {
        let mut receipt = receipt();
        names.iter().for_each(|name| drop(receipt.as_object_mut().unwrap().remove(*name)));
        receipt
    };
    assert_eq!(follows(&without(&["order"]).to_string()).status, Status::Skipped);
    let mut later = receipt();
    later["order"]["rule"] = json!(2);
    assert_eq!(follows(&later.to_string()).status, Status::Ok, "without a home both rules agree");
    later["order"]["rule"] = json!(3);
    assert_eq!(follows(&later.to_string()).status, Status::Skipped);
    let mut alone = without(&["order", "attempts"]);
    alone["candidates"].as_array_mut().unwrap().truncate(1);
    assert_eq!(follows(&alone.to_string()).status, Status::Ok);
    assert_eq!(follows("{").status, Status::Mismatch);
    // Whoever could not express the request is passed over with a reason, and then in order.
    let mut passed = receipt();
    passed["attempts"] = json!([{"candidate": 1, "outcome": "ok"}]);
    assert_eq!(follows(&passed.to_string()).status, Status::Mismatch);
    passed["excluded"] =
        json!([{"provider": "pvd_b", "name": "cheap", "reason": "cannot_express"}]);
    assert_eq!(follows(&passed.to_string()).status, Status::Ok);
}
