//! Which provider of the catalogue a LiteLLM model is served by.

/// How LiteLLM writes a provider, and what it is here.
pub(super) struct Vendor {
    /// The part before the first slash of `litellm_params.model`.
    prefix: &'static str,
    pub(super) kind: Kind,
    /// The environment variables in which LiteLLM looks for the key when the file names none.
    pub(super) keys: &'static [&'static str],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An id of the catalogue.
    Known(&'static str),
    /// A server that speaks the format of OpenAI, at the address that is used when the file names none.
    OpenAiLike(Option<&'static str>),
}

use Kind::{Known, OpenAiLike};

const fn vendor(prefix: &'static str, kind: Kind, keys: &'static [&'static str]) -> Vendor {
    Vendor { prefix, kind, keys }
}

const OLLAMA: Kind = OpenAiLike(Some("http://localhost:11434/v1"));

const VENDORS: &[Vendor] = &[
    vendor("openai", Known("openai"), &["OPENAI_API_KEY"]),
    vendor("anthropic", Known("anthropic"), &["ANTHROPIC_API_KEY"]),
    vendor("azure", Known("azure"), &["AZURE_API_KEY"]),
    vendor("azure_ai", Known("azure"), &["AZURE_AI_API_KEY"]),
    vendor("bedrock", Known("bedrock"), &["AWS_BEARER_TOKEN_BEDROCK"]),
    vendor("cohere", Known("cohere"), &["COHERE_API_KEY", "CO_API_KEY"]),
    vendor("cohere_chat", Known("cohere"), &["COHERE_API_KEY", "CO_API_KEY"]),
    vendor("dashscope", Known("alibaba"), &["DASHSCOPE_API_KEY"]),
    vendor("deepinfra", Known("deepinfra"), &["DEEPINFRA_API_KEY"]),
    vendor("deepseek", Known("deepseek"), &["DEEPSEEK_API_KEY"]),
    vendor("fireworks_ai", Known("fireworks"), &["FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY"]),
    vendor("gemini", Known("gemini"), &["GEMINI_API_KEY", "GOOGLE_API_KEY"]),
    vendor("groq", Known("groq"), &["GROQ_API_KEY"]),
    vendor("huggingface", Known("huggingface"), &["HUGGINGFACE_API_KEY", "HF_TOKEN"]),
    vendor("jina_ai", Known("jina"), &["JINA_AI_API_KEY"]),
    vendor("meta_llama", Known("meta"), &["LLAMA_API_KEY"]),
    vendor("minimax", Known("minimax"), &["MINIMAX_API_KEY"]),
    vendor("mistral", Known("mistral"), &["MISTRAL_API_KEY"]),
    vendor("nvidia_nim", Known("nvidia"), &["NVIDIA_NIM_API_KEY"]),
    vendor("openrouter", Known("openrouter"), &["OPENROUTER_API_KEY", "OR_API_KEY"]),
    vendor("perplexity", Known("perplexity"), &["PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"]),
    vendor("replicate", Known("replicate"), &["REPLICATE_API_KEY", "REPLICATE_API_TOKEN"]),
    vendor("snowflake", Known("snowflake"), &["SNOWFLAKE_JWT"]),
    vendor("together_ai", Known("together"), &["TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"]),
    vendor("vertex_ai", Known("vertex"), &[]),
    vendor("voyage", Known("voyage"), &["VOYAGE_API_KEY"]),
    vendor("watsonx", Known("watsonx"), &["WATSONX_APIKEY", "WATSONX_API_KEY", "WX_API_KEY"]),
    vendor("xai", Known("xai"), &["XAI_API_KEY"]),
    vendor("zai", Known("zai"), &["ZAI_API_KEY"]),
    vendor("hosted_vllm", OpenAiLike(None), &["HOSTED_VLLM_API_KEY"]),
    vendor("litellm_proxy", OpenAiLike(None), &["LITELLM_PROXY_API_KEY"]),
    vendor("lm_studio", OpenAiLike(None), &["LM_STUDIO_API_KEY"]),
    vendor("custom_openai", OpenAiLike(None), &[]),
    vendor("openai_like", OpenAiLike(None), &["OPENAI_LIKE_API_KEY"]),
    vendor("ollama", OLLAMA, &[]),
    vendor("ollama_chat", OLLAMA, &[]),
];

/// How names of models begin that are written without a provider.
const BARE: &[(&str, &str)] = &[
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("text-embedding-", "openai"),
    ("dall-e-", "openai"),
    ("whisper-", "openai"),
    ("tts-", "openai"),
    ("claude-", "anthropic"),
    ("command-", "cohere"),
    ("gemini-", "vertex_ai"),
];

/// The vendor of a model and the model's name there. `given` is `custom_llm_provider`; `elsewhere` says that the file
/// names an address, at which everything unknown speaks the format of OpenAI.
pub(super) fn of<'a>(
    model: &'a str,
    given: Option<&str>,
    elsewhere: bool,
) -> Option<(&'static Vendor, &'a str)> {
    let called = |name: &str| VENDORS.iter().find(|vendor| vendor.prefix == name);
    if let Some(vendor) = given.and_then(called) {
        let own = model.split_once('/').filter(|(prefix, _)| *prefix == vendor.prefix);
        return Some((vendor, own.map_or(model, |(_, rest)| rest)));
    }
    if let Some((prefix, rest)) = model.split_once('/')
        && let Some(vendor) = called(prefix)
    {
        return Some((vendor, rest));
    }
    let bare = BARE.iter().find(|(start, _)| model.starts_with(start));
    let name = bare.map(|(_, vendor)| *vendor).or(elsewhere.then_some("openai"))?;
    Some((called(name)?, model))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(model: &str, given: Option<&str>, elsewhere: bool) -> Option<(&'static str, String)> {
        of(model, given, elsewhere).map(|(vendor, model)| (vendor.prefix, model.to_owned()))
    }

    #[test]
    fn the_prefix_says_who_serves_a_model() {
        let is = |prefix, model: &str| Some((prefix, model.to_owned()));
        assert_eq!(found("mistral/large", None, false), is("mistral", "large"));
        assert_eq!(found("openrouter/a/b", None, false), is("openrouter", "a/b"));
        assert_eq!(found("gpt-5.4", None, false), is("openai", "gpt-5.4"));
        assert_eq!(found("claude-haiku-4-5", None, false), is("anthropic", "claude-haiku-4-5"));
        assert_eq!(found("org/own", None, false), None, "nobody knows");
        assert_eq!(found("org/own", None, true), is("openai", "org/own"));
        assert_eq!(found("org/own", Some("groq"), false), is("groq", "org/own"));
        assert_eq!(found("groq/own", Some("groq"), false), is("groq", "own"));
    }

    #[test]
    fn every_vendor_is_in_the_catalogue() {
        let catalogue = crate::catalog::load().unwrap();
        for vendor in VENDORS {
            if let Known(id) = vendor.kind {
                assert!(catalogue.provider(id).is_some(), "{}: {id}", vendor.prefix);
            }
        }
    }
}
