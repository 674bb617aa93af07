//! What one model or server does differently from its format's documentation.

/// How a provider of Anthropic's format is asked to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThinkingStyle {
    /// `thinking: {type: adaptive}` with `output_config.effort` (Claude 4.6 and later).
    Adaptive,
    /// `thinking: {type: enabled, budget_tokens}` (earlier models and most compatible servers).
    Budget,
}

/// Differences that translation must respect. Same-format requests only look at `stream_usage`,
/// `foreign_thinking` and `encrypted_reasoning`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quirks {
    /// OpenAI: ask for usage at the end of a stream.
    pub stream_usage: bool,
    /// OpenAI: the cap on output is named `max_completion_tokens`, not `max_tokens`.
    pub max_completion_tokens: bool,
    /// Accepts to be told how much to think: OpenAI's `reasoning_effort`, Cohere's `thinking`.
    pub reasoning_effort: bool,
    /// OpenAI: accepts its own `reasoning_content` back in assistant messages.
    pub reasoning_input: bool,
    /// OpenAI: accepts Anthropic's `cache_control` on content parts, as some compatible hosts do.
    pub cache_control: bool,
    /// OpenAI: accepts what OpenAI's own host documents and compatible servers may not know, such as
    /// `prompt_cache_key`, `safety_identifier`, `service_tier` and `verbosity`.
    pub openai_host: bool,
    /// Responses: gives its reasoning out encrypted (`include: ["reasoning.encrypted_content"]`).
    /// Models that do not reason refuse to be asked for it.
    pub encrypted_reasoning: bool,
    /// Anthropic: the output cap when the client gives none; the format requires one. Tokens.
    pub default_max_tokens: u64,
    /// Accepts `temperature`, `top_p` and (Anthropic) `top_k`.
    pub sampling: bool,
    /// Anthropic: refuses `temperature` and `top_p` together.
    pub one_sampler: bool,
    /// Anthropic: accepts system messages after the first turn.
    pub system_turns: bool,
    pub thinking: ThinkingStyle,
    /// Gemini: refuses a turn whose first call is not signed.
    pub signed_calls: bool,
    /// May be sent thinking that a provider of the other format made, in the carriers of this crate.
    /// Strict hosts refuse what they did not sign or do not know; lenient ones may be another Probity,
    /// which wants its own back.
    pub foreign_thinking: bool,
    /// Chooses between providers itself, and takes the client's wishes about them.
    pub provider_object: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            stream_usage: true,
            max_completion_tokens: false,
            reasoning_effort: true,
            reasoning_input: true,
            cache_control: false,
            openai_host: false,
            encrypted_reasoning: false,
            default_max_tokens: 8192,
            sampling: true,
            one_sampler: false,
            system_turns: false,
            thinking: ThinkingStyle::Budget,
            signed_calls: false,
            foreign_thinking: true,
            provider_object: false,
        }
    }
}

impl Quirks {
    /// What is publicly known from a model's name; the defaults for names it does not know.
    ///
    /// Sources: OpenAI's API reference (reasoning models refuse `max_tokens` and sampling parameters),
    /// Anthropic's "what's new" pages for Claude 4.6 (adaptive thinking), 4.7 (sampling parameters removed)
    /// and 4.8 (system messages inside the conversation).
    #[must_use]
    pub fn of_model(model: &str) -> Self {
        let name = model.rsplit('/').next().unwrap_or(model);
        // One host puts the maker, and where the model runs, before the name: `eu.anthropic.claude-…`.
        let maker = |maker: &str| name.split_once(maker).map(|(_, name)| name);
        let name = maker("anthropic.").or_else(|| maker("openai.")).unwrap_or(name);
        let mut quirks = Self::default();
        if openai_reasoning(name) {
            quirks.foreign_thinking = false;
            quirks.openai_host = true;
            quirks.encrypted_reasoning = true;
            quirks.max_completion_tokens = true;
            quirks.reasoning_input = false;
            quirks.sampling = false;
        } else if name.starts_with("gpt-") {
            quirks.foreign_thinking = false;
            quirks.openai_host = !name.starts_with("gpt-oss");
            quirks.reasoning_effort = false;
            quirks.reasoning_input = false;
        } else if let Some(version) = name.strip_prefix("gemini-") {
            quirks.foreign_thinking = false;
            // Levels came with the third generation, budgets are what the second knows.
            if !version.starts_with(['1', '2']) {
                quirks.thinking = ThinkingStyle::Adaptive;
                quirks.signed_calls = true;
            }
        } else if name.starts_with("command") || name.starts_with("c4ai-") {
            quirks.foreign_thinking = false;
            quirks.reasoning_effort =
                name.contains("reasoning") || name.starts_with("command-a-plus");
        } else if let Some(version) = claude_version(name) {
            quirks.foreign_thinking = false;
            if version >= (4, 6) {
                quirks.thinking = ThinkingStyle::Adaptive;
            }
            // What the model may write at most is known to the catalogue; these are safe for all of a family.
            quirks.default_max_tokens = match version {
                (..=2, _) | (3, ..5) => 4096,
                (3, _) => 8192,
                _ => 16_384,
            };
            quirks.sampling = version < (4, 7);
            quirks.one_sampler = version >= (4, 1);
            quirks.system_turns = version >= (4, 8);
        }
        quirks
    }
}

/// `o1`, `o3-mini`, `gpt-5`, `gpt-6.1-mini`, …
fn openai_reasoning(name: &str) -> bool {
    let first_digit = |rest: Option<&str>| rest.and_then(|rest| rest.bytes().next());
    first_digit(name.strip_prefix('o')).is_some_and(|byte| byte.is_ascii_digit())
        || first_digit(name.strip_prefix("gpt-")).is_some_and(|byte| (b'5'..=b'9').contains(&byte))
}

/// `claude-opus-4-7-20260416` is (4, 7), `claude-3-5-sonnet-latest` is (3, 5), `claude-sonnet-4-20250514` is (4, 0).
fn claude_version(name: &str) -> Option<(u32, u32)> {
    let rest = name.strip_prefix("claude-")?;
    let mut numbers = rest
        .split(['-', '.', '@'])
        .skip_while(|part| part.parse::<u32>().is_err())
        .map_while(|part| part.parse::<u32>().ok())
        .filter(|number| *number < 1000);
    let Some(major) = numbers.next() else { return Some((u32::MAX, 0)) };
    Some((major, numbers.next().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claude_names_give_their_version() {
        for (name, version) in [
            ("claude-opus-4-7-20260416", Some((4, 7))),
            ("claude-sonnet-4-20250514", Some((4, 0))),
            ("claude-3-5-sonnet-latest", Some((3, 5))),
            ("claude-haiku-4.5", Some((4, 5))),
            ("claude-fable-5", Some((5, 0))),
            ("claude-latest", Some((u32::MAX, 0))),
            ("sandbox-echo", None),
        ] {
            assert_eq!(claude_version(name), version, "{name}");
        }
    }

    #[test]
    fn names_decide_the_documented_differences() {
        assert!(Quirks::of_model("openai/gpt-5-mini").max_completion_tokens);
        assert!(Quirks::of_model("o3").max_completion_tokens);
        assert!(!Quirks::of_model("gpt-4o").max_completion_tokens);
        assert!(!Quirks::of_model("olmo-2").max_completion_tokens);
        assert!(!Quirks::of_model("claude-opus-4-8").sampling);
        assert!(!Quirks::of_model("eu.anthropic.claude-opus-4-8-20260601-v1:0").sampling);
        assert!(Quirks::of_model("global.openai.gpt-6.1-sol").max_completion_tokens);
        assert!(Quirks::of_model("gemini-3-pro").signed_calls);
        assert!(!Quirks::of_model("gemini-2.5-pro").signed_calls);
        assert!(Quirks::of_model("command-a-reasoning-08-2025").reasoning_effort);
        assert!(!Quirks::of_model("command-a-03-2025").reasoning_effort);
        assert!(Quirks::of_model("claude-sonnet-4-5").sampling);
        assert_eq!(Quirks::of_model("sandbox-echo"), Quirks::default());
    }
}
