//! How a twin is set up: who may call it and how long its pauses are.

use std::time::Duration;

use domain::Secret;

use crate::Grants;

/// The settings of one twin.
#[derive(Clone, Debug)]
pub struct Script {
    /// The API key callers must present; `None` lets everybody in.
    pub key: Option<Secret>,
    /// How many received requests `/_inspect` shows. Zero, the default, keeps none and closes that path.
    pub keep: usize,
    /// Between two chunks of `sandbox-slow`.
    pub pace: Duration,
    /// How long `sandbox-slow-headers` and `sandbox-slow-first-token` keep quiet.
    pub hush: Duration,
    /// The status that every request to a model is answered with: a provider that is down.
    pub fails: Option<u16>,
    /// Before every answer to a request for a model: a provider that is slow.
    pub late: Duration,
    /// How many requests are answered at once before that begins.
    pub in_time: usize,
    /// What `sandbox-error-429` and `sandbox-flaky-429` say in `retry-after`, in seconds.
    pub retry_after: u32,
    /// Who may ask the twin for a token. With it, requests for models show a token and not the key.
    pub grants: Option<Grants>,
    /// How long tokens are said to be good, in seconds. They are until they are forgotten.
    pub token_seconds: u64,
    /// Before a token is given.
    pub token_late: Duration,
    /// The status that every request for a token is answered with.
    pub token_fails: Option<u16>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            key: None,
            keep: 0,
            pace: Duration::from_millis(20),
            hush: Duration::from_secs(5),
            fails: None,
            late: Duration::ZERO,
            in_time: 0,
            retry_after: 1,
            grants: None,
            token_seconds: 3599,
            token_late: Duration::ZERO,
            token_fails: None,
        }
    }
}

impl Script {
    /// For tests: keeps the last 64 requests.
    #[must_use]
    pub fn inspected() -> Self {
        Self { keep: 64, ..Self::default() }
    }

    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(Secret::new(key.into()));
        self
    }
}
