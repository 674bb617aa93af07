//! The receipt of one request with everything that shows it is the one that was recorded: one JSON document.
//!
//! What is hashed stands in it as text, byte for byte: the receipt, the row of usage that names its digest, the entry of
//! the organization's log that names the root over a batch of such rows, and the spine's entry that names the log's head.
//! However the document itself is spaced, every field counts.

mod choice;
mod report;
mod verify;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{EpochProof, Hash, LogProof, Unreadable, VerifierKey};

pub use choice::follows;
pub use report::ReceiptReport;
pub use verify::verify_receipt;

/// What the document names as format.
pub const RECEIPT_FORMAT: &str = "probity-receipt/1";

/// The place of a row of usage in the batch that one entry of the log stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchProof {
    pub index: u64,
    /// Rows of the batch.
    pub size: u64,
    /// The path from the row to the batch's root.
    pub path: Vec<Hash>,
}

/// A receipt and its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptProof {
    /// The deployment's log key, named by the spine's origin.
    pub key: VerifierKey,
    /// The receipt's text.
    pub receipt: String,
    /// The text of the row of usage.
    pub usage: String,
    pub batch: BatchProof,
    /// The text of the entry that stands for the batch.
    pub event: String,
    /// The entry's place in the organization's log.
    pub log: LogProof,
    /// That log's head in the spine.
    pub epoch: EpochProof,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    log_key: String,
    receipt: String,
    usage: String,
    batch: Batch,
    event: String,
    event_proof: String,
    epoch: Epoch,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    index: u64,
    size: u64,
    path: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Epoch {
    slot: u64,
    path: Vec<String>,
    entry: String,
    entry_proof: String,
}

impl ReceiptProof {
    /// The document, spaced for people.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Texts and numbers: writing them into memory cannot fail.
        serde_json::to_string_pretty(&self.document()).unwrap_or_default() + "\n"
    }

    fn document(&self) -> Document {
        let path = |path: &[Hash]| path.iter().map(|hash| BASE64.encode(hash)).collect();
        Document {
            format: RECEIPT_FORMAT.to_owned(),
            log_key: self.key.to_string(),
            receipt: self.receipt.clone(),
            usage: self.usage.clone(),
            batch: Batch {
                index: self.batch.index,
                size: self.batch.size,
                path: path(&self.batch.path),
            },
            event: self.event.clone(),
            event_proof: self.log.to_text(),
            epoch: Epoch {
                slot: self.epoch.slot,
                path: path(&self.epoch.path),
                entry: String::from_utf8_lossy(&self.epoch.leaf).into_owned(),
                entry_proof: self.epoch.spine.to_text(),
            },
        }
    }

    /// Reads a document. Says nothing yet about whether it is true: [`verify_receipt`] does.
    ///
    /// # Errors
    /// When the bytes are no such document, or there is another way to write what they say.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        let wrong = |what: &str| Unreadable(format!("receipt: {what}"));
        let said: Value = serde_json::from_slice(bytes).map_err(|_| wrong("not JSON"))?;
        if said.get("format").and_then(Value::as_str) != Some(RECEIPT_FORMAT) {
            return Err(wrong("it does not name its format"));
        }
        // From the bytes once more: a member that stands twice is refused only there.
        let document: Document = serde_json::from_slice(bytes).map_err(|_| wrong("its members"))?;
        let proof = Self::of(document).ok_or_else(|| wrong("its proofs"))?;
        match serde_json::to_value(proof.document()) {
            Ok(again) if again == said => Ok(proof),
            _ => Err(wrong("it is not written as this format is")),
        }
    }

    fn of(document: Document) -> Option<Self> {
        let Document { batch, epoch, .. } = document;
        Some(Self {
            key: VerifierKey::parse(&document.log_key).ok()?,
            receipt: document.receipt,
            usage: document.usage,
            batch: BatchProof { index: batch.index, size: batch.size, path: read(&batch.path)? },
            event: document.event,
            log: LogProof::parse(&document.event_proof)?,
            epoch: EpochProof {
                slot: epoch.slot,
                path: read(&epoch.path)?,
                leaf: epoch.entry.into_bytes(),
                spine: LogProof::parse(&epoch.entry_proof)?,
            },
        })
    }
}

fn read(path: &[String]) -> Option<Vec<Hash>> {
    path.iter().map(|text| Hash::try_from(BASE64.decode(text).ok()?).ok()).collect()
}
