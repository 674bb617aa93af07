//! The billing record of one request: a vector of token counts with where they come from.

use serde::{Deserialize, Serialize};

/// Where a count comes from. Absent is not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provenance {
    /// The provider said so.
    Reported,
    /// Counted by us, because the stream ended early or the provider was silent.
    Estimated,
    #[default]
    Absent,
}

impl Provenance {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Estimated => "estimated",
            Self::Absent => "absent",
        }
    }
}

/// Token counts in one convention: `input` excludes everything that was read from or written to a cache,
/// `output` includes `reasoning`. Translators convert each provider's own convention to this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Fresh input tokens.
    pub input: u64,
    /// Input tokens served from a provider's cache.
    pub cache_read: u64,
    /// Input tokens written to a provider's cache.
    pub cache_write: u64,
    /// All output tokens.
    pub output: u64,
    /// The part of `output` spent on thinking.
    pub reasoning: u64,
    pub provenance: Provenance,
}

impl Usage {
    /// Everything that went in, cached or not.
    #[must_use]
    pub const fn input_total(&self) -> u64 {
        self.input.saturating_add(self.cache_read).saturating_add(self.cache_write)
    }
}
