//! In which order the candidates for a request are asked: a pure function of what the receipt records, so that anybody
//! can work the choice out again. Integers only, so that every machine finds the same.

use serde::{Deserialize, Serialize};

use crate::{Price, Usage};

/// The version of the rule. Whatever changes what follows from the same inputs raises it.
pub const RULE: u32 = 2;

/// What somebody nobody has seen lately is taken to need until the first piece of a stream, in milliseconds.
const ASSUMED_STREAM_MS: u64 = 1_000;
/// And until a whole answer is here.
const ASSUMED_WHOLE_MS: u64 = 5_000;
/// And for a thousand tokens of output.
const ASSUMED_PACE_MS: u64 = 20_000;
/// Waits shorter than this count as this long: nobody notices, and clocks do not agree on less.
const UNNOTICED_MS: u64 = 250;
/// More than ten times the least is ten times the least, in thousandths.
const MOST_RATIO: u64 = 10_000;
/// Failures weigh up to here, per thousand attempts: beyond, a candidate is last in any case.
const MOST_ERRORS: u64 = 900;
/// What costs more, or an unknown amount, where the cheapest is wanted: a million dollars.
const UNKNOWN_COST: u64 = 1_000_000_000_000_000;
/// How much worse than the best of its band a candidate may be, in thousandths of the best.
const BAND: u64 = 1_100;

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// Cost, wait and failures together.
    #[default]
    Balanced,
    /// The least cost.
    Price,
    /// The shortest wait for the first piece.
    Latency,
    /// The most tokens in a second.
    Throughput,
}

impl Sort {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "price" => Some(Self::Price),
            "latency" => Some(Self::Latency),
            "throughput" => Some(Self::Throughput),
            _ => None,
        }
    }
}

/// What is the same for all candidates of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// [`RULE`], as it was.
    pub rule: u32,
    pub sort: Sort,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// Expected, by the size of the request.
    pub input_tokens: u64,
    /// Expected, within what the request allows.
    pub output_tokens: u64,
}

/// What was known of one candidate when the order was worked out. What is `None` was not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// Its place in order of registration; no two are alike.
    pub place: u32,
    pub healthy: bool,
    /// Its place in the order that the client wishes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wished: Option<u32>,
    /// For a request of this size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// How many of a thousand input tokens came out of its cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_permille: Option<u64>,
    /// Until the first piece of a stream, or the whole of another answer, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// For a thousand tokens of output, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace_ms: Option<u64>,
    /// Failed attempts of a thousand.
    pub errors_permille: u64,
    /// The conversation is there already, and its organization wants conversations to stay whole. Since rule 2.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub home: bool,
    /// How close the conversation is to it, 0 the closest: where its beginning may still be in a cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<u32>,
}

/// What follows for one candidate. The smaller score is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Nano-US-dollars; `None` when a price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_nano: Option<u64>,
    pub score: u64,
}

/// The positions of `all` in the order in which they are asked, each with its score.
///
/// The healthy come first, then those that the client wishes for, in that order, then where the conversation is at home;
/// among the others the smaller score decides. Those that are hardly worse than the best of them form a band with it, in which the conversation stays where
/// it was; without observations the order of registration stays.
#[must_use]
pub fn rank(basis: &Basis, all: &[Inputs]) -> Vec<(usize, Score)> {
    let scored = scores(basis, all);
    let mut ranked: Vec<Ranked<'_>> = all
        .iter()
        .zip(scored)
        .enumerate()
        .map(|(at, (inputs, score))| Ranked { at, inputs, score })
        .collect();
    ranked.sort_by_key(|one| (one.class(), one.score.score, one.unpriced(), one.inputs.place));
    let mut rest = ranked.as_mut_slice();
    while !rest.is_empty() {
        let length = band(basis.sort, rest);
        let (band, after) = rest.split_at_mut(length);
        // A stable sort: those whose price is not known stand behind their equals.
        band.sort_by_key(Ranked::unpriced);
        let priced = band.partition_point(|one| !one.unpriced());
        let (priced, unpriced) = band.split_at_mut(priced);
        stay(priced);
        stay(unpriced);
        rest = after;
    }
    ranked.into_iter().map(|one| (one.at, one.score)).collect()
}

#[derive(Clone, Copy)]
struct Ranked<'a> {
    at: usize,
    inputs: &'a Inputs,
    score: Score,
}

impl Ranked<'_> {
    /// What no score outweighs.
    fn class(&self) -> (bool, u32, bool) {
        let wished = self.inputs.wished.unwrap_or(u32::MAX);
        (!self.inputs.healthy, wished, !self.inputs.home)
    }

    const fn unpriced(&self) -> bool {
        self.score.cost_nano.is_none()
    }
}

/// How many of the first belong together.
fn band(sort: Sort, ranked: &[Ranked<'_>]) -> usize {
    let Some(first) = ranked.first() else { return 0 };
    // Whoever says what comes first means it to the last digit.
    let tolerance = if sort == Sort::Balanced { BAND } else { 1_000 };
    let together = |one: &Ranked<'_>| {
        let (own, best) = (u128::from(one.score.score), u128::from(first.score.score));
        one.class() == first.class() && own * 1_000 <= best * u128::from(tolerance)
    };
    ranked.partition_point(together)
}

/// Those that were seen lately change places with one another so that the closest stands first.
fn stay(band: &mut [Ranked<'_>]) {
    let mut seen: Vec<Ranked<'_>> =
        band.iter().filter(|one| one.inputs.affinity.is_some()).copied().collect();
    seen.sort_by_key(|one| one.inputs.affinity);
    let places = band.iter_mut().filter(|one| one.inputs.affinity.is_some());
    for (place, one) in places.zip(seen) {
        *place = one;
    }
}

fn scores(basis: &Basis, all: &[Inputs]) -> Vec<Score> {
    let costs: Vec<Option<u64>> = all.iter().map(|one| cost(basis, one)).collect();
    let waits: Vec<u64> = all.iter().map(|one| wait(basis, one)).collect();
    let (cheapest, dearest) = (costs.iter().flatten().min(), costs.iter().flatten().max());
    let shortest = waits.iter().map(|wait| (*wait).max(UNNOTICED_MS)).min().unwrap_or_default();
    let one = |((inputs, cost), wait): ((&Inputs, &Option<u64>), &u64)| {
        let score = match basis.sort {
            Sort::Price => cost.unwrap_or(UNKNOWN_COST).min(UNKNOWN_COST),
            Sort::Latency => *wait,
            Sort::Throughput => inputs.pace_ms.unwrap_or(ASSUMED_PACE_MS),
            Sort::Balanced => {
                let cost = cost.as_ref().or(dearest).zip(cheapest);
                let cost = cost.map_or(1_000, |(own, least)| ratio(*own, *least));
                let wait = ratio((*wait).max(UNNOTICED_MS), shortest);
                let succeeds = 1_000 - inputs.errors_permille.min(MOST_ERRORS);
                (2 * cost + wait) * 1_000 / (3 * succeeds)
            }
        };
        Score { cost_nano: *cost, score }
    };
    all.iter().zip(&costs).zip(&waits).map(one).collect()
}

/// What the request is expected to cost.
fn cost(basis: &Basis, inputs: &Inputs) -> Option<u64> {
    let cached = share(basis.input_tokens, inputs.cached_permille.unwrap_or_default());
    let usage = Usage {
        input: basis.input_tokens.saturating_sub(cached),
        cache_read: cached,
        output: basis.output_tokens,
        ..Usage::default()
    };
    inputs.price?.of(&usage)
}

fn wait(basis: &Basis, inputs: &Inputs) -> u64 {
    let assumed = if basis.stream { ASSUMED_STREAM_MS } else { ASSUMED_WHOLE_MS };
    inputs.wait_ms.unwrap_or(assumed)
}

fn share(of: u64, permille: u64) -> u64 {
    let part = u128::from(of) * u128::from(permille.min(1_000)) / 1_000;
    u64::try_from(part).unwrap_or(of)
}

/// In thousandths of the least. One is added to both, so that what is free can be compared as well.
fn ratio(own: u64, least: u64) -> u64 {
    let ratio = (u128::from(own) + 1) * 1_000 / (u128::from(least) + 1);
    u64::try_from(ratio).unwrap_or(MOST_RATIO).min(MOST_RATIO)
}

#[cfg(test)]
mod tests;
