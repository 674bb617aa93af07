//! Ed25519 signatures (RFC 8032) for the log and the evidence.

use aws_lc_rs::signature::{self, Ed25519KeyPair, KeyPair as _};
use domain::{Error, Result};
use zeroize::Zeroizing;

use crate::key;

/// A signing key, kept as the 32-byte seed it grows from.
pub struct SigningKey {
    seed: Box<Zeroizing<[u8; 32]>>,
    pair: Ed25519KeyPair,
}

impl SigningKey {
    /// # Errors
    /// `Internal` when the random generator fails.
    pub fn generate() -> Result<Self> {
        Self::from_seed(key::random()?)
    }

    /// # Errors
    /// `Internal` when the library refuses the seed, which no 32 bytes cause.
    pub fn from_seed(seed: [u8; 32]) -> Result<Self> {
        let seed = Box::new(Zeroizing::new(seed));
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).map_err(Error::internal)?;
        Ok(Self { seed, pair })
    }

    /// The seed, to be wrapped before it is stored.
    #[must_use]
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        fixed(self.pair.public_key().as_ref())
    }

    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        fixed(self.pair.sign(message).as_ref())
    }
}

/// Whether `signature` over `message` was made by the owner of `public`.
#[must_use]
pub fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    signature::UnparsedPublicKey::new(&signature::ED25519, public)
        .verify(message, signature)
        .is_ok()
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, 7.1, test 3.
    #[test]
    fn official_vector() {
        let bytes = |text: &str| hex::decode(text).unwrap();
        let seed = bytes("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7");
        let key = SigningKey::from_seed(seed.clone().try_into().unwrap()).unwrap();
        let public = bytes("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
        let signature = bytes(
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
             18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        );
        assert_eq!(key.seed().as_slice(), seed);
        assert_eq!(key.public().as_slice(), public);
        assert_eq!(key.sign(&[0xaf, 0x82]).as_slice(), signature);
        assert!(verify(&public, &[0xaf, 0x82], &signature));
        assert!(!verify(&public, &[0xaf, 0x83], &signature));
        assert!(!verify(&public, &[0xaf, 0x82], &signature[1..]));
        assert!(!verify(&public[1..], &[0xaf, 0x82], &signature));
        assert!(!verify(&SigningKey::generate().unwrap().public(), &[0xaf, 0x82], &signature));
    }
}
