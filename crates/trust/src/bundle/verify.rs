//! Checking a bundle: from the key one was given to every colour of the page, without asking anybody.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Action, Result, Timestamp};
use ledger::{Checkpoint, Entry, VerifierKey};
use serde::Serialize;

use super::{Keys, Proved, tar};
use crate::{
    Digest, Snapshot,
    centre::HEAD_BOUND,
    dsse::Envelope,
    evidence::ProbeResult,
    registry::{ProbeId, Registry},
    slots::Schedule,
    status::{Build, Context, Fact, History, LogState, Logged, Slot, SlotId, status},
};

/// What was found out about a bundle.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether every check held.
    pub ok: bool,
    pub checks: Vec<Check>,
    /// The fingerprint of the key that signed the log: compare it with the one you were given.
    pub log_key: String,
    pub deployment: String,
    pub issued: Option<Timestamp>,
    pub headline: String,
    /// Results that were checked.
    pub evidence: usize,
    /// What cannot be learned from this file.
    pub unverifiable: Vec<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub ok: bool,
    pub detail: String,
}

const UNVERIFIABLE: &[&str] = &[
    "whether the probes ask the right questions: read them",
    "what a document attests",
    "whether others were shown another log: compare checkpoints with them",
    "results older than those in this file",
];

/// Checks `bundle`; `root` is the fingerprint of the log's key as the operator published it.
///
/// # Errors
/// `Invalid` with code `unreadable` when it is not such a bundle.
pub fn verify(bundle: &[u8], root: Option<&str>) -> Result<Report> {
    let files: BTreeMap<String, Vec<u8>> = tar::read(bundle)?.into_iter().collect();
    let mut checking = Checking { files, checks: Vec::new() };
    let read = checking.read();
    let unverifiable = UNVERIFIABLE.to_vec();
    let ok = read.is_some() && checking.checks.iter().all(|check| check.ok);
    let checks = checking.checks;
    Ok(match read {
        None => Report {
            ok: false,
            checks,
            log_key: String::new(),
            deployment: String::new(),
            issued: None,
            headline: String::new(),
            evidence: 0,
            unverifiable,
        },
        Some(read) => {
            let pinned = root.map(|root| Check {
                name: "the log is signed by the key you were given",
                ok: root == read.log_key,
                detail: read.log_key.clone(),
            });
            Report {
                ok: ok && pinned.as_ref().is_none_or(|check| check.ok),
                checks: pinned.into_iter().chain(checks).collect(),
                log_key: read.log_key,
                deployment: read.snapshot.deployment,
                issued: Some(read.snapshot.issued),
                headline: read.snapshot.headline,
                evidence: read.evidence,
                unverifiable,
            }
        }
    })
}

/// What the checks gave out.
struct Read {
    log_key: String,
    snapshot: Snapshot,
    evidence: usize,
}

/// What the log registered.
#[derive(Default)]
struct Registered {
    builds: BTreeSet<Digest>,
    registries: BTreeSet<Digest>,
    probers: BTreeSet<Digest>,
    snapshot_keys: BTreeSet<Digest>,
}

/// A slot with when and where the log committed to it.
struct Committed {
    probe: ProbeId,
    commitment: Digest,
    at: Timestamp,
}

struct Checking {
    files: BTreeMap<String, Vec<u8>>,
    checks: Vec<Check>,
}

impl Checking {
    fn check(&mut self, name: &'static str, ok: bool, detail: impl Into<String>) -> bool {
        self.checks.push(Check { name, ok, detail: detail.into() });
        ok
    }

    fn text(&self, name: &str) -> Option<String> {
        String::from_utf8(self.files.get(name)?.clone()).ok()
    }

    /// `None` when something is missing without which nothing else can be judged.
    fn read(&mut self) -> Option<Read> {
        let keys: Option<Keys> =
            self.files.get("keys.json").and_then(|bytes| serde_json::from_slice(bytes).ok());
        let key = keys.and_then(|keys| VerifierKey::parse(&keys.log).ok());
        let note = self.text("checkpoint");
        let head =
            key.as_ref().zip(note.as_ref()).and_then(|(key, note)| Checkpoint::verified(note, key));
        let signed = head.is_some();
        self.check(
            "the head of the log is signed",
            signed,
            format!("{} entries", head.map_or(0, |head| head.size)),
        );
        let (key, note) = (key?, note?);
        let registered = self.registered(&note, &key);
        let registry = self.registry(&registered)?;
        let snapshot = self.snapshot(&registered)?;
        let slots = self.slots(&note, &key, &registered);
        let facts = self.evidence(&note, &key, &registered, &slots);
        let evidence = facts.len();
        self.recompute(&registry, &snapshot, registered.builds, facts);
        Some(Read { log_key: key.fingerprint(), snapshot, evidence })
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
                let fits = entry.action == action.as_str() && entry.seq == proved.index;
                let named = proved.envelope.as_ref().is_none_or(|envelope| {
                    fact(&entry, "digest") == Some(Digest::of(envelope.as_bytes()))
                });
                (fits && named).then_some((proved, entry))
            })
            .collect();
        let (count, sound) = (all.len(), all.iter().flatten().count());
        self.check(name, sound == count, format!("{sound} of {count}"));
        let mut found: Vec<_> = all.into_iter().flatten().collect();
        found.sort_by_key(|(proved, _)| proved.index);
        found
    }

    fn registered(&mut self, note: &str, key: &VerifierKey) -> Registered {
        let name = "registrations are in the log";
        let entries = self.proved(name, "registered/", Action::ControlRegister, (note, key));
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

    fn snapshot(&mut self, registered: &Registered) -> Option<Snapshot> {
        let envelope =
            self.files.get("snapshot.dsse.json").and_then(|bytes| Envelope::from_bytes(bytes).ok());
        let opened = envelope.and_then(|envelope| {
            registered
                .snapshot_keys
                .iter()
                .find_map(|key| Snapshot::open(&envelope, key.as_bytes()).ok())
        });
        let detail = opened.as_ref().map(|snapshot| snapshot.headline.clone()).unwrap_or_default();
        self.check("the snapshot is signed by a registered key", opened.is_some(), detail);
        opened
    }

    fn slots(
        &mut self,
        note: &str,
        key: &VerifierKey,
        registered: &Registered,
    ) -> BTreeMap<SlotId, Committed> {
        let name = "schedules are in the log";
        let entries = self.proved(name, "slots/", Action::SlotsCommit, (note, key));
        let mut slots = BTreeMap::new();
        let mut strangers = 0;
        for (proved, entry) in entries {
            let schedule = opened(&proved, registered, Schedule::open);
            let Some(schedule) = schedule else {
                strangers += 1;
                continue;
            };
            slots.extend(schedule.slots.into_iter().map(|slot| {
                let (probe, commitment) = (slot.probe, slot.commitment);
                (slot.id, Committed { probe, commitment, at: entry.t })
            }));
        }
        self.check(
            "schedules are signed by a registered prober",
            strangers == 0,
            format!("{} runs planned", slots.len()),
        );
        slots
    }

    fn evidence(
        &mut self,
        note: &str,
        key: &VerifierKey,
        registered: &Registered,
        slots: &BTreeMap<SlotId, Committed>,
    ) -> Vec<Fact> {
        let name = "results are in the log";
        let entries = self.proved(name, "evidence/", Action::EvidenceAppend, (note, key));
        let (mut facts, mut strangers, mut unopened) = (Vec::new(), 0, 0);
        for (proved, entry) in entries {
            let Some(result) = opened(&proved, registered, ProbeResult::open) else {
                strangers += 1;
                continue;
            };
            let slot = result.slot.clone().map(|id| {
                let known = slots.get(&id);
                let commitment = result.challenge.as_ref().map(|challenge| challenge.commitment);
                let fits = known.is_none_or(|slot| {
                    slot.probe == result.probe && commitment == Some(slot.commitment)
                });
                unopened += usize::from(!fits);
                Slot { id, committed: known.filter(|_| fits).map(|slot| slot.at) }
            });
            facts.push(Fact {
                control: result.control,
                rev: result.control_rev,
                probe: result.probe,
                probe_digest: result.probe_digest,
                vantage: result.vantage,
                deployment: result.deployment,
                build: result.build,
                slot,
                started: result.started,
                finished: result.finished,
                outcome: result.outcome,
                positive_control: result.positive_control,
                subjects: result.subjects,
                logged: Some(Logged { index: entry.seq, at: entry.t }),
            });
        }
        let count = facts.len();
        self.check(
            "results are signed by a registered prober",
            strangers == 0,
            format!("{count} results"),
        );
        self.check(
            "results open the commitments of their slots",
            unopened == 0,
            format!("{unopened} do not"),
        );
        facts
    }

    /// Every colour again, from the evidence alone.
    fn recompute(
        &mut self,
        registry: &Registry,
        snapshot: &Snapshot,
        builds: BTreeSet<Digest>,
        facts: Vec<Fact>,
    ) {
        let mut history = History::default();
        // What came after the snapshot it could not know.
        let before = |fact: &Fact| fact.logged.is_some_and(|logged| logged.at <= snapshot.issued);
        facts.into_iter().filter(before).for_each(|fact| history.push(fact));
        let head_at = snapshot.log.as_ref().map_or(Timestamp::default(), |head| head.at);
        let build = Build {
            deployment: snapshot.deployment.clone(),
            digest: snapshot.build,
            probes: builds,
        };
        let cx = Context {
            now: snapshot.issued,
            build: &build,
            profile: &snapshot.profile,
            log: LogState { consistent: true, head_at, bound: HEAD_BOUND },
        };
        let mut shown: BTreeMap<_, _> =
            snapshot.controls.iter().map(|entry| (&entry.id, entry.status.as_str())).collect();
        let mut differ: Vec<String> = Vec::new();
        for (control, status) in status(registry, &history, &cx) {
            let said = shown.remove(&control.id).unwrap_or("absent");
            if said != status.as_str() {
                differ.push(format!("{} is {} and shown as {said}", control.id, status.as_str()));
            }
        }
        differ.extend(shown.keys().map(|id| format!("{id} is on no list")));
        let detail = if differ.is_empty() {
            format!("{} controls", registry.controls().count())
        } else {
            differ.join("; ")
        };
        self.check("every status follows from the evidence", differ.is_empty(), detail);
    }
}

/// A fact of an entry that is a digest.
fn fact(entry: &Entry, name: &str) -> Option<Digest> {
    entry.facts.get(name)?.as_str()?.parse().ok()
}

/// What is in the envelope, if one of the registered probers signed it.
fn opened<T>(
    proved: &Proved,
    registered: &Registered,
    open: impl Fn(&Envelope, &[u8; 32]) -> Result<T>,
) -> Option<T> {
    let envelope = Envelope::from_bytes(proved.envelope.as_ref()?.as_bytes()).ok()?;
    registered.probers.iter().find_map(|key| open(&envelope, key.as_bytes()).ok())
}
