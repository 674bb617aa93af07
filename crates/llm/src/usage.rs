//! Token counts in each provider's own convention, turned into the house's one.
//!
//! Cohere counts what it bills apart from what its models read, which includes what the service itself adds to a prompt.
//! OpenAI's `prompt_tokens` (`input_tokens` of Responses) includes what was read from or written to the cache; Anthropic's `input_tokens` excludes both.

use domain::{Provenance, Usage};

use crate::{
    json::{self, Fields, Raw},
    write::Object,
};

/// About four bytes of text make a token. Only used when a provider did not say.
#[must_use]
pub const fn estimate_tokens(bytes: u64) -> u64 {
    bytes.div_ceil(4)
}

/// A usage made of estimates, for a call whose provider was silent.
#[must_use]
pub fn estimated(input_bytes: u64, output_bytes: u64) -> Usage {
    Usage {
        input: estimate_tokens(input_bytes),
        output: estimate_tokens(output_bytes),
        provenance: Provenance::Estimated,
        ..Usage::default()
    }
}

fn count(fields: &mut Fields<'_>, name: &str) -> Option<u64> {
    fields.take(name).and_then(json::whole)
}

fn nested(fields: &mut Fields<'_>, object: &str, name: &str) -> Option<u64> {
    count(&mut Fields::lenient(fields.take(object)?)?, name)
}

/// How one of OpenAI's formats names its counts.
struct Words {
    input: &'static str,
    input_details: &'static str,
    output: &'static str,
    output_details: &'static str,
}

const CHAT: Words = Words {
    input: "prompt_tokens",
    input_details: "prompt_tokens_details",
    output: "completion_tokens",
    output_details: "completion_tokens_details",
};

const RESPONSES: Words = Words {
    input: "input_tokens",
    input_details: "input_tokens_details",
    output: "output_tokens",
    output_details: "output_tokens_details",
};

/// Reads `usage` of a Chat Completions response; `None` when it does not hold both totals.
pub(crate) fn openai(raw: Raw<'_>) -> Option<Usage> {
    inclusive(raw, &CHAT)
}

/// Reads `usage` of a Responses response; `None` when it does not hold both totals.
pub(crate) fn responses(raw: Raw<'_>) -> Option<Usage> {
    inclusive(raw, &RESPONSES)
}

fn inclusive(raw: Raw<'_>, words: &Words) -> Option<Usage> {
    let mut fields = Fields::lenient(raw)?;
    let prompt = count(&mut fields, words.input)?;
    let output = count(&mut fields, words.output)?;
    let hits = count(&mut fields, "prompt_cache_hit_tokens");
    let mut details = fields.take(words.input_details).and_then(Fields::lenient);
    let mut detail = |name| details.as_mut().and_then(|details| count(details, name));
    // Never more than the total, or the fresh part would be negative.
    let cache_read = detail("cached_tokens").or(hits).unwrap_or(0).min(prompt);
    let cache_write = detail("cache_write_tokens").unwrap_or(0).min(prompt - cache_read);
    Some(Usage {
        input: prompt - cache_read - cache_write,
        cache_read,
        cache_write,
        output,
        reasoning: nested(&mut fields, words.output_details, "reasoning_tokens")
            .unwrap_or(0)
            .min(output),
        provenance: Provenance::Reported,
    })
}

/// Reads `usageMetadata` of a Gemini response; `None` when it does not hold the prompt's count.
/// What was thought is counted beside what was said.
pub(crate) fn gemini(raw: Raw<'_>) -> Option<Usage> {
    let mut fields = Fields::lenient(raw)?;
    let tools = count(&mut fields, "toolUsePromptTokenCount").unwrap_or(0);
    let prompt = count(&mut fields, "promptTokenCount")?.saturating_add(tools);
    let reasoning = count(&mut fields, "thoughtsTokenCount").unwrap_or(0);
    let said = count(&mut fields, "candidatesTokenCount").unwrap_or(0);
    let cache_read = count(&mut fields, "cachedContentTokenCount").unwrap_or(0).min(prompt);
    Some(Usage {
        input: prompt - cache_read,
        cache_read,
        cache_write: 0,
        output: said.saturating_add(reasoning),
        reasoning,
        provenance: Provenance::Reported,
    })
}

/// Reads `usage` of a Converse answer; `None` when it does not hold both totals. What came from a cache, or went into
/// one, is counted beside the input.
pub(crate) fn converse(raw: Raw<'_>) -> Option<Usage> {
    let mut fields = Fields::lenient(raw)?;
    Some(Usage {
        input: count(&mut fields, "inputTokens")?,
        cache_read: count(&mut fields, "cacheReadInputTokens").unwrap_or(0),
        cache_write: count(&mut fields, "cacheWriteInputTokens").unwrap_or(0),
        output: count(&mut fields, "outputTokens")?,
        reasoning: 0,
        provenance: Provenance::Reported,
    })
}

/// Reads `usage` of a Cohere answer; `None` when it holds no pair of totals. What is billed counts, and not what the
/// models read: that includes what the service adds to every prompt.
pub(crate) fn cohere(raw: Raw<'_>) -> Option<Usage> {
    let mut fields = Fields::lenient(raw)?;
    let mut totals = |name: &str| {
        let mut counts = Fields::lenient(fields.take(name)?)?;
        Some((count(&mut counts, "input_tokens")?, count(&mut counts, "output_tokens")?))
    };
    let billed = totals("billed_units");
    let read = totals("tokens");
    let (input, output) = billed.or(read)?;
    let cache_read = count(&mut fields, "cached_tokens").unwrap_or(0).min(input);
    Some(Usage {
        input: input - cache_read,
        cache_read,
        cache_write: 0,
        output,
        reasoning: 0,
        provenance: Provenance::Reported,
    })
}

/// Writes the members of a Cohere `usage` object.
pub(crate) fn write_cohere(usage: &Usage, out: &mut Object<'_>) {
    for name in ["billed_units", "tokens"] {
        out.object(name, |counts| {
            counts.number("input_tokens", usage.input_total());
            counts.number("output_tokens", usage.output);
        });
    }
    if usage.cache_read > 0 {
        out.number("cached_tokens", usage.cache_read);
    }
}

/// Writes the members of a Gemini `usageMetadata` object.
pub(crate) fn write_gemini(usage: &Usage, out: &mut Object<'_>) {
    let prompt = usage.input_total();
    out.number("promptTokenCount", prompt);
    out.number("candidatesTokenCount", usage.output.saturating_sub(usage.reasoning));
    out.number("totalTokenCount", prompt.saturating_add(usage.output));
    if usage.cache_read > 0 {
        out.number("cachedContentTokenCount", usage.cache_read);
    }
    if usage.reasoning > 0 {
        out.number("thoughtsTokenCount", usage.reasoning);
    }
}

/// Anthropic's counts arrive in parts: in `message_start`, then cumulative in `message_delta`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    output: Option<u64>,
    reasoning: Option<u64>,
}

impl Tally {
    /// Takes over what `raw` says and keeps the rest.
    pub(crate) fn update(&mut self, raw: Raw<'_>) {
        let Some(mut fields) = Fields::lenient(raw) else { return };
        let mut set = |slot: &mut Option<u64>, name: &str| {
            if let Some(number) = count(&mut fields, name) {
                *slot = Some(number);
            }
        };
        set(&mut self.input, "input_tokens");
        set(&mut self.cache_read, "cache_read_input_tokens");
        set(&mut self.cache_write, "cache_creation_input_tokens");
        set(&mut self.output, "output_tokens");
        if let Some(number) = nested(&mut fields, "output_tokens_details", "thinking_tokens") {
            self.reasoning = Some(number);
        }
    }

    /// Takes over what a Gemini chunk says so far.
    pub(crate) fn update_gemini(&mut self, raw: Raw<'_>) {
        let Some(counts) = gemini(raw) else { return };
        self.input = Some(counts.input);
        self.cache_read = Some(counts.cache_read);
        self.output = Some(counts.output);
        self.reasoning = Some(counts.reasoning);
    }

    pub(crate) const fn has_input(&self) -> bool {
        self.input.is_some()
    }

    /// `None` when the provider did not say both totals.
    pub(crate) fn reported(&self) -> Option<Usage> {
        let output = self.output?;
        Some(Usage { output, ..self.with_output(self.input?) })
    }

    /// What is known so far, with `input` where the provider did not say it.
    pub(crate) fn with_output(&self, input: u64) -> Usage {
        let output = self.output.unwrap_or(0);
        Usage {
            input: self.input.unwrap_or(input),
            cache_read: self.cache_read.unwrap_or(0),
            cache_write: self.cache_write.unwrap_or(0),
            output,
            reasoning: self.reasoning.unwrap_or(0).min(output),
            provenance: Provenance::Reported,
        }
    }
}

/// Reads `usage` of a Messages response.
pub(crate) fn anthropic(raw: Raw<'_>) -> Option<Usage> {
    let mut tally = Tally::default();
    tally.update(raw);
    tally.reported()
}

/// Writes the members of a Chat Completions `usage` object.
pub(crate) fn write_openai(usage: &Usage, out: &mut Object<'_>) {
    let prompt = usage.input_total();
    out.number("prompt_tokens", prompt);
    out.number("completion_tokens", usage.output);
    out.number("total_tokens", prompt.saturating_add(usage.output));
    out.object("prompt_tokens_details", |details| {
        details.number("cached_tokens", usage.cache_read);
        if usage.cache_write > 0 {
            details.number("cache_write_tokens", usage.cache_write);
        }
    });
    out.object("completion_tokens_details", |details| {
        details.number("reasoning_tokens", usage.reasoning);
    });
}

/// Writes the members of a Responses `usage` object.
pub(crate) fn write_responses(usage: &Usage, out: &mut Object<'_>) {
    let input = usage.input_total();
    out.number("input_tokens", input);
    out.object("input_tokens_details", |details| {
        details.number("cached_tokens", usage.cache_read);
        // Newer versions of the format require it.
        details.number("cache_write_tokens", usage.cache_write);
    });
    out.number("output_tokens", usage.output);
    out.object("output_tokens_details", |details| {
        details.number("reasoning_tokens", usage.reasoning);
    });
    out.number("total_tokens", input.saturating_add(usage.output));
}

/// Writes the members of an Anthropic `usage` object.
pub(crate) fn write_anthropic(usage: &Usage, out: &mut Object<'_>) {
    out.number("input_tokens", usage.input);
    out.number("cache_creation_input_tokens", usage.cache_write);
    out.number("cache_read_input_tokens", usage.cache_read);
    out.number("output_tokens", usage.output);
    if usage.reasoning > 0 {
        out.object("output_tokens_details", |details| {
            details.number("thinking_tokens", usage.reasoning);
        });
    }
}
