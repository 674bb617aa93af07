//! Where usage goes: cost over time and sums by model, provider, region, project or key.

use std::collections::BTreeMap;

use domain::{CURRENCY, Result};
use store::{Read, UsageBy, UsageFilter, UsageGroup, UsageSummary};

use super::{
    Selection,
    names::{self, Names},
};
use crate::{
    pages::usage::{Spread, SpreadRow},
    view::{Choice, Series, Stack, count, money},
};

/// Groups that are listed; what is left is one more.
const ROWS: usize = 20;
/// Groups that have a colour of their own.
const COLOURS: usize = 5;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dimension {
    #[default]
    Model,
    Provider,
    Region,
    Project,
    Key,
}

impl Dimension {
    pub(crate) const ALL: [Self; 5] =
        [Self::Model, Self::Provider, Self::Region, Self::Project, Self::Key];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == text)
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Provider => "provider",
            Self::Region => "region",
            Self::Project => "project",
            Self::Key => "key",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Model => "Model",
            Self::Provider => "Provider",
            Self::Region => "Region",
            Self::Project => "Project",
            Self::Key => "Key",
        }
    }

    /// A region is where providers are stated to be.
    pub(crate) const fn by(self) -> UsageBy {
        match self {
            Self::Model => UsageBy::Model,
            Self::Provider | Self::Region => UsageBy::Provider,
            Self::Project => UsageBy::Project,
            Self::Key => UsageBy::Key,
        }
    }

    pub(super) fn choices(self, across: bool) -> Vec<Choice> {
        let offered = Self::ALL.into_iter().filter(|one| across || *one != Self::Project);
        offered.map(|one| Choice::new(one.as_str(), one.label()).chosen(one == self)).collect()
    }

    /// What a group of the database is called here: providers of one region have one name.
    fn of(self, group: &str, names: &Names) -> String {
        match self {
            Self::Region => names.region_of(group.parse().ok()),
            _ => group.to_owned(),
        }
    }

    fn says(self, of: &str, names: &Names) -> String {
        match self {
            Self::Region if of.is_empty() => "not stated".to_owned(),
            Self::Provider => names.provider_of(of.parse().ok()),
            Self::Project => of.parse().map(|id| names.project(id)).unwrap_or_default(),
            Self::Model if of.is_empty() => "none answered".to_owned(),
            _ => of.to_owned(),
        }
    }
}

/// Groups under one name are one.
pub(crate) fn merged(groups: Vec<UsageGroup>, name: impl Fn(&str) -> String) -> Vec<UsageGroup> {
    let mut all: BTreeMap<String, UsageGroup> = BTreeMap::new();
    for group in groups {
        let of = name(&group.of);
        match all.get_mut(&of) {
            Some(sum) => {
                sum.requests += group.requests;
                sum.errors += group.errors;
                sum.absent += group.absent;
                sum.input += group.input;
                sum.output += group.output;
                sum.cost_nano += group.cost_nano;
            }
            None => {
                all.insert(of.clone(), UsageGroup { of, ..group });
            }
        }
    }
    let mut all: Vec<_> = all.into_values().collect();
    all.sort_by(|left, right| {
        (right.cost_nano, right.requests)
            .cmp(&(left.cost_nano, left.requests))
            .then(left.of.cmp(&right.of))
    });
    all
}

/// Where the usage of a selection goes.
pub(super) async fn spread(
    read: &mut Read,
    selection: &Selection,
    (filter, sum, names): (&UsageFilter, &UsageSummary, &Names),
    (path, across, now): (&str, bool, domain::Timestamp),
) -> Result<Spread> {
    let by = selection.by;
    let groups = merged(read.usage_by(filter, by.by()).await?, |group| by.of(group, names));
    let steps = read.usage_series_by(filter, selection.period.step(), by.by()).await?;
    let mut rows = Vec::new();
    for group in groups.iter().take(ROWS) {
        let name = match by {
            Dimension::Key => names::key(read, &group.of).await,
            _ => by.says(&group.of, names),
        };
        let href = format!("{path}{}", selection.narrowed(across, by, &group.of));
        rows.push(row(group, name, Some(href).filter(|_| !group.of.is_empty())));
    }
    let mut series: Vec<_> = rows
        .iter()
        .take(COLOURS)
        .map(|row| Series { name: row.name.clone(), values: BTreeMap::new() })
        .collect();
    let places: BTreeMap<_, _> =
        groups.iter().take(COLOURS).enumerate().map(|(at, group)| (group.of.clone(), at)).collect();
    let mut others = Series { name: "Others".to_owned(), values: BTreeMap::new() };
    for step in steps {
        let place = places.get(&by.of(&step.of, names)).and_then(|at| series.get_mut(*at));
        *place.unwrap_or(&mut others).values.entry(step.at).or_default() += step.cost_nano;
    }
    if !others.values.is_empty() {
        series.push(others);
    }
    rows.extend(rest(sum, groups.get(..ROWS.min(groups.len())).unwrap_or_default()));
    let (unit, buckets) = selection.period.buckets(now, &[]);
    let title = format!("Cost per {} by {}", unit.to_lowercase(), by.as_str());
    let starts = selection.period.starts(now);
    Ok(Spread {
        label: by.label(),
        rows,
        chart: Stack::new(title, unit, (&starts, &buckets), series),
    })
}

fn row(group: &UsageGroup, name: String, href: Option<String>) -> SpreadRow {
    SpreadRow {
        name,
        href,
        requests: count(group.requests),
        failed: if group.errors == 0 {
            String::new()
        } else {
            format!("{} failed", count(group.errors))
        },
        input: count(group.input),
        output: count(group.output),
        cost: money(group.cost_nano, CURRENCY),
    }
}

/// What no listed group has.
fn rest(sum: &UsageSummary, listed: &[UsageGroup]) -> Option<SpreadRow> {
    let of = |each: fn(&UsageGroup) -> u64| listed.iter().map(each).sum::<u64>();
    let cost: u64 = sum.cost_nano.iter().map(|(_, nano)| nano).sum();
    let requests = sum.requests.saturating_sub(of(|group| group.requests));
    let left = UsageGroup {
        of: String::new(),
        requests,
        errors: sum.errors.saturating_sub(of(|group| group.errors)),
        absent: 0,
        input: (sum.input + sum.cache_read + sum.cache_write)
            .saturating_sub(of(|group| group.input)),
        output: sum.output.saturating_sub(of(|group| group.output)),
        cost_nano: cost.saturating_sub(of(|group| group.cost_nano)),
    };
    (requests > 0).then(|| row(&left, "Others".to_owned(), None))
}
