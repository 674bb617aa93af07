//! The offline check of a bundle: signatures, root over all entries, epoch, spine, personal values, redactions.

mod report;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Bundle, Checkpoint, Entry, EpochProof, Unreadable, VerifierKey,
    bundle::{self, BundledDisclosure, Opened},
    epoch::{Epoch, Head},
    tree::{self, Appender},
};

pub use report::{Check, Disclosures, Report, Status, Unaccounted};

/// What the verifier knows from elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The fingerprint of the log key, from the contract or the trust page.
    pub fingerprint: Option<&'a str>,
    /// The checkpoint kept from an earlier export of the same log.
    pub checkpoint: Option<&'a str>,
}

/// Checks a bundle against a pinned fingerprint of the log key.
///
/// # Errors
/// When the bytes are not a bundle; everything else is a report, whose `ok` says whether all holds.
pub fn verify(bundle: &[u8], root: Option<&str>) -> Result<Report, Unreadable> {
    verify_with(bundle, Known { fingerprint: root, checkpoint: None })
}

/// As [`verify`], and also against an earlier checkpoint of the log.
///
/// # Errors
/// As [`verify`].
pub fn verify_with(bundle: &[u8], known: Known<'_>) -> Result<Report, Unreadable> {
    let Opened { bundle, differing } = bundle::open(bundle)?;
    let head = bundle.head().ok_or_else(|| Unreadable("checkpoint".to_owned()))?;
    let entries: Vec<Option<Entry>> =
        bundle.entries.iter().map(|leaf| Entry::parse(leaf).ok()).collect();
    let (values, disclosures) = check_disclosures(&entries, &bundle.disclosures);
    let (epoch, epoch_time) = check_epoch(&bundle.key, bundle.epoch.as_ref(), &head);
    let checks = vec![
        check_key(&bundle.key, known.fingerprint),
        check_signature(&bundle, &head),
        check_root(&bundle, &head),
        check_entries(&entries, &head),
        epoch,
        check_earlier(&bundle, &head, known.checkpoint),
        values,
        check_redactions(&disclosures),
        check_files(&differing),
    ];
    Ok(Report {
        ok: checks.iter().all(|check| check.status != Status::Mismatch),
        format: bundle::FORMAT,
        origin: head.origin,
        root: hex::encode(head.root),
        entries: head.size,
        first: entries.iter().flatten().next().map(|entry| entry.t.rfc3339()),
        last: entries.iter().flatten().next_back().map(|entry| entry.t.rfc3339()),
        epoch: epoch_time,
        fingerprint: bundle.key.fingerprint(),
        disclosures,
        checks,
    })
}

pub(crate) fn check_key(key: &VerifierKey, pinned: Option<&str>) -> Check {
    let name = "log key is the pinned one";
    let own = key.fingerprint();
    match pinned {
        None => Check::skipped(name, format!("no fingerprint was given; this log's is {own}")),
        Some(pinned) if normal(pinned) == own => Check::ok(name, own),
        Some(_) => Check::mismatch(name, format!("it was signed by another key, {own}")),
    }
}

/// Fingerprints are read aloud and printed in groups.
fn normal(fingerprint: &str) -> String {
    fingerprint.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

fn check_signature(bundle: &Bundle, head: &Checkpoint) -> Check {
    let key = bundle.key.named(&head.origin).ok();
    let signed = key.is_some_and(|key| Checkpoint::verified(&bundle.checkpoint, &key).is_some());
    Check::from(
        "checkpoint is signed by the log key",
        signed,
        format!("{} at {} entries", head.origin, head.size),
        "the signature does not fit",
    )
}

fn check_root(bundle: &Bundle, head: &Checkpoint) -> Check {
    let leaves: Vec<_> = bundle.entries.iter().map(|leaf| tree::leaf_hash(leaf)).collect();
    let fits = u64::try_from(leaves.len()) == Ok(head.size) && tree::root_of(&leaves) == head.root;
    Check::from(
        "root recomputed over all entries",
        fits,
        format!("{} entries give {}", head.size, hex::encode(head.root)),
        "the entries are not those that were signed: some are changed, missing or added",
    )
}

fn check_entries(entries: &[Option<Entry>], head: &Checkpoint) -> Check {
    let wrong = (0u64..).zip(entries).find(|(seq, entry)| {
        entry.as_ref().is_none_or(|entry| entry.seq != *seq || entry.log != head.origin)
    });
    match wrong {
        None => Check::ok("entries are in their places", "every entry names its log and number"),
        Some((seq, _)) => Check::mismatch(
            "entries are in their places",
            format!("entry {seq} is not readable, or belongs elsewhere"),
        ),
    }
}

pub(crate) fn check_epoch(
    key: &VerifierKey,
    proof: Option<&EpochProof>,
    head: &Checkpoint,
) -> (Check, Option<String>) {
    let name = "head is committed to by the spine";
    let Some(proof) = proof else {
        let spine = head.origin == key.name();
        let check = Check::from(name, spine, "this is the spine", "the bundle has no epoch proof");
        return (check, None);
    };
    let spine = proof.spine.verified(&proof.leaf, key);
    let Some(spine) = spine.filter(|spine| spine.origin == key.name()) else {
        let why = "the epoch's entry is not in the spine, or the spine's head is not signed";
        return (Check::mismatch(name, why), None);
    };
    let entry = Entry::parse(&proof.leaf).ok();
    let entry = entry.filter(|entry| entry.seq == proof.spine.index && entry.log == spine.origin);
    let epoch = entry.as_ref().and_then(Epoch::of);
    let head = Head { slot: proof.slot, checkpoint: head.clone() };
    if !epoch.is_some_and(|epoch| head.is_in(&epoch, &proof.path)) {
        return (Check::mismatch(name, "the epoch does not hold this head in this slot"), None);
    }
    let time = entry.map(|entry| entry.t.rfc3339());
    let detail = format!(
        "slot {} of the epoch of {}, entry {} of {}",
        proof.slot,
        time.as_deref().unwrap_or_default(),
        proof.spine.index,
        spine.origin
    );
    (Check::ok(name, detail), time)
}

fn check_earlier(bundle: &Bundle, head: &Checkpoint, earlier: Option<&str>) -> Check {
    let name = "log continues the earlier checkpoint";
    let Some(earlier) = earlier else {
        return Check::skipped(name, "no earlier checkpoint was given");
    };
    let key = bundle.key.named(&head.origin).ok();
    let Some(earlier) = key.and_then(|key| Checkpoint::verified(earlier, &key)) else {
        return Check::mismatch(name, "the earlier checkpoint is not signed by this log's key");
    };
    let mut tree = Appender::default();
    for leaf in &bundle.entries {
        if tree.size() < earlier.size {
            tree.push(tree::leaf_hash(leaf));
        }
    }
    let continues =
        earlier.origin == head.origin && tree.size() == earlier.size && tree.root() == earlier.root;
    Check::from(
        name,
        continues,
        format!("the first {} entries are unchanged", earlier.size),
        "the log was rewritten since that checkpoint",
    )
}

/// Every value must open a digest of its entry; digests without a value are redactions.
fn check_disclosures(
    entries: &[Option<Entry>],
    bundled: &[BundledDisclosure],
) -> (Check, Disclosures) {
    let mut missing: BTreeMap<&str, u64> = BTreeMap::new();
    for entry in entries.iter().flatten() {
        missing.extend(entry.sd.iter().map(|digest| (digest.as_str(), entry.seq)));
    }
    let mut wrong = 0;
    let mut open = BTreeSet::new();
    for BundledDisclosure { seq, disclosed } in bundled {
        let digest = disclosed.digest();
        if missing.get(digest.as_str()) == Some(seq) {
            missing.remove(digest.as_str());
            open.insert((digest, *seq));
        } else {
            wrong += 1;
        }
    }
    let forgotten = Forgotten::of(entries);
    let (accounted, unaccounted): (Vec<_>, Vec<_>) =
        missing.into_iter().partition(|(digest, seq)| forgotten.covers(digest, *seq));
    let disclosures = Disclosures {
        present: open.len(),
        redacted: accounted.len(),
        still_present: open.iter().filter(|(digest, seq)| forgotten.covers(digest, *seq)).count(),
        unaccounted: unaccounted
            .into_iter()
            .map(|(digest, seq)| Unaccounted { seq, digest: digest.to_owned() })
            .collect(),
    };
    let check = Check::from(
        "personal values match their digests",
        wrong == 0,
        format!("{} values", disclosures.present),
        format!("{wrong} values do not belong to their entry"),
    );
    (check, disclosures)
}

fn check_redactions(disclosures: &Disclosures) -> Check {
    let Disclosures { redacted, still_present, unaccounted, .. } = disclosures;
    Check::from(
        "missing personal values are accounted for",
        unaccounted.is_empty() && *still_present == 0,
        format!("{redacted} erased or expired, as the log says"),
        format!(
            "{} missing without an erasure in the log, {still_present} present in spite of one",
            unaccounted.len()
        ),
    )
}

fn check_files(differing: &[String]) -> Check {
    Check::from(
        "files agree with the entries",
        differing.is_empty(),
        "the manifest and the readable files follow from the entries",
        format!("differing: {}", differing.join(", ")),
    )
}

/// What erasure and expiry entries cover; only what came before them.
#[derive(Default)]
struct Forgotten {
    erased: BTreeMap<String, u64>,
    /// Values of entries below this number have expired.
    expired: u64,
}

impl Forgotten {
    fn of(entries: &[Option<Entry>]) -> Self {
        let mut this = Self::default();
        let done = |entry: &&Entry| entry.outcome == domain::Outcome::Success;
        for entry in entries.iter().flatten().filter(done) {
            if entry.action == domain::Action::PrivacyErasure.as_str() {
                let digests = entry.facts.get("erased").and_then(|list| list.as_array());
                for digest in digests.into_iter().flatten().filter_map(|digest| digest.as_str()) {
                    this.erased.insert(digest.to_owned(), entry.seq);
                }
            } else if entry.action == domain::Action::DisclosureExpire.as_str() {
                let before = entry.facts.get("before").and_then(serde_json::Value::as_u64);
                this.expired = this.expired.max(before.unwrap_or(0).min(entry.seq));
            }
        }
        this
    }

    fn covers(&self, digest: &str, seq: u64) -> bool {
        seq < self.expired || self.erased.get(digest).is_some_and(|at| seq < *at)
    }
}
