//! One receipt: fetched with the key that made the request, checked against the log and against what the twins know.

use std::time::Duration;

use domain::{OrgId, Result};
use ledger::{ReceiptProof, Status, follows, verify_receipt};
use serde_json::Value;
use tokio::time::Instant;

use super::super::{Run, household::text, routing::places::*};
use crate::client::{Auth, Payload};

/// How long a signature may take: rows are written every ten seconds at most, and signed as often.
const SIGNED: Duration = Duration::from_secs(60);

/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(500);

/// A receipt with its proofs, as the front door gave it.
pub(super) struct Receipt {
    text: String,
    proof: ReceiptProof,
}

impl Receipt {
    /// `None` when it does not come, or cannot be read.
    pub(super) async fn fetch(cx: Run<'_>, key: &str, request: &str) -> Result<Option<Self>> {
        let path = format!("/v1/receipts/{request}/proof");
        let until = Instant::now() + SIGNED;
        loop {
            let answer = cx.site.client.send("GET", &path, Auth::Key(key), Payload::Empty).await?;
            if answer.status == 200 {
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                let proof = ReceiptProof::parse(text.as_bytes()).ok();
                return Ok(proof.map(|proof| Self { text, proof }));
            }
            // Anything but "not yet" will not change by waiting; neither will what takes too long.
            let busy = answer.status == 409 || answer.status == 429 || answer.status >= 500;
            if !busy || Instant::now() >= until {
                return Ok(None);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it verifies, stands in the log as it says, and is true.
    pub(super) async fn holds(&self, cx: Run<'_>, root: &str, by: &str) -> Result<bool> {
        let verified = verify_receipt(self.text.as_bytes(), Some(root))
            .is_ok_and(|report| report.checks.iter().all(|check| check.status == Status::Ok));
        let said: Value = serde_json::from_str(&self.proof.receipt).unwrap_or_default();
        Ok(verified && self.is_logged(cx).await? && is_true(&said, by))
    }

    /// Whether the entry is, byte for byte, the one in the log that the prober reads for itself.
    async fn is_logged(&self, cx: Run<'_>) -> Result<bool> {
        let usage: Value = serde_json::from_str(&self.proof.usage).unwrap_or_default();
        let Ok(org) = text(&usage, "organization").parse::<OrgId>() else { return Ok(false) };
        let entry = cx.site.inspector.tree(org).entry(self.proof.log.index).await?;
        Ok(entry.is_some_and(|(leaf, _)| leaf == self.proof.event.as_bytes()))
    }
}

/// Whether the receipt tells what the twins know: who answered, who may not be asked and why, who fails, who is slow, and
/// whose price is known.
fn is_true(said: &Value, by: &str) -> bool {
    let list = |name: &str| said.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let (candidates, attempts) = (list("candidates"), list("attempts"));
    let outside = list("excluded")
        .iter()
        .any(|one| text(one, "name") == OUTSIDE && text(one, "reason") == "region");
    let inputs = |name: &str| {
        let one = candidates.iter().find(|one| text(one, "name") == name)?;
        one.get("inputs").cloned()
    };
    let number = |name: &str, field: &str| inputs(name)?.get(field)?.as_u64();
    let late = u64::try_from(LATE.as_millis()).unwrap_or(u64::MAX);
    let failing = number(FAILING, "errors_permille").is_some_and(|errors| errors > 0)
        || inputs(FAILING).is_some_and(|all| all.get("healthy") == Some(&Value::Bool(false)));
    // What streams and whole answers take is kept apart: of one of them nothing may be known yet.
    let slow = number(SLOW, "wait_ms").is_none_or(|wait| wait >= late);
    let price = |name: &str| inputs(name).map(|all| all.get("price").is_some());
    let last = attempts.last().and_then(|last| last.get("candidate")?.as_u64());
    let last = last.and_then(|at| candidates.get(usize::try_from(at).ok()?));
    outside
        && failing
        && slow
        && price(PRICED) == Some(true)
        && price(UNPRICED) == Some(false)
        && last.is_some_and(|last| text(last, "name") == by)
        && candidates.iter().all(|one| text(one, "name") != OUTSIDE)
}

/// The positive control: a receipt with another score, and one with another choice, are noticed, whether only the text
/// is changed or everything that leads to it would have been recorded with it.
pub(super) fn altered_is_caught(document: &str, root: &str) -> bool {
    let Ok(proof) = ReceiptProof::parse(document.as_bytes()) else { return false };
    let Ok(said) = serde_json::from_str::<Value>(&proof.receipt) else { return false };
    let altered = [rescored(said.clone()), reordered(said)];
    altered.into_iter().all(|altered| {
        let Some(receipt) = altered.map(|altered| altered.to_string()) else { return false };
        let noticed = follows(&receipt).status == Status::Mismatch;
        let forged = ReceiptProof { receipt, ..proof.clone() }.to_text();
        noticed && verify_receipt(forged.as_bytes(), Some(root)).is_ok_and(|report| !report.ok)
    })
}

fn rescored(mut said: Value) -> Option<Value> {
    let score = said.pointer_mut("/candidates/0/score")?;
    *score = Value::from(score.as_u64()? + 1);
    Some(said)
}

fn reordered(mut said: Value) -> Option<Value> {
    let candidates = said.get_mut("candidates")?.as_array_mut()?;
    (candidates.len() > 1).then(|| candidates.swap(0, 1))?;
    Some(said)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said() -> Value {
        json!({
            "excluded": [{"name": OUTSIDE, "reason": "region"}],
            "candidates": [
                {"name": PRICED, "inputs": {"price": {"input": 1}}},
                {"name": UNPRICED, "inputs": {}},
                {"name": SLOW, "inputs": {"wait_ms": 700}},
                {"name": FAILING, "inputs": {"errors_permille": 250, "healthy": true}},
            ],
            "attempts": [{"candidate": 0}],
        })
    }

    #[test]
    fn a_receipt_that_tells_something_else_than_the_twins_is_not_true() {
        assert!(is_true(&said(), PRICED));
        assert!(!is_true(&said(), SLOW), "another one answered");
        for (pointer, value) in [
            ("/excluded/0/reason", json!("unhealthy")),
            ("/candidates/0/inputs", json!({})),
            ("/candidates/1/inputs", json!({"price": {}})),
            ("/candidates/2/inputs/wait_ms", json!(3)),
            ("/candidates/3/inputs/errors_permille", json!(0)),
            ("/attempts", json!([])),
        ] {
            let mut wrong = said();
            *wrong.pointer_mut(pointer).unwrap() = value;
            assert!(!is_true(&wrong, PRICED), "{pointer}");
        }
    }
}
