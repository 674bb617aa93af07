//! Opaque tokens for sessions, invitations and one-time links.

use domain::{Result, Secret};

use crate::base62;

/// 256 random bits in 43 characters that need no escaping. Only the SHA-256 of it is ever stored.
///
/// # Errors
/// `Internal` when the random generator fails.
pub fn random_token() -> Result<Secret<String>> {
    base62::random(43).map(|text| Secret::new(text.as_str().to_owned()))
}
