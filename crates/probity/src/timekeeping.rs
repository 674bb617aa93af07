//! A clock that jumps: refused at the start, told while running.

use std::time::Duration;

use domain::{Clock, Error, Result, Timestamp};
use store::Store;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Two machines that share a database may differ by this much, and a clock may be corrected by it.
const TOLERANCE: Duration = Duration::from_secs(300);

/// How often the clock is held against the time that passed.
const EVERY: Duration = Duration::from_secs(5);

/// What passes for a correction rather than a jump.
const STEP: Duration = Duration::from_secs(10);

/// Refuses a clock that stands before what is already written.
///
/// # Errors
/// `clock_behind`, with both times and what to do.
pub(crate) async fn check(store: &Store, accepted: bool) -> Result<()> {
    let Some(last) = store.last_written().await? else { return Ok(()) };
    let now = store.clock().now();
    match behind(now, last) {
        Some(by) if !accepted => Err(Error::unavailable(format!(
            "The clock of this machine says {now}, {} before the log was last written ({last}). Set the clock. \
             If it was wrong then and is right now, start once with --accept-clock.",
            words(by)
        ))
        .with_code("clock_behind")),
        Some(by) => {
            tracing::warn!(seconds = by.as_secs(), "started with a clock behind the log");
            Ok(())
        }
        None => Ok(()),
    }
}

fn behind(now: Timestamp, last: Timestamp) -> Option<Duration> {
    let by = last.since(now);
    (by > TOLERANCE).then_some(by)
}

fn words(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..=7_199 => format!("{} minutes", seconds / 60),
        7_200..=172_799 => format!("{} hours", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A jump between two looks at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Jump {
    Forward(Duration),
    Back(Duration),
}

/// Holds what the clock says against what has passed.
fn jump(wall: Duration, passed: Duration, back_before: Duration, back: Duration) -> Option<Jump> {
    if let Some(by) = back.checked_sub(back_before).filter(|by| *by > STEP) {
        return Some(Jump::Back(by));
    }
    wall.checked_sub(passed).filter(|by| *by > STEP).map(Jump::Forward)
}

/// Says so when the clock jumps. [`Clock::now`] itself does not go back.
pub(crate) async fn watch(clock: Clock, stop: CancellationToken) {
    let (mut then, mut at, mut back) = (Instant::now(), clock.now(), clock.set_back());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let now = clock.now();
        let set_back = clock.set_back();
        match jump(now.since(at), then.elapsed(), back, set_back) {
            Some(Jump::Forward(by)) => {
                metrics::counter!("probity_clock_jumps_total", "direction" => "forward")
                    .increment(1);
                tracing::warn!(
                    seconds = by.as_secs(),
                    "the clock jumped forward: sessions, keys and evidence may have expired early"
                );
            }
            Some(Jump::Back(by)) => {
                metrics::counter!("probity_clock_jumps_total", "direction" => "back").increment(1);
                tracing::warn!(
                    seconds = by.as_secs(),
                    "the clock was set back: this process counts on from where it was until it ends"
                );
            }
            None => {}
        }
        (then, at, back) = (Instant::now(), now, set_back);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn jumps_are_told_from_waiting() {
        assert_eq!(jump(s(5), s(5), s(0), s(0)), None);
        assert_eq!(jump(s(14), s(5), s(0), s(0)), None);
        assert_eq!(jump(s(3605), s(5), s(0), s(0)), Some(Jump::Forward(s(3600))));
        assert_eq!(jump(s(5), s(5), s(0), s(60)), Some(Jump::Back(s(60))));
        // Once told, it is not told again.
        assert_eq!(jump(s(5), s(5), s(60), s(60)), None);
    }

    #[test]
    fn a_small_correction_is_no_reason_to_refuse() {
        let last = Timestamp::from_millis(1_767_225_600_000);
        assert_eq!(behind(last.minus(s(299)), last), None);
        assert_eq!(behind(last.plus(s(1)), last), None);
        assert_eq!(behind(last.minus(s(301)), last), Some(s(301)));
        assert_eq!(words(s(301)), "5 minutes");
        assert_eq!(words(s(86_400)), "24 hours");
        assert_eq!(words(s(400_000)), "4 days");
    }
}
