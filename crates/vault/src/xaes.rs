//! XAES-256-GCM (C2SP, v1.0.1): AES-256-GCM under a key derived per nonce by CMAC, so that 192-bit nonces may be random.

use aws_lc_rs::{aead, cmac};
use domain::{Error, Result};
use zeroize::Zeroizing;

use crate::Key;

pub(crate) const NONCE: usize = 24;
/// The part of the nonce that the key is derived from.
pub(crate) const SALT: usize = 12;
pub(crate) const TAG: usize = 16;

/// What a value that does not open answers: damaged, moved, or sealed by another key; which one is not said.
pub(crate) fn refused() -> Error {
    Error::internal("a sealed value does not open: damaged, moved, or another key")
        .with_code("sealed_value_refused")
}

/// Encrypts `plain` and appends ciphertext and tag to `out`.
pub(crate) fn seal(
    key: &Key,
    nonce: &[u8; NONCE],
    aad: &[u8],
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<()> {
    let (cipher, nonce) = cipher(key, nonce)?;
    encrypt(&cipher, nonce, aad, plain, out)
}

/// Encrypts `plain` under a derived key and appends ciphertext and tag to `out`.
pub(crate) fn encrypt(
    cipher: &aead::LessSafeKey,
    nonce: aead::Nonce,
    aad: &[u8],
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<()> {
    let broken = |_| Error::internal("encryption failed");
    let start = out.len();
    out.extend_from_slice(plain);
    let body = out.get_mut(start..).unwrap_or_default();
    let tag =
        cipher.seal_in_place_separate_tag(nonce, aead::Aad::from(aad), body).map_err(broken)?;
    out.extend_from_slice(tag.as_ref());
    Ok(())
}

/// Decrypts ciphertext and tag.
pub(crate) fn open(
    key: &Key,
    nonce: &[u8; NONCE],
    aad: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>> {
    let (cipher, nonce) = cipher(key, nonce)?;
    let mut body = Zeroizing::new(sealed.to_vec());
    let length =
        cipher.open_in_place(nonce, aead::Aad::from(aad), &mut body).map_err(|_| refused())?.len();
    body.truncate(length);
    Ok(body)
}

/// The GCM key and nonce that the first and last twelve nonce bytes stand for.
fn cipher(key: &Key, nonce: &[u8; NONCE]) -> Result<(aead::LessSafeKey, aead::Nonce)> {
    let broken = || Error::internal("key derivation failed");
    let (salt, rest) = nonce.split_first_chunk::<SALT>().ok_or_else(broken)?;
    let nonce = aead::Nonce::try_assume_unique_for_key(rest).map_err(|_| broken())?;
    Ok((derive(key, salt)?, nonce))
}

/// The GCM key that the first part of a nonce stands for.
pub(crate) fn derive(key: &Key, salt: &[u8; SALT]) -> Result<aead::LessSafeKey> {
    let broken = |_| Error::internal("key derivation failed");
    let main = cmac::Key::new(cmac::AES_256, key.expose()).map_err(broken)?;
    let mut derived = Zeroizing::new([0; 32]);
    for (counter, half) in (1u8..).zip(derived.chunks_exact_mut(16)) {
        // NIST SP 800-108 counter mode: 16-bit counter, label "X", zero, context.
        let mut block = [0, counter, b'X', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for (to, from) in block.iter_mut().skip(4).zip(salt) {
            *to = *from;
        }
        half.copy_from_slice(cmac::sign(&main, &block).map_err(broken)?.as_ref());
    }
    let key = aead::UnboundKey::new(&aead::AES_256_GCM, derived.as_slice()).map_err(broken)?;
    Ok(aead::LessSafeKey::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both vectors of the C2SP specification.
    #[test]
    fn official_vectors() {
        let cases = [
            ([1; 32], "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
            (
                [3; 32],
                "c2sp.org/XAES-256-GCM",
                "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d",
            ),
        ];
        for (key, aad, expected) in cases {
            let key = Key::from_bytes(key);
            let nonce = b"ABCDEFGHIJKLMNOPQRSTUVWX";
            let mut sealed = Vec::new();
            seal(&key, nonce, aad.as_bytes(), b"XAES-256-GCM", &mut sealed).unwrap();
            assert_eq!(hex::encode(&sealed), expected);
            let opened = open(&key, nonce, aad.as_bytes(), &sealed).unwrap();
            assert_eq!(opened.as_slice(), b"XAES-256-GCM");
        }
    }
}
