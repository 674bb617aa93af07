//! The offline check of a receipt: digest, batch, entry, log, spine, and the choice itself.

use domain::{Action, ActorKind, OrgId, Outcome, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    RECEIPT_FORMAT, ReceiptProof, ReceiptReport,
    choice::{Choice, follows},
};
use crate::{
    Checkpoint, Entry, Hash, Unreadable,
    tree::{leaf_hash, verify_inclusion},
    verify::{Check, Status, check_epoch, check_key},
};

/// The row of usage, as far as it is compared with the receipt.
#[derive(Deserialize)]
struct Row {
    version: u32,
    request: String,
    organization: OrgId,
    requested_model: String,
    model: String,
    provider: Option<String>,
    streaming: bool,
    attempts: usize,
    status: u16,
    cost_nano: Option<u64>,
    currency: Option<String>,
    started_at: i64,
    receipt_sha256: String,
}

/// What the receipt says about the request itself.
#[derive(Default, Deserialize)]
struct Said {
    version: Option<u32>,
    #[serde(default)]
    request: String,
    requested_model: Option<String>,
    stream: Option<bool>,
    /// Of a request that the server left in the middle: then nothing else is known.
    outcome: Option<String>,
    provider: Option<String>,
    model: Option<String>,
}

/// Checks a receipt against a pinned fingerprint of the log key.
///
/// # Errors
/// When the bytes are not a receipt with its proof; everything else is a report, whose `ok` says whether all holds.
pub fn verify_receipt(bytes: &[u8], root: Option<&str>) -> Result<ReceiptReport, Unreadable> {
    let proof = ReceiptProof::parse(bytes)?;
    let unreadable = |what: &str| Unreadable(format!("receipt: {what}"));
    let row: Row = serde_json::from_str(&proof.usage).map_err(|_| unreadable("usage"))?;
    let event =
        Entry::parse(proof.event.as_bytes()).map_err(|_| unreadable("the entry of its batch"))?;
    let choice: Choice = serde_json::from_str(&proof.receipt).map_err(|_| unreadable("text"))?;
    let (log, head) = check_log(&proof, &event, &row);
    let (epoch, epoch_time) = match &head {
        Some(head) => check_epoch(&proof.key, Some(&proof.epoch), head),
        None => (Check::mismatch("head is committed to by the spine", "there is no head"), None),
    };
    let checks = vec![
        check_key(&proof.key, root),
        check_digest(&proof, &row),
        check_same(&proof, &row, &choice),
        check_batch(&proof, &event),
        log,
        epoch,
        follows(&proof.receipt),
    ];
    Ok(ReceiptReport {
        ok: checks.iter().all(|check| check.status != Status::Mismatch),
        format: RECEIPT_FORMAT,
        request: row.request,
        at: Timestamp::from_millis(row.started_at).rfc3339(),
        requested_model: row.requested_model,
        status: row.status,
        candidates: choice.names(),
        attempts: choice.asked(),
        cost_nano: row.cost_nano,
        currency: row.currency,
        origin: event.log,
        epoch: epoch_time,
        fingerprint: proof.key.fingerprint(),
        checks,
    })
}

impl Choice {
    fn names(&self) -> Vec<(String, Option<u64>)> {
        let one = |one: &super::choice::Considered| {
            (one.name.clone(), one.score.as_ref().map(|score| score.score))
        };
        self.candidates.iter().map(one).collect()
    }

    fn asked(&self) -> Vec<(String, String)> {
        let name = |at: usize| self.candidates.get(at).map(|one| one.name.clone());
        let one = |attempt: &super::choice::Attempt| {
            Some((name(attempt.candidate)?, attempt.outcome.clone()))
        };
        self.attempts.iter().filter_map(one).collect()
    }
}

fn check_digest(proof: &ReceiptProof, row: &Row) -> Check {
    let digest = hex::encode(Sha256::digest(proof.receipt.as_bytes()));
    Check::from(
        "receipt is the one the usage row names",
        row.version == 1 && digest == row.receipt_sha256,
        digest,
        "its text was changed since it was recorded",
    )
}

/// The receipt is the request's own, and tells of it what the bill tells.
fn check_same(proof: &ReceiptProof, row: &Row, choice: &Choice) -> Check {
    let said: Said = serde_json::from_str(&proof.receipt).unwrap_or_default();
    let same = said.request == row.request
        && if said.outcome.is_some() {
            said.provider == row.provider && said.model.as_ref() == Some(&row.model)
        } else {
            said.version == Some(1)
                && said.requested_model.as_ref() == Some(&row.requested_model)
                && said.stream == Some(row.streaming)
                && billed(row, choice)
        };
    Check::from(
        "receipt and usage speak of the same request",
        same,
        format!(
            "{}, {} of {}",
            row.request,
            row.model,
            row.provider.as_deref().unwrap_or("nobody")
        ),
        "they name different requests, models or providers",
    )
}

/// Whether the one who is named in the bill is the one who was asked last. An attempt that the client did not wait for
/// is counted, and its outcome is nobody's to know.
fn billed(row: &Row, choice: &Choice) -> bool {
    let is = |one: &super::choice::Considered| {
        Some(&one.provider) == row.provider.as_ref() && one.model == row.model
    };
    let known = choice.attempts.len();
    if known == row.attempts {
        let last = choice.attempts.last().and_then(|last| choice.candidates.get(last.candidate));
        last.is_some_and(is)
    } else {
        known + 1 == row.attempts && choice.candidates.iter().any(is)
    }
}

fn check_batch(proof: &ReceiptProof, event: &Entry) -> Check {
    let batch = &proof.batch;
    let root = event.facts.get("root").and_then(Value::as_str);
    let root = root.and_then(|root| Hash::try_from(hex::decode(root).ok()?).ok());
    let leaf = leaf_hash(proof.usage.as_bytes());
    let holds = event.facts.get("requests").and_then(Value::as_u64) == Some(batch.size)
        && root.is_some_and(|root| {
            verify_inclusion(&leaf, batch.index, batch.size, &batch.path, &root)
        });
    Check::from(
        "usage row is in its batch",
        holds,
        format!("row {} of {}", batch.index, batch.size),
        "the batch's root does not hold this row",
    )
}

fn check_log(proof: &ReceiptProof, event: &Entry, row: &Row) -> (Check, Option<Checkpoint>) {
    let name = "batch is an entry of the organization's signed log";
    let deployment = proof.key.name().strip_suffix("/audit/spine");
    let origin = deployment.map(|name| format!("{name}/audit/t/{}", row.organization.uuid()));
    let settled = event.action == Action::UsageSettle.as_str()
        && event.outcome == Outcome::Success
        && event.actor.kind == ActorKind::System;
    if !settled || origin.as_ref() != Some(&event.log) || event.seq != proof.log.index {
        let why = "the entry is of another kind, of another log, or of another place";
        return (Check::mismatch(name, why), None);
    }
    let key = proof.key.named(&event.log).ok();
    let head = key.and_then(|key| proof.log.verified(proof.event.as_bytes(), &key));
    match head.filter(|head| head.origin == event.log) {
        Some(head) => {
            let detail = format!("entry {} of {} in {}", event.seq, head.size, head.origin);
            (Check::ok(name, detail), Some(head))
        }
        None => (Check::mismatch(name, "the signed head does not hold this entry"), None),
    }
}
