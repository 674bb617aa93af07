//! The wire formats this crate speaks.

use std::borrow::Cow;

use domain::Protocol;

use crate::gemini;

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
}

impl Format {
    /// Every format, for tests and tables.
    pub const ALL: [Self; 4] =
        [Self::OpenAiChat, Self::AnthropicMessages, Self::OpenAiResponses, Self::Gemini];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai",
            Self::AnthropicMessages => "anthropic",
            Self::OpenAiResponses => "responses",
            Self::Gemini => "gemini",
        }
    }

    /// The path and query of the generation endpoint, relative to a base URL that ends with the version (`…/v1`).
    /// One format names the model and the kind of answer there.
    #[must_use]
    pub fn path(self, model: &str, stream: bool) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::OpenAiChat => "/chat/completions",
            Self::AnthropicMessages => "/messages",
            Self::OpenAiResponses => "/responses",
            Self::Gemini => return Cow::Owned(gemini::path(model, stream)),
        })
    }

    /// Headers that a provider of this format always needs, apart from its credential.
    #[must_use]
    pub const fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses | Self::Gemini => &[],
            Self::AnthropicMessages => &[("anthropic-version", "2023-06-01")],
        }
    }

    /// Client headers that may travel on to a provider of the same format. Between formats none does:
    /// a beta header sent to the wrong provider is refused there.
    #[must_use]
    pub const fn forwarded_headers(self) -> &'static [&'static str] {
        match self {
            Self::OpenAiChat | Self::OpenAiResponses | Self::Gemini => &[],
            Self::AnthropicMessages => &["anthropic-version", "anthropic-beta"],
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
            // What is no conversation has OpenAI's credential and errors.
            _ => Self::OpenAiChat,
        }
    }
}
