//! The thread that brings written records to the disk, many at a time.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use domain::{Error, Result};

use super::Shared;

/// Records gather this long before one flush takes them all; with the flush itself well below 100 ms.
const GATHER: Duration = Duration::from_millis(40);
/// How soon a broken journal is tried again.
const RETRY: Duration = Duration::from_millis(500);

pub(super) fn start(shared: Arc<Shared>) -> Result<JoinHandle<()>> {
    thread::Builder::new()
        .name("usage journal".to_owned())
        .spawn(move || while flush_once(&shared) {})
        .map_err(Error::internal)
}

/// Waits for something to flush and flushes it; false when the journal is closed.
fn flush_once(shared: &Shared) -> bool {
    let mut state = shared.state.lock();
    while !state.dirty && !state.closed {
        shared.wake.wait(&mut state);
    }
    if !state.closed && !state.broken {
        shared.wake.wait_for(&mut state, GATHER);
    }
    let last = state.closed;
    state.dirty = false;
    let file = Arc::clone(&state.active.file);
    drop(state);
    let flushed = file.sync_data();
    if let Err(error) = flushed {
        tracing::error!(%error, "the usage journal could not be flushed; requests are refused");
        shared.state.lock().broken = true;
    }
    mend(shared);
    !last
}

/// Writes everything anew until that succeeds or the journal is closed.
fn mend(shared: &Shared) {
    let mut state = shared.state.lock();
    while state.broken && !state.closed {
        match shared.rewrite(&mut state) {
            Ok(()) => {
                state.broken = false;
                tracing::info!("the usage journal works again");
            }
            Err(_) => drop(shared.wake.wait_for(&mut state, RETRY)),
        }
    }
}
