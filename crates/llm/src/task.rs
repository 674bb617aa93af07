//! What else can be asked of a provider than a conversation: embeddings, ranking, moderation, images, sound.
//!
//! Requests of OpenAI's shape pass byte for byte to servers of that shape, but for the model's name and the wishes.
//! Embeddings and ranking are also said in the dialects of Cohere, Jina and Voyage, images in those of Stability and
//! Replicate.

mod answer;
mod embed;
pub(crate) mod form;
mod head;
mod names;
mod prepare;
mod rank;
mod replicate;
mod stability;
mod stream;
mod usage;

use bytes::Bytes;
use domain::{Protocol, Serves};

use crate::{Format, Refusal, error_body};

pub use answer::{TaskAnswer, TaskAsked, task_respond};
pub use head::task_head;
pub use prepare::task_prepare;
pub use replicate::{Prediction, prediction};
pub use stream::TaskStream;

/// An endpoint of the data plane besides conversations, in the shape in which clients call it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Task {
    /// OpenAI's shape, with the members that Voyage and Jina add to it.
    Embeddings,
    /// Cohere's second version.
    Embed,
    /// The shape that Jina and Cohere's first version share.
    Rerank,
    /// Cohere's second version.
    RerankV2,
    Moderations,
    Images,
    ImageEdits,
    Transcriptions,
    /// Recordings in any language, told in English.
    Translations,
    Speech,
    /// A session in both directions, over a WebSocket.
    Realtime,
}

impl Task {
    /// Every one, for tests and tables.
    pub const ALL: [Self; 11] = [
        Self::Embeddings,
        Self::Embed,
        Self::Rerank,
        Self::RerankV2,
        Self::Moderations,
        Self::Images,
        Self::ImageEdits,
        Self::Transcriptions,
        Self::Translations,
        Self::Speech,
        Self::Realtime,
    ];

    /// What a model has to be able to do.
    #[must_use]
    pub const fn serves(self) -> Serves {
        match self {
            Self::Embeddings | Self::Embed => Serves::Embeddings,
            Self::Rerank | Self::RerankV2 => Serves::Rerank,
            Self::Moderations => Serves::Moderation,
            Self::Images => Serves::Images,
            Self::ImageEdits => Serves::ImageEdits,
            Self::Transcriptions => Serves::Transcription,
            Self::Translations => Serves::Translation,
            Self::Speech => Serves::Speech,
            Self::Realtime => Serves::Realtime,
        }
    }

    /// As the usage records name it.
    #[must_use]
    pub const fn protocol(self) -> Protocol {
        match self {
            Self::Embeddings | Self::Embed => Protocol::Embeddings,
            Self::Rerank | Self::RerankV2 => Protocol::Rerank,
            Self::Moderations => Protocol::Moderation,
            Self::Images => Protocol::Images,
            Self::ImageEdits => Protocol::ImageEdits,
            Self::Transcriptions => Protocol::Transcription,
            Self::Translations => Protocol::Translation,
            Self::Speech => Protocol::Speech,
            Self::Realtime => Protocol::Realtime,
        }
    }

    /// Whether its requests and errors have Cohere's shape.
    #[must_use]
    pub const fn is_cohere(self) -> bool {
        matches!(self, Self::Embed | Self::RerankV2)
    }

    /// Whether a request may be a form, with a file in it.
    #[must_use]
    pub const fn takes_forms(self) -> bool {
        matches!(self, Self::ImageEdits | Self::Transcriptions | Self::Translations)
    }

    /// Whether what is sent is text whose tokens can be estimated from its size.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(
            self,
            Self::Embeddings | Self::Embed | Self::Rerank | Self::RerankV2 | Self::Moderations
        )
    }

    /// The path, relative to a provider's base URL.
    pub(crate) const fn path(self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::Embeddings | Self::Embed, Dialect::Cohere) => "/embed",
            (Self::Embeddings | Self::Embed, _) => "/embeddings",
            (Self::Rerank | Self::RerankV2, _) => "/rerank",
            (Self::Moderations, _) => "/moderations",
            (Self::Images, _) => "/images/generations",
            (Self::ImageEdits, _) => "/images/edits",
            (Self::Transcriptions, _) => "/audio/transcriptions",
            (Self::Translations, _) => "/audio/translations",
            (Self::Speech, _) => "/audio/speech",
            (Self::Realtime, _) => "/realtime",
        }
    }
}

/// Where a model is asked that can do this, as people call it.
#[must_use]
pub const fn endpoint_of(serves: Serves) -> &'static str {
    match serves {
        Serves::Chat | Serves::Messages => "/v1/chat/completions",
        Serves::Responses => "/v1/responses",
        Serves::Embeddings => "/v1/embeddings",
        Serves::Images => "/v1/images/generations",
        Serves::ImageEdits => "/v1/images/edits",
        Serves::Transcription => "/v1/audio/transcriptions",
        Serves::Translation => "/v1/audio/translations",
        Serves::Speech => "/v1/audio/speech",
        Serves::Moderation => "/v1/moderations",
        Serves::Rerank => "/v1/rerank",
        Serves::Batches => "/v1/batches",
        Serves::Files => "/v1/files",
        Serves::Realtime => "/v1/realtime",
        Serves::Generate => "/v1beta/models",
    }
}

/// How a provider wants embeddings, ranking or images to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI's shape for embeddings, Jina's for ranking: what most compatible servers speak.
    OpenAi,
    Jina,
    Voyage,
    /// Cohere's second version.
    Cohere,
    /// Stability AI's second version.
    Stability,
    /// Replicate's predictions.
    Replicate,
}

impl Dialect {
    /// Every dialect, for tests and tables.
    pub const ALL: [Self; 6] =
        [Self::OpenAi, Self::Jina, Self::Voyage, Self::Cohere, Self::Stability, Self::Replicate];

    /// The dialect of a provider, by the catalogue's id where providers of one protocol differ.
    #[must_use]
    pub fn of(protocol: Protocol, catalog: &str) -> Self {
        match protocol {
            Protocol::Cohere => Self::Cohere,
            Protocol::Stability => Self::Stability,
            Protocol::Replicate => Self::Replicate,
            Protocol::Rerank if catalog == "voyage" => Self::Voyage,
            Protocol::Rerank => Self::Jina,
            _ => Self::OpenAi,
        }
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Jina => "jina",
            Self::Voyage => "voyage",
            Self::Cohere => "cohere",
            Self::Stability => "stability",
            Self::Replicate => "replicate",
        }
    }
}

/// The body of an error answer in Cohere's shape.
#[must_use]
pub fn cohere_error(refusal: &Refusal, request_id: &str) -> Bytes {
    error_body(Format::Cohere, refusal, request_id)
}

/// Names of members that are left out, as lists of losses have them: never values.
fn lost(names: &mut Vec<String>, name: &str) {
    let name = crate::json::printable(name).to_owned();
    if !names.contains(&name) {
        names.push(name);
    }
}
