//! What was seen lately of one model at one provider: how long its answers take, how much of the input its cache knew,
//! how often it fails. Only numbers; they decide nothing but the order in which providers are asked.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{Provenance, Usage};
use parking_lot::{Mutex, RwLock};

/// Milliseconds after which what was seen is no longer believed.
const FORGOTTEN: u64 = 600_000;
/// Milliseconds in which failures count half.
const FORGIVEN: u64 = 60_000;
/// Each new sight is a quarter of the average.
const WEIGHT: i64 = 4;
/// Averages are kept in sixteenths, so that small steps are not lost.
const FINE: i64 = 16;
/// Shorter answers say nothing about pace.
const LEAST_TOKENS: u64 = 16;
/// Waits that are remembered one by one.
const RECENT: usize = 64;
/// Of fewer than this nothing is said about what is usual.
const FEWEST: usize = 20;
/// Models of one provider that are remembered. Their names come from clients.
const MOST_MODELS: usize = 512;

/// All models of one provider.
#[derive(Default)]
pub(crate) struct Observations(RwLock<HashMap<String, Arc<Observed>>>);

impl Observations {
    pub(crate) fn find(&self, model: &str) -> Option<Arc<Observed>> {
        self.0.read().get(model).cloned()
    }

    /// `None` when too many models are remembered already.
    pub(crate) fn of(&self, model: &str) -> Option<Arc<Observed>> {
        if let Some(known) = self.find(model) {
            return Some(known);
        }
        let mut all = self.0.write();
        if all.len() >= MOST_MODELS && !all.contains_key(model) {
            return None;
        }
        Some(Arc::clone(all.entry(model.to_owned()).or_default()))
    }
}

/// One model at one provider.
#[derive(Default)]
pub(crate) struct Observed(Mutex<State>);

#[derive(Default)]
struct State {
    /// Milliseconds until the first piece of a stream.
    stream_wait: Average,
    /// Milliseconds until a whole answer was there.
    whole_wait: Average,
    /// Milliseconds for a thousand tokens.
    pace: Average,
    /// Cached input tokens of a thousand.
    cached: Average,
    errors: Average,
    recent: Recent,
}

/// The last waits for the first piece of a stream, in milliseconds.
#[derive(Default)]
struct Recent {
    waits: Vec<u32>,
    /// Where the next one goes once all places are taken.
    next: usize,
    /// When the last one came.
    at: u64,
}

impl Recent {
    fn add(&mut self, wait: u64, now: u64) {
        if now.saturating_sub(self.at) >= FORGOTTEN {
            self.waits.clear();
        }
        self.at = now;
        let wait = u32::try_from(wait).unwrap_or(u32::MAX);
        if self.waits.len() < RECENT {
            self.waits.push(wait);
        } else if let Some(oldest) = self.waits.get_mut(self.next % RECENT) {
            *oldest = wait;
            self.next = self.next.wrapping_add(1);
        }
    }

    /// What 95 of a hundred were not longer than; `None` while too few are known.
    fn usual(&self, now: u64) -> Option<u64> {
        if self.waits.len() < FEWEST || now.saturating_sub(self.at) >= FORGOTTEN {
            return None;
        }
        let mut waits = self.waits.clone();
        let at = waits.len() * 95 / 100;
        let (_, usual, _) = waits.select_nth_unstable(at);
        Some(u64::from(*usual))
    }
}

/// A moving average that is forgotten.
#[derive(Clone, Copy, Default)]
struct Average {
    fine: i64,
    /// When it was last added to; `None` before the first time.
    at: Option<u64>,
}

/// What is believed at a moment. What is `None` was not seen, or too long ago.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    pub wait_ms: Option<u64>,
    pub pace_ms: Option<u64>,
    pub cached_permille: Option<u64>,
    pub errors_permille: u64,
}

impl Average {
    fn add(&mut self, value: u64, now: u64) {
        let fine = i64::try_from(value).unwrap_or(i64::MAX / FINE).saturating_mul(FINE);
        self.fine = match self.read(now) {
            Some(_) => self.fine.saturating_add((fine.saturating_sub(self.fine)) / WEIGHT),
            None => fine,
        };
        self.at = Some(now);
    }

    fn read(&self, now: u64) -> Option<u64> {
        let at = self.at.filter(|at| now.saturating_sub(*at) < FORGOTTEN);
        at.and_then(|_| u64::try_from(self.fine / FINE).ok())
    }

    /// Whether an attempt failed, among those that count less the longer ago they were.
    fn fail(&mut self, failed: bool, now: u64) {
        let current = i64::try_from(self.faded(now)).unwrap_or(0).saturating_mul(FINE);
        let value = if failed { 1_000 * FINE } else { 0 };
        self.fine = current + (value - current) / WEIGHT;
        self.at = Some(now);
    }

    fn faded(&self, now: u64) -> u64 {
        let Some(at) = self.at else { return 0 };
        let halvings = u32::try_from(now.saturating_sub(at) / FORGIVEN).unwrap_or(u32::MAX);
        u64::try_from(self.fine / FINE).unwrap_or(0).checked_shr(halvings).unwrap_or(0)
    }
}

/// Times are milliseconds on the gateway's steady clock.
impl Observed {
    /// The first piece of a stream, or a whole answer, came after `took`.
    pub(crate) fn answered(&self, stream: bool, took: Duration, now: u64) {
        let mut state = self.0.lock();
        let wait = if stream { &mut state.stream_wait } else { &mut state.whole_wait };
        wait.add(millis(took), now);
        if stream {
            state.recent.add(millis(took), now);
        }
        state.errors.fail(false, now);
    }

    /// Its first piece was not here after `took`, when nobody waited for it any more.
    pub(crate) fn waited(&self, took: Duration, now: u64) {
        let mut state = self.0.lock();
        state.stream_wait.add(millis(took), now);
        state.recent.add(millis(took), now);
    }

    /// Milliseconds within which nearly all of its streams begin, 95 of a hundred; `None` when too few were seen.
    pub(crate) fn usual_wait(&self, now: u64) -> Option<u64> {
        self.0.lock().recent.usual(now)
    }

    /// It did not answer as it should have.
    pub(crate) fn failed(&self, now: u64) {
        self.0.lock().errors.fail(true, now);
    }

    /// What an answer came to; for a stream, `writing` is the time from its first piece to its last.
    pub(crate) fn used(&self, usage: &Usage, writing: Option<Duration>, now: u64) {
        if usage.provenance != Provenance::Reported {
            return;
        }
        let mut state = self.0.lock();
        if let Some(writing) = writing.filter(|_| usage.output >= LEAST_TOKENS) {
            state.pace.add(millis(writing).saturating_mul(1_000) / usage.output.max(1), now);
        }
        let cached = usage.cache_read.saturating_mul(1_000).checked_div(usage.input_total());
        if let Some(cached) = cached {
            state.cached.add(cached, now);
        }
    }

    pub(crate) fn at(&self, stream: bool, now: u64) -> Sight {
        let state = self.0.lock();
        let wait = if stream { &state.stream_wait } else { &state.whole_wait };
        Sight {
            wait_ms: wait.read(now),
            pace_ms: state.pace.read(now),
            cached_permille: state.cached.read(now),
            errors_permille: state.errors.faded(now),
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(waits: &[u64]) -> Observed {
        let observed = Observed::default();
        for wait in waits {
            observed.answered(true, Duration::from_millis(*wait), 0);
        }
        observed
    }

    #[test]
    fn averages_follow_what_is_seen_and_are_forgotten() {
        assert_eq!(seen(&[]).at(true, 0), Sight::default());
        assert_eq!(seen(&[800]).at(true, 0).wait_ms, Some(800));
        assert_eq!(seen(&[800, 400]).at(true, 0).wait_ms, Some(700));
        let falling = seen(&[800, 0, 0, 0, 0, 0, 0, 0, 0]).at(true, 0).wait_ms.unwrap();
        assert!(falling < 100, "{falling}");
        assert_eq!(seen(&[800]).at(false, 0).wait_ms, None, "whole answers are another matter");
        assert_eq!(seen(&[800]).at(true, FORGOTTEN - 1).wait_ms, Some(800));
        assert_eq!(seen(&[800]).at(true, FORGOTTEN).wait_ms, None);
        let again = seen(&[800]);
        again.answered(true, Duration::from_millis(10), FORGOTTEN);
        assert_eq!(again.at(true, FORGOTTEN).wait_ms, Some(10), "not mixed with what is forgotten");
    }

    #[test]
    fn what_is_usual_is_known_after_a_while() {
        let observed = Observed::default();
        for wait in 1..=19 {
            observed.answered(true, Duration::from_millis(wait), 0);
        }
        assert_eq!(observed.usual_wait(0), None, "too few");
        observed.answered(false, Duration::from_secs(9), 0);
        observed.answered(true, Duration::from_millis(20), 0);
        assert_eq!(observed.usual_wait(0), Some(20));
        for wait in 21..=200 {
            observed.answered(true, Duration::from_millis(wait), 1);
        }
        assert_eq!(observed.usual_wait(1), Some(197), "of the last sixty-four");
        assert_eq!(observed.usual_wait(FORGOTTEN + 1), None);
        observed.waited(Duration::from_millis(5), FORGOTTEN + 1);
        assert_eq!(observed.usual_wait(FORGOTTEN + 1), None, "not mixed with what is forgotten");
    }

    #[test]
    fn failures_weigh_and_are_forgiven() {
        let observed = Observed::default();
        observed.failed(0);
        assert_eq!(observed.at(true, 0).errors_permille, 250);
        observed.failed(0);
        assert_eq!(observed.at(true, 0).errors_permille, 437);
        observed.answered(true, Duration::ZERO, 0);
        assert_eq!(observed.at(true, 0).errors_permille, 327);
        assert_eq!(observed.at(true, FORGIVEN).errors_permille, 163);
        assert_eq!(observed.at(true, FORGIVEN * 40).errors_permille, 0);
        assert_eq!(observed.at(true, u64::MAX).errors_permille, 0);
    }

    #[test]
    fn pace_and_cache_come_from_what_providers_report() {
        let usage = Usage {
            input: 100,
            cache_read: 300,
            output: 50,
            provenance: Provenance::Reported,
            ..Usage::default()
        };
        let observed = Observed::default();
        observed.used(&usage, Some(Duration::from_millis(500)), 0);
        let sight = observed.at(true, 0);
        assert_eq!((sight.pace_ms, sight.cached_permille), (Some(10_000), Some(750)));
        let other = Observed::default();
        other.used(&Usage { provenance: Provenance::Estimated, ..usage }, None, 0);
        other.used(&Usage { output: 3, input: 0, cache_read: 0, ..usage }, Some(Duration::ZERO), 0);
        assert_eq!(other.at(true, 0), Sight::default());
    }

    #[test]
    fn the_names_that_clients_send_do_not_fill_the_memory() {
        let all = Observations::default();
        for number in 0..MOST_MODELS {
            assert!(all.of(&number.to_string()).is_some());
        }
        assert!(all.of("one more").is_none());
        assert!(all.of("7").is_some() && all.find("one more").is_none());
    }
}
