//! What an API key may be used for.

use domain::{Error, Result};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyScope {
    /// Calls to models.
    #[serde(rename = "inference")]
    Inference,
    /// The list of models.
    #[serde(rename = "models.read")]
    ModelsRead,
}

impl KeyScope {
    pub const ALL: &'static [Self] = &[Self::Inference, Self::ModelsRead];

    /// The stable name in the API and the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inference => "inference",
            Self::ModelsRead => "models.read",
        }
    }

    /// # Errors
    /// `Invalid` with code `unknown_scope`.
    pub fn parse(text: &str) -> Result<Self> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == text).ok_or_else(|| {
            Error::invalid("A key has the scopes inference, models.read or both.")
                .with_code("unknown_scope")
        })
    }
}
