//! What a client calls the things that a writer may have to leave out: a list of losses speaks the client's language.

use crate::Format;

/// Field patterns of one format.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// Where the conversation stands.
    pub(crate) turns: &'static str,
    pub(crate) role: &'static str,
    pub(crate) thinking: &'static str,
    /// Thinking without a signature.
    pub(crate) unsigned: &'static str,
    pub(crate) redacted: &'static str,
    pub(crate) effort: &'static str,
    /// How the answer is to be shaped.
    pub(crate) output: &'static str,
    pub(crate) stop: &'static str,
    pub(crate) max_output: &'static str,
    /// How closely an image is to be looked at.
    pub(crate) detail: &'static str,
    pub(crate) verbosity: &'static str,
    /// Whether to think at all.
    pub(crate) thought: &'static str,
    pub(crate) temperature: &'static str,
    pub(crate) top_p: &'static str,
    pub(crate) top_k: &'static str,
}

const CHAT: Names = Names {
    turns: "messages",
    role: "messages[].role",
    thinking: "messages[].reasoning_details",
    unsigned: "messages[].reasoning_content",
    redacted: "messages[].reasoning_details",
    effort: "reasoning_effort",
    output: "response_format",
    stop: "stop",
    max_output: "max_completion_tokens",
    detail: "messages[].content[].image_url.detail",
    verbosity: "verbosity",
    thought: "thinking",
    temperature: "temperature",
    top_p: "top_p",
    top_k: "top_k",
};

const MESSAGES: Names = Names {
    turns: "messages",
    role: "messages[].role",
    thinking: "messages[].content[].thinking",
    unsigned: "messages[].content[].thinking",
    redacted: "messages[].content[].redacted_thinking",
    effort: "output_config.effort",
    output: "output_config.format",
    stop: "stop_sequences",
    max_output: "max_tokens",
    detail: "messages[].content[].source",
    verbosity: "verbosity",
    thought: "thinking",
    temperature: "temperature",
    top_p: "top_p",
    top_k: "top_k",
};

const RESPONSES: Names = Names {
    turns: "input",
    role: "input[].role",
    thinking: "input[].encrypted_content",
    unsigned: "input[].summary",
    redacted: "input[].encrypted_content",
    effort: "reasoning.effort",
    output: "text.format",
    stop: "stop",
    max_output: "max_output_tokens",
    detail: "input[].content[].detail",
    verbosity: "text.verbosity",
    thought: "reasoning.effort",
    temperature: "temperature",
    top_p: "top_p",
    top_k: "top_k",
};

const GENERATE: Names = Names {
    turns: "contents",
    role: "contents[].role",
    thinking: "contents[].parts[].thoughtSignature",
    unsigned: "contents[].parts[].thought",
    redacted: "contents[].parts[].thoughtSignature",
    effort: "generationConfig.thinkingConfig",
    output: "generationConfig.responseSchema",
    stop: "generationConfig.stopSequences",
    max_output: "generationConfig.maxOutputTokens",
    detail: "generationConfig.mediaResolution",
    verbosity: "verbosity",
    thought: "generationConfig.thinkingConfig",
    temperature: "generationConfig.temperature",
    top_p: "generationConfig.topP",
    top_k: "generationConfig.topK",
};

const COHERE: Names = Names {
    turns: "messages",
    role: "messages[].role",
    thinking: "messages[].content[].thinking",
    unsigned: "messages[].content[].thinking",
    redacted: "messages[].content[].thinking",
    effort: "thinking",
    output: "response_format",
    stop: "stop_sequences",
    max_output: "max_tokens",
    detail: "messages[].content[].image_url.detail",
    verbosity: "verbosity",
    thought: "thinking",
    temperature: "temperature",
    top_p: "p",
    top_k: "k",
};

impl Names {
    pub(crate) const fn of(format: Format) -> &'static Self {
        match format {
            Format::OpenAiChat | Format::BedrockConverse | Format::Watsonx => &CHAT,
            Format::AnthropicMessages => &MESSAGES,
            Format::OpenAiResponses => &RESPONSES,
            Format::Gemini => &GENERATE,
            Format::Cohere => &COHERE,
        }
    }
}
