//! One allowance per minute: a bucket that fills with what is used and leaks evenly. It may be used up at once, and a
//! limit that changes holds from then on.

use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// Times are nanoseconds on the gateway's own steady clock, which cannot jump.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    /// What was used and has not leaked yet.
    level: f64,
    at: u64,
}

/// How much of an allowance is left, for those who ask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Left {
    pub limit: u64,
    pub remaining: u64,
    /// Until all of it is there again.
    pub reset: Duration,
}

impl Bucket {
    fn leak(&mut self, limit: f64, now: u64) {
        let passed = now.saturating_sub(self.at) as f64 / MINUTE.as_nanos() as f64;
        self.level = limit.mul_add(-passed, self.level).max(0.0);
        self.at = now.max(self.at);
    }

    /// How long to wait until `cost` fits; nothing when it does now. What is larger than the whole allowance fits when
    /// all of that is there.
    pub(super) fn wait(&mut self, cost: u64, limit: u64, now: u64) -> Option<Duration> {
        if limit == 0 {
            return Some(MINUTE);
        }
        let most = limit as f64;
        self.leak(most, now);
        let over = self.level + (cost.min(limit) as f64) - most;
        // Leaking is not exact to the last bit.
        (over > 1e-6 * most.max(1.0)).then(|| MINUTE.mul_f64(over / most))
    }

    pub(super) fn take(&mut self, cost: u64) {
        self.level += cost as f64;
    }

    /// `taken` turned out to be `used`.
    pub(super) fn correct(&mut self, taken: u64, used: u64) {
        self.level = (self.level - taken as f64 + used as f64).max(0.0);
    }

    pub(super) fn left(&self, limit: u64) -> Left {
        let most = limit as f64;
        let remaining = (most - self.level).max(0.0);
        let reset = if limit == 0 { MINUTE } else { MINUTE.mul_f64(self.level / most) };
        // A whole number that is missing the last bit is meant to be there.
        Left { limit, remaining: (remaining + 1e-6 * most.max(1.0)) as u64, reset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn seconds(wait: Option<Duration>) -> f64 {
        wait.map_or(0.0, |wait| (wait.as_secs_f64() * 1000.0).round() / 1000.0)
    }

    #[test]
    fn an_allowance_is_used_up_and_refills_evenly() {
        let mut bucket = Bucket::default();
        let mut ask = |now| {
            let wait = bucket.wait(1, 6, now);
            if wait.is_none() {
                bucket.take(1);
            }
            seconds(wait)
        };
        for _ in 0..6 {
            assert_eq!(ask(0), 0.0);
        }
        assert_eq!(ask(0), 10.0);
        assert_eq!(ask(4 * SECOND), 6.0);
        assert_eq!(ask(10 * SECOND), 0.0);
        assert!(ask(10 * SECOND) > 0.0);
        let late = 3600 * SECOND;
        let allowed = (0..100).filter(|_| ask(late) == 0.0).count();
        assert_eq!(allowed, 6, "rest is not saved beyond one minute's allowance");
    }

    #[test]
    fn zero_lets_nothing_through() {
        assert!(Bucket::default().wait(0, 0, 0).is_some());
    }

    #[test]
    fn what_is_larger_than_all_of_it_waits_for_all_of_it() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.wait(500, 100, 0), None);
        bucket.take(500);
        assert_eq!(seconds(bucket.wait(500, 100, 0)), 300.0);
        assert_eq!(bucket.left(100).remaining, 0);
        bucket.correct(500, 40);
        assert_eq!(bucket.left(100).remaining, 60);
        assert_eq!(seconds(bucket.wait(500, 100, 0)), 24.0);
    }

    #[test]
    fn a_lower_limit_holds_at_once() {
        let mut bucket = Bucket::default();
        bucket.take(10);
        assert_eq!(bucket.wait(1, 20, 0), None);
        assert_eq!(seconds(bucket.wait(1, 10, 0)), 6.0);
    }
}
