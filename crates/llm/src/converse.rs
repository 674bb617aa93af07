//! Amazon Bedrock `Converse` and `ConverseStream`. Providers are called in it; no client speaks it to us.
//!
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>
//!
//! Members that only some models know travel in `additionalModelRequestFields`. A signature of thinking is the one of
//! the model's maker, and is good at any of its hosts.

mod blocks;
mod event_read;
mod plan;
mod reply;
mod tools;
mod write;

use crate::segment;

pub(crate) use self::{event_read::EventReader, reply::read_response, write::write_request};

/// The path of a call; the model is one segment of it, whatever its name holds.
pub(crate) fn path(model: &str, stream: bool) -> String {
    let mut path = String::from("/model/");
    segment::push(&mut path, model, b"-._~");
    path.push_str(if stream { "/converse-stream" } else { "/converse" });
    path
}

/// Who made the model: it decides which members of their own models take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Maker {
    Anthropic,
    Amazon,
    OpenAi,
    Other,
}

impl Maker {
    fn of(model: &str) -> Self {
        // `eu.anthropic.claude-…`, or the name of a profile that holds it.
        let made_by = |maker: &str| {
            model.split(['.', '/']).any(|part| part == maker) || model.starts_with(maker)
        };
        if made_by("anthropic") || model.contains("claude") {
            Self::Anthropic
        } else if made_by("amazon") {
            Self::Amazon
        } else if made_by("openai") {
            Self::OpenAi
        } else {
            Self::Other
        }
    }

    /// Takes marks of what is to be kept for the next request.
    const fn caches(self) -> bool {
        matches!(self, Self::Anthropic | Self::Amazon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_one_segment() {
        assert_eq!(
            path("eu.anthropic.claude-sonnet-4-5-v1:0", true),
            "/model/eu.anthropic.claude-sonnet-4-5-v1%3A0/converse-stream"
        );
        assert_eq!(
            path("arn:aws:bedrock:x:1:p/a", false),
            "/model/arn%3Aaws%3Abedrock%3Ax%3A1%3Ap%2Fa/converse"
        );
    }

    #[test]
    fn names_tell_the_maker() {
        assert!(Maker::of("global.anthropic.claude-opus-5") == Maker::Anthropic);
        assert!(Maker::of("amazon.nova-pro-v1:0") == Maker::Amazon);
        assert!(Maker::of("us.amazon.nova-2-lite-v1:0") == Maker::Amazon);
        assert!(Maker::of("openai.gpt-oss-120b-1:0") == Maker::OpenAi);
        assert!(Maker::of("mistral.mistral-large-3") == Maker::Other);
    }
}
