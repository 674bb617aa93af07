//! Epochs: the spine's regular commitment to the heads of all tenants' logs, one fixed slot for each.
//!
//! A tenant has exactly one slot, so an epoch shows exactly one head of it:
//! whoever shows a tenant two different pasts has to fork the spine as well.

use serde_json::{Map, Value};

use crate::{
    Appender, Checkpoint, Entry, Hash,
    tree::{ProofError, inclusion_proof, leaf_hash, verify_inclusion},
};

/// The head of the log in one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The tenant's permanent number, from 0.
    pub slot: u64,
    pub checkpoint: Checkpoint,
}

impl Head {
    /// `slot, length of origin, origin, size, root`; numbers big-endian, 8, 2 and 8 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Checkpoint { origin, size, root } = &self.checkpoint;
        let length = u16::try_from(origin.len()).unwrap_or(u16::MAX);
        let mut bytes = self.slot.to_be_bytes().to_vec();
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(origin.as_bytes());
        bytes.extend_from_slice(&size.to_be_bytes());
        bytes.extend_from_slice(root);
        bytes
    }

    /// Whether `path` shows this head in its slot of the epoch.
    #[must_use]
    pub fn is_in(&self, epoch: &Epoch, path: &[Hash]) -> bool {
        verify_inclusion(&leaf_hash(&self.to_bytes()), self.slot, epoch.logs, path, &epoch.root)
    }
}

/// The tree over all heads.
#[derive(Clone, Debug, Default)]
pub struct EpochTree {
    tree: Appender,
    /// Complete subtrees by level.
    levels: Vec<Vec<Hash>>,
}

impl EpochTree {
    /// `None` unless the heads are those of slots 0, 1, 2, … without a gap.
    #[must_use]
    pub fn new(heads: &[Head]) -> Option<Self> {
        let mut this = Self::default();
        for head in heads {
            if head.slot != this.tree.size() {
                return None;
            }
            for node in this.tree.push(leaf_hash(&head.to_bytes())) {
                let level = usize::from(node.level);
                if this.levels.len() <= level {
                    this.levels.push(Vec::new());
                }
                this.levels.get_mut(level)?.push(node.hash);
            }
        }
        Some(this)
    }

    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch { logs: self.tree.size(), root: self.tree.root() }
    }

    /// The path that shows the head in `slot`.
    ///
    /// # Errors
    /// When there is no such slot.
    pub fn path(&self, slot: u64) -> Result<Vec<Hash>, ProofError> {
        inclusion_proof(slot, self.tree.size(), &mut |level, index| {
            let index = usize::try_from(index).ok()?;
            self.levels.get(usize::from(level))?.get(index).copied()
        })
    }
}

/// What the spine says in an epoch entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Number of slots.
    pub logs: u64,
    pub root: Hash,
}

impl Epoch {
    /// The facts of the epoch's event.
    #[must_use]
    pub fn facts(&self) -> Map<String, Value> {
        let mut facts = Map::new();
        facts.insert("logs".to_owned(), Value::from(self.logs));
        facts.insert("root".to_owned(), Value::from(hex::encode(self.root)));
        facts
    }

    /// Reads it back; `None` when the entry is not an epoch.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Self> {
        if entry.action != domain::Action::LogEpoch.as_str() {
            return None;
        }
        let root = hex::decode(entry.facts.get("root")?.as_str()?).ok()?;
        Some(Self { logs: entry.facts.get("logs")?.as_u64()?, root: root.try_into().ok()? })
    }
}
