//! A test is over when its databases are closed.

use std::time::Duration;

/// A connection that is being closed needs milliseconds; with plain `cargo test` other tests may hold theirs.
const LIMIT: Duration = Duration::from_secs(1);

/// Waits for the connections of SQLite when the thread ends.
struct AtEnd;

impl Drop for AtEnd {
    fn drop(&mut self) {
        let _still_open = store::wait_for_connections(LIMIT);
    }
}

thread_local! {
    static AT_END: AtEnd = const { AtEnd };
}

/// Makes this thread, at its end, wait until SQLite's connections are closed: see [`store::wait_for_connections`].
///
/// The runtime of a test goes with the test's function, and with it the last owners of a store; the thread ends after
/// that and before the process does.
pub fn end_with_connections() {
    AT_END.with(|_| ());
}
