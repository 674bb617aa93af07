//! AUD-01: the log continues what was seen before, and its entries hash to its signed heads.
//!
//! The prober keeps its own memory of the heads it has seen, beside its key and out of the server's database.

use std::{collections::BTreeMap, fs, path::Path};

use domain::{Error, OrgId, Result};
use ledger::{
    Checkpoint, Entry, Epoch, EpochTree, Hash, Head, VerifierKey,
    tree::{
        consistency_proof, inclusion_needs, inclusion_proof, leaf_hash, verify_consistency,
        verify_inclusion,
    },
};
use serde::{Deserialize, Serialize};
use store::LogView;

use super::{Finding, Findings, Run};
use crate::{
    Digest,
    evidence::{Reason, Verdict},
};

/// Entries of one log that are hashed again.
const SAMPLES: usize = 8;

/// Organizations whose logs are looked at in one run; the deployment's own always is.
const LOGS: usize = 64;

/// The heads seen before, by origin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Memory(BTreeMap<String, (u64, Digest)>);

/// Everything that is needed to judge one log.
#[derive(Clone, Debug)]
struct Material {
    head: (u64, Hash),
    known: Option<(u64, Hash)>,
    /// Complete subtrees by level and place.
    nodes: BTreeMap<(u8, u64), Hash>,
    /// Sampled entries with the hash stored beside them.
    entries: BTreeMap<u64, (Vec<u8>, Hash)>,
}

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let site = cx.site;
    let logs = site.inspector.logs().await?;
    let key = VerifierKey::parse(&site.verifier).map_err(Error::internal)?;
    let mut memory = Memory::load(&site.memory)?;
    let chosen = chosen(cx, &logs);
    let (mut broken, mut blind, mut samples, mut entries) = (false, false, 0, 0);
    for log in &logs {
        entries += log.size;
        let origin = origin(&site.deployment, log.org);
        let Some(head) = head(log, &key, &origin) else {
            broken = true;
            continue;
        };
        if !chosen.contains(&log.org) || head.0 == 0 {
            continue;
        }
        let known = memory.0.get(&origin).map(|(size, root)| (*size, *root.as_bytes()));
        let material = gather(cx, log, head, known).await?;
        samples += material.entries.len() as u64;
        broken |= !holds(&material);
        blind |= !tampering_shows(&material);
        memory.0.insert(origin, (head.0, Digest::from_bytes(head.1)));
    }
    broken |= !epoch_holds(cx, &logs).await?;
    if !broken {
        memory.keep(&site.memory)?;
    }
    let planted = !blind && samples > 0;
    let verdict = if broken {
        Verdict::Fail(Reason::TreeBroken)
    } else {
        Verdict::sampled(planted, samples, entries, cx.floor("AUD-01"))
    };
    let left = logs.len().saturating_sub(chosen.len());
    let finding = Finding::new(verdict, planted, (samples, entries))
        .measure("logs", chosen.len() as u64, "logs")
        .uncovered((left > 0).then(|| format!("{left} logs, left to later runs")));
    Ok(vec![("AUD-01", finding)])
}

/// The deployment's log and a random choice of the others.
fn chosen(cx: Run<'_>, logs: &[LogView]) -> Vec<OrgId> {
    let others: Vec<OrgId> =
        logs.iter().map(|log| log.org).filter(|org| *org != OrgId::DEPLOYMENT).collect();
    let picked = cx.seed.sample("logs", others.len() as u64, LOGS);
    let picked = picked.into_iter().filter_map(|at| others.get(usize::try_from(at).ok()?).copied());
    picked.chain([OrgId::DEPLOYMENT]).collect()
}

fn origin(deployment: &str, org: OrgId) -> String {
    if org == OrgId::DEPLOYMENT {
        format!("{deployment}/audit/spine")
    } else {
        format!("{deployment}/audit/t/{}", org.uuid())
    }
}

/// Size and root, if the note says so and is signed; an empty log needs no note.
fn head(log: &LogView, key: &VerifierKey, origin: &str) -> Option<(u64, Hash)> {
    if log.size == 0 && log.note.is_empty() {
        return Some((0, log.root));
    }
    let signed = Checkpoint::verified(&log.note, &key.named(origin).ok()?)?;
    let fits = signed.origin == origin && signed.size == log.size && signed.root == log.root;
    fits.then_some((signed.size, signed.root))
}

async fn gather(
    cx: Run<'_>,
    log: &LogView,
    head: (u64, Hash),
    known: Option<(u64, Hash)>,
) -> Result<Material> {
    let name = format!("entries|{}", log.org);
    let sampled = cx.seed.sample(&name, head.0, SAMPLES);
    gather_these(cx, log, (head, known), sampled).await
}

async fn gather_these(
    cx: Run<'_>,
    log: &LogView,
    (head, known): ((u64, Hash), Option<(u64, Hash)>),
    sampled: Vec<u64>,
) -> Result<Material> {
    let tree = cx.site.inspector.tree(log.org);
    let mut needed: Vec<(u8, u64)> =
        sampled.iter().flat_map(|index| inclusion_needs(*index, head.0)).collect();
    if let Some((size, _)) = known {
        // Asked for with a reader that notes what it is asked for.
        let mut note = |level, index| {
            needed.push((level, index));
            Some([0; 32])
        };
        drop(consistency_proof(size, head.0, &mut note));
    }
    let mut nodes = BTreeMap::new();
    for (level, index) in needed {
        if let Some(hash) = tree.node(level, index).await? {
            nodes.insert((level, index), hash);
        }
    }
    let mut entries = BTreeMap::new();
    for index in sampled {
        let empty = (Vec::new(), [0; 32]);
        // A missing entry hashes to nothing in the tree.
        entries.insert(index, tree.entry(index).await?.unwrap_or(empty));
    }
    Ok(Material { head, known, nodes, entries })
}

/// Whether these entries of an organization's log hash to its signed head, and would not if they were changed.
pub(super) async fn includes(cx: Run<'_>, org: OrgId, entries: Vec<u64>) -> Result<bool> {
    let logs = cx.site.inspector.logs().await?;
    let key = VerifierKey::parse(&cx.site.verifier).map_err(Error::internal)?;
    let Some(log) = logs.iter().find(|log| log.org == org) else { return Ok(false) };
    let Some(head) = head(log, &key, &origin(&cx.site.deployment, org)) else { return Ok(false) };
    if entries.is_empty() || entries.iter().any(|entry| *entry >= head.0) {
        return Ok(false);
    }
    let material = gather_these(cx, log, (head, None), entries).await?;
    Ok(holds(&material) && tampering_shows(&material))
}

/// Whether the log continues what was known and every sampled entry is in it. Pure.
fn holds(material: &Material) -> bool {
    let (size, root) = material.head;
    let mut read = |level, index| material.nodes.get(&(level, index)).copied();
    let continues = material.known.is_none_or(|(old, old_root)| {
        consistency_proof(old, size, &mut read)
            .is_ok_and(|proof| verify_consistency((old, &old_root), (size, &root), &proof))
    });
    continues
        && material.entries.iter().all(|(index, (leaf, stored))| {
            let hash = leaf_hash(leaf);
            hash == *stored
                && inclusion_proof(*index, size, &mut read)
                    .is_ok_and(|proof| verify_inclusion(&hash, *index, size, &proof, &root))
        })
}

/// Whether each way of tampering with a copy of the material is noticed: the probe's positive control.
fn tampering_shows(material: &Material) -> bool {
    let mut copies = Vec::new();
    if let Some(index) = material.entries.keys().next().copied() {
        let mut changed = material.clone();
        if let Some((leaf, stored)) = changed.entries.get_mut(&index) {
            // An entry and the hash beside it, changed together.
            leaf.push(b' ');
            *stored = leaf_hash(leaf);
        }
        copies.push(changed);
        let mut removed = material.clone();
        removed.entries.insert(index, (Vec::new(), [0; 32]));
        copies.push(removed);
    }
    if let Some((size, root)) = material.known.filter(|(size, _)| *size > 0) {
        let mut other = root;
        other.reverse();
        copies.push(Material { known: Some((size, other)), ..material.clone() });
    }
    let (size, root) = material.head;
    let rolled_back = Material { known: Some((size + 1, root)), ..material.clone() };
    copies.push(rolled_back);
    copies.iter().all(|copy| !holds(copy))
}

/// Whether the spine's newest epoch commits to the heads of all logs.
async fn epoch_holds(cx: Run<'_>, logs: &[LogView]) -> Result<bool> {
    let Some(spine) = logs.iter().find(|log| log.org == OrgId::DEPLOYMENT) else {
        return Ok(false);
    };
    let Some(last) = spine.epoch_size.checked_sub(1) else {
        // Before the first epoch there is nothing to hold; a log with entries has one within seconds.
        return Ok(true);
    };
    let entry = cx.site.inspector.tree(OrgId::DEPLOYMENT).entry(last).await?;
    let stated =
        entry.and_then(|(leaf, _)| Entry::parse(&leaf).ok()).and_then(|entry| Epoch::of(&entry));
    let Some(stated) = stated else { return Ok(false) };
    let heads: Vec<Head> = logs
        .iter()
        .filter_map(|log| {
            let origin = origin(&cx.site.deployment, log.org);
            let (size, root) = (log.epoch_size, log.epoch_root);
            Some(Head { slot: log.slot?, checkpoint: Checkpoint { origin, size, root } })
        })
        .take(usize::try_from(stated.logs).unwrap_or(usize::MAX))
        .collect();
    Ok(EpochTree::new(&heads).is_some_and(|tree| tree.epoch() == stated))
}

impl Memory {
    fn load(path: &Path) -> Result<Self> {
        match fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(Error::internal),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::internal(error)),
        }
    }

    fn keep(&self, path: &Path) -> Result<()> {
        let next = path.with_extension("next");
        let bytes = serde_json::to_vec(self).map_err(Error::internal)?;
        fs::write(&next, bytes).and_then(|()| fs::rename(&next, path)).map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use ledger::Appender;

    use super::*;

    /// A log of `size` entries of which `known` were seen before.
    fn material(size: u64, known: u64) -> Material {
        let mut tree = Appender::default();
        let (mut nodes, mut entries) = (BTreeMap::new(), BTreeMap::new());
        let mut seen = None;
        for index in 0..size {
            if index == known {
                seen = Some((known, tree.root()));
            }
            let leaf = format!("entry {index}").into_bytes();
            let hash = leaf_hash(&leaf);
            for node in tree.push(hash) {
                nodes.insert((node.level, node.index), node.hash);
            }
            entries.insert(index, (leaf, hash));
        }
        let root = tree.root();
        Material { head: (size, root), known: seen.or(Some((size, root))), nodes, entries }
    }

    #[test]
    fn a_log_that_grew_holds_and_tampering_with_it_shows() {
        for size in 1..20 {
            for known in 0..=size {
                let material = material(size, known);
                assert!(holds(&material), "{known} of {size}");
                assert!(tampering_shows(&material), "{known} of {size}");
            }
        }
    }

    #[test]
    fn every_kind_of_damage_is_noticed() {
        let sound = material(13, 6);
        let mut node = sound.clone();
        node.nodes.values_mut().for_each(|hash| hash[0] ^= 1);
        assert!(!holds(&node));
        let mut missing = sound.clone();
        missing.nodes.clear();
        assert!(!holds(&missing));
        let mut entry = sound.clone();
        entry.entries.get_mut(&4).unwrap().0[0] ^= 1;
        assert!(!holds(&entry));
        let head = Material { head: (13, [7; 32]), ..sound.clone() };
        assert!(!holds(&head));
        let shorter = Material { head: (5, sound.head.1), ..sound };
        assert!(!holds(&shorter));
    }

    #[test]
    fn memory_survives_and_a_broken_one_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("heads.json");
        assert_eq!(Memory::load(&path).unwrap(), Memory::default());
        let memory = Memory(BTreeMap::from([("a".to_owned(), (3, Digest::of(b"a")))]));
        memory.keep(&path).unwrap();
        assert_eq!(Memory::load(&path).unwrap(), memory);
        fs::write(&path, b"{").unwrap();
        assert!(Memory::load(&path).is_err());
    }
}
