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

/// What a request used besides tokens, and which of its tokens have prices of their own. `None` is not known, not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// The part of the input tokens that images were.
    #[serde(skip_serializing_if = "is_zero")]
    pub image_input: u64,
    /// The part of the output tokens that images were.
    #[serde(skip_serializing_if = "is_zero")]
    pub image_output: u64,
    /// The part of the input tokens that sound was.
    #[serde(skip_serializing_if = "is_zero")]
    pub audio_input: u64,
    /// The part of the output tokens that sound was.
    #[serde(skip_serializing_if = "is_zero")]
    pub audio_output: u64,
    /// Searches, as ranking is billed by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub searches: Option<u64>,
    /// Images made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<u64>,
    /// Characters spoken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub characters: Option<u64>,
    /// How much was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milliseconds: Option<u64>,
}

impl Units {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

const fn is_zero(count: &u64) -> bool {
    *count == 0
}
