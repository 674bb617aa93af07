//! Numbers and ratios, for people and as JSON.

use std::{
    error::Error,
    io::{Write, stderr, stdout},
    time::Duration,
};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::Outcome;

/// What was measured of one side, over all rounds.
#[derive(Serialize)]
pub(crate) struct SideReport {
    name: &'static str,
    #[serde(skip)]
    requests: u64,
    #[serde(skip)]
    elapsed: Duration,
    #[serde(skip)]
    cpu: Duration,
    #[serde(skip)]
    streams: u64,
    #[serde(skip)]
    stream_cpu: Duration,
    #[serde(skip)]
    latency: Option<Histogram<u64>>,
    /// Microseconds of CPU per request.
    whole_cpu_us: f64,
    stream_cpu_us: f64,
    /// Requests per second at 64 connections.
    rps: f64,
    /// Microseconds at 200 requests per second.
    p50_us: u64,
    p99_us: u64,
}

impl SideReport {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            requests: 0,
            elapsed: Duration::ZERO,
            cpu: Duration::ZERO,
            streams: 0,
            stream_cpu: Duration::ZERO,
            latency: None,
            whole_cpu_us: 0.0,
            stream_cpu_us: 0.0,
            rps: 0.0,
            p50_us: 0,
            p99_us: 0,
        }
    }

    pub(crate) fn whole(&mut self, requests: u64, elapsed: Duration, cpu: Duration) {
        self.requests += requests;
        self.elapsed += elapsed;
        self.cpu += cpu;
        self.whole_cpu_us = per(self.cpu, self.requests);
        self.rps = self.requests as f64 / self.elapsed.as_secs_f64();
    }

    pub(crate) fn streamed(&mut self, streams: u64, cpu: Duration) {
        self.streams += streams;
        self.stream_cpu += cpu;
        self.stream_cpu_us = per(self.stream_cpu, self.streams);
    }

    pub(crate) fn latency(&mut self, more: &Histogram<u64>) -> Outcome {
        match &mut self.latency {
            Some(all) => all.add(more)?,
            None => self.latency = Some(more.clone()),
        }
        if let Some(all) = &self.latency {
            self.p50_us = all.value_at_quantile(0.50);
            self.p99_us = all.value_at_quantile(0.99);
        }
        Ok(())
    }
}

fn per(total: Duration, count: u64) -> f64 {
    total.as_secs_f64() * 1e6 / count.max(1) as f64
}

#[derive(Serialize)]
pub(crate) struct Report {
    sides: Vec<SideReport>,
    ratios: Vec<Ratio>,
}

/// One measured value against its target.
#[derive(Serialize)]
struct Ratio {
    what: &'static str,
    value: f64,
    /// The most, or with `at_least` the least, that is wanted.
    target: f64,
    at_least: bool,
    met: bool,
}

impl Ratio {
    fn at_most(what: &'static str, value: f64, target: f64) -> Self {
        Self { what, value, target, at_least: false, met: value <= target }
    }

    fn at_least(what: &'static str, value: f64, target: f64) -> Self {
        Self { what, value, target, at_least: true, met: value >= target }
    }
}

impl Report {
    pub(crate) fn new(
        sides: Vec<SideReport>,
        idle: Option<u64>,
        loaded: Option<u64>,
        start: Option<Duration>,
    ) -> Self {
        let mut ratios = Vec::new();
        if let [direct, floor, probity] = sides.as_slice() {
            let added = |side: u64, direct: u64| side.saturating_sub(direct).max(1) as f64;
            ratios = vec![
                Ratio::at_most(
                    "CPU per request / floor",
                    probity.whole_cpu_us / floor.whole_cpu_us,
                    3.0,
                ),
                Ratio::at_most(
                    "CPU per stream of 50 chunks / floor",
                    probity.stream_cpu_us / floor.stream_cpu_us,
                    1.7,
                ),
                Ratio::at_least("requests per second / floor", probity.rps / floor.rps, 0.35),
                Ratio::at_most(
                    "added p50 / floor's",
                    added(probity.p50_us, direct.p50_us) / added(floor.p50_us, direct.p50_us),
                    2.5,
                ),
                Ratio::at_most(
                    "added p99 / floor's",
                    added(probity.p99_us, direct.p99_us) / added(floor.p99_us, direct.p99_us),
                    2.5,
                ),
            ];
        }
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        ratios.extend(idle.map(|rss| Ratio::at_most("RSS idle, MiB", mebibytes(rss), 50.0)));
        ratios
            .extend(loaded.map(|rss| Ratio::at_most("RSS after load, MiB", mebibytes(rss), 128.0)));
        ratios.extend(
            start.map(|took| {
                Ratio::at_most("start to healthy, ms", took.as_secs_f64() * 1e3, 300.0)
            }),
        );
        Self { sides, ratios }
    }

    pub(crate) fn print(&self) -> Outcome {
        let mut out = stdout().lock();
        writeln!(
            out,
            "{:10} {:>14} {:>14} {:>10} {:>10} {:>10}",
            "", "µs CPU/req", "µs CPU/stream", "req/s", "p50 µs", "p99 µs"
        )?;
        for side in &self.sides {
            writeln!(
                out,
                "{:10} {:>14.1} {:>14.1} {:>10.0} {:>10} {:>10}",
                side.name,
                side.whole_cpu_us,
                side.stream_cpu_us,
                side.rps,
                side.p50_us,
                side.p99_us
            )?;
        }
        for ratio in &self.ratios {
            let sign = if ratio.at_least { "≥" } else { "≤" };
            let goal = match (ratio.target < f64::MAX, ratio.met) {
                (false, _) => String::new(),
                (true, met) => {
                    format!("  {} {sign} {}", if met { "ok  " } else { "MISS" }, ratio.target)
                }
            };
            writeln!(out, "{:40} {:>8.2}{goal}", ratio.what, ratio.value)?;
        }
        Ok(())
    }
}

/// The last word of a failed run.
pub(crate) fn complain(error: &(dyn Error + Send + Sync)) {
    let _ = writeln!(stderr(), "bench: {error}");
}
