//! The catalogue that is in force now. Readers take one version and keep it for as long as they need it.

use std::sync::{Arc, PoisonError, RwLock};

use super::Catalogue;
use crate::Timestamp;

/// What came of loading, for whoever runs the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CatalogueState {
    /// When the version in force was loaded.
    pub loaded: Option<Timestamp>,
    /// The operator's files in it, each with the SHA-256 of its text in hex.
    pub files: Vec<(String, String)>,
    /// Models whose price became unknown with it, as `provider/model`.
    pub unpriced: Vec<String>,
    /// Why the last attempt changed nothing.
    pub problem: Option<String>,
}

/// A handle on the version in force; cloning it costs a counter.
#[derive(Clone, Debug, Default)]
pub struct LiveCatalogue(Arc<RwLock<Shelf>>);

#[derive(Debug, Default)]
struct Shelf {
    current: Arc<Catalogue>,
    state: CatalogueState,
}

impl LiveCatalogue {
    /// One immutable version: whoever holds it sees no later change.
    #[must_use]
    pub fn current(&self) -> Arc<Catalogue> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner).current)
    }

    #[must_use]
    pub fn state(&self) -> CatalogueState {
        self.0.read().unwrap_or_else(PoisonError::into_inner).state.clone()
    }

    /// Puts another version in force, whole, for everybody who asks from now on.
    pub fn replace(&self, next: Catalogue, state: CatalogueState) {
        let mut shelf = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *shelf = Shelf { current: Arc::new(next), state };
    }

    /// Says why the version in force stays.
    pub fn keep(&self, problem: String) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).state.problem = Some(problem);
    }
}

impl From<Arc<Catalogue>> for LiveCatalogue {
    fn from(current: Arc<Catalogue>) -> Self {
        Self(Arc::new(RwLock::new(Shelf { current, state: CatalogueState::default() })))
    }
}

impl From<Catalogue> for LiveCatalogue {
    fn from(first: Catalogue) -> Self {
        Arc::new(first).into()
    }
}
