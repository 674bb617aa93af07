//! Transparency log: the tree of RFC 6962, signed checkpoints, proofs, entries without personal data,
//! the export bundle, the receipt of one request, and their offline verifiers. Pure, and built alone by whoever wants to check a log.
//!
//! Invariants: what is hashed is the stored bytes, never a re-encoding; an entry holds no personal data, only
//! salted digests; hostile input gives an error or a mismatch, never a panic; every byte of a bundle counts.

mod bundle;
mod checkpoint;
mod disclosure;
mod entry;
mod epoch;
mod json;
mod log_proof;
mod note;
mod ocsf;
mod receipt;
pub mod tree;
mod verify;

pub use bundle::{Bundle, BundledDisclosure, EpochProof, FORMAT, Unreadable};
pub use checkpoint::Checkpoint;
pub use disclosure::Disclosed;
pub use entry::{ActorEntry, Draft, DraftInput, Entry, EntryError, MAX_ENTRY, SubjectEntry, leaf};
pub use epoch::{Epoch, EpochTree, Head};
pub use json::{Inexact, canonical};
pub use log_proof::LogProof;
pub use note::{Note, NoteError, NoteSigner, Signature, VerifierKey, sign};
pub use receipt::{
    BatchProof, RECEIPT_FORMAT, ReceiptProof, ReceiptReport, follows, verify_receipt,
};
pub use tree::{Appender, Hash};
pub use verify::{Check, Disclosures, Known, Report, Status, Unaccounted, verify, verify_with};
