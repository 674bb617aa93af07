//! The end of a process that used SQLite.

use std::{
    fs,
    thread::sleep,
    time::{Duration, Instant},
};

/// How a thread that holds a SQLite connection is called; each has a number after it.
const THREAD: &str = "sqlite-";

pub(crate) fn thread_name(number: u64) -> String {
    format!("{THREAD}{number}")
}

/// Waits, at most `limit`, until no thread works on a SQLite connection any more; returns whether that is so.
///
/// SQLCipher frees its own heap when the process exits. A connection that is still being closed then, by the thread
/// it lives on, reads freed memory and takes the process down with SIGSEGV. Call this last, when every store is
/// closed or dropped and the runtime is gone. Where threads cannot be listed (only Linux says), it returns at once.
#[must_use]
pub fn wait_for_connections(limit: Duration) -> bool {
    let until = Instant::now() + limit;
    while working() {
        if Instant::now() >= until {
            return false;
        }
        sleep(Duration::from_millis(1));
    }
    true
}

fn working() -> bool {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return false };
    threads.flatten().any(|thread| {
        fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.starts_with(THREAD))
    })
}
