//! One file of the catalogue: a company that runs models, where, at what price, on what terms.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Contract, Protocol, STANDARD_CONTRACT, is_free_tier,
    posture::{Posture, Use},
    price::{Price, PriceRule, Prices},
};

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $text:literal),* $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$each])* #[serde(rename = $text)] $variant),*
        }

        impl $name {
            /// As the catalogue writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    )*};
}

words! {
    /// What an endpoint speaks.
    Family {
        OpenAi = "openai",
        Responses = "responses",
        Anthropic = "anthropic",
        Gemini = "gemini",
        Bedrock = "bedrock",
        Azure = "azure",
        /// The same company's older interface, whose requests name a version.
        AzureModels = "azure-models",
        Watsonx = "watsonx",
        Snowflake = "snowflake",
        Cohere = "cohere",
        /// Embeddings and ranking, in the dialects that Jina and others share.
        Rerank = "rerank",
        Replicate = "replicate",
        Stability = "stability",
        Realtime = "realtime",
    }

    /// How a request proves whose account it belongs to.
    Auth {
        Bearer = "bearer",
        XApiKey = "x-api-key",
        XGoogApiKey = "x-goog-api-key",
        ApiKey = "api-key",
        SigV4 = "sigv4",
        GoogleServiceAccount = "google-service-account",
        IbmIam = "ibm-iam",
        None = "none",
    }

    /// What can be asked for.
    Serves {
        Chat = "chat",
        Responses = "responses",
        Messages = "messages",
        Embeddings = "embeddings",
        Images = "images",
        ImageEdits = "image-edits",
        Transcription = "transcription",
        /// Recordings in any language, told in English.
        Translation = "translation",
        Speech = "speech",
        Moderation = "moderation",
        Rerank = "rerank",
        Batches = "batches",
        Files = "files",
        Realtime = "realtime",
        Generate = "generate",
    }

    Modality {
        Text = "text",
        Image = "image",
        Audio = "audio",
        Video = "video",
        Document = "document",
        Embedding = "embedding",
        Scores = "scores",
    }

    Capability {
        Tools = "tools",
        ParallelTools = "parallel-tools",
        JsonSchema = "json-schema",
        Reasoning = "reasoning",
        Stream = "stream",
        Cache = "cache",
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderEntry {
    /// Stable name, such as `openai`; also the file's name.
    pub id: String,
    /// Shown to people.
    pub name: String,
    /// `None` where nobody could be found who says it.
    pub legal_entity: Option<String>,
    /// ISO 3166-1 alpha-2, of the legal entity.
    pub country: String,
    pub family: Family,
    pub auth: Auth,
    /// Where a credential is exchanged for a token, of a provider that does not take every credential as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<TokenEndpoint>,
    /// Whether it sends requests on to companies of its own choice.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chooses: bool,
    /// Where the interface is described.
    pub documentation: Option<String>,
    /// The day it was put on the register, as `YYYY-MM-DD`.
    pub noticed: Option<String>,
    /// The first is the one that is meant when nobody says which.
    pub endpoints: Vec<Endpoint>,
    /// Models that do not run where the address is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// The first that holds counts; the last holds always.
    pub postures: Vec<Posture>,
    /// Contracts that end, or that no posture speaks of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<Contract>,
    /// How the names of models end for which nothing is paid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub free_models: Vec<String>,
    /// Companies behind this one that may see prompts, as far as it names them.
    #[serde(default)]
    pub subprocessors: Vec<Subprocessor>,
    #[serde(default)]
    pub models: Vec<Model>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    pub id: String,
    /// Without a trailing slash, including the version path; `{name}` marks what the operator fills in.
    pub base_url: String,
    /// Where requests are processed, as the provider states it: a country, `EU`, or `global`.
    pub region: Option<String>,
    pub serves: Vec<Serves>,
    /// When it is another than the provider's.
    pub family: Option<Family>,
    /// When it is another than the provider's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
}

/// Where a credential is exchanged for a token that is good for some minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenEndpoint {
    /// The whole address; `{tenant}` marks what the credential says.
    pub url: String,
    /// What the token is asked for, where that has to be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// Where models run whose name says so, whatever address they are asked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The start of their names.
    pub models: String,
    /// A country, `EU`, or `global`.
    pub place: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subprocessor {
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub purpose: String,
    pub source: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The provider's own name for it.
    pub id: String,
    #[serde(default = "chat")]
    pub serves: Vec<Serves>,
    #[serde(default = "text")]
    pub input: Vec<Modality>,
    #[serde(default = "text")]
    pub output: Vec<Modality>,
    /// Known to exist; not listed is not known.
    #[serde(default)]
    pub can: Vec<Capability>,
    /// Whether every answer rests on a search of the web, so that words of the question go there: nobody is given such
    /// a model who did not name it.
    #[serde(default)]
    pub searches: bool,
    /// Tokens.
    pub context: Option<u64>,
    /// Tokens.
    pub output_limit: Option<u64>,
    /// The day it is shut off, as `YYYY-MM-DD`.
    pub retires: Option<String>,
    pub price: Option<Price>,
    #[serde(default)]
    pub prices: Vec<PriceRule>,
}

fn chat() -> Vec<Serves> {
    vec![Serves::Chat]
}

fn text() -> Vec<Modality> {
    vec![Modality::Text]
}

impl ProviderEntry {
    /// The format in which this version can call the first endpoint; `None` while that is still to come.
    #[must_use]
    pub fn protocol(&self) -> Option<Protocol> {
        self.protocol_of(self.endpoints.first()?)
    }

    /// The format of a server that stands in for this provider elsewhere. Nothing is taken for granted where every
    /// customer has an address of their own.
    #[must_use]
    pub fn protocol_elsewhere(&self) -> Option<Protocol> {
        let first = self.endpoints.first()?;
        self.protocol_of(first).filter(|_| first.blanks().next().is_none())
    }

    /// The endpoints that this version can call, those for conversations first.
    pub fn callable(&self) -> impl Iterator<Item = &Endpoint> {
        let all = |talks: bool| {
            let is = move |endpoint: &&Endpoint| {
                self.protocol_of(endpoint).is_some_and(|one| one.is_conversation() == talks)
            };
            self.endpoints.iter().filter(is)
        };
        all(true).chain(all(false))
    }

    /// The format in which this version can call `endpoint`.
    #[must_use]
    pub fn protocol_of(&self, endpoint: &Endpoint) -> Option<Protocol> {
        let (family, auth) = (endpoint.family.unwrap_or(self.family), self.auth_of(endpoint));
        let ranks = endpoint.serves.contains(&Serves::Rerank);
        if auth.is_exchanged() && self.token.is_none() {
            return None;
        }
        match (family, auth) {
            (Family::Cohere, Auth::Bearer) if ranks => return Some(Protocol::Cohere),
            // Those who do other things besides rank in a dialect of their own.
            (Family::Rerank, Auth::Bearer) if self.family == Family::Rerank => {
                return Some(Protocol::Rerank);
            }
            (Family::Stability, Auth::Bearer) => return Some(Protocol::Stability),
            (Family::Realtime, Auth::Bearer) => return Some(Protocol::Realtime),
            // Its conversations are not spoken.
            (Family::Replicate, Auth::Bearer) if endpoint.serves.contains(&Serves::Images) => {
                return Some(Protocol::Replicate);
            }
            _ if !endpoint.serves.iter().any(Serves::is_conversation) => return None,
            _ => {}
        }
        match (family, auth) {
            (Family::OpenAi, Auth::Bearer | Auth::None) => Some(Protocol::OpenAi),
            (Family::Azure, Auth::ApiKey) => Some(Protocol::OpenAi),
            (Family::Snowflake, Auth::Bearer) => Some(Protocol::OpenAi),
            (Family::Responses, Auth::Bearer | Auth::None) => Some(Protocol::OpenAiResponses),
            (Family::Anthropic, Auth::XApiKey | Auth::ApiKey) => Some(Protocol::Anthropic),
            (Family::Gemini, Auth::XGoogApiKey | Auth::GoogleServiceAccount) => {
                Some(Protocol::Gemini)
            }
            (Family::Watsonx, Auth::IbmIam) => Some(Protocol::Watsonx),
            (Family::Bedrock, Auth::SigV4) => Some(Protocol::Bedrock),
            (Family::Cohere, Auth::Bearer) => Some(Protocol::Cohere),
            _ => None,
        }
    }

    /// The formats in which this version can call `endpoint`, the usual one first. What speaks OpenAI's older format may
    /// speak the newer one as well; Snowflake, and Google where it hosts others' models, speak Messages beside their own.
    #[must_use]
    pub fn protocols_of(&self, endpoint: &Endpoint) -> Vec<Protocol> {
        let mut all: Vec<_> = self.protocol_of(endpoint).into_iter().collect();
        let serves = |protocol: Protocol| endpoint.serves.contains(&protocol.serves());
        if all == [Protocol::OpenAi] && serves(Protocol::OpenAiResponses) {
            all.push(Protocol::OpenAiResponses);
        }
        let snowflake = endpoint.family.unwrap_or(self.family) == Family::Snowflake;
        let vertex =
            all == [Protocol::Gemini] && self.auth_of(endpoint) == Auth::GoogleServiceAccount;
        if (snowflake || vertex) && serves(Protocol::Anthropic) {
            all.push(Protocol::Anthropic);
        }
        all
    }

    /// How a request to `endpoint` proves whose account it belongs to.
    #[must_use]
    pub fn auth_of(&self, endpoint: &Endpoint) -> Auth {
        endpoint.auth.unwrap_or(self.auth)
    }

    /// The postures of one use, each with its place in the list. The first whose models are meant counts; the last
    /// is for every model.
    pub fn postures_of(&self, of: &Use<'_>) -> impl Iterator<Item = (usize, &Posture)> {
        let mut ended = false;
        self.postures.iter().enumerate().filter(|(_, posture)| posture.when.holds(of)).take_while(
            move |(_, posture)| !std::mem::replace(&mut ended, posture.when.model.is_none()),
        )
    }

    /// Models whose names begin with `models`, taken apart by where they run: the first that fits counts, and the
    /// last, for all of them, runs where the address is unless it says otherwise.
    #[must_use]
    pub fn placed<'a>(&'a self, models: &'a str) -> Vec<(&'a str, Option<&'a str>)> {
        let whole = self.places.iter().find(|place| models.starts_with(&place.models));
        if let Some(whole) = whole {
            return vec![(models, Some(&whole.place))];
        }
        let inside = self.places.iter().filter(|place| place.models.starts_with(models));
        let each = inside.map(|place| (place.models.as_str(), Some(place.place.as_str())));
        each.chain([(models, None)]).collect()
    }

    /// What can be agreed with it besides its ordinary terms; no free tiers.
    #[must_use]
    pub fn contracts(&self) -> BTreeSet<&str> {
        let postures = self.postures.iter();
        let named = postures.filter_map(|posture| posture.when.contract.as_deref());
        let rows = self.contracts.iter().map(|contract| contract.id.as_str());
        let agreed = |name: &&str| *name != STANDARD_CONTRACT && !is_free_tier(name);
        named.chain(rows).filter(agreed).collect()
    }

    /// What holds on ordinary terms, whatever is used.
    #[must_use]
    pub fn general_posture(&self) -> Option<&Posture> {
        self.postures.last()
    }

    /// The models that a conversation can be had with.
    pub fn chat_models(&self) -> impl Iterator<Item = &Model> {
        self.models.iter().filter(|model| model.serves.iter().any(Serves::is_conversation))
    }
}

impl Auth {
    /// Whether requests hold a token that the credential was exchanged for, and never the credential itself.
    #[must_use]
    pub const fn is_exchanged(self) -> bool {
        matches!(self, Self::GoogleServiceAccount | Self::IbmIam)
    }
}

impl Serves {
    #[must_use]
    pub const fn is_conversation(&self) -> bool {
        matches!(self, Self::Chat | Self::Messages | Self::Responses)
    }
}

impl Model {
    /// Whether a conversation can be had with it in this format. One that is listed without a format of conversation
    /// is not known to refuse any.
    #[must_use]
    pub fn speaks(&self, protocol: Protocol) -> bool {
        let conversations: Vec<_> =
            self.serves.iter().filter(|serves| serves.is_conversation()).collect();
        conversations.is_empty() || conversations.contains(&&protocol.serves())
    }

    /// `None` when no price is known at all.
    #[must_use]
    pub fn prices(&self) -> Option<Prices> {
        let base = self.price?;
        Some(Prices { base, rules: self.prices.clone() })
    }
}
