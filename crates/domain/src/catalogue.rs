//! The catalogue of providers as the rest of the house sees it: parsed from `catalog/*.toml`, immutable once built.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Usage;

/// A wire format that an endpoint speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// OpenAI Chat Completions.
    #[serde(rename = "openai")]
    OpenAi,
    /// Anthropic Messages.
    #[serde(rename = "anthropic")]
    Anthropic,
}

impl Protocol {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "openai" => Some(Self::OpenAi),
            "anthropic" => Some(Self::Anthropic),
            _ => None,
        }
    }
}

/// Prices in nano-units of `currency` per token. A missing price is unknown, never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub input: u64,
    pub cache_read: Option<u64>,
    pub cache_write: Option<u64>,
    pub output: u64,
}

impl Price {
    /// What `usage` costs, in nano-units; a cache price that is not listed falls back to the input price.
    #[must_use]
    pub fn of(&self, usage: &Usage) -> u64 {
        let part = |tokens: u64, price: u64| tokens.saturating_mul(price);
        part(usage.input, self.input)
            .saturating_add(part(usage.cache_read, self.cache_read.unwrap_or(self.input)))
            .saturating_add(part(usage.cache_write, self.cache_write.unwrap_or(self.input)))
            .saturating_add(part(usage.output, self.output))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The provider's own name for it.
    pub id: String,
    #[serde(default)]
    pub price: Option<Price>,
    /// Tokens.
    #[serde(default)]
    pub context: Option<u64>,
    /// Tokens.
    #[serde(default)]
    pub output_limit: Option<u64>,
}

/// What the provider says it does with what it is sent. `None` is unknown and is treated as the worst.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posture {
    pub trains: Option<bool>,
    /// Days.
    pub retention_days: Option<u32>,
    /// Where it says so.
    pub source: Option<String>,
    /// The day it was read, as `YYYY-MM-DD`.
    pub read: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderEntry {
    /// Stable name, such as `openai`; also the file's name.
    pub id: String,
    /// Shown to people.
    pub name: String,
    pub legal_entity: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Base URL without a trailing slash, including the version path (`https://api.openai.com/v1`).
    pub base_url: String,
    pub protocol: Protocol,
    /// Where requests are processed, as the provider names it.
    #[serde(default)]
    pub region: Option<String>,
    #[serde(default)]
    pub posture: Posture,
    #[serde(default)]
    pub models: Vec<Model>,
}

/// Why a catalogue was refused.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    #[error("{file}: {source}")]
    Parse { file: String, source: toml::de::Error },
    #[error("{file}: the id must equal the file's name")]
    Name { file: String },
    #[error("{file}: {what}")]
    Content { file: String, what: &'static str },
}

/// One immutable set of providers.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    providers: BTreeMap<String, ProviderEntry>,
}

impl Catalogue {
    /// Parses `(file stem, text)` pairs. The first problem refuses the whole set.
    pub fn parse<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, CatalogueError> {
        let mut providers = BTreeMap::new();
        for (stem, text) in files {
            let file = || format!("catalog/{stem}.toml");
            let entry: ProviderEntry = toml::from_str(text)
                .map_err(|source| CatalogueError::Parse { file: file(), source })?;
            if entry.id != stem {
                return Err(CatalogueError::Name { file: file() });
            }
            if entry.base_url.ends_with('/') {
                return Err(CatalogueError::Content {
                    file: file(),
                    what: "base_url must not end with a slash",
                });
            }
            providers.insert(entry.id.clone(), entry);
        }
        Ok(Self { providers })
    }

    #[must_use]
    pub fn provider(&self, id: &str) -> Option<&ProviderEntry> {
        self.providers.get(id)
    }

    pub fn providers(&self) -> impl Iterator<Item = &ProviderEntry> {
        self.providers.values()
    }

    #[must_use]
    pub fn price(&self, provider: &str, model: &str) -> Option<Price> {
        let models = &self.provider(provider)?.models;
        models.iter().find(|entry| entry.id == model).and_then(|entry| entry.price)
    }
}
