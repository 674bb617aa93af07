//! The usage journal: what was promised to be accounted for, and how it ended, in append-only files.
//!
//! Invariants: an intent is in the file (`write(2)`) before [`Journal::intent`] returns and on the disk
//! (`fdatasync`) within 100 ms, so that `kill -9` loses nothing and a power cut the last 100 ms at most;
//! an intent without a settlement becomes an interrupted request at the next start; replaying twice
//! changes nothing; records hold no content and are sealed.

mod record;
mod replay;
mod segment;
mod state;
mod sync;
#[cfg(test)]
mod tests;

use std::{path::Path, path::PathBuf, sync::Arc, thread::JoinHandle};

use domain::{OrgId, ProjectId, RequestId, Result};
use parking_lot::{Condvar, Mutex};
use vault::RootKey;

pub(crate) use record::reserved_by;
pub use record::{Intent, Settlement};
pub(crate) use state::Settled;

use record::RecordRef;
use segment::{RunKey, Segment};
use state::State;

const DIRECTORY: &str = "journal";
/// Replayed at a start at most, apart from what waits for the database.
const SEGMENT_BYTES: u64 = if cfg!(test) { 4 << 10 } else { 16 << 20 };
/// A segment whose requests are all in the database is replaced from this size on.
const STALE_BYTES: u64 = if cfg!(test) { 1 << 10 } else { 256 << 10 };
/// Requests that wait for the database at most; more are refused, so that memory has an end.
const MOST_WAITING: usize = if cfg!(test) { 2_000 } else { 100_000 };

/// Content-free intents and settlements in an append-only file of the data directory.
pub struct Journal {
    shared: Arc<Shared>,
    flusher: Mutex<Option<JoinHandle<()>>>,
    /// Held by the one sweep that moves settled requests into the database.
    pub(crate) sweeping: tokio::sync::Mutex<crate::settle::Pace>,
}

struct Shared {
    directory: PathBuf,
    run: RunKey,
    state: Mutex<State>,
    /// There is something to flush, or the journal is being closed.
    wake: Condvar,
}

impl Journal {
    /// Replays what the last run left behind and starts a new segment.
    ///
    /// # Errors
    /// `Invalid` with code `journal_damaged` when a segment that was complete cannot be read;
    /// `Unavailable` when the directory cannot be written.
    pub(crate) fn open(data_dir: &Path, root: &RootKey) -> Result<Self> {
        let directory = data_dir.join(DIRECTORY);
        crate::data_dir::create(&directory)?;
        let numbers = segment::list(&directory)?;
        let mut replay = replay::Replay::default();
        for &number in &numbers {
            let last = numbers.last() == Some(&number);
            for record in segment::read(&directory, number, last, root)? {
                replay.apply(number, record);
            }
        }
        let run = RunKey::generate(root)?;
        let next = numbers.last().map_or(1, |last| last.saturating_add(1));
        let active = Segment::create(&directory, next, &run)?;
        let (mut state, left) = replay.finish(active, numbers);
        for number in state.take_unneeded() {
            segment::remove(&directory, number);
        }
        let shared =
            Arc::new(Shared { directory, run, state: Mutex::new(state), wake: Condvar::new() });
        let flusher = sync::start(Arc::clone(&shared))?;
        let journal = Self {
            shared,
            flusher: Mutex::new(Some(flusher)),
            sweeping: tokio::sync::Mutex::default(),
        };
        for intent in &left {
            journal.settle(&Settlement::interrupted(intent))?;
        }
        if !left.is_empty() {
            tracing::warn!(
                requests = left.len(),
                "the last run was interrupted in the middle of requests"
            );
        }
        Ok(journal)
    }

    /// Notes that a request is about to be answered: call it before the first byte reaches the client.
    /// Called again for the same request, before it is settled, the last call counts.
    ///
    /// # Errors
    /// `Unavailable` when it could not be written (`disk_full`, `journal_unwritable`) or too much waits for the
    /// database (`usage_backlog`): the request must be refused.
    pub fn intent(&self, intent: &Intent) -> Result<()> {
        let bytes = record::encode(intent.into(), &self.shared.run.series)?;
        let mut state = self.shared.state.lock();
        state.admit(intent.request)?;
        let number = self.shared.append(&mut state, &bytes)?;
        state.intended(intent, number);
        Ok(())
    }

    /// Notes how a request ended. The first settlement of a request counts.
    ///
    /// # Errors
    /// `Unavailable` when it could not be written: it is kept in memory and still reaches the database unless the
    /// server stops before; `Internal` when there was no intent.
    pub fn settle(&self, settlement: &Settlement) -> Result<()> {
        let bytes = record::encode(RecordRef::Settlement(settlement), &self.shared.run.series)?;
        let mut state = self.shared.state.lock();
        if !state.is_open(settlement.request)? {
            return Ok(());
        }
        let written = self.shared.append(&mut state, &bytes);
        state.settled(settlement, written.as_ref().ok().copied());
        written.map(drop)
    }

    /// Organizations with settled requests that are not in the database yet, with their number.
    pub(crate) fn waiting(&self) -> Vec<(OrgId, usize)> {
        self.shared.state.lock().waiting()
    }

    /// The oldest settled requests of `org`.
    pub(crate) fn oldest(&self, org: OrgId, most: usize) -> Vec<Arc<Settled>> {
        self.shared.state.lock().oldest(org, most)
    }

    /// The project of a request of `org` that is not in the database yet.
    pub(crate) fn project_of(&self, org: OrgId, request: RequestId) -> Option<ProjectId> {
        self.shared.state.lock().project_of(org, request)
    }

    /// Forgets the `count` oldest settled requests of `org`: they are in the database.
    pub(crate) fn swept(&self, org: OrgId, count: usize) {
        let mut state = self.shared.state.lock();
        let done = state.swept(org, count);
        if state.is_swept() {
            // Without the mark the next start would read them again and find them in the database.
            if let Ok(mark) = record::encode(RecordRef::Swept, &self.shared.run.series) {
                let _ = self.shared.append(&mut state, &mark);
            }
            if state.is_idle() && state.active.length > STALE_BYTES {
                let _ = self.shared.rotate(&mut state);
            }
        }
        if self.shared.move_stragglers(&mut state).is_err() {
            return;
        }
        let unneeded = state.take_unneeded();
        drop(state);
        for number in unneeded {
            segment::remove(&self.shared.directory, number);
        }
        drop(done);
    }

    /// Flushes and closes the files. When nothing is left to remember, none remains.
    ///
    /// # Errors
    /// `Unavailable` when the last flush failed.
    pub(crate) fn close(&self) -> Result<()> {
        let Some(flusher) = self.stop() else { return Ok(()) };
        // The thread only flushes; it has nothing to tell.
        drop(flusher.join());
        let mut state = self.shared.state.lock();
        state.active.file.sync_data().map_err(segment::unwritable)?;
        if state.is_idle() {
            for number in state.take_all() {
                segment::remove(&self.shared.directory, number);
            }
        }
        Ok(())
    }

    fn stop(&self) -> Option<JoinHandle<()>> {
        let flusher = self.flusher.lock().take()?;
        self.shared.state.lock().closed = true;
        self.shared.wake.notify_all();
        Some(flusher)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // The thread ends by itself; waiting for it here could stall a runtime.
        drop(self.stop());
    }
}

impl Shared {
    /// Appends to the active segment, a new one when it is full; returns its number.
    fn append(&self, state: &mut State, bytes: &[u8]) -> Result<u64> {
        state.usable()?;
        if state.active.length.saturating_add(bytes.len() as u64) > SEGMENT_BYTES {
            self.rotate(state)?;
        }
        state.active.append(bytes)?;
        if !state.dirty {
            state.dirty = true;
            self.wake.notify_one();
        }
        Ok(state.active.number)
    }

    /// Starts a new segment. The old one is on the disk before, so that only the last segment can be torn.
    fn rotate(&self, state: &mut State) -> Result<()> {
        state.active.mend()?;
        state.active.file.sync_data().map_err(segment::unwritable)?;
        self.replace(state)
    }

    fn replace(&self, state: &mut State) -> Result<()> {
        let number = state.next_number();
        state.replace(Segment::create(&self.directory, number, &self.run)?);
        Ok(())
    }

    /// Writes the last open requests of the oldest segment anew, so that it can go.
    fn move_stragglers(&self, state: &mut State) -> Result<()> {
        let stragglers = state.stragglers();
        if stragglers.is_empty() {
            return Ok(());
        }
        for intent in &stragglers {
            let bytes = record::encode(intent.into(), &self.run.series)?;
            let number = self.append(state, &bytes)?;
            state.intended(intent, number);
        }
        state.active.file.sync_data().map_err(segment::unwritable)
    }

    /// After a failed flush nothing written since the last one is certain: everything that is not in the
    /// database is written anew, into a new segment.
    fn rewrite(&self, state: &mut State) -> Result<()> {
        self.replace(state)?;
        let number = state.active.number;
        for (intent, settlement) in state.unfinished() {
            state.active.append(&record::encode((&intent).into(), &self.run.series)?)?;
            if let Some(settlement) = settlement {
                let bytes = record::encode(RecordRef::Settlement(&settlement), &self.run.series)?;
                state.active.append(&bytes)?;
            }
        }
        state.active.file.sync_data().map_err(segment::unwritable)?;
        state.rehomed(number);
        for number in state.take_unneeded() {
            segment::remove(&self.directory, number);
        }
        Ok(())
    }
}

impl crate::Store {
    /// Where the gateway notes what it promises and how it ended.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.inner().journal
    }
}
