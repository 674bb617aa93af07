//! Proofs as text (c2sp.org/tlog-proof): index, inclusion path, checkpoint.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::{Checkpoint, Hash, VerifierKey, tree};

const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// That some bytes are in a log. The optional `extra` line is not used and not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogProof {
    /// Place in the log, from 0.
    pub index: u64,
    /// The path, the leaf's sibling first.
    pub path: Vec<Hash>,
    /// A signed checkpoint, verbatim.
    pub checkpoint: String,
}

impl LogProof {
    #[must_use]
    pub fn to_text(&self) -> String {
        let path: String =
            self.path.iter().map(|hash| format!("{}\n", BASE64.encode(hash))).collect();
        format!("{HEADER}\nindex {}\n{path}\n{}", self.index, self.checkpoint)
    }

    /// `None` when the text is not such a proof. Nothing is verified yet.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        lines.next().filter(|line| *line == HEADER)?;
        let index = lines.next()?.strip_prefix("index ")?.parse().ok()?;
        let path = lines
            .map(|line| Hash::try_from(BASE64.decode(line).ok()?).ok())
            .collect::<Option<Vec<_>>>()?;
        let proof = Self { index, path, checkpoint: checkpoint.to_owned() };
        (proof.to_text() == text).then_some(proof)
    }

    /// The log's head, when its signature is `key`'s and the path leads from `leaf` to its root.
    #[must_use]
    pub fn verified(&self, leaf: &[u8], key: &VerifierKey) -> Option<Checkpoint> {
        let head = Checkpoint::verified(&self.checkpoint, key)?;
        let leaf = tree::leaf_hash(leaf);
        tree::verify_inclusion(&leaf, self.index, head.size, &self.path, &head.root).then_some(head)
    }
}
