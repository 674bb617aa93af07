//! Keys and what they do: the root key, envelope encryption, keyed indexes, password hashes, API keys, signatures, what clouds
//! give to programs that ask for a token.
//! Pure and synchronous; the root key's file is the only thing it touches.
//!
//! Invariants:
//! * every ciphertext is authenticated together with the place it belongs to: moved, it does not open;
//! * a wrapped key commits to the key that wrapped it, so that one ciphertext cannot have two readings;
//! * keys live in boxes that are wiped when dropped, and have neither `Debug` nor `Clone`;
//! * an error never holds key, password or plaintext bytes.

mod base62;
mod certificate;
mod column;
mod data_key;
mod digest;
mod index;
mod key;
mod machine;
mod password;
mod root_key;
mod series;
mod signing;
mod token;
mod totp;
mod webhook;
mod wrap;
mod xaes;

pub mod api_key;

pub use certificate::{SelfSigned, self_signed};
pub use column::{Aad, key_id_of, open, seal};
pub use data_key::DataKey;
pub use digest::{hkdf, hmac, same, sha256};
pub use index::{blind_index, normalise_email};
pub use key::{Key, random};
pub use machine::{Application, Charged, ProjectKey, ServiceAccount};
pub use password::{MAX_PASSWORD_BYTES, Passwords};
pub use root_key::RootKey;
pub use series::Series;
pub use signing::{SigningKey, verify};
pub use token::{random_recovery_code, random_sign_in_code, random_token};
pub use totp::Totp;
pub use webhook::{webhook_secret, webhook_signature};
