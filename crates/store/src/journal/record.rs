//! What the journal holds, and how a record looks on disk:
//! `length(4, LE) | CRC-32 of length and payload(4, LE) | payload`, the payload in postcard, sealed by the run's key.

use domain::{
    Error, KeyId, OrgId, ProjectId, Protocol, ProviderId, RequestId, Result, Timestamp, Usage,
};
use serde::{Deserialize, Serialize};
use vault::{Aad, DataKey, Series};

/// That a request is about to be answered. Holds no content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    pub request: RequestId,
    pub org: OrgId,
    pub project: ProjectId,
    pub key: KeyId,
    /// The provider that answers, or that was asked last.
    pub provider: ProviderId,
    /// The model that answers, as the provider names it.
    pub model: String,
    /// The model that was asked for.
    pub requested_model: String,
    /// The wire format of the client.
    pub protocol: Protocol,
    pub started: Timestamp,
    pub streaming: bool,
    /// What was set aside for it under a budget: the most it was meant to cost, in nano-units.
    #[serde(skip)]
    pub reserved_nano: Option<u64>,
}

/// How it ended. Holds no content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    pub request: RequestId,
    pub ended: Timestamp,
    pub usage: Usage,
    /// Nano-units of `currency`; `None` when no price is known.
    pub cost_nano: Option<u64>,
    pub currency: Option<String>,
    /// HTTP status; 0 when the server stopped in the middle.
    pub status: u16,
    pub error_code: Option<String>,
    pub first_token_ms: Option<u64>,
    pub attempts: u32,
    /// The receipt, without content.
    pub receipt_json: String,
}

/// The code of a request whose end nobody saw, because the server stopped in the middle of it.
pub(crate) const INTERRUPTED: &str = "interrupted";

impl Settlement {
    /// The end of a request that a server left behind. What it used is absent, not zero.
    pub(crate) fn interrupted(intent: &Intent) -> Self {
        Self {
            request: intent.request,
            // Nothing is known after the start.
            ended: intent.started,
            usage: Usage::default(),
            cost_nano: None,
            currency: None,
            status: 0,
            error_code: Some(INTERRUPTED.to_owned()),
            first_token_ms: None,
            attempts: 1,
            receipt_json: interrupted_receipt(intent),
        }
    }
}

/// What is known of a request whose end nobody saw. Under a budget it counts as what was set aside for it: it may have
/// cost that much, and nobody can say that it did not.
fn interrupted_receipt(intent: &Intent) -> String {
    let mut receipt = serde_json::json!({
        "request": intent.request,
        "outcome": INTERRUPTED,
        "provider": intent.provider,
        "model": intent.model,
    });
    if let (Some(reserved), Some(receipt)) = (intent.reserved_nano, receipt.as_object_mut()) {
        receipt.insert(RESERVED.to_owned(), reserved.into());
    }
    receipt.to_string()
}

/// Where the receipt of an interrupted request says what was set aside for it.
const RESERVED: &str = "reserved_nano";

/// The same, read back; zero when nothing was.
pub(crate) fn reserved_by(receipt: &str) -> u64 {
    let receipt: serde_json::Value = serde_json::from_str(receipt).unwrap_or_default();
    receipt.get(RESERVED).and_then(serde_json::Value::as_u64).unwrap_or(0)
}

#[derive(Debug, Deserialize)]
pub(super) enum Record {
    Intent(Intent),
    Settlement(Settlement),
    /// Every settlement before this record is in the database.
    Swept,
    /// An intent, and what was set aside for it.
    Reserving(Intent, u64),
}

/// The same, to be written.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) enum RecordRef<'a> {
    Intent(&'a Intent),
    Settlement(&'a Settlement),
    Swept,
    Reserving(&'a Intent, u64),
}

impl<'a> From<&'a Intent> for RecordRef<'a> {
    fn from(intent: &'a Intent) -> Self {
        intent.reserved_nano.map_or(Self::Intent(intent), |nano| Self::Reserving(intent, nano))
    }
}

pub(super) const AAD: Aad<'static> =
    Aad { org: OrgId::DEPLOYMENT, table: "journal", column: "record", row: b"" };

/// Length and checksum.
const HEAD: usize = 8;
/// Few records are longer: room for them is made once.
const USUAL: usize = 1024;
/// Far more than any record; a longer one is garbage.
const LONGEST: usize = 1 << 20;

/// The bytes of one record, ready to be written.
pub(super) fn encode(record: RecordRef<'_>, series: &Series) -> Result<Vec<u8>> {
    let plain = postcard::to_extend(&record, Vec::with_capacity(USUAL)).map_err(Error::internal)?;
    framed(Series::OVERHEAD + plain.len(), |out| series.seal_onto(&plain, out))
}

pub(super) fn decode(payload: &[u8], key: &DataKey) -> Result<Record> {
    postcard::from_bytes(&vault::open(key, &AAD, payload)?).map_err(Error::internal)
}

pub(super) fn frame(payload: &[u8]) -> Result<Vec<u8>> {
    framed(payload.len(), |out| {
        out.extend_from_slice(payload);
        Ok(())
    })
}

/// Frames what `write` appends, `size` bytes as a rule.
fn framed(size: usize, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(HEAD + size);
    out.extend_from_slice(&[0; HEAD]);
    write(&mut out)?;
    let Some((head, payload)) = out.split_first_chunk_mut::<HEAD>() else { return Ok(out) };
    if payload.len() > LONGEST {
        return Err(Error::internal("a record of the usage journal is too long"));
    }
    let length = u32::try_from(payload.len()).map_err(Error::internal)?.to_le_bytes();
    let check = checksum(length, payload).to_le_bytes();
    head.copy_from_slice([length, check].as_flattened());
    Ok(out)
}

/// The payload at the start of `bytes` and what follows it; `None` when it is not whole.
pub(super) fn unframe(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (expected, rest) = rest.split_first_chunk::<4>()?;
    let wanted = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if wanted > LONGEST {
        return None;
    }
    let (payload, rest) = rest.split_at_checked(wanted)?;
    (checksum(*length, payload) == u32::from_le_bytes(*expected)).then_some((payload, rest))
}

fn checksum(length: [u8; 4], payload: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&length);
    crc.update(payload);
    crc.finalize()
}
