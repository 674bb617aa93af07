//! A settled request as a row, and the bytes of the row that the log commits to.

use domain::{Error, KeyId, OrgId, ProjectId, Provenance, ProviderId, RequestId, Result};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{entity::usage, journal::Settled};

/// More tokens than any request can have. A provider that reports more must not overflow the sums.
const MOST_TOKENS: u64 = 1_000_000_000_000;
/// A million units of the currency, in nano-units.
const MOST_COST: u64 = 1_000_000_000_000_000;

fn signed(value: u64, most: u64) -> i64 {
    i64::try_from(value.min(most)).unwrap_or(i64::MAX)
}

/// The row, without the event that it is recorded by.
pub(super) fn model(settled: &Settled) -> usage::Model {
    let Settled { intent, settlement } = settled;
    let usage = settlement.usage;
    let tokens =
        |count| (usage.provenance != Provenance::Absent).then(|| signed(count, MOST_TOKENS));
    usage::Model {
        org_id: intent.org.uuid(),
        request_id: intent.request.uuid(),
        project_id: intent.project.uuid(),
        key_id: intent.key.uuid(),
        provider_id: Some(intent.provider.uuid()),
        model: intent.model.clone(),
        requested_model: intent.requested_model.clone(),
        protocol: intent.protocol.as_str().to_owned(),
        streaming: intent.streaming,
        started_at: intent.started.as_millis(),
        ended_at: settlement.ended.as_millis(),
        first_token_ms: settlement.first_token_ms.map(|millis| signed(millis, u64::MAX)),
        status: i64::from(settlement.status),
        error_code: settlement.error_code.clone(),
        attempts: i64::from(settlement.attempts),
        input: tokens(usage.input),
        cache_read: tokens(usage.cache_read),
        cache_write: tokens(usage.cache_write),
        output: tokens(usage.output),
        reasoning: tokens(usage.reasoning),
        provenance: usage.provenance.as_str().to_owned(),
        cost_nano: settlement.cost_nano.map(|cost| signed(cost, MOST_COST)),
        currency: settlement.currency.clone(),
        receipt: settlement.receipt_json.clone(),
        event_id: Uuid::nil(),
    }
}

/// The canonical JSON of a row (RFC 8785), the receipt by its SHA-256: a leaf of the batch's tree.
///
/// # Errors
/// `Internal` when a number cannot be written exactly.
pub(super) fn leaf(row: &usage::Model) -> Result<Vec<u8>> {
    let value: Value = json!({
        "version": 1,
        "organization": OrgId::from_uuid(row.org_id),
        "request": RequestId::from_uuid(row.request_id),
        "project": ProjectId::from_uuid(row.project_id),
        "key": KeyId::from_uuid(row.key_id),
        "provider": row.provider_id.map(ProviderId::from_uuid),
        "model": row.model,
        "requested_model": row.requested_model,
        "protocol": row.protocol,
        "streaming": row.streaming,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "first_token_ms": row.first_token_ms,
        "status": row.status,
        "error_code": row.error_code,
        "attempts": row.attempts,
        "input": row.input,
        "cache_read": row.cache_read,
        "cache_write": row.cache_write,
        "output": row.output,
        "reasoning": row.reasoning,
        "provenance": row.provenance,
        "cost_nano": row.cost_nano,
        "currency": row.currency,
        "receipt_sha256": hex::encode(vault::sha256(row.receipt.as_bytes())),
    });
    ledger::canonical(&value).map(String::into_bytes).map_err(Error::internal)
}
