//! The catalogue of providers: parsed from `catalog/*.toml`, immutable once built. The same rows are the register of
//! sub-processors, the price list and what routing knows about a provider's terms.

mod address;
mod check;
mod class;
mod contract;
mod entry;
mod live;
mod overlay;
mod posture;
mod price;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

pub use class::TaskClass;
pub use contract::{
    Contract, OWN_CONTRACT, STANDARD_CONTRACT, after_day, is_contract_name, is_free_tier, last_day,
};
pub use entry::{
    Auth, Capability, Endpoint, Family, Modality, Model, Place, ProviderEntry, Serves,
    Subprocessor, TokenEndpoint,
};
pub use live::{CatalogueState, LiveCatalogue};
pub use posture::{Posture, Use, When};
pub use price::{Price, PriceRule, Prices, Tier};

/// A wire format: of a provider that this version can call, or of what a client asks for. The usage journal keeps them
/// by their place: new ones go to the end.
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
    /// Cohere's second version: conversations, and of its providers embeddings and ranking too.
    #[serde(rename = "cohere")]
    Cohere,
    /// Ranking; of providers that do nothing else but make embeddings, in the dialects that Jina and others share.
    #[serde(rename = "rerank")]
    Rerank,
    #[serde(rename = "embeddings")]
    Embeddings,
    #[serde(rename = "moderation")]
    Moderation,
    #[serde(rename = "images")]
    Images,
    #[serde(rename = "image-edits")]
    ImageEdits,
    #[serde(rename = "transcription")]
    Transcription,
    #[serde(rename = "speech")]
    Speech,
    /// Amazon Bedrock Converse.
    #[serde(rename = "bedrock")]
    Bedrock,
    /// IBM watsonx.ai.
    #[serde(rename = "watsonx")]
    Watsonx,
    #[serde(rename = "translation")]
    Translation,
    /// Stability AI's second version: images.
    #[serde(rename = "stability")]
    Stability,
    /// Replicate's predictions: images.
    #[serde(rename = "replicate")]
    Replicate,
    /// Sessions in both directions, as OpenAI has them.
    #[serde(rename = "realtime")]
    Realtime,
}

impl Protocol {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::OpenAiResponses => "responses",
            Self::Gemini => "gemini",
            Self::Cohere => "cohere",
            Self::Rerank => "rerank",
            Self::Embeddings => "embeddings",
            Self::Moderation => "moderation",
            Self::Images => "images",
            Self::ImageEdits => "image-edits",
            Self::Transcription => "transcription",
            Self::Speech => "speech",
            Self::Bedrock => "bedrock",
            Self::Watsonx => "watsonx",
            Self::Translation => "translation",
            Self::Stability => "stability",
            Self::Replicate => "replicate",
            Self::Realtime => "realtime",
        }
    }

    /// Whether a server of somebody's own choice can be registered with it. One format is known at its maker's
    /// addresses only.
    #[must_use]
    pub const fn is_of_providers(self) -> bool {
        let own = self.is_conversation() && !matches!(self, Self::Watsonx);
        own || matches!(self, Self::Rerank)
    }

    /// Whether conversations are had in it.
    #[must_use]
    pub const fn is_conversation(self) -> bool {
        matches!(
            self,
            Self::OpenAi
                | Self::Anthropic
                | Self::OpenAiResponses
                | Self::Gemini
                | Self::Bedrock
                | Self::Cohere
                | Self::Watsonx
        )
    }

    /// What a provider of this format can be asked for besides conversations, as far as this version can call it.
    #[must_use]
    pub const fn tasks(self) -> &'static [Self] {
        match self {
            Self::OpenAi | Self::OpenAiResponses => &[
                Self::Embeddings,
                Self::Rerank,
                Self::Moderation,
                Self::Images,
                Self::ImageEdits,
                Self::Transcription,
                Self::Translation,
                Self::Speech,
                Self::Realtime,
            ],
            Self::Stability => &[Self::Images, Self::ImageEdits],
            Self::Replicate => &[Self::Images],
            Self::Cohere => &[Self::Embeddings, Self::Rerank],
            Self::Realtime => &[Self::Realtime],
            Self::Rerank => &[Self::Rerank, Self::Embeddings],
            _ => &[],
        }
    }

    /// What is asked for in this format.
    #[must_use]
    pub const fn serves(self) -> Serves {
        match self {
            Self::OpenAi | Self::Gemini | Self::Bedrock | Self::Cohere | Self::Watsonx => {
                Serves::Chat
            }
            Self::Anthropic => Serves::Messages,
            Self::OpenAiResponses => Serves::Responses,
            Self::Embeddings => Serves::Embeddings,
            Self::Rerank => Serves::Rerank,
            Self::Moderation => Serves::Moderation,
            Self::Images | Self::Stability | Self::Replicate => Serves::Images,
            Self::ImageEdits => Serves::ImageEdits,
            Self::Transcription => Serves::Transcription,
            Self::Translation => Serves::Translation,
            Self::Speech => Serves::Speech,
            Self::Realtime => Serves::Realtime,
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "openai" => Some(Self::OpenAi),
            "anthropic" => Some(Self::Anthropic),
            "responses" => Some(Self::OpenAiResponses),
            "gemini" => Some(Self::Gemini),
            "cohere" => Some(Self::Cohere),
            "rerank" => Some(Self::Rerank),
            "embeddings" => Some(Self::Embeddings),
            "moderation" => Some(Self::Moderation),
            "images" => Some(Self::Images),
            "image-edits" => Some(Self::ImageEdits),
            "transcription" => Some(Self::Transcription),
            "speech" => Some(Self::Speech),
            "bedrock" => Some(Self::Bedrock),
            "watsonx" => Some(Self::Watsonx),
            "translation" => Some(Self::Translation),
            "stability" => Some(Self::Stability),
            "replicate" => Some(Self::Replicate),
            "realtime" => Some(Self::Realtime),
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
            catalogue.put(stem, entry, file)?;
        }
        Ok(catalogue)
    }

    /// Takes in one entry, in the place of an earlier one of that name.
    fn put(
        &mut self,
        stem: &str,
        entry: ProviderEntry,
        file: impl Fn() -> String,
    ) -> Result<(), CatalogueError> {
        check::entry(stem, &entry)
            .map_err(|what| CatalogueError::Content { file: file(), what })?;
        let prices = entry
            .models
            .iter()
            .filter_map(|model| Some((model.id.clone(), Arc::new(model.prices()?))));
        self.prices.insert(entry.id.clone(), prices.collect());
        self.providers.insert(entry.id.clone(), entry);
        Ok(())
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
