//! What each model name makes a twin do.

/// Every model a twin serves, in the order `/v1/models` lists them.
pub const MODELS: &[&str] = &[
    "sandbox-echo",
    "sandbox-tools",
    "sandbox-slow",
    "sandbox-error-400",
    "sandbox-error-401",
    "sandbox-error-429",
    "sandbox-error-500",
    "sandbox-error-529",
    "sandbox-cut",
    "sandbox-stall",
    "sandbox-embed",
    "sandbox-slow-headers",
    "sandbox-slow-first-token",
    "sandbox-reset",
    "sandbox-error-in-200",
    "sandbox-error-mid-stream",
    "sandbox-malformed-sse",
    "sandbox-crlf",
    "sandbox-comments",
    "sandbox-split-utf8",
    "sandbox-huge-event",
    "sandbox-no-usage",
    "sandbox-null-usage",
    "sandbox-cached",
    "sandbox-thinking",
    "sandbox-redacted-thinking",
    "sandbox-parallel-tools",
    "sandbox-json-schema",
    "sandbox-image",
    "sandbox-flaky",
    "sandbox-flaky-429",
    "sandbox-flaky-reset",
    "sandbox-rerank",
    "sandbox-moderation",
    "sandbox-draw",
    "sandbox-transcribe",
    "sandbox-speech",
    "sandbox-search",
];

/// One scripted behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Echo,
    Tools,
    ParallelTools,
    Thinking,
    RedactedThinking,
    JsonSchema,
    Image,
    Cached,
    /// Fifty chunks, a pause between each two.
    Slow,
    /// Nothing at all for a while, then an ordinary answer.
    SlowHeaders,
    /// Headers at once, the first word after a while.
    SlowFirstToken,
    Error(u16),
    /// The first attempt fails with this status, an identical second one succeeds.
    Flaky(u16),
    /// The first attempt's connection is reset before any answer.
    FlakyReset,
    /// A few words, then the connection closes.
    Cut,
    /// A few words, then a TCP reset.
    Reset,
    /// A few words, then silence on an open connection.
    Stall,
    ErrorIn200,
    ErrorMidStream,
    Malformed,
    Crlf,
    Comments,
    SplitUtf8,
    HugeEvent,
    NoUsage,
    NullUsage,
    Embed,
    Rank,
    Moderate,
    /// Makes images.
    Draw,
    /// Tells what is on recordings.
    Hear,
    Speak,
}

impl Behaviour {
    pub(crate) fn of(model: &str) -> Option<Self> {
        Some(match model.strip_prefix("sandbox-")? {
            // It stands for an answer engine, and says what an echo does.
            "echo" | "search" => Self::Echo,
            "tools" => Self::Tools,
            "parallel-tools" => Self::ParallelTools,
            "thinking" => Self::Thinking,
            "redacted-thinking" => Self::RedactedThinking,
            "json-schema" => Self::JsonSchema,
            "image" => Self::Image,
            "cached" => Self::Cached,
            "slow" => Self::Slow,
            "slow-headers" => Self::SlowHeaders,
            "slow-first-token" => Self::SlowFirstToken,
            "error-400" => Self::Error(400),
            "error-401" => Self::Error(401),
            "error-429" => Self::Error(429),
            "error-500" => Self::Error(500),
            "error-529" => Self::Error(529),
            "flaky" => Self::Flaky(500),
            "flaky-429" => Self::Flaky(429),
            "flaky-reset" => Self::FlakyReset,
            "cut" => Self::Cut,
            "reset" => Self::Reset,
            "stall" => Self::Stall,
            "error-in-200" => Self::ErrorIn200,
            "error-mid-stream" => Self::ErrorMidStream,
            "malformed-sse" => Self::Malformed,
            "crlf" => Self::Crlf,
            "comments" => Self::Comments,
            "split-utf8" => Self::SplitUtf8,
            "huge-event" => Self::HugeEvent,
            "no-usage" => Self::NoUsage,
            "null-usage" => Self::NullUsage,
            "embed" => Self::Embed,
            "rerank" => Self::Rank,
            "moderation" => Self::Moderate,
            "draw" => Self::Draw,
            "transcribe" => Self::Hear,
            "speech" => Self::Speak,
            _ => return None,
        })
    }

    /// Whether it is no conversation that this makes.
    pub(crate) const fn is_task(self) -> bool {
        matches!(
            self,
            Self::Embed | Self::Rank | Self::Moderate | Self::Draw | Self::Hear | Self::Speak
        )
    }

    /// Whether it goes wrong, or slowly, whatever is asked.
    pub(crate) const fn is_fault(self) -> bool {
        matches!(
            self,
            Self::Error(_)
                | Self::Flaky(_)
                | Self::FlakyReset
                | Self::Slow
                | Self::SlowHeaders
                | Self::SlowFirstToken
                | Self::Cut
                | Self::Reset
                | Self::Stall
                | Self::ErrorIn200
                | Self::ErrorMidStream
                | Self::Malformed
                | Self::NoUsage
        )
    }

    /// Faults that strike in the middle answer at least ten words, so that there is a middle.
    pub(crate) const fn words(self) -> Option<usize> {
        match self {
            Self::Slow => Some(50),
            Self::Cut | Self::Reset | Self::Stall | Self::ErrorMidStream | Self::Malformed => {
                Some(10)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_model_has_a_behaviour_and_no_other_name_has_one() {
        for model in MODELS {
            assert!(Behaviour::of(model).is_some(), "{model}");
        }
        assert_eq!(Behaviour::of("gpt-4o"), None);
        assert_eq!(Behaviour::of("sandbox-nothing"), None);
    }
}
