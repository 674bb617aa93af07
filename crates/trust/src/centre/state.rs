//! What the facade remembers between two requests.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use domain::{EvidenceId, Timestamp};
use serde::Serialize;

use crate::{
    Digest,
    evidence::ProbeResult,
    page::{ChangeRow, Latest},
    registry::{Control, ControlId, Registry},
    snapshot::{Counts, Entry, LogHead, Snapshot},
    stamp,
    status::{
        Build, Context, Fact, History, LogState, Logged, Outcome, Profile, Slot, Status, status,
    },
    strip::Strip,
};

/// How old the newest head of the log may be. Evidence is written every minute, so this is several missed ones.
pub(crate) const HEAD_BOUND: Duration = Duration::from_secs(300);

/// How long the same snapshot is handed out.
const REUSE: Duration = Duration::from_secs(15);

pub(super) struct State {
    pub(super) build: Build,
    history: History,
    pub(super) strips: BTreeMap<ControlId, Strip>,
    pub(super) latest: BTreeMap<ControlId, Latest>,
    pub(super) log: Option<LogHead>,
    /// Where the log holds the last result that was taken in.
    pub(super) seen: Option<u64>,
    consistent: bool,
    pub(super) providers: BTreeSet<String>,
    pub(super) changes: Vec<ChangeRow>,
    pub(super) published: Option<Arc<Published>>,
}

/// A signed snapshot with the values it was made from.
#[derive(Clone, Debug)]
pub struct Published {
    pub snapshot: Snapshot,
    pub(super) statuses: BTreeMap<ControlId, Status>,
    /// The DSSE envelope: the same bytes for everybody.
    pub envelope: Vec<u8>,
}

/// A result that was accepted: signed by the prober, stored, and in the log.
#[derive(Clone, Debug)]
pub struct Observed {
    pub id: EvidenceId,
    pub result: ProbeResult,
    /// SHA-256 of the envelope: what the log holds.
    pub digest: Digest,
    pub logged: Logged,
    /// When the log committed to the slot this run is the first to fill.
    pub committed: Option<Timestamp>,
}

/// News for open pages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Update {
    /// Counts up from 1; 0 before anything happened.
    pub version: u64,
    pub headline: String,
    pub counts: Counts,
    #[serde(with = "stamp")]
    pub issued: Timestamp,
    #[serde(with = "stamp")]
    pub valid_until: Timestamp,
    /// The controls whose entry differs from before.
    pub changed: Vec<Entry>,
}

impl Published {
    pub(super) const fn new(
        snapshot: Snapshot,
        statuses: BTreeMap<ControlId, Status>,
        envelope: Vec<u8>,
    ) -> Self {
        Self { snapshot, statuses, envelope }
    }

    /// The status of one control at the moment of the snapshot.
    #[must_use]
    pub fn status(&self, control: &ControlId) -> Option<&Status> {
        self.statuses.get(control)
    }
}

impl Update {
    pub(super) fn between(version: u64, known: Option<&Published>, now: &Published) -> Self {
        let before: BTreeMap<_, _> = known
            .into_iter()
            .flat_map(|published| &published.snapshot.controls)
            .map(|entry| (&entry.id, entry))
            .collect();
        let differs = |entry: &&Entry| before.get(&entry.id) != Some(entry);
        let snapshot = &now.snapshot;
        Self {
            version,
            headline: snapshot.headline.clone(),
            counts: snapshot.counts,
            issued: snapshot.issued,
            valid_until: snapshot.valid_until,
            changed: snapshot.controls.iter().filter(differs).cloned().collect(),
        }
    }
}

impl State {
    pub(super) fn new(build: Build) -> Self {
        Self {
            build,
            history: History::default(),
            strips: BTreeMap::new(),
            latest: BTreeMap::new(),
            log: None,
            seen: None,
            // Nothing contradicts a log of which nothing is known; nothing in it counts either.
            consistent: true,
            providers: BTreeSet::new(),
            changes: Vec::new(),
            published: None,
        }
    }

    /// The snapshot made a moment ago, if it still says what is true.
    pub(super) fn current(&self, now: Timestamp) -> Option<Arc<Published>> {
        let published = self.published.as_ref()?;
        let issued = published.snapshot.issued;
        let fresh = now >= issued && now.since(issued) < REUSE;
        (fresh && now < published.snapshot.valid_until).then(|| Arc::clone(published))
    }

    pub(super) fn statuses(
        &self,
        registry: &Registry,
        profile: &Profile,
        now: Timestamp,
    ) -> BTreeMap<ControlId, Status> {
        let log = LogState {
            consistent: self.consistent,
            head_at: self.log.as_ref().map_or(Timestamp::default(), |head| head.at),
            bound: HEAD_BOUND,
        };
        let cx = Context { now, build: &self.build, profile, log };
        let all = status(registry, &self.history, &cx);
        all.into_iter().map(|(control, status)| (control.id.clone(), status)).collect()
    }

    pub(super) fn entries(
        &self,
        registry: &Registry,
        statuses: &BTreeMap<ControlId, Status>,
    ) -> Vec<Entry> {
        registry
            .controls()
            .filter_map(|control| {
                Some(Entry::of(&control.id, control.rev, statuses.get(&control.id)?))
            })
            .collect()
    }

    /// When the head of the log becomes too old to keep anything green.
    pub(super) fn head_holds_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.log.as_ref()?.at.plus(HEAD_BOUND);
        (until > now).then_some(until)
    }

    pub(super) fn observe(&mut self, registry: &Registry, observed: Observed) {
        let Observed { id, result, digest, logged, committed } = observed;
        let fresh = fresh(registry, &result.control);
        let strip = self.strips.entry(result.control.clone()).or_default();
        strip.observe(result.finished, result.outcome, fresh);
        self.history.push(Fact {
            control: result.control.clone(),
            rev: result.control_rev,
            probe: result.probe,
            probe_digest: result.probe_digest,
            vantage: result.vantage,
            deployment: result.deployment.clone(),
            build: result.build,
            slot: result.slot.clone().map(|id| Slot { id, committed }),
            started: result.started,
            finished: result.finished,
            outcome: result.outcome,
            positive_control: result.positive_control,
            subjects: result.subjects,
            logged: Some(logged),
        });
        self.seen = self.seen.max(Some(logged.index));
        self.latest.insert(result.control.clone(), Latest { id, result, digest, logged });
        self.published = None;
    }

    /// Builds the strips anew from what is given.
    pub(super) fn recall(
        &mut self,
        registry: &Registry,
        outcomes: impl IntoIterator<Item = (ControlId, Outcome, Timestamp)>,
    ) {
        self.strips.clear();
        for (control, outcome, at) in outcomes {
            let fresh = fresh(registry, &control);
            self.strips.entry(control).or_default().observe(at, outcome, fresh);
        }
    }

    pub(super) fn head(&mut self, head: LogHead, continues: bool) {
        // A log that contradicted itself once does so until somebody looks into it: a restart, at least.
        self.consistent &= continues;
        self.log = Some(head);
        self.published = None;
    }
}

/// How long a pass of `control` counts.
fn fresh(registry: &Registry, control: &ControlId) -> Duration {
    let bindings = registry.control(control).map(Control::bindings).unwrap_or_default();
    bindings.iter().map(|binding| binding.fresh.get()).min().unwrap_or_default()
}
