//! The tree against known answers (transparency-dev/merkle) and against another implementation (ct-merkle).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests fail by panic")]

use std::collections::HashMap;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ledger::{
    Appender, Hash,
    tree::{
        consistency_proof, empty_root, inclusion_needs, inclusion_proof, leaf_hash, root_of,
        verify_consistency, verify_inclusion,
    },
};
use proptest::prelude::*;
use sha2_11::Sha256;

const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
const ROOTS: [&str; 9] = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// Leaf hashes, the tree, and every complete subtree.
struct Grown {
    leaves: Vec<Hash>,
    tree: Appender,
    nodes: HashMap<(u8, u64), Hash>,
}

fn grow<'a>(data: impl IntoIterator<Item = &'a [u8]>) -> Grown {
    let mut grown = Grown { leaves: Vec::new(), tree: Appender::default(), nodes: HashMap::new() };
    for item in data {
        let leaf = leaf_hash(item);
        grown.leaves.push(leaf);
        for node in grown.tree.push(leaf) {
            grown.nodes.insert((node.level, node.index), node.hash);
        }
    }
    grown
}

impl Grown {
    fn numbered(size: u64) -> Self {
        let data: Vec<_> = (0..size).map(u64::to_be_bytes).collect();
        grow(data.iter().map(<[u8; 8]>::as_slice))
    }

    fn inclusion(&self, index: u64, size: u64) -> Vec<Hash> {
        inclusion_proof(index, size, &mut |level, at| self.nodes.get(&(level, at)).copied())
            .unwrap()
    }

    fn consistency(&self, old: u64, new: u64) -> Vec<Hash> {
        consistency_proof(old, new, &mut |level, at| self.nodes.get(&(level, at)).copied()).unwrap()
    }

    fn root(&self, size: u64) -> Hash {
        root_of(&self.leaves[..usize::try_from(size).unwrap()])
    }
}

fn reference(size: usize) -> Grown {
    let data: Vec<_> = LEAVES.iter().take(size).map(|leaf| hex::decode(leaf).unwrap()).collect();
    grow(data.iter().map(Vec::as_slice))
}

#[test]
fn known_roots() {
    assert_eq!(hex::encode(empty_root()), ROOTS[0]);
    for (size, root) in ROOTS.iter().enumerate() {
        assert_eq!(hex::encode(reference(size).tree.root()), *root, "size {size}");
    }
}

#[test]
fn known_inclusion_proofs() {
    for (size, index, proof) in [
        (1, 0, ""),
        (2, 0, "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
        (2, 1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (3, 2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
        (
            5,
            1,
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d\
             5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e\
             bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ),
        (
            8,
            5,
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b\
             ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0\
             d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
    ] {
        let grown = reference(usize::try_from(size).unwrap());
        assert_eq!(hex::encode(grown.inclusion(index, size).concat()), proof, "{index} in {size}");
    }
}

#[test]
fn known_consistency_proofs() {
    for (old, new, proof) in [
        (1, 1, ""),
        (
            1,
            8,
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7\
             5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e\
             6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ),
        (
            2,
            5,
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e\
             bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ),
        (
            6,
            8,
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a\
             ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0\
             d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
    ] {
        let grown = reference(8);
        assert_eq!(hex::encode(grown.consistency(old, new).concat()), proof, "{old} to {new}");
    }
}

#[test]
fn all_small_trees_agree_with_another_implementation() {
    for size in 1..=33u64 {
        let ours = Grown::numbered(size);
        let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        (0..size).for_each(|at| theirs.push(at.to_be_bytes().to_vec()));
        assert_eq!(ours.tree.root().as_slice(), theirs.root().as_bytes().as_slice());
        for index in 0..size {
            let proof = ours.inclusion(index, size);
            let other = theirs.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(proof.concat(), other.as_bytes());
            let leaf = ours.leaves[usize::try_from(index).unwrap()];
            assert!(verify_inclusion(&leaf, index, size, &proof, &ours.tree.root()));
            // The proof is for this place and this size only.
            for elsewhere in (0..size).filter(|at| *at != index) {
                assert!(!verify_inclusion(&leaf, elsewhere, size, &proof, &ours.tree.root()));
            }
        }
        for old in 1..=size {
            let proof = ours.consistency(old, size);
            let other = theirs.prove_consistency(usize::try_from(size - old).unwrap());
            assert_eq!(proof.concat(), other.as_bytes());
            let (before, after) = (ours.root(old), ours.tree.root());
            assert!(verify_consistency((old, &before), (size, &after), &proof));
            assert_eq!(verify_consistency((old, &after), (size, &before), &proof), old == size);
        }
    }
}

#[test]
fn needed_nodes_are_those_that_are_read() {
    let grown = Grown::numbered(100);
    for index in 0..100 {
        let needs = inclusion_needs(index, 100);
        let fetched: HashMap<_, _> = needs.iter().map(|at| (*at, grown.nodes[at])).collect();
        let proof =
            inclusion_proof(index, 100, &mut |level, at| fetched.get(&(level, at)).copied());
        assert_eq!(proof.unwrap(), grown.inclusion(index, 100));
    }
    assert!(inclusion_needs(100, 100).is_empty());
}

#[test]
fn a_tree_resumes_where_it_was_left() {
    let whole = Grown::numbered(77);
    let part = Grown::numbered(50).tree;
    let mut resumed = Appender::resume(part.size(), part.frontier().to_vec()).unwrap();
    whole.leaves[50..].iter().for_each(|leaf| drop(resumed.push(*leaf)));
    assert_eq!(resumed, whole.tree);
    assert!(Appender::resume(50, vec![]).is_none());
    assert!(Appender::resume(u64::MAX, vec![[0; 32]; 64]).is_none());
}

proptest! {
    #[test]
    fn large_trees_agree_with_another_implementation(size in 1u64..700, a in any::<u64>(), b in any::<u64>()) {
        let (index, old) = (a % size, b % size + 1);
        let ours = Grown::numbered(size);
        let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        (0..size).for_each(|at| theirs.push(at.to_be_bytes().to_vec()));
        prop_assert_eq!(ours.inclusion(index, size).concat(), theirs.prove_inclusion(index as usize).as_bytes().to_vec());
        prop_assert_eq!(ours.consistency(old, size).concat(), theirs.prove_consistency((size - old) as usize).as_bytes().to_vec());
    }

    #[test]
    fn a_changed_proof_proves_nothing(size in 2u64..300, a in any::<u64>(), bit in 0usize..256, which in any::<usize>()) {
        let grown = Grown::numbered(size);
        let (index, old) = (a % size, a % (size - 1) + 1);
        let mut proof = grown.inclusion(index, size);
        let at = which % proof.len();
        proof[at][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!verify_inclusion(&grown.leaves[index as usize], index, size, &proof, &grown.tree.root()));
        let mut proof = grown.consistency(old, size);
        let at = which % proof.len();
        proof[at][bit / 8] ^= 1 << (bit % 8);
        prop_assert!(!verify_consistency((old, &grown.root(old)), (size, &grown.tree.root()), &proof));
    }

    #[test]
    fn hostile_numbers_never_panic(a in any::<u64>(), b in any::<u64>(), proof in prop::collection::vec(any::<[u8; 32]>(), 0..70)) {
        let hash = [7; 32];
        prop_assert!(!verify_inclusion(&hash, a, b, &proof, &[8; 32]));
        let _ = verify_consistency((a, &hash), (b, &[8; 32]), &proof);
        let _ = inclusion_proof(a, b, &mut |_, _| Some(hash));
        let _ = consistency_proof(a, b, &mut |_, _| Some(hash));
    }
}
