//! Everything behind the page in one file, for somebody who trusts none of it: registry, keys, snapshot, evidence,
//! schedules, and for each of them the proof that the log holds it.
//!
//! Nothing personal is in it: entries of the log about probes name controls and digests.

mod build;
mod tar;
mod verify;

use ledger::{Hash, LogProof};
use serde::{Deserialize, Serialize};

use crate::Digest;

pub use build::build;
pub use verify::{Check, Report, verify};

/// What `keys.json` names as format. Whoever changes [`README`] or the layout raises it: the reader accepts no other.
const FORMAT: &str = "probity-trust-bundle/1";

const README: &str = "\
The evidence behind a trust page.

registry.json        the controls, as published
keys.json            the format of this file and the verifier key of the log
snapshot.dsse.json   the signed status of every control
checkpoint           the signed head of the log
registered/*         which builds, registries and keys were registered, with proofs
slots/*              the schedules the log committed to before anything ran, with proofs
evidence/*           the signed results, with proofs

Check it offline:  probity verify trust.tar --root <fingerprint you were given>
";

/// The keys that everything else hangs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    format: String,
    /// As c2sp.org/signed-note writes it.
    log: String,
}

/// Something the log holds: its entry, the proof, and what the entry is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proved {
    /// The exact bytes of the entry, as text.
    leaf: String,
    index: u64,
    /// Sibling hashes up to the checkpoint's root, in hex.
    path: Vec<Digest>,
    /// The DSSE envelope whose digest the entry holds, as text; none for registrations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    envelope: Option<String>,
}

impl Proved {
    /// The proof in the ledger's form, against a checkpoint.
    fn proof(&self, checkpoint: &str) -> LogProof {
        let path: Vec<Hash> = self.path.iter().map(|hash| *hash.as_bytes()).collect();
        LogProof { index: self.index, path, checkpoint: checkpoint.to_owned() }
    }
}

#[cfg(test)]
mod tests;
