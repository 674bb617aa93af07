//! The catalogue of providers: parsed from `catalog/*.toml`, immutable once built. The same rows are the register of
//! sub-processors, the price list and what routing knows about a provider's terms.

mod check;
mod entry;
mod posture;
mod price;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

pub use entry::{
    Auth, Capability, Endpoint, Family, Modality, Model, ProviderEntry, Serves, Subprocessor,
};
pub use posture::{Posture, Use, When};
pub use price::{Price, PriceRule, Prices, Tier};

/// A wire format that this version can call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// OpenAI Chat Completions.
    #[serde(rename = "openai")]
    OpenAi,
    /// Anthropic Messages.
    #[serde(rename = "anthropic")]
    Anthropic,
    /// OpenAI Responses.
    #[serde(rename = "responses")]
    OpenAiResponses,
    /// Gemini generateContent.
    #[serde(rename = "gemini")]
    Gemini,
}

impl Protocol {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::OpenAiResponses => "responses",
            Self::Gemini => "gemini",
        }
    }

    /// What is asked for in this format.
    #[must_use]
    pub const fn serves(self) -> Serves {
        match self {
            Self::OpenAi | Self::Gemini => Serves::Chat,
            Self::Anthropic => Serves::Messages,
            Self::OpenAiResponses => Serves::Responses,
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "openai" => Some(Self::OpenAi),
            "anthropic" => Some(Self::Anthropic),
            "responses" => Some(Self::OpenAiResponses),
            "gemini" => Some(Self::Gemini),
            _ => None,
        }
    }
}

/// Why a catalogue was refused.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("{file}: {source}")]
    Parse { file: String, source: toml::de::Error },
    #[error("{file}: {what}")]
    Content { file: String, what: String },
}

/// One immutable set of providers.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    providers: BTreeMap<String, ProviderEntry>,
    /// By provider, by model.
    prices: HashMap<String, HashMap<String, Arc<Prices>>>,
}

impl Catalogue {
    /// Parses `(file stem, text)` pairs. The first problem refuses the whole set.
    ///
    /// # Errors
    /// Says which file, and what is wrong with it.
    pub fn parse<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, CatalogueError> {
        let mut catalogue = Self::default();
        for (stem, text) in files {
            let file = || format!("catalog/{stem}.toml");
            let entry: ProviderEntry = toml::from_str(text)
                .map_err(|source| CatalogueError::Parse { file: file(), source })?;
            check::entry(stem, &entry)
                .map_err(|what| CatalogueError::Content { file: file(), what })?;
            let prices = entry
                .models
                .iter()
                .filter_map(|model| Some((model.id.clone(), Arc::new(model.prices()?))));
            catalogue.prices.insert(entry.id.clone(), prices.collect());
            catalogue.providers.insert(entry.id.clone(), entry);
        }
        Ok(catalogue)
    }

    #[must_use]
    pub fn provider(&self, id: &str) -> Option<&ProviderEntry> {
        self.providers.get(id)
    }

    pub fn providers(&self) -> impl Iterator<Item = &ProviderEntry> {
        self.providers.values()
    }

    /// `None` when no price is known: then the cost is unknown, not zero.
    #[must_use]
    pub fn prices(&self, provider: &str, model: &str) -> Option<&Arc<Prices>> {
        self.prices.get(provider)?.get(model)
    }
}

#[cfg(test)]
mod tests;
