//! What the journal remembers in memory: open requests, settled ones that wait for the database,
//! and which segments still hold a record of either.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use domain::{Error, OrgId, ProjectId, RequestId, Result};

use super::{
    MOST_WAITING,
    record::{Intent, Settlement},
    segment::Segment,
};

/// Complete segments kept before stragglers are moved out of the oldest.
const CROWD: usize = 3;
const MOST_STRAGGLERS: usize = 64;

/// A request that ended, as the journal knows it.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) intent: Intent,
    pub(crate) settlement: Settlement,
}

struct Open {
    intent: Intent,
    segment: u64,
}

struct Waiting {
    settled: Arc<Settled>,
    intent_in: u64,
    /// `None` when the disk refused the settlement.
    settlement_in: Option<u64>,
}

pub(super) struct State {
    pub(super) active: Segment,
    /// Something was written since the last flush.
    pub(super) dirty: bool,
    /// A flush failed: nothing is accepted until everything was written anew.
    pub(super) broken: bool,
    pub(super) closed: bool,
    open: HashMap<RequestId, Open>,
    waiting: BTreeMap<OrgId, VecDeque<Waiting>>,
    /// Ids in `waiting`.
    settled: HashSet<RequestId>,
    /// Records of unfinished requests per segment, for the segments that have some.
    records: BTreeMap<u64, usize>,
    /// Complete segments that still exist, oldest first.
    complete: Vec<u64>,
    /// The last number given to a segment, whether it could be made or not.
    numbered: u64,
}

impl State {
    /// Starts with the `complete` segments of earlier runs.
    pub(super) fn new(active: Segment, complete: Vec<u64>) -> Self {
        Self {
            numbered: active.number,
            active,
            dirty: false,
            broken: false,
            closed: false,
            open: HashMap::new(),
            waiting: BTreeMap::new(),
            settled: HashSet::new(),
            records: BTreeMap::new(),
            complete,
        }
    }

    pub(super) fn usable(&self) -> Result<()> {
        if self.broken || self.closed {
            return Err(Error::unavailable("The usage journal cannot be written.")
                .with_code("journal_unwritable"));
        }
        Ok(())
    }

    /// Whether an intent may be taken.
    pub(super) fn admit(&self, request: RequestId) -> Result<()> {
        if self.settled.contains(&request) {
            return Err(Error::internal("the request was settled already"));
        }
        if self.open.len().saturating_add(self.settled.len()) >= MOST_WAITING {
            return Err(Error::unavailable(
                "Too many requests wait to be recorded. Try again in a moment.",
            )
            .with_code("usage_backlog"));
        }
        Ok(())
    }

    /// Whether a settlement is awaited; false when there was one.
    pub(super) fn is_open(&self, request: RequestId) -> Result<bool> {
        if self.open.contains_key(&request) {
            return Ok(true);
        }
        if self.settled.contains(&request) {
            return Ok(false);
        }
        Err(Error::internal("a request was settled that was never announced"))
    }

    pub(super) fn intended(&mut self, intent: &Intent, segment: u64) {
        self.hold(segment);
        let open = Open { intent: intent.clone(), segment };
        if let Some(replaced) = self.open.insert(intent.request, open) {
            self.release(replaced.segment);
        }
    }

    /// `segment` is where the settlement was written, if it was.
    pub(super) fn settled(&mut self, settlement: &Settlement, segment: Option<u64>) {
        let Some(open) = self.open.remove(&settlement.request) else { return };
        if let Some(segment) = segment {
            self.hold(segment);
        }
        self.settled.insert(settlement.request);
        let (org, intent_in) = (open.intent.org, open.segment);
        let settled = Arc::new(Settled { intent: open.intent, settlement: settlement.clone() });
        let waiting = Waiting { settled, intent_in, settlement_in: segment };
        self.waiting.entry(org).or_default().push_back(waiting);
    }

    pub(super) fn waiting(&self) -> Vec<(OrgId, usize)> {
        self.waiting.iter().map(|(org, queue)| (*org, queue.len())).collect()
    }

    /// The project of a request of `org` that is under way, or waits for the database.
    pub(super) fn project_of(&self, org: OrgId, request: RequestId) -> Option<ProjectId> {
        let of = |intent: &Intent| (intent.org == org).then_some(intent.project);
        if let Some(open) = self.open.get(&request) {
            return of(&open.intent);
        }
        if !self.settled.contains(&request) {
            return None;
        }
        let mut waiting = self.waiting.get(&org)?.iter().map(|waiting| &waiting.settled.intent);
        waiting.find(|intent| intent.request == request).and_then(of)
    }

    pub(super) fn oldest(&self, org: OrgId, most: usize) -> Vec<Arc<Settled>> {
        let queue = self.waiting.get(&org).into_iter().flatten();
        queue.take(most).map(|waiting| Arc::clone(&waiting.settled)).collect()
    }

    /// Forgets the oldest of `org` and returns them, to be dropped outside the lock.
    pub(super) fn swept(&mut self, org: OrgId, count: usize) -> Vec<Arc<Settled>> {
        let Some(queue) = self.waiting.get_mut(&org) else { return Vec::new() };
        let done: Vec<Waiting> = queue.drain(..count.min(queue.len())).collect();
        if queue.is_empty() {
            self.waiting.remove(&org);
        }
        done.into_iter()
            .map(|waiting| {
                self.settled.remove(&waiting.settled.intent.request);
                self.release(waiting.intent_in);
                if let Some(segment) = waiting.settlement_in {
                    self.release(segment);
                }
                waiting.settled
            })
            .collect()
    }

    /// Whether no settled request waits for the database.
    pub(super) fn is_swept(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.open.is_empty()
    }

    /// Everything that is not in the database.
    pub(super) fn unfinished(&self) -> Vec<(Intent, Option<Settlement>)> {
        let open = self.open.values().map(|open| (open.intent.clone(), None));
        let waiting = self.waiting.values().flatten();
        let waiting = waiting.map(|waiting| {
            let Settled { intent, settlement } = waiting.settled.as_ref();
            (intent.clone(), Some(settlement.clone()))
        });
        open.chain(waiting).collect()
    }

    /// Every unfinished request was written anew into `segment`.
    pub(super) fn rehomed(&mut self, segment: u64) {
        let mut records = 0usize;
        for open in self.open.values_mut() {
            open.segment = segment;
            records += 1;
        }
        for waiting in self.waiting.values_mut().flatten() {
            waiting.intent_in = segment;
            waiting.settlement_in = Some(segment);
            records += 2;
        }
        self.records.clear();
        if records > 0 {
            self.records.insert(segment, records);
        }
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.numbered = self.numbered.saturating_add(1);
        self.numbered
    }

    pub(super) fn replace(&mut self, next: Segment) {
        let old = std::mem::replace(&mut self.active, next);
        self.complete.push(old.number);
    }

    /// The oldest segments, as far as none has a record of an unfinished request; they are the caller's to remove.
    /// A younger one may hold the end of a request that an older one announces, so it stays until that is gone.
    pub(super) fn take_unneeded(&mut self) -> Vec<u64> {
        let needed = self.complete.iter().position(|number| self.records.contains_key(number));
        self.complete.drain(..needed.unwrap_or(self.complete.len())).collect()
    }

    /// The few requests that are still open and alone keep the oldest of too many segments.
    pub(super) fn stragglers(&self) -> Vec<Intent> {
        let Some(&oldest) = self.complete.first().filter(|_| self.complete.len() > CROWD) else {
            return Vec::new();
        };
        let records = self.records.get(&oldest).copied().unwrap_or_default();
        if records > MOST_STRAGGLERS {
            return Vec::new();
        }
        let open = self.open.values().filter(|open| open.segment == oldest);
        let intents: Vec<_> = open.map(|open| open.intent.clone()).collect();
        // The others have ended and are about to be swept.
        if intents.len() == records { intents } else { Vec::new() }
    }

    /// Every segment, the active one too.
    pub(super) fn take_all(&mut self) -> Vec<u64> {
        let mut all = std::mem::take(&mut self.complete);
        all.push(self.active.number);
        all
    }

    fn hold(&mut self, segment: u64) {
        *self.records.entry(segment).or_default() += 1;
    }

    fn release(&mut self, segment: u64) {
        if let Some(records) = self.records.get_mut(&segment) {
            *records = records.saturating_sub(1);
            if *records == 0 {
                self.records.remove(&segment);
            }
        }
    }
}
