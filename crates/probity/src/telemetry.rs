//! Structured logs, to standard error, and metrics. They carry ids and codes, never content.

use std::time::Duration;

use domain::{Error, Result};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{
    Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, registry,
    util::SubscriberInitExt as _,
};

use crate::config::LogSection;

/// Upper bounds of durations, in seconds: from an answer out of a cache to a long piece of reasoning.
const SECONDS: &[f64] =
    &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0];
/// Every measured duration stays in memory until it is counted into its bucket, whether or not anybody reads `/metrics`.
const CONDENSE: Duration = Duration::from_secs(5);

pub(crate) fn start(section: &LogSection) -> Result<()> {
    let filter: Targets = section.filter.parse().map_err(|_| {
        Error::invalid(format!("log.filter = {:?} is not a filter", section.filter))
    })?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let layer = if section.json { lines.json().boxed() } else { lines.boxed() };
    registry().with(layer.with_filter(filter)).try_init().map_err(Error::internal)
}

/// Starts counting; what is counted before is lost.
pub(crate) fn measure() -> Result<PrometheusHandle> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(Error::internal)
}

/// Counts what was measured into its buckets, until `stop`.
pub(crate) async fn condense(metrics: PrometheusHandle, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(CONDENSE);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        metrics.run_upkeep();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_into_buckets() {
        let metrics = measure().unwrap();
        let measured = metrics::histogram!("probity_test_seconds");
        for _ in 0..1000 {
            measured.record(0.3);
        }
        metrics.run_upkeep();
        let text = metrics.render();
        assert!(text.contains("probity_test_seconds_bucket{le=\"0.25\"} 0\n"), "{text}");
        assert!(text.contains("probity_test_seconds_bucket{le=\"0.5\"} 1000\n"), "{text}");
    }
}
