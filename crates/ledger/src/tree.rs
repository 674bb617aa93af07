//! The Merkle tree of RFC 6962, section 2.1: hashing, incremental append, roots.

mod proof;

use sha2::{Digest, Sha256};

pub use proof::{
    ProofError, consistency_proof, inclusion_needs, inclusion_proof, verify_consistency,
    verify_inclusion,
};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// The hash of one entry: `SHA-256(0x00 || data)`.
#[must_use]
pub fn leaf_hash(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

/// The hash of two subtrees: `SHA-256(0x01 || left || right)`.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a tree without entries: `SHA-256("")`.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// The root over leaf hashes in order.
#[must_use]
pub fn root_of(leaves: &[Hash]) -> Hash {
    let mut tree = Appender::default();
    for &leaf in leaves {
        tree.push(leaf);
    }
    tree.root()
}

/// A complete subtree: `level` 0 is a leaf, `index` counts subtrees of that level from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    pub level: u8,
    pub index: u64,
    pub hash: Hash,
}

/// A tree that only grows, remembered by the roots of its complete subtrees (at most 64 hashes).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appender {
    size: u64,
    /// Largest subtree first.
    frontier: Vec<Hash>,
}

impl Appender {
    /// Takes up a tree where it was left; `None` when the frontier does not fit the size.
    #[must_use]
    pub fn resume(size: u64, frontier: Vec<Hash>) -> Option<Self> {
        let fits = usize::try_from(size.count_ones()) == Ok(frontier.len()) && size <= u64::MAX / 2;
        fits.then_some(Self { size, frontier })
    }

    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    #[must_use]
    pub fn frontier(&self) -> &[Hash] {
        &self.frontier
    }

    /// Appends a leaf hash; returns the subtrees that became complete, the leaf itself first.
    pub fn push(&mut self, leaf: Hash) -> Vec<Node> {
        let mut node = Node { level: 0, index: self.size, hash: leaf };
        let mut complete = vec![node];
        while node.index & 1 == 1 {
            let Some(left) = self.frontier.pop() else { break };
            node = Node {
                level: node.level.saturating_add(1),
                index: node.index >> 1,
                hash: node_hash(&left, &node.hash),
            };
            complete.push(node);
        }
        self.frontier.push(node.hash);
        self.size = self.size.saturating_add(1);
        complete
    }

    #[must_use]
    pub fn root(&self) -> Hash {
        fold(&self.frontier).unwrap_or_else(empty_root)
    }
}

/// The root over adjacent complete subtrees, largest first.
fn fold(subtrees: &[Hash]) -> Option<Hash> {
    subtrees.iter().rev().copied().reduce(|right, left| node_hash(&left, &right))
}
