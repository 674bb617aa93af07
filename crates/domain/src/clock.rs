//! Time comes in as an argument, so that tests can hold it still.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span)))
    }

    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(millis(span)))
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    #[must_use]
    pub fn to_datetime(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// The day in UTC as people read it: `20 Nov 2026`.
    #[must_use]
    pub fn day(self) -> String {
        let format =
            time::macros::format_description!("[day padding:none] [month repr:short] [year]");
        self.to_datetime().format(format).unwrap_or_default()
    }

    /// RFC 3339 in UTC, for JSON and logs.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.to_datetime().format(&Rfc3339).unwrap_or_default()
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.rfc3339())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// The source of the present moment: the system's, or one a test moves by hand.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that stands at `at` until it is advanced.
    #[must_use]
    pub fn frozen(at: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(at.as_millis()))))
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Some(held) => Timestamp(held.load(Ordering::SeqCst)),
            None => system_now(),
        }
    }

    /// How far the system's clock has been set back since this process began; [`Clock::now`] counts on meanwhile.
    #[must_use]
    pub fn set_back(&self) -> Duration {
        if self.0.is_some() { Duration::ZERO } else { counted().since(wall()) }
    }

    /// Moves a frozen clock; has no effect on the system's.
    pub fn advance(&self, span: Duration) {
        if let Some(held) = &self.0 {
            held.fetch_add(millis(span), Ordering::SeqCst);
        }
    }
}

/// The system's time, which never falls behind the time this process has counted: when somebody sets the clock back,
/// evidence must not look fresh, nor a session or a key live, for longer than it was meant to.
fn system_now() -> Timestamp {
    wall().max(counted())
}

/// What the clock would show had nobody set it back since the process first asked.
fn counted() -> Timestamp {
    static FIRST: OnceLock<(Instant, Timestamp)> = OnceLock::new();
    let (then, at) = FIRST.get_or_init(|| (Instant::now(), wall()));
    at.plus(then.elapsed())
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(millis(since))
}
