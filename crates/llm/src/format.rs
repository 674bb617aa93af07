//! The wire formats this crate speaks.

use std::borrow::Cow;

use domain::Protocol;

use crate::{converse, gemini, watsonx};

/// A wire format, on either side: the client's (inbound) or the provider's (outbound).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// OpenAI Chat Completions.
    OpenAiChat,
    /// Anthropic Messages.
    AnthropicMessages,
    /// OpenAI Responses.
    OpenAiResponses,
    /// Gemini `generateContent` and `streamGenerateContent`.
    Gemini,
    /// Amazon Bedrock `Converse` and `ConverseStream`. No client speaks it: what would be written to one is written
    /// as Chat Completions, and nothing is read from one.
    BedrockConverse,
    /// Cohere Chat, second version.
    Cohere,
    /// IBM watsonx.ai `text/chat` and `text/chat_stream`. As with Bedrock's, no client speaks it.
    Watsonx,
}

impl Format {
    /// The formats of clients.
    pub const CLIENTS: [Self; 5] = [
        Self::OpenAiChat,
        Self::AnthropicMessages,
        Self::OpenAiResponses,
        Self::Gemini,
        Self::Cohere,
    ];

    /// Every format, for tests and tables.
    pub const ALL: [Self; 7] = [
        Self::OpenAiChat,
        Self::AnthropicMessages,
        Self::OpenAiResponses,
        Self::Gemini,
        Self::BedrockConverse,
        Self::Cohere,
        Self::Watsonx,
    ];

    /// Whether clients speak it: what comes in it can be passed on as it is.
    #[must_use]
    pub const fn is_of_clients(self) -> bool {
        !matches!(self, Self::BedrockConverse | Self::Watsonx)
    }

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai",
            Self::AnthropicMessages => "anthropic",
            Self::OpenAiResponses => "responses",
            Self::Gemini => "gemini",
            Self::BedrockConverse => "bedrock",
            Self::Cohere => "cohere",
            Self::Watsonx => "watsonx",
        }
    }

    /// The path and query of the generation endpoint, relative to a base URL that ends with the version (`…/v1`).
    /// Some formats name the model and the kind of answer there.
    #[must_use]
    pub fn path(self, model: &str, stream: bool) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::OpenAiChat => "/chat/completions",
            Self::AnthropicMessages => "/messages",
            Self::OpenAiResponses => "/responses",
            Self::Cohere => "/chat",
            Self::Watsonx => watsonx::path(stream),
            Self::Gemini => return Cow::Owned(gemini::path(model, stream)),
            Self::BedrockConverse => return Cow::Owned(converse::path(model, stream)),
        })
    }

    /// Headers that a provider of this format always needs, apart from its credential.
    #[must_use]
    pub const fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::AnthropicMessages => &[("anthropic-version", "2023-06-01")],
            _ => &[],
        }
    }

    /// Whether its answers leave out which model gave them.
    #[must_use]
    pub const fn is_unnamed(self) -> bool {
        matches!(self, Self::BedrockConverse | Self::Cohere | Self::Watsonx)
    }

    /// Client headers that may travel on to a provider of the same format. Between formats none does:
    /// a beta header sent to the wrong provider is refused there.
    #[must_use]
    pub const fn forwarded_headers(self) -> &'static [&'static str] {
        match self {
            Self::AnthropicMessages => &["anthropic-version", "anthropic-beta"],
            _ => &[],
        }
    }
}

impl From<Protocol> for Format {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::OpenAi => Self::OpenAiChat,
            Protocol::Anthropic => Self::AnthropicMessages,
            Protocol::OpenAiResponses => Self::OpenAiResponses,
            Protocol::Gemini => Self::Gemini,
            Protocol::Bedrock => Self::BedrockConverse,
            Protocol::Cohere => Self::Cohere,
            Protocol::Watsonx => Self::Watsonx,
            // What is no conversation has OpenAI's credential and errors.
            _ => Self::OpenAiChat,
        }
    }
}
