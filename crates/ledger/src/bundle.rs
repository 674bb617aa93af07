//! The export: one plain tar file that anybody can open, and that proves itself offline.
//!
//! `manifest.json`, `policy` (the log's key), `checkpoint`, `epoch.json`, `epoch.leaf` and `spine.tlog-proof`
//! (this log's head in an epoch, and that epoch in the spine), `entries` (each with two bytes of length),
//! `disclosures.jsonl`, and for reading: `audit.csv` and `ocsf.jsonl`.
//! There is exactly one way to write a bundle; the reader accepts no other.

mod tar;
mod views;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{
    Checkpoint, Disclosed, Entry, EntryError, Hash, LogProof, Note, VerifierKey, json::canonical,
};

/// What `manifest.json` names as format.
pub const FORMAT: &str = "probity-audit-bundle/1";

/// Not a bundle, or damaged beyond judging.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a readable audit bundle: {0}")]
pub struct Unreadable(pub(crate) String);

impl Unreadable {
    fn new(what: &str) -> Self {
        Self(what.to_owned())
    }
}

/// A personal value and the entry it belongs to.
#[derive(Clone, PartialEq, Eq)]
pub struct BundledDisclosure {
    pub seq: u64,
    pub disclosed: Disclosed,
}

/// This log's head in an epoch, and that epoch in the spine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochProof {
    /// The log's permanent number.
    pub slot: u64,
    /// The path from the head to the epoch's root.
    pub path: Vec<Hash>,
    /// The spine's epoch entry, exact bytes.
    pub leaf: Vec<u8>,
    pub spine: LogProof,
}

/// One log, whole. The spine's own bundle has no epoch proof.
#[derive(Clone)]
pub struct Bundle {
    /// The deployment's log key, named by the spine's origin.
    pub key: VerifierKey,
    /// The log's head, a signed note.
    pub checkpoint: String,
    pub epoch: Option<EpochProof>,
    /// Exact bytes, from the first.
    pub entries: Vec<Vec<u8>>,
    /// In the order of entries, then of digests.
    pub disclosures: Vec<BundledDisclosure>,
}

/// A bundle as read, with the files that only repeat what is in it.
pub(crate) struct Opened {
    pub(crate) bundle: Bundle,
    /// The names of files that differ from what the bundle's own content gives.
    pub(crate) differing: Vec<String>,
}

impl Bundle {
    /// The file.
    ///
    /// # Errors
    /// When an entry cannot be read, is too long for the format, or the checkpoint is no checkpoint.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EntryError> {
        let entries =
            self.entries.iter().map(|leaf| Entry::parse(leaf)).collect::<Result<Vec<_>, _>>()?;
        let mut files = self.proof_files()?;
        files.extend(views::files(&entries, &self.entries, &self.disclosures)?);
        files.insert(0, ("manifest.json".to_owned(), self.manifest(&files)?));
        Ok(tar::write(&files))
    }

    fn proof_files(&self) -> Result<Vec<(String, Vec<u8>)>, EntryError> {
        let mut files = vec![
            ("policy".to_owned(), policy(&self.key).into_bytes()),
            ("checkpoint".to_owned(), self.checkpoint.clone().into_bytes()),
        ];
        if let Some(epoch) = &self.epoch {
            files.push(("epoch.json".to_owned(), epoch_json(epoch)?));
            files.push(("epoch.leaf".to_owned(), epoch.leaf.clone()));
            files.push(("spine.tlog-proof".to_owned(), epoch.spine.to_text().into_bytes()));
        }
        let mut entries = Vec::new();
        for leaf in &self.entries {
            let length = u16::try_from(leaf.len()).map_err(|_| EntryError::TooLarge)?;
            entries.extend_from_slice(&length.to_be_bytes());
            entries.extend_from_slice(leaf);
        }
        files.push(("entries".to_owned(), entries));
        let mut lines = String::new();
        for BundledDisclosure { seq, disclosed } in &self.disclosures {
            lines += &line(&json!({ "seq": seq, "disclosure": disclosed.encoded() }))?;
        }
        files.push(("disclosures.jsonl".to_owned(), lines.into_bytes()));
        Ok(files)
    }

    fn manifest(&self, files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, EntryError> {
        let head = self.head().ok_or(EntryError::Malformed)?;
        let files: Vec<_> = files
            .iter()
            .map(|(name, data)| {
                json!({ "name": name, "size": data.len(), "sha256": hex::encode(Sha256::digest(data)) })
            })
            .collect();
        let manifest =
            json!({ "format": FORMAT, "origin": head.origin, "size": head.size, "files": files });
        Ok(line(&manifest)?.into_bytes())
    }

    /// The head in the checkpoint, whoever signed it.
    pub(crate) fn head(&self) -> Option<Checkpoint> {
        Checkpoint::parse(&Note::parse(&self.checkpoint).ok()?).ok()
    }

    /// Reads a bundle. Says nothing yet about whether it is true: [`crate::verify`] does.
    ///
    /// # Errors
    /// When the bytes are not a bundle.
    pub fn parse(bytes: &[u8]) -> Result<Self, Unreadable> {
        open(bytes).map(|opened| opened.bundle)
    }
}

/// Reads the parts, writes them again, and notes which files came out differently.
pub(crate) fn open(bytes: &[u8]) -> Result<Opened, Unreadable> {
    let files = tar::read(bytes)?;
    let mut rest = files.iter();
    let mut take = |name: &str| -> Result<&[u8], Unreadable> {
        match rest.next() {
            Some((found, data)) if found == name => Ok(data),
            _ => Err(Unreadable(format!("{name} is not where it belongs"))),
        }
    };
    let manifest = take("manifest.json")?;
    format_of(manifest)?;
    let key = read_policy(text(take("policy")?, "policy")?)?;
    let checkpoint = text(take("checkpoint")?, "checkpoint")?.to_owned();
    let epoch = if files.iter().any(|(name, _)| name == "epoch.json") {
        let (slot, path) =
            read_epoch_json(take("epoch.json")?).ok_or_else(|| Unreadable::new("epoch.json"))?;
        let leaf = take("epoch.leaf")?.to_vec();
        let spine = LogProof::parse(text(take("spine.tlog-proof")?, "spine.tlog-proof")?)
            .ok_or_else(|| Unreadable::new("spine.tlog-proof"))?;
        Some(EpochProof { slot, path, leaf, spine })
    } else {
        None
    };
    let entries = read_entries(take("entries")?).ok_or_else(|| Unreadable::new("entries"))?;
    let disclosures = read_disclosures(text(take("disclosures.jsonl")?, "disclosures.jsonl")?)
        .ok_or_else(|| Unreadable::new("disclosures.jsonl"))?;
    let bundle = Bundle { key, checkpoint, epoch, entries, disclosures };
    if bundle.head().is_none() {
        return Err(Unreadable::new("checkpoint is not a signed tree head"));
    }
    let differing = differing(&bundle, &files);
    Ok(Opened { bundle, differing })
}

fn differing(bundle: &Bundle, files: &[(String, Vec<u8>)]) -> Vec<String> {
    let Ok(again) =
        bundle.to_bytes().map_err(drop).and_then(|again| tar::read(&again).map_err(drop))
    else {
        return vec!["entries".to_owned()];
    };
    let mut names: Vec<String> =
        again.iter().filter(|file| !files.contains(file)).map(|(name, _)| name.clone()).collect();
    if files.len() != again.len() {
        names.push("number of files".to_owned());
    }
    names
}

fn line(value: &Value) -> Result<String, EntryError> {
    canonical(value).map(|text| text + "\n").map_err(|_| EntryError::Inexact)
}

fn policy(key: &VerifierKey) -> String {
    format!("log {key}\nquorum none\n")
}

fn read_policy(text: &str) -> Result<VerifierKey, Unreadable> {
    text.strip_prefix("log ")
        .and_then(|rest| rest.strip_suffix("\nquorum none\n"))
        .and_then(|key| VerifierKey::parse(key).ok())
        .ok_or_else(|| Unreadable::new("policy names no log key"))
}

fn epoch_json(epoch: &EpochProof) -> Result<Vec<u8>, EntryError> {
    let path: Vec<_> = epoch.path.iter().map(|hash| BASE64.encode(hash)).collect();
    Ok(line(&json!({ "slot": epoch.slot, "hashes": path }))?.into_bytes())
}

fn read_epoch_json(data: &[u8]) -> Option<(u64, Vec<Hash>)> {
    let value: Map<String, Value> = serde_json::from_slice(data).ok()?;
    let hash = |item: &Value| Hash::try_from(BASE64.decode(item.as_str()?).ok()?).ok();
    let path = value.get("hashes")?.as_array()?.iter().map(hash).collect::<Option<Vec<_>>>()?;
    Some((value.get("slot")?.as_u64()?, path))
}

fn read_entries(mut data: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut entries = Vec::new();
    while !data.is_empty() {
        let (length, rest) = data.split_first_chunk::<2>()?;
        let (leaf, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(leaf.to_vec());
        data = rest;
    }
    Some(entries)
}

fn read_disclosures(text: &str) -> Option<Vec<BundledDisclosure>> {
    text.lines()
        .map(|line| {
            let value: Map<String, Value> = serde_json::from_str(line).ok()?;
            let disclosed = Disclosed::parse(value.get("disclosure")?.as_str()?)?;
            Some(BundledDisclosure { seq: value.get("seq")?.as_u64()?, disclosed })
        })
        .collect()
}

fn format_of(manifest: &[u8]) -> Result<(), Unreadable> {
    let value: Value = serde_json::from_slice(manifest)
        .map_err(|_| Unreadable::new("manifest.json is not JSON"))?;
    match value.get("format").and_then(Value::as_str) {
        Some(FORMAT) => Ok(()),
        _ => Err(Unreadable(format!("manifest.json does not say {FORMAT}"))),
    }
}

fn text<'a>(data: &'a [u8], name: &str) -> Result<&'a str, Unreadable> {
    std::str::from_utf8(data).map_err(|_| Unreadable(format!("{name} is not text")))
}
