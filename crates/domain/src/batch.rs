//! Files that programs store, and batches of requests that are worked through later.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == text)
            }
        }
    };
}

words! {
    /// What a file is for, in the words of OpenAI's API.
    FilePurpose {
        /// Requests, one a line.
        Batch = "batch",
        /// What came of them; also of those that failed.
        BatchOutput = "batch_output",
    }
}

words! {
    /// Where the requests of a batch go.
    BatchEndpoint {
        Chat = "/v1/chat/completions",
        Responses = "/v1/responses",
        Embeddings = "/v1/embeddings",
        Moderations = "/v1/moderations",
    }
}

words! {
    /// How far a batch is, in the words of OpenAI's API.
    BatchState {
        Validating = "validating",
        /// Its file cannot be worked through, or its key is gone.
        Failed = "failed",
        InProgress = "in_progress",
        Finalizing = "finalizing",
        Completed = "completed",
        Expired = "expired",
        Cancelled = "cancelled",
    }
}

impl BatchState {
    /// Whether something may still happen.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Validating | Self::InProgress | Self::Finalizing)
    }
}

words! {
    /// How far a line of a batch is. A line that nobody began with has no state.
    LineState {
        /// It is about to be sent, or was.
        Sending = "sending",
        Answered = "answered",
        Failed = "failed",
        /// The server stopped while it was under way: whether it was answered nobody knows.
        Unknown = "unknown",
    }
}

words! {
    /// Why the key of stored content was destroyed.
    ContentEnd {
        /// Its time was over.
        Expired = "expired",
        Deleted = "deleted",
        Cancelled = "cancelled",
        /// The project may not store content any more.
        SwitchedOff = "switched_off",
        ProjectArchived = "project_archived",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_back() {
        for state in BatchState::ALL {
            assert_eq!(BatchState::parse(state.as_str()), Some(*state));
        }
        assert_eq!(BatchEndpoint::parse("/v1/chat/completions"), Some(BatchEndpoint::Chat));
        assert_eq!(FilePurpose::parse("fine-tune"), None);
        assert_eq!(BatchState::ALL.iter().filter(|state| state.is_open()).count(), 3);
    }
}
