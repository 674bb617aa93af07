//! Ninety days of one control: how much of each day it was verified, computed from its results.

use std::collections::BTreeMap;

use domain::Timestamp;

use crate::status::Outcome;

const DAY: i64 = 86_400_000;

/// Days shown.
pub(crate) const DAYS: usize = 90;

/// One day of the strip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StripDay {
    /// Milliseconds of the day in which the control was verified.
    verified: u32,
    /// Whether a probe saw it violated.
    pub(crate) failed: bool,
    /// Whether there was any result.
    pub(crate) known: bool,
}

impl StripDay {
    /// Percent of the day, rounded down, so that a full day is one without a gap.
    #[must_use]
    pub(crate) fn percent(&self) -> u8 {
        u8::try_from(i64::from(self.verified) * 100 / DAY).unwrap_or(100)
    }
}

/// What is known of the past of one control.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strip {
    days: BTreeMap<i64, StripDay>,
    /// The open stretch: verified from `.0` until `.1` unless something is heard before.
    open: Option<(Timestamp, Timestamp)>,
}

impl Strip {
    /// The next result in order of time; a pass holds for `fresh`.
    pub(crate) fn observe(&mut self, at: Timestamp, outcome: Outcome, fresh: std::time::Duration) {
        if matches!(outcome, Outcome::Pass | Outcome::Fail) {
            self.settle(at);
        }
        let day = self.days.entry(at.as_millis().div_euclid(DAY)).or_default();
        day.known = true;
        match outcome {
            Outcome::Pass => self.open = Some((at, at.plus(fresh))),
            Outcome::Fail => {
                day.failed = true;
                self.open = None;
            }
            _ => {}
        }
        let oldest = at.as_millis().div_euclid(DAY) - i64::try_from(DAYS).unwrap_or(0);
        self.days.retain(|day, _| *day >= oldest);
    }

    /// The last [`DAYS`] days up to `now`, oldest first, each with the start of the day.
    #[must_use]
    pub(crate) fn days(&self, now: Timestamp) -> Vec<(Timestamp, StripDay)> {
        let mut settled = self.clone();
        settled.settle(now);
        let today = now.as_millis().div_euclid(DAY);
        let first = today - i64::try_from(DAYS).unwrap_or(0) + 1;
        (first..=today)
            .map(|day| {
                let start = Timestamp::from_millis(day * DAY);
                (start, settled.days.get(&day).copied().unwrap_or_default())
            })
            .collect()
    }

    /// Credits the open stretch up to `now`, day by day.
    fn settle(&mut self, now: Timestamp) {
        let Some((from, until)) = self.open else { return };
        let (mut at, end) = (from.as_millis(), until.min(now).as_millis());
        while at < end {
            let day = at.div_euclid(DAY);
            let stop = end.min((day + 1) * DAY);
            let entry = self.days.entry(day).or_default();
            entry.known = true;
            entry.verified =
                entry.verified.saturating_add(u32::try_from(stop - at).unwrap_or(u32::MAX));
            at = stop;
        }
        self.open = (now < until).then_some((now.max(from), until));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: i64 = 3_600_000;
    const FRESH: Duration = Duration::from_secs(3 * 3_600);

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(1_000 * DAY + hours * HOUR)
    }

    fn last(strip: &Strip, now: Timestamp) -> StripDay {
        strip.days(now).last().unwrap().1
    }

    #[test]
    fn only_time_that_was_verified_counts() {
        let mut strip = Strip::default();
        strip.observe(at(0), Outcome::Pass, FRESH);
        assert_eq!(last(&strip, at(1)).percent(), 4);
        assert_eq!(
            last(&strip, at(12)).percent(),
            12,
            "a pass is worth no more than its freshness"
        );
        strip.observe(at(12), Outcome::Pass, FRESH);
        strip.observe(at(13), Outcome::Error, FRESH);
        strip.observe(at(14), Outcome::Fail, FRESH);
        let day = last(&strip, at(23));
        assert_eq!((day.percent(), day.failed, day.known), (20, true, true));
    }

    #[test]
    fn overlapping_passes_are_not_counted_twice() {
        let mut strip = Strip::default();
        for hour in 0..24 {
            strip.observe(at(hour), Outcome::Pass, FRESH);
        }
        let days = strip.days(at(24));
        assert_eq!(days.len(), DAYS);
        assert_eq!(days[DAYS - 2].1.percent(), 100);
        assert_eq!(days[0].1, StripDay::default());
    }

    #[test]
    fn days_beyond_the_strip_are_forgotten() {
        let mut strip = Strip::default();
        for day in 0..300 {
            strip.observe(at(day * 24), Outcome::Pass, FRESH);
        }
        assert!(strip.days.len() <= DAYS + 1);
    }
}
