//! The section `[gateway]` of the configuration file.

use std::time::Duration;

use domain::Secret;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use url::Url;

/// Limits and timeouts of the data plane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// Name resolution, TCP and TLS to a provider, in milliseconds.
    pub connect_ms: u64,
    /// From sending a streaming request to the first piece of its answer, in milliseconds.
    pub first_token_ms: u64,
    /// Between two pieces of an answer, in milliseconds.
    pub stall_ms: u64,
    /// The whole request, all attempts included, in milliseconds.
    pub total_ms: u64,
    /// Most attempts for one request, over all providers.
    pub attempts: u32,
    /// Before a provider is asked again, in milliseconds; varied at random by half.
    pub backoff_ms: u64,
    /// The longest wait a provider may ask for that is waited for, in milliseconds.
    pub retry_after_ms: u64,
    /// Failures in a row after which a provider is asked last.
    pub circuit_failures: u32,
    /// For how long, in milliseconds.
    pub circuit_ms: u64,
    /// Of a hundred streamed requests, for how many at most a second provider is asked when the first is slower than it
    /// usually is; none when 0. Both send a bill, and both see the request.
    pub hedge_percent: u32,
    /// Requests per minute of keys without a limit of their own; none when absent.
    pub requests_per_minute: Option<u32>,
    /// Tokens per minute of keys without a limit of their own; none when absent.
    pub tokens_per_minute: Option<u64>,
    /// Requests under way at once of keys without a limit of their own; none when absent.
    pub concurrent_requests: Option<u32>,
    /// Under a budget, the most tokens of output for a request that names no limit of a model without a known one.
    pub budget_output_tokens: u64,
    /// In what the servers of a deployment count budgets: `memory` for one server, `postgres` for the database, or the
    /// `redis://` or `rediss://` address of a Valkey or Redis server.
    pub counters: Counters,
    /// Requests of batches under way at once, over all batches.
    pub batch_at_once: usize,
    /// Most requests of one batch.
    pub batch_lines: u64,
    /// What all files of a project may have together, in bytes.
    pub batch_bytes: u64,
    /// How long a realtime session may last, in minutes.
    pub realtime_minutes: u64,
    /// Largest whole answer of a provider, in bytes.
    pub answer_bytes: usize,
    /// Largest single event of a provider's stream, in bytes.
    pub event_bytes: usize,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            connect_ms: 5_000,
            first_token_ms: 120_000,
            stall_ms: 60_000,
            total_ms: 900_000,
            attempts: 4,
            backoff_ms: 200,
            retry_after_ms: 2_000,
            circuit_failures: 5,
            circuit_ms: 15_000,
            hedge_percent: 0,
            requests_per_minute: None,
            tokens_per_minute: None,
            concurrent_requests: None,
            budget_output_tokens: 16_384,
            counters: Counters::default(),
            batch_at_once: 16,
            batch_lines: 50_000,
            batch_bytes: 1 << 30,
            realtime_minutes: 60,
            answer_bytes: 64 << 20,
            event_bytes: 32 << 20,
        }
    }
}

impl GatewayConfig {
    pub(crate) const fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_ms)
    }

    pub(crate) const fn first_token(&self) -> Duration {
        Duration::from_millis(self.first_token_ms)
    }

    pub(crate) const fn stall(&self) -> Duration {
        Duration::from_millis(self.stall_ms)
    }

    pub(crate) const fn total(&self) -> Duration {
        Duration::from_millis(self.total_ms)
    }

    pub(crate) const fn realtime(&self) -> Duration {
        Duration::from_secs(self.realtime_minutes.saturating_mul(60))
    }

    pub(crate) const fn backoff(&self) -> Duration {
        Duration::from_millis(self.backoff_ms)
    }

    pub(crate) const fn retry_after(&self) -> Duration {
        Duration::from_millis(self.retry_after_ms)
    }
}

/// In what the servers of a deployment count budgets.
#[derive(Clone, Debug, Default)]
pub enum Counters {
    /// In the memory of the only server.
    #[default]
    Memory,
    /// In the store's database.
    Postgres,
    /// In a Valkey or Redis server. The address may hold a password.
    Redis(Secret<String>),
}

impl Counters {
    /// As it is written, without a password.
    #[must_use]
    pub fn says(&self) -> String {
        match self {
            Self::Memory => "memory".to_owned(),
            Self::Postgres => "postgres".to_owned(),
            Self::Redis(url) => {
                let Ok(mut url) = Url::parse(url.expose()) else { return String::new() };
                let named = url.set_username("").and_then(|()| url.set_password(None));
                named.map_or_else(|()| String::new(), |()| url.to_string())
            }
        }
    }
}

impl PartialEq for Counters {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Memory, Self::Memory) | (Self::Postgres, Self::Postgres) => true,
            (Self::Redis(one), Self::Redis(two)) => one.expose() == two.expose(),
            _ => false,
        }
    }
}

impl Eq for Counters {}

impl Serialize for Counters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.says())
    }
}

impl<'de> Deserialize<'de> for Counters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Secret::<String>::deserialize(deserializer)?;
        match text.expose().as_str() {
            "memory" => return Ok(Self::Memory),
            "postgres" => return Ok(Self::Postgres),
            _ => {}
        }
        let wanted = || {
            D::Error::custom(
                "gateway.counters is memory, postgres, or an address such as rediss://user:password@host:6379/0",
            )
        };
        let url = Url::parse(text.expose()).map_err(|_| wanted())?;
        let known = matches!(url.scheme(), "redis" | "rediss") && url.host().is_some();
        let number = url.path().trim_matches('/');
        let number = number.is_empty() || number.parse::<u16>().is_ok();
        if known && number && url.query().is_none() && url.fragment().is_none() {
            Ok(Self::Redis(text))
        } else {
            Err(wanted())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_named_without_their_password() {
        let read = |text: &str| serde_json::from_value::<Counters>(text.into());
        assert_eq!(read("memory").unwrap(), Counters::Memory);
        assert_eq!(read("postgres").unwrap(), Counters::Postgres);
        let redis = read("rediss://me:word@cache.example:6380/2").unwrap();
        assert_eq!(redis.says(), "rediss://cache.example:6380/2");
        assert!(!format!("{redis:?}").contains("word"));
        for wrong in ["", "disk", "redis:/x", "redis://h/name", "redis://h?x=1", "https://h"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("gateway.counters is memory"), "{wrong}: {error}");
        }
    }
}
