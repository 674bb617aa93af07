//! Kinds of work that a request can name in place of a model.

use super::{Capability, Modality, Model, Serves};

/// How a request names a class: this, then its name.
const PREFIX: &str = "auto/";
/// Less context than this, in tokens, is too little for the files of a program.
const CODE_CONTEXT: u64 = 32_000;

/// What a model is wanted for. Who fits follows from what the catalogue says it can do; what it does not say, nobody
/// takes for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskClass {
    /// Any conversation.
    Chat,
    /// With thinking of its own.
    Reasoning,
    /// With tools, and room for files.
    Code,
    /// Answers that follow a schema.
    Extraction,
    /// Questions about images.
    Vision,
    Embedding,
    Rerank,
    Moderation,
    Image,
    Transcription,
    Speech,
}

impl TaskClass {
    pub const ALL: [Self; 11] = [
        Self::Chat,
        Self::Reasoning,
        Self::Code,
        Self::Extraction,
        Self::Vision,
        Self::Embedding,
        Self::Rerank,
        Self::Moderation,
        Self::Image,
        Self::Transcription,
        Self::Speech,
    ];

    /// What stands in the request's `model`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "auto/chat",
            Self::Reasoning => "auto/reasoning",
            Self::Code => "auto/code",
            Self::Extraction => "auto/extraction",
            Self::Vision => "auto/vision",
            Self::Embedding => "auto/embedding",
            Self::Rerank => "auto/rerank",
            Self::Moderation => "auto/moderation",
            Self::Image => "auto/image",
            Self::Transcription => "auto/transcription",
            Self::Speech => "auto/speech",
        }
    }

    #[must_use]
    pub fn parse(model: &str) -> Option<Self> {
        model.strip_prefix(PREFIX)?;
        Self::ALL.into_iter().find(|class| class.name() == model)
    }

    /// Whether the model can do this, as far as the catalogue says.
    #[must_use]
    pub fn fits(self, model: &Model) -> bool {
        let talks = || {
            model.serves.iter().any(Serves::is_conversation)
                && model.output.contains(&Modality::Text)
                && !model.searches
        };
        let serves = |wanted| model.serves.contains(&wanted);
        let can = |wanted| talks() && model.can.contains(&wanted);
        match self {
            Self::Chat => talks(),
            Self::Reasoning => can(Capability::Reasoning),
            Self::Code => {
                can(Capability::Tools) && model.context.is_some_and(|most| most >= CODE_CONTEXT)
            }
            Self::Extraction => can(Capability::JsonSchema),
            Self::Vision => talks() && model.input.contains(&Modality::Image),
            Self::Embedding => serves(Serves::Embeddings),
            Self::Rerank => serves(Serves::Rerank),
            Self::Moderation => serves(Serves::Moderation),
            Self::Image => serves(Serves::Images),
            Self::Transcription => serves(Serves::Transcription),
            Self::Speech => serves(Serves::Speech),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(more: &str) -> Model {
        toml::from_str(&format!("id = \"m\"\n{more}")).unwrap()
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for class in TaskClass::ALL {
            assert_eq!(TaskClass::parse(class.name()), Some(class));
        }
        for other in ["chat", "auto/", "auto/poetry", "autochat", "x/auto/chat"] {
            assert_eq!(TaskClass::parse(other), None, "{other}");
        }
    }

    #[test]
    fn only_what_is_said_counts() {
        let plain = model("");
        assert!(TaskClass::Chat.fits(&plain));
        for class in &TaskClass::ALL[1..] {
            assert!(!class.fits(&plain), "{class:?}");
        }
        let able = model(
            "can = [\"tools\", \"json-schema\", \"reasoning\"]\ninput = [\"text\", \"image\"]\ncontext = 32000",
        );
        for class in &TaskClass::ALL[..5] {
            assert!(class.fits(&able), "{class:?}");
        }
        assert!(!TaskClass::Code.fits(&model("can = [\"tools\"]\ncontext = 8000")));
        assert!(!TaskClass::Code.fits(&model("can = [\"tools\"]")), "no size is no promise");
        let embeds = model("serves = [\"embeddings\"]");
        assert!(TaskClass::Embedding.fits(&embeds) && !TaskClass::Chat.fits(&embeds));
        let draws = model("serves = [\"chat\"]\noutput = [\"image\"]");
        assert!(!TaskClass::Chat.fits(&draws));
        let searches = model("searches = true\ncan = [\"reasoning\"]");
        assert!(!TaskClass::Chat.fits(&searches) && !TaskClass::Reasoning.fits(&searches));
    }
}
