//! Hashes and what is derived from keys.

use aws_lc_rs::{digest, hkdf as kdf, hmac as mac};
use subtle::ConstantTimeEq;

use crate::Key;

/// SHA-256: for values with at least 128 random bits only; anything guessable goes through [`hmac`].
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    copied(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// HMAC-SHA-256.
#[must_use]
pub fn hmac(key: &Key, bytes: &[u8]) -> [u8; 32] {
    let key = mac::Key::new(mac::HMAC_SHA256, key.expose());
    copied(mac::sign(&key, bytes).as_ref())
}

/// A sub-key for one purpose, by HKDF-SHA-512 without salt (RFC 5869); `info` names the purpose.
#[must_use]
pub fn hkdf(key: &Key, info: &str) -> Key {
    Key::from_bytes(derive(key, info))
}

/// `N` bytes for the purpose `info`; `N` is at most 64 here, far below HKDF's limit.
pub(crate) fn derive<const N: usize>(key: &Key, info: &str) -> [u8; N] {
    struct Length(usize);
    impl kdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut out = [0; N];
    let purpose = [info.as_bytes()];
    let filled = kdf::Salt::new(kdf::HKDF_SHA512, &[])
        .extract(key.expose())
        .expand(&purpose, Length(N))
        .and_then(|okm| okm.fill(&mut out));
    debug_assert!(filled.is_ok(), "HKDF refuses only lengths above 255 blocks");
    out
}

/// Whether two byte strings are equal, in a time that depends on their lengths only.
#[must_use]
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}

fn copied(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_matches_fips_180() {
        let abc = hex::encode(sha256(b"abc"));
        assert_eq!(abc, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn hmac_uses_the_whole_key() {
        // RFC 4231 case 2 padded to a 32-byte key: HMAC pads short keys with zeros itself.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let tag = hmac(&Key::from_bytes(key), b"what do ya want for nothing?");
        assert_eq!(
            hex::encode(tag),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn purposes_give_independent_keys() {
        let key = Key::from_bytes([7; 32]);
        assert!(!same(hkdf(&key, "one").expose(), hkdf(&key, "two").expose()));
        assert!(same(hkdf(&key, "one").expose(), hkdf(&key, "one").expose()));
        assert_ne!(hkdf(&key, "one").expose(), &[0; 32]);
    }

    #[test]
    fn different_lengths_are_not_the_same() {
        assert!(!same(b"a", b"ab"));
        assert!(same(b"", b""));
    }
}
