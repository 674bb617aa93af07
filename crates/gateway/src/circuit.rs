//! What is remembered about a destination's health. It only changes the order in which providers are asked:
//! with nobody else left, an unhealthy one is asked all the same.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::GatewayConfig;

/// Health of one destination. Times are milliseconds on the gateway's own steady clock.
#[derive(Debug, Default)]
pub(crate) struct Circuit {
    failures: AtomicU32,
    /// Zero when healthy.
    avoid_until: AtomicU64,
}

impl Circuit {
    /// Whether the destination may be asked in its turn. Once the time to avoid it is over, one request
    /// may try while others keep avoiding it until that one succeeds.
    pub(crate) fn allows(&self, now: u64, config: &GatewayConfig) -> bool {
        let until = self.avoid_until.load(Ordering::Acquire);
        if until == 0 {
            return true;
        }
        let again = now.saturating_add(config.circuit_ms);
        now >= until
            && self
                .avoid_until
                .compare_exchange(until, again, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
    }

    pub(crate) fn succeeded(&self) {
        // Mostly nothing to change: do not dirty a shared cache line.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
        if self.avoid_until.load(Ordering::Relaxed) != 0 {
            self.avoid_until.store(0, Ordering::Release);
        }
    }

    pub(crate) fn failed(&self, now: u64, config: &GatewayConfig) {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if failures >= config.circuit_failures {
            let until = now.saturating_add(config.circuit_ms).max(1);
            self.avoid_until.store(until, Ordering::Release);
        }
    }

    /// The provider asked to be left alone for a while.
    pub(crate) fn busy(&self, now: u64, millis: u64) {
        let until = now.saturating_add(millis.min(120_000)).max(1);
        self.avoid_until.fetch_max(until, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_open_it_and_one_trial_closes_it() {
        let config = GatewayConfig { circuit_failures: 2, circuit_ms: 100, ..Default::default() };
        let circuit = Circuit::default();
        circuit.failed(0, &config);
        circuit.succeeded();
        circuit.failed(0, &config);
        assert!(circuit.allows(1, &config), "not in a row");
        circuit.failed(10, &config);
        assert!(!circuit.allows(109, &config));
        assert!(circuit.allows(110, &config), "one may try");
        assert!(!circuit.allows(111, &config), "only one");
        circuit.succeeded();
        assert!(circuit.allows(112, &config));
        circuit.busy(200, 50);
        assert!(!circuit.allows(249, &config));
        assert!(circuit.allows(250, &config));
    }
}
