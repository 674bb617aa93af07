//! A provider's account of a time beside our own: what is the same, what differs, what only one side has.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::export::{Cached, Counts, Day, Export, Measure, compared};

/// Amounts that differ by no more than this part of the larger one are the same: half a percent.
const TOLERANCE: i128 = 200;
/// Lines that are listed.
const LINES: usize = 10_000;

/// What one model used on one day by our own records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Own {
    /// As the provider names it.
    pub model: String,
    /// Requests that a provider answered or began to.
    pub requests: i64,
    pub input: i64,
    pub cache_read: i64,
    pub cache_write: i64,
    pub output: i64,
    pub cost_nano: i64,
    /// Requests whose tokens nobody knows; they are in no sum.
    pub absent: u64,
    /// Requests without a price; they are in no cost.
    pub unpriced: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Differs,
    OnlyOurs,
    OnlyTheirs,
    /// Within half a percent in everything that both sides count.
    Same,
}

impl Verdict {
    pub const ALL: [Self; 4] = [Self::Differs, Self::OnlyOurs, Self::OnlyTheirs, Self::Same];
}

/// One model on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub day: Day,
    /// Without the dates of snapshots; empty when the export names no models.
    pub model: String,
    pub verdict: Verdict,
    pub ours: Option<Counts>,
    pub theirs: Option<Counts>,
    /// Our requests whose tokens nobody knows.
    pub absent: u64,
    /// Our requests without a price.
    pub unpriced: u64,
}

/// The result of a comparison.
#[derive(Clone, Debug)]
pub struct Reconciliation {
    /// The first and the last day of the export: nothing else is compared.
    pub from: Day,
    pub until: Day,
    pub rows: u64,
    pub measures: BTreeSet<Measure>,
    pub cached: Cached,
    /// The export's currency when it is another than ours: costs are not compared then.
    pub foreign_currency: Option<String>,
    pub unused: Vec<String>,
    /// What differs first, then what one side has alone, then what is the same; in each by day and model.
    pub lines: Vec<Line>,
    /// How many lines there are of each, listed or not.
    pub counted: BTreeMap<Verdict, u64>,
    pub ours: Counts,
    pub theirs: Counts,
}

impl Reconciliation {
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.counted.get(&verdict).copied().unwrap_or(0)
    }

    /// Lines that are not listed.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.counted.values().sum::<u64>().saturating_sub(self.lines.len() as u64)
    }
}

/// Whether two amounts count as the same.
#[must_use]
pub fn same(ours: i64, theirs: i64) -> bool {
    let (ours, theirs) = (i128::from(ours), i128::from(theirs));
    (ours - theirs).abs() * TOLERANCE <= ours.abs().max(theirs.abs())
}

impl Own {
    fn counts(&self, measures: &BTreeSet<Measure>) -> Counts {
        let beside = self.cache_read.saturating_add(self.cache_write);
        let input = if measures.contains(&Measure::FreshInput) {
            self.input
        } else {
            self.input.saturating_add(beside)
        };
        Counts {
            requests: self.requests,
            input,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            output: self.output,
            cost_nano: self.cost_nano,
        }
    }
}

/// Sums of ours under the name that is compared.
#[derive(Default)]
struct Ours {
    counts: Counts,
    absent: u64,
    unpriced: u64,
}

/// Compares an export with what was recorded on its days. `own` may hold several rows of one day and model.
#[must_use]
pub fn reconcile(export: Export, own: impl IntoIterator<Item = (Day, Own)>) -> Reconciliation {
    let days = || export.counts.keys().map(|(day, _)| *day);
    let (from, until) =
        (days().min().unwrap_or(Day::of(crate::Timestamp::default())), days().max());
    let until = until.unwrap_or(from);
    // A file without models is compared by day.
    let named = export.counts.keys().any(|(_, model)| !model.is_empty());
    let mut ours: BTreeMap<(Day, String), Ours> = BTreeMap::new();
    for (day, own) in own {
        if !(from..=until).contains(&day) {
            continue;
        }
        let model = if named { compared(&own.model) } else { String::new() };
        let sum = ours.entry((day, model)).or_default();
        sum.counts.add(&own.counts(&export.measures));
        sum.absent += own.absent;
        sum.unpriced += own.unpriced;
    }
    let keys: BTreeSet<_> = export.counts.keys().chain(ours.keys()).cloned().collect();
    let mut result = Reconciliation {
        from,
        until,
        rows: export.rows,
        foreign_currency: export.currency.filter(|currency| currency != crate::CURRENCY),
        cached: export.cached,
        unused: export.unused,
        lines: Vec::new(),
        counted: BTreeMap::new(),
        ours: Counts::default(),
        theirs: Counts::default(),
        measures: export.measures,
    };
    for (day, model) in keys {
        let key = (day, model);
        let line = line(&key, &result.measures, ours.get(&key), export.counts.get(&key));
        let Some(line) = line else { continue };
        result.ours.add(&line.ours.unwrap_or_default());
        result.theirs.add(&line.theirs.unwrap_or_default());
        *result.counted.entry(line.verdict).or_default() += 1;
        result.lines.push(line);
    }
    result.lines.sort_by_key(|line| line.verdict);
    result.lines.truncate(LINES);
    result
}

/// Nothing when neither side counted anything that is compared.
fn line(
    (day, model): &(Day, String),
    measures: &BTreeSet<Measure>,
    ours: Option<&Ours>,
    theirs: Option<&Counts>,
) -> Option<Line> {
    let counts = |counts: &Counts| measures.iter().any(|measure| counts.of(*measure) != 0);
    // What nobody counted is as absent as no row.
    let own = ours.map(|ours| &ours.counts).filter(|own| counts(own));
    let theirs = theirs.filter(|theirs| counts(theirs));
    let verdict = match (own, theirs) {
        (None, None) => return None,
        (Some(_), None) => Verdict::OnlyOurs,
        (None, Some(_)) => Verdict::OnlyTheirs,
        (Some(own), Some(theirs)) => {
            let alike = |measure: &Measure| same(own.of(*measure), theirs.of(*measure));
            if measures.iter().all(alike) { Verdict::Same } else { Verdict::Differs }
        }
    };
    Some(Line {
        day: *day,
        model: model.clone(),
        verdict,
        ours: own.copied(),
        theirs: theirs.copied(),
        absent: ours.map_or(0, |ours| ours.absent),
        unpriced: ours.map_or(0, |ours| ours.unpriced),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Reading;

    fn own(day: i64, model: &str, input: i64, output: i64) -> (Day, Own) {
        let own = Own { model: model.to_owned(), requests: 1, input, output, ..Own::default() };
        (Day::from_number(day), own)
    }

    fn export(text: &str) -> Export {
        Export::read(text.as_bytes(), &Reading::default()).unwrap()
    }

    const DAY: i64 = 20_776; // 2026-11-19

    #[test]
    fn half_a_percent_is_the_same() {
        assert!(same(1_000, 1_005) && same(1_005, 1_000) && same(0, 0) && same(-200, -201));
        assert!(!same(1_000, 1_006) && !same(0, 1) && !same(5, -5));
        assert!(same(i64::MAX, i64::MAX - 1) && !same(i64::MIN, i64::MAX));
    }

    #[test]
    fn each_day_and_model_is_the_same_differs_or_stands_alone() {
        let text = "date,model,input_tokens,output_tokens\n\
                    2026-11-19,gpt-4o-2024-08-06,1000,100\n\
                    2026-11-19,gpt-4o-mini-2024-07-18,1000,100\n\
                    2026-11-20,o4-mini,7,7\n\
                    2026-11-20,silent,0,0\n";
        let ours = [
            own(DAY, "gpt-4o", 600, 60),
            own(DAY, "gpt-4o-2024-08-06", 398, 40),
            own(DAY, "gpt-4o-mini", 1_000, 90),
            own(DAY, "gpt-5", 5, 5),
            own(DAY - 1, "before", 5, 5),
            own(DAY + 2, "after", 5, 5),
        ];
        let result = reconcile(export(text), ours);
        let lines: Vec<_> =
            result.lines.iter().map(|line| (line.model.as_str(), line.verdict)).collect();
        assert_eq!(
            lines,
            [
                ("gpt-4o-mini", Verdict::Differs),
                ("gpt-5", Verdict::OnlyOurs),
                ("o4-mini", Verdict::OnlyTheirs),
                ("gpt-4o", Verdict::Same),
            ]
        );
        assert_eq!(
            (result.from.iso(), result.until.iso()),
            ("2026-11-19".into(), "2026-11-20".into())
        );
        assert_eq!((result.ours.input, result.theirs.input), (2_003, 2_007));
        assert!(Verdict::ALL.iter().all(|verdict| result.count(*verdict) == 1));
    }

    #[test]
    fn a_file_without_models_is_compared_by_day() {
        let text = "date,input_tokens,output_tokens\n2026-11-19,1005,105\n";
        let result = reconcile(export(text), [own(DAY, "a", 1_000, 100), own(DAY, "b", 5, 5)]);
        assert_eq!(result.lines.len(), 1);
        assert_eq!(result.count(Verdict::Same), 1);
    }

    #[test]
    fn cached_tokens_are_counted_once_on_both_sides() {
        let cached = Own { cache_read: 800, cache_write: 50, ..own(DAY, "m", 150, 9).1 };
        let included =
            "date,model,input_tokens,input_cached_tokens,output_tokens\n2026-11-19,m,1000,800,9\n";
        let apart = "date,model,uncached_input_tokens,cache_read_input_tokens,cache_creation_input_tokens,\
                     output_tokens\n2026-11-19,m,150,800,50,9\n";
        let fresh = "date,model,uncached_input_tokens,output_tokens\n2026-11-19,m,150,9\n";
        for (text, input) in [(included, 1_000), (apart, 1_000), (fresh, 150)] {
            let result = reconcile(export(text), [(Day::from_number(DAY), cached.clone())]);
            assert_eq!(result.count(Verdict::Same), 1, "{text}: {:?}", result.lines);
            assert_eq!((result.ours.input, result.theirs.input), (input, input), "{text}");
        }
        // The wrong convention is seen.
        let reading = Reading { cached: Some(Cached::Apart), ..Reading::default() };
        let wrong = Export::read(included.as_bytes(), &reading).unwrap();
        let result = reconcile(wrong, [(Day::from_number(DAY), cached)]);
        assert_eq!((result.count(Verdict::Differs), result.theirs.input), (1, 1_800));
    }
}
