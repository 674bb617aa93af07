//! Checking a bundle: from the key one was given to every colour of the page, without asking anybody.

mod fact;
mod recompute;
mod report;

use std::collections::{BTreeMap, BTreeSet};

use domain::{Action, Result, Timestamp};
use ledger::{Checkpoint, Entry, VerifierKey};

use super::{FORMAT, Keys, Proved, README, tar};
use crate::{
    Digest, Snapshot,
    dsse::Envelope,
    evidence::ProbeResult,
    registry::{ProbeId, Registry},
    slots::Schedule,
    status::{Fact, Logged, SlotId},
};

use fact::{fact, fact_of, opened};
pub use report::{Check, Report};

/// The files that stand by themselves; all others are in one of the [`FOLDERS`].
const FILES: &[&str] =
    &["README", "registry.json", "keys.json", "snapshot.dsse.json", "checkpoint"];
const FOLDERS: &[&str] = &["registered/", "slots/", "evidence/"];

/// Checks `bundle`; `root` is the fingerprint of the log's key as the operator published it.
///
/// # Errors
/// `Invalid` with code `unreadable` when it is not such a bundle.
pub fn verify(bundle: &[u8], root: Option<&str>) -> Result<Report> {
    let files: BTreeMap<String, Vec<u8>> = tar::read(bundle)?.into_iter().collect();
    // Another kind of file, such as the export of a log, is no broken bundle.
    if !files.contains_key("keys.json") && !files.contains_key("snapshot.dsse.json") {
        return Err(tar::damaged());
    }
    let mut checking = Checking { files, checks: Vec::new() };
    checking.pinned(root);
    Ok(match checking.read() {
        None => Report::broken(checking.checks),
        Some(read) => Report {
            ok: checking.checks.iter().all(|check| check.ok),
            checks: checking.checks,
            log_key: read.log_key,
            deployment: read.snapshot.deployment,
            issued: Some(read.snapshot.issued),
            valid_until: Some(read.snapshot.valid_until),
            headline: read.snapshot.headline,
            evidence: read.evidence,
            gaps: read.gaps,
            unverifiable: report::UNVERIFIABLE.to_vec(),
        },
    })
}

/// What the checks gave out.
struct Read {
    log_key: String,
    snapshot: Snapshot,
    evidence: usize,
    gaps: usize,
}

/// What the log registered.
#[derive(Default)]
struct Registered {
    builds: BTreeSet<Digest>,
    registries: BTreeSet<Digest>,
    probers: BTreeSet<Digest>,
    snapshot_keys: BTreeSet<Digest>,
}

/// A slot with when the log committed to it.
struct Committed {
    probe: ProbeId,
    due: Timestamp,
    commitment: Digest,
    at: Timestamp,
}

type Slots = BTreeMap<SlotId, Committed>;

struct Checking {
    files: BTreeMap<String, Vec<u8>>,
    checks: Vec<Check>,
}

impl Checking {
    fn check(&mut self, name: &'static str, ok: bool, detail: impl Into<String>) -> bool {
        self.checks.push(Check { name, ok, detail: detail.into() });
        ok
    }

    fn keys(&self) -> Option<VerifierKey> {
        let bytes = self.files.get("keys.json")?;
        let keys: Keys = serde_json::from_slice(bytes).ok()?;
        let ours =
            keys.format == FORMAT && serde_json::to_vec(&keys).is_ok_and(|own| own == *bytes);
        VerifierKey::parse(&keys.log).ok().filter(|_| ours)
    }

    /// Whether the log's key is the one that was given.
    fn pinned(&mut self, root: Option<&str>) {
        let Some(root) = root else { return };
        let own = self.keys().map(|key| key.fingerprint()).unwrap_or_default();
        // Fingerprints are read aloud and printed in groups.
        let plain = root.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let ok = plain.eq_ignore_ascii_case(&own);
        self.check("the log is signed by the key you were given", ok, own);
    }

    /// `None` when something is missing without which nothing else can be judged.
    fn read(&mut self) -> Option<Read> {
        self.known_files();
        let key = self.keys();
        let note = self.files.get("checkpoint").cloned();
        let note = note.and_then(|bytes| String::from_utf8(bytes).ok());
        let head =
            key.as_ref().zip(note.as_ref()).and_then(|(key, note)| Checkpoint::verified(note, key));
        let size = head.as_ref().map_or(0, |head| head.size);
        let format = format!("{size} entries");
        self.check("the head of the log is signed", head.is_some(), format);
        let (key, note) = (key?, note?);
        let registered = self.registered((&note, &key));
        let registry = self.registry(&registered)?;
        let snapshot = self.snapshot(&registered, &key, size)?;
        let slots = self.slots((&note, &key), &registered);
        let facts = self.evidence((&note, &key), &registered, &slots);
        let evidence = facts.len();
        let gaps = recompute::gaps(&registry, &snapshot, &slots, &facts);
        let differ = recompute::differences(&registry, &snapshot, registered.builds, facts);
        let detail = if differ.is_empty() {
            format!("{} controls", registry.controls().count())
        } else {
            differ.join("; ")
        };
        self.check("every status follows from the evidence", differ.is_empty(), detail);
        Some(Read { log_key: key.fingerprint(), snapshot, evidence, gaps })
    }

    /// Nothing in the file goes unchecked.
    fn known_files(&mut self) {
        let known = |name: &&String| {
            FILES.contains(&name.as_str()) || FOLDERS.iter().any(|folder| name.starts_with(folder))
        };
        let mut strange: Vec<String> =
            self.files.keys().filter(|name| !known(name)).cloned().collect();
        if self.files.get("README").is_none_or(|text| text != README.as_bytes()) {
            strange.push("README".to_owned());
        }
        let count = self.files.len();
        let detail = if strange.is_empty() { format!("{count} files") } else { strange.join(", ") };
        self.check("the file holds what it says and nothing else", strange.is_empty(), detail);
    }

    /// The proved things in a folder, each with its entry; one that is not proved makes the check fail.
    fn proved(
        &mut self,
        name: &'static str,
        folder: &str,
        action: Action,
        (note, key): (&str, &VerifierKey),
    ) -> Vec<(Proved, Entry)> {
        let files = self.files.iter().filter(|(name, _)| name.starts_with(folder));
        let all: Vec<Option<(Proved, Entry)>> = files
            .map(|(_, bytes)| {
                let proved: Proved = serde_json::from_slice(bytes).ok()?;
                proved.proof(note).verified(proved.leaf.as_bytes(), key)?;
                let entry = Entry::parse(proved.leaf.as_bytes()).ok()?;
                let fits = entry.action == action.as_str()
                    && entry.seq == proved.index
                    && entry.log == key.name();
                let named = proved.envelope.as_ref().is_none_or(|envelope| {
                    fact(&entry, "digest") == Some(Digest::of(envelope.as_bytes()))
                });
                // Only the one way to write it: what says the same in other bytes was changed.
                let same = serde_json::to_vec(&proved).is_ok_and(|own| own == *bytes);
                (fits && named && same).then_some((proved, entry))
            })
            .collect();
        let (count, sound) = (all.len(), all.iter().flatten().count());
        self.check(name, sound == count, format!("{sound} of {count}"));
        let mut found: Vec<_> = all.into_iter().flatten().collect();
        found.sort_by_key(|(proved, _)| proved.index);
        found
    }

    fn registered(&mut self, log: (&str, &VerifierKey)) -> Registered {
        let name = "registrations are in the log";
        let entries = self.proved(name, "registered/", Action::ControlRegister, log);
        let mut registered = Registered::default();
        for (_, entry) in entries {
            registered.builds.extend(fact(&entry, "build"));
            registered.registries.extend(fact(&entry, "registry"));
            registered.probers.extend(fact(&entry, "prober"));
            registered.snapshot_keys.extend(fact(&entry, "snapshot_key"));
        }
        registered
    }

    fn registry(&mut self, registered: &Registered) -> Option<Registry> {
        let bytes = self.files.get("registry.json").cloned().unwrap_or_default();
        let digest = Digest::of(&bytes);
        let known = registered.registries.contains(&digest);
        self.check("the controls are those that were registered", known, digest.to_string());
        Registry::from_json(&bytes).ok()
    }

    fn snapshot(
        &mut self,
        registered: &Registered,
        key: &VerifierKey,
        size: u64,
    ) -> Option<Snapshot> {
        let bytes = self.files.get("snapshot.dsse.json").cloned().unwrap_or_default();
        let envelope = Envelope::from_bytes(&bytes).ok();
        let envelope = envelope.filter(|own| own.to_bytes().is_ok_and(|own| own == bytes));
        let opened = envelope.and_then(|envelope| {
            let mut keys = registered.snapshot_keys.iter();
            keys.find_map(|key| Snapshot::open(&envelope, key.as_bytes()).ok())
        });
        let detail = opened.as_ref().map(|snapshot| snapshot.headline.clone()).unwrap_or_default();
        self.check("the snapshot is signed by a registered key", opened.is_some(), detail);
        let shown = opened.as_ref().and_then(|snapshot| snapshot.log.as_ref());
        let within = shown.is_none_or(|head| {
            Checkpoint::verified(&head.note, key)
                .is_some_and(|signed| signed.size == head.size && head.size <= size)
        });
        let detail = shown.map_or_else(|| "none".to_owned(), |head| format!("entry {}", head.size));
        self.check("the snapshot shows a head of this log", within, detail);
        opened
    }

    fn slots(&mut self, log: (&str, &VerifierKey), registered: &Registered) -> Slots {
        let entries = self.proved("schedules are in the log", "slots/", Action::SlotsCommit, log);
        let mut slots = BTreeMap::new();
        let mut strangers = 0;
        for (proved, entry) in entries {
            let Some(schedule) = opened(&proved, registered, Schedule::open) else {
                strangers += 1;
                continue;
            };
            slots.extend(schedule.slots.into_iter().map(|slot| {
                let (probe, due, commitment) = (slot.probe, slot.due, slot.commitment);
                (slot.id, Committed { probe, due, commitment, at: entry.t })
            }));
        }
        let detail = format!("{} runs planned", slots.len());
        self.check("schedules are signed by a registered prober", strangers == 0, detail);
        slots
    }

    fn evidence(
        &mut self,
        log: (&str, &VerifierKey),
        registered: &Registered,
        slots: &Slots,
    ) -> Vec<Fact> {
        let entries =
            self.proved("results are in the log", "evidence/", Action::EvidenceAppend, log);
        let (mut facts, mut strangers, mut unopened) = (Vec::new(), 0, 0);
        for (proved, entry) in entries {
            let Some(result) = opened(&proved, registered, ProbeResult::open) else {
                strangers += 1;
                continue;
            };
            let logged = Logged { index: entry.seq, at: entry.t };
            let (fact, fits) = fact_of(result, logged, slots);
            unopened += usize::from(!fits);
            facts.push(fact);
        }
        let detail = format!("{} results", facts.len());
        self.check("results are signed by a registered prober", strangers == 0, detail);
        let detail = format!("{unopened} do not");
        self.check("results open the commitments of their slots", unopened == 0, detail);
        facts
    }
}
