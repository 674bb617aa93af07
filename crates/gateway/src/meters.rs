//! Counters of one route, registered once so that the hot path only adds.

use std::time::Duration;

use domain::Usage;
use metrics::{Counter, Histogram, counter, histogram};

/// Labelled by the catalogue's name of the provider: names that organizations choose are theirs.
pub(crate) struct Meters {
    provider: String,
    answered: Counter,
    tokens_in: Counter,
    tokens_out: Counter,
    seconds: Histogram,
    first_token: Histogram,
}

impl Meters {
    pub(crate) fn new(provider: &str) -> Self {
        let tokens = |direction: &'static str| {
            counter!("probity_gateway_tokens_total",
                "provider" => provider.to_owned(), "direction" => direction)
        };
        Self {
            answered: counter!("probity_gateway_requests_total",
                "provider" => provider.to_owned(), "outcome" => "ok"),
            tokens_in: tokens("input"),
            tokens_out: tokens("output"),
            seconds: histogram!("probity_gateway_request_seconds",
                "provider" => provider.to_owned()),
            first_token: histogram!("probity_gateway_first_token_seconds",
                "provider" => provider.to_owned()),
            provider: provider.to_owned(),
        }
    }

    pub(crate) fn answered(&self) {
        self.answered.increment(1);
    }

    /// A request that ended in `code`, one of ours and few in number.
    pub(crate) fn failed(&self, code: &'static str) {
        counter!("probity_gateway_requests_total",
            "provider" => self.provider.clone(), "outcome" => code)
        .increment(1);
    }

    /// One attempt that failed, whether or not another one then succeeded.
    pub(crate) fn attempt_failed(&self, code: &'static str) {
        counter!("probity_gateway_attempt_failures_total",
            "provider" => self.provider.clone(), "code" => code)
        .increment(1);
    }

    /// Asked besides another that was slow.
    pub(crate) fn hedged(&self) {
        counter!("probity_gateway_hedges_total", "provider" => self.provider.clone()).increment(1);
    }

    pub(crate) fn spent(&self, usage: &Usage, took: Duration, first_token: Option<Duration>) {
        self.tokens_in.increment(usage.input_total());
        self.tokens_out.increment(usage.output);
        self.seconds.record(took);
        if let Some(first) = first_token {
            self.first_token.record(first);
        }
    }
}

/// A request refused before any provider was chosen.
pub(crate) fn refused(status: u16) {
    counter!("probity_gateway_refused_total", "status" => status.to_string()).increment(1);
}
