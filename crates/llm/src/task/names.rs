//! What a text is embedded for, in each dialect's word.

use super::Dialect;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Query,
    Document,
    Classification,
    Clustering,
}

impl Purpose {
    /// Understands everybody's words, whoever the client speaks to.
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "query" | "search_query" | "retrieval.query" => Some(Self::Query),
            "document" | "passage" | "search_document" | "retrieval.passage" => {
                Some(Self::Document)
            }
            "classification" => Some(Self::Classification),
            "clustering" | "separation" => Some(Self::Clustering),
            _ => None,
        }
    }

    /// `None` where the dialect has no word for it.
    pub(super) const fn word(self, dialect: Dialect) -> Option<&'static str> {
        Some(match (dialect, self) {
            // The last two make images only.
            (Dialect::OpenAi | Dialect::Stability | Dialect::Replicate, _)
            | (Dialect::Voyage, Self::Classification | Self::Clustering) => return None,
            (Dialect::Voyage, Self::Query) => "query",
            (Dialect::Voyage, Self::Document) => "document",
            (Dialect::Jina, Self::Query) => "retrieval.query",
            (Dialect::Jina, Self::Document) => "retrieval.passage",
            (Dialect::Jina, Self::Clustering) => "separation",
            (Dialect::Cohere, Self::Query) => "search_query",
            (Dialect::Cohere, Self::Document) => "search_document",
            (Dialect::Cohere, Self::Clustering) => "clustering",
            (Dialect::Jina | Dialect::Cohere, Self::Classification) => "classification",
        })
    }

    /// The member that says it.
    pub(super) const fn member(dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Jina => "task",
            _ => "input_type",
        }
    }
}
