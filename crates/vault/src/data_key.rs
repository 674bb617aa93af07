//! A data key: the key of one data class of one organization.

use domain::Result;

use crate::{Key, digest, wrap};

/// A key with the id that every value it seals carries.
pub struct DataKey {
    pub id: [u8; 16],
    key: Key,
}

impl DataKey {
    /// A new key under `id`.
    ///
    /// # Errors
    /// `Internal` when the random generator fails.
    pub fn generate(id: [u8; 16]) -> Result<Self> {
        Ok(Self { id, key: Key::generate()? })
    }

    /// A key that is derived rather than stored.
    #[must_use]
    pub const fn from_key(id: [u8; 16], key: Key) -> Self {
        Self { id, key }
    }

    /// Stored beside the wrapped key and given back to [`DataKey::unwrap`].
    #[must_use]
    pub fn commitment(&self) -> [u8; 16] {
        digest::derive(&self.key, "probity data key commitment v1")
    }

    /// The key under a key-encryption key, for storage.
    ///
    /// # Errors
    /// `Internal` when the random generator fails.
    pub fn wrap_with(&self, kek: &Key, context: &str) -> Result<Vec<u8>> {
        wrap::wrap(kek, &bound(&self.id, context), &self.key)
    }

    /// The data key in `wrapped`.
    ///
    /// # Errors
    /// `Internal` with code `wrong_key` when `kek` did not wrap it or the commitment is another key's, with code
    /// `sealed_value_refused` when the value is damaged or belongs to another id or context.
    pub fn unwrap(
        id: [u8; 16],
        kek: &Key,
        context: &str,
        wrapped: &[u8],
        commitment: &[u8],
    ) -> Result<Self> {
        let key = Self { id, key: wrap::unwrap(kek, &bound(&id, context), wrapped)? };
        if digest::same(&key.commitment(), commitment) { Ok(key) } else { Err(wrap::wrong_key()) }
    }

    /// A second owner of the same key.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self { id: self.id, key: self.key.duplicate() }
    }

    pub(crate) const fn key(&self) -> &Key {
        &self.key
    }
}

fn bound(id: &[u8; 16], context: &str) -> String {
    format!("data key {}|{context}", hex::encode(id))
}
