//! Spans of time that a page can show, and the steps of their charts.

use std::time::Duration;

use domain::Timestamp;
use store::UsagePoint;

use crate::view::{Bucket, Choice, When};

const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Period {
    Day,
    #[default]
    Week,
    Month,
    Quarter,
}

impl Period {
    const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Quarter];

    pub(crate) fn parse(text: &str) -> Self {
        Self::ALL.into_iter().find(|period| period.as_str() == text).unwrap_or_default()
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Day => "Last 24 hours",
            Self::Week => "Last 7 days",
            Self::Month => "Last 30 days",
            Self::Quarter => "Last 90 days",
        }
    }

    pub(crate) fn choices(self) -> Vec<Choice> {
        let one =
            |period: Self| Choice::new(period.as_str(), period.label()).chosen(period == self);
        Self::ALL.into_iter().map(one).collect()
    }

    const fn steps(self) -> u64 {
        match self {
            Self::Day => 24,
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
        }
    }

    /// Width of one bar.
    pub(crate) const fn step(self) -> Duration {
        match self {
            Self::Day => Duration::from_secs(HOUR),
            _ => Duration::from_secs(DAY),
        }
    }

    /// The first step that is shown; the last one is under way.
    fn first(self, now: Timestamp) -> i64 {
        let step = i64::try_from(self.step().as_millis()).unwrap_or(i64::MAX);
        let last = now.as_millis().div_euclid(step);
        (last + 1 - i64::try_from(self.steps()).unwrap_or(0)) * step
    }

    /// The start of the span, at a whole step, so that no bar is cut.
    pub(crate) fn start(self, now: Timestamp) -> Option<Timestamp> {
        Some(Timestamp::from_millis(self.first(now)))
    }

    /// When each step begins, in the order of [`Period::buckets`].
    pub(crate) fn starts(self, now: Timestamp) -> Vec<Timestamp> {
        let step = i64::try_from(self.step().as_millis()).unwrap_or(i64::MAX);
        let first = self.first(now);
        let steps = i64::try_from(self.steps()).unwrap_or(0);
        (0..steps).map(|at| Timestamp::from_millis(first + at * step)).collect()
    }

    /// What one step is called, and every step with its sums.
    pub(crate) fn buckets(
        self,
        now: Timestamp,
        points: &[UsagePoint],
    ) -> (&'static str, Vec<Bucket>) {
        let step = i64::try_from(self.step().as_millis()).unwrap_or(i64::MAX);
        let first = self.first(now);
        let every = match self {
            Self::Day => 4,
            Self::Week => 1,
            Self::Month => 5,
            Self::Quarter => 15,
        };
        let bucket = |at: u64| {
            let start = Timestamp::from_millis(first + i64::try_from(at).unwrap_or(0) * step);
            let when = When(start);
            let day = when.day();
            let short_day =
                day.rsplit_once(' ').map_or(day.as_str(), |(short, _)| short).to_owned();
            let hour = format!("{:02}:00", start.to_datetime().hour());
            let (label, short) = match self {
                Self::Day => (format!("{short_day}, {hour}"), hour),
                _ => (day.clone(), short_day),
            };
            let sum = points.iter().find(|point| point.at == start);
            Bucket {
                label,
                short: if at.is_multiple_of(every) { short } else { String::new() },
                answered: sum.map_or(0, |sum| sum.requests.saturating_sub(sum.errors)),
                failed: sum.map_or(0, |sum| sum.errors),
                input: sum.map_or(0, |sum| sum.input),
                output: sum.map_or(0, |sum| sum.output),
            }
        };
        let unit = if self == Self::Day { "Hour" } else { "Day" };
        (unit, (0..self.steps()).map(bucket).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_step_is_the_one_under_way() {
        let now = Timestamp::from_millis(1_795_167_703_000);
        let hour = i64::try_from(HOUR).unwrap() * 1_000;
        let current = Timestamp::from_millis(now.as_millis().div_euclid(hour) * hour);
        let point =
            UsagePoint { at: current, requests: 5, errors: 2, input: 0, output: 0, cost_nano: 0 };
        let (unit, buckets) = Period::Day.buckets(now, &[point]);
        assert_eq!((unit, buckets.len()), ("Hour", 24));
        assert_eq!((buckets[23].answered, buckets[23].failed), (3, 2));
        assert_eq!(buckets[23].label, "20 Nov, 09:00");
        assert_eq!(Period::Week.buckets(now, &[]).1.len(), 7);
    }
}
