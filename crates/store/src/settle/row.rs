//! A settled request as a row, and the bytes of the row that the log commits to.

use domain::{Error, KeyId, OrgId, ProjectId, Provenance, ProviderId, RequestId, Result};
use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::{entity::usage, journal::Settled};

/// More tokens than any request can have. A provider that reports more must not overflow the sums.
const MOST_TOKENS: u64 = 1_000_000_000_000;
/// A million units of the currency, in nano-units.
const MOST_COST: u64 = 1_000_000_000_000_000;

fn signed(value: u64, most: u64) -> i64 {
    i64::try_from(value.min(most)).unwrap_or(i64::MAX)
}

/// The row as `node` records it, without the event that it is recorded by.
pub(super) fn model(settled: &Settled, node: Uuid) -> usage::Model {
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
        node_id: Some(node),
    }
}

/// What the log commits to. The fields stand in the order of RFC 8785, so that writing them once is canonical.
#[derive(Serialize)]
struct Leaf<'a> {
    attempts: Exact,
    cache_read: Option<Exact>,
    cache_write: Option<Exact>,
    cost_nano: Option<Exact>,
    currency: Option<&'a str>,
    ended_at: Exact,
    error_code: Option<&'a str>,
    first_token_ms: Option<Exact>,
    input: Option<Exact>,
    key: KeyId,
    model: &'a str,
    organization: OrgId,
    output: Option<Exact>,
    project: ProjectId,
    protocol: &'a str,
    provenance: &'a str,
    provider: Option<ProviderId>,
    reasoning: Option<Exact>,
    receipt_sha256: String,
    request: RequestId,
    requested_model: &'a str,
    started_at: Exact,
    status: Exact,
    streaming: bool,
    version: u8,
}

/// An integer that every reader of JSON reads exactly.
#[derive(Clone, Copy)]
struct Exact(i64);

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        if self.0.unsigned_abs() >= 1 << 53 {
            return Err(serde::ser::Error::custom("a number has more than 53 bits"));
        }
        serializer.serialize_i64(self.0)
    }
}

/// The canonical JSON of a row (RFC 8785), the receipt by its SHA-256: a leaf of the batch's tree.
///
/// # Errors
/// `Internal` when a number cannot be written exactly.
pub(crate) fn leaf(row: &usage::Model) -> Result<Vec<u8>> {
    let leaf = Leaf {
        attempts: Exact(row.attempts),
        cache_read: row.cache_read.map(Exact),
        cache_write: row.cache_write.map(Exact),
        cost_nano: row.cost_nano.map(Exact),
        currency: row.currency.as_deref(),
        ended_at: Exact(row.ended_at),
        error_code: row.error_code.as_deref(),
        first_token_ms: row.first_token_ms.map(Exact),
        input: row.input.map(Exact),
        key: KeyId::from_uuid(row.key_id),
        model: &row.model,
        organization: OrgId::from_uuid(row.org_id),
        output: row.output.map(Exact),
        project: ProjectId::from_uuid(row.project_id),
        protocol: &row.protocol,
        provenance: &row.provenance,
        provider: row.provider_id.map(ProviderId::from_uuid),
        reasoning: row.reasoning.map(Exact),
        receipt_sha256: hex::encode(vault::sha256(row.receipt.as_bytes())),
        request: RequestId::from_uuid(row.request_id),
        requested_model: &row.requested_model,
        started_at: Exact(row.started_at),
        status: Exact(row.status),
        streaming: row.streaming,
        version: 1,
    };
    let mut out = Vec::with_capacity(1024);
    serde_json::to_writer(&mut out, &leaf).map_err(Error::internal)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> usage::Model {
        usage::Model {
            org_id: Uuid::from_u128(1),
            request_id: Uuid::from_u128(2),
            project_id: Uuid::from_u128(3),
            key_id: Uuid::from_u128(4),
            provider_id: Some(Uuid::from_u128(5)),
            model: "m".to_owned(),
            requested_model: "r".to_owned(),
            protocol: "openai".to_owned(),
            streaming: true,
            started_at: 6,
            ended_at: 7,
            first_token_ms: Some(8),
            status: 200,
            error_code: None,
            attempts: 1,
            input: Some(9),
            cache_read: Some(10),
            cache_write: Some(11),
            output: Some(12),
            reasoning: Some(13),
            provenance: "reported".to_owned(),
            cost_nano: Some(14),
            currency: Some("USD".to_owned()),
            receipt: "{}".to_owned(),
            event_id: Uuid::nil(),
            node_id: None,
        }
    }

    #[test]
    fn a_leaf_is_canonical() {
        let row = usage::Model { model: "Ü\u{1} \"/\\".to_owned(), ..row() };
        let bytes = leaf(&row).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), ledger::canonical(&value).unwrap());
        assert!(leaf(&usage::Model { input: Some(1 << 53), ..row }).is_err());
    }

    #[test]
    fn every_column_is_committed_to() {
        let changes: [fn(&mut usage::Model); 24] = [
            |row| row.org_id = Uuid::nil(),
            |row| row.request_id = Uuid::nil(),
            |row| row.project_id = Uuid::nil(),
            |row| row.key_id = Uuid::nil(),
            |row| row.provider_id = None,
            |row| row.model.clear(),
            |row| row.requested_model.clear(),
            |row| row.protocol.clear(),
            |row| row.streaming = false,
            |row| row.started_at += 1,
            |row| row.ended_at += 1,
            |row| row.first_token_ms = None,
            |row| row.status += 1,
            |row| row.error_code = Some(String::new()),
            |row| row.attempts += 1,
            |row| row.input = None,
            |row| row.cache_read = None,
            |row| row.cache_write = None,
            |row| row.output = Some(0),
            |row| row.reasoning = None,
            |row| row.provenance.clear(),
            |row| row.cost_nano = None,
            |row| row.currency = None,
            |row| row.receipt.push(' '),
        ];
        let mut seen = vec![leaf(&row()).unwrap()];
        for change in changes {
            let mut changed = row();
            change(&mut changed);
            let bytes = leaf(&changed).unwrap();
            assert!(!seen.contains(&bytes), "{}", String::from_utf8_lossy(&bytes));
            seen.push(bytes);
        }
    }
}
