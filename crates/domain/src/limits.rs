//! Limits on how fast and how much at once is asked.

use serde::{Deserialize, Serialize};

use crate::KeyId;

/// What is `None` does not limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub requests_per_minute: Option<u32>,
    /// Of input and output together.
    pub tokens_per_minute: Option<u64>,
    /// Requests under way at once, streams included.
    pub concurrent: Option<u32>,
}

impl Limits {
    /// What this one does not say, as `other` says it.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            requests_per_minute: self.requests_per_minute.or(other.requests_per_minute),
            tokens_per_minute: self.tokens_per_minute.or(other.tokens_per_minute),
            concurrent: self.concurrent.or(other.concurrent),
        }
    }
}

/// Whom limits are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitOf {
    /// All keys together.
    Organization,
    /// Each key that has none of its own.
    EachKey,
    Key(KeyId),
}
