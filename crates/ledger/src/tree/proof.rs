//! Inclusion and consistency proofs: made as in RFC 6962, checked as in RFC 9162, section 2.1.

use super::{Hash, fold, node_hash};

/// Why a proof cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("the tree does not reach that far")]
    OutOfRange,
    #[error("node {index} of level {level} is missing")]
    Missing { level: u8, index: u64 },
}

/// Looks up a complete subtree by level and index.
type Reader<'a> = &'a mut dyn FnMut(u8, u64) -> Option<Hash>;

/// The proof that leaf `index` is in the tree of `size` leaves, the leaf's sibling first.
///
/// # Errors
/// When `index` is not below `size`, or the reader lacks a node.
pub fn inclusion_proof(index: u64, size: u64, read: Reader<'_>) -> Result<Vec<Hash>, ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            path.push(range_root(middle, high, read)?);
            high = middle;
        } else {
            path.push(range_root(low, middle, read)?);
            low = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The nodes, as level and index, that the inclusion proof reads: for readers that fetch beforehand.
#[must_use]
pub fn inclusion_needs(index: u64, size: u64) -> Vec<(u8, u64)> {
    let mut needs = Vec::new();
    let proof = inclusion_proof(index, size, &mut |level, at| {
        needs.push((level, at));
        Some([0; 32])
    });
    if proof.is_ok() { needs } else { Vec::new() }
}

/// The proof that the tree of `new` leaves continues the tree of `old` leaves.
///
/// # Errors
/// When `old` is greater than `new`, or the reader lacks a node.
pub fn consistency_proof(old: u64, new: u64, read: Reader<'_>) -> Result<Vec<Hash>, ProofError> {
    if old > new {
        return Err(ProofError::OutOfRange);
    }
    let mut path = Vec::new();
    if old == 0 {
        return Ok(path);
    }
    let (mut low, mut high, mut whole) = (0, new, true);
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            path.push(range_root(middle, high, read)?);
            high = middle;
        } else {
            path.push(range_root(low, middle, read)?);
            low = middle;
            whole = false;
        }
    }
    if !whole {
        path.push(range_root(low, high, read)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether `proof` shows that a leaf with this hash is at `index` of the tree of `size` leaves.
#[must_use]
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether `proof` shows that the tree (`new`, `new_root`) continues the tree (`old`, `old_root`).
#[must_use]
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    proof: &[Hash],
) -> bool {
    if old == 0 || old >= new {
        let same = old == new && old_root == new_root;
        return proof.is_empty() && (same || (old == 0 && new > 0));
    }
    let (mut at, mut last) = (old - 1, new - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let mut rest = proof.iter();
    // A complete old tree is itself the first node of the proof.
    let first = if old.is_power_of_two() { Some(old_root) } else { rest.next() };
    let Some(first) = first else { return false };
    let (mut before, mut after) = (*first, *first);
    for node in rest {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            before = node_hash(node, &before);
            after = node_hash(node, &after);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            after = node_hash(&after, node);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && before == *old_root && after == *new_root
}

/// The largest power of two below `count`, which is at least 2.
const fn split(count: u64) -> u64 {
    1 << (63 - (count - 1).leading_zeros())
}

/// The root over leaves `low..high`, where `low` is a multiple of every subtree within.
fn range_root(mut low: u64, high: u64, read: Reader<'_>) -> Result<Hash, ProofError> {
    let mut subtrees = Vec::new();
    while low < high {
        let shift = 63 - (high - low).leading_zeros();
        let (level, index) = (u8::try_from(shift).unwrap_or(u8::MAX), low >> shift);
        subtrees.push(read(level, index).ok_or(ProofError::Missing { level, index })?);
        low += 1 << shift;
    }
    fold(&subtrees).ok_or(ProofError::OutOfRange)
}
