//! Keys under keys: `01 | alg | commitment(32) | nonce(24) | ciphertext(32) | tag(16)`.
//!
//! AES-GCM does not commit to its key: one ciphertext can be made that opens under two. The commitment,
//! derived from the wrapping key, closes that and tells a wrong key from a damaged value.

use domain::{Error, Result};

use crate::{
    Key,
    digest::{derive, same},
    key,
    xaes::{self, NONCE, TAG},
};

const HEAD: [u8; 2] = [1, 1];
const COMMITMENT: usize = 32;
const LENGTH: usize = HEAD.len() + COMMITMENT + NONCE + 32 + TAG;

/// Wraps `inner` under `outer`; `context` says what the key is for and has to be repeated to unwrap it.
pub(crate) fn wrap(outer: &Key, context: &str, inner: &Key) -> Result<Vec<u8>> {
    let nonce: [u8; NONCE] = key::random()?;
    let mut out = Vec::with_capacity(LENGTH);
    out.extend_from_slice(&HEAD);
    out.extend_from_slice(&commitment(outer));
    out.extend_from_slice(&nonce);
    xaes::seal(outer, &nonce, &aad(context), inner.expose(), &mut out)?;
    Ok(out)
}

/// The key in `wrapped`.
///
/// # Errors
/// `Internal` with code `wrong_key` when another key wrapped it, with code `sealed_value_refused` when it is
/// damaged or was wrapped for another context.
pub(crate) fn unwrap(outer: &Key, context: &str, wrapped: &[u8]) -> Result<Key> {
    let body = wrapped.strip_prefix(&HEAD).ok_or_else(xaes::refused)?;
    let (committed, body) = body.split_at_checked(COMMITMENT).ok_or_else(xaes::refused)?;
    if !same(committed, &commitment(outer)) {
        return Err(wrong_key());
    }
    let (nonce, body) = body.split_first_chunk::<NONCE>().ok_or_else(xaes::refused)?;
    let plain = xaes::open(outer, nonce, &aad(context), body)?;
    let bytes: &[u8; 32] = plain.as_slice().try_into().map_err(|_| xaes::refused())?;
    Ok(Key::from_bytes(*bytes))
}

pub(crate) fn wrong_key() -> Error {
    Error::internal("this key did not wrap that one").with_code("wrong_key")
}

fn commitment(outer: &Key) -> [u8; COMMITMENT] {
    derive(outer, "probity wrap commitment v1")
}

fn aad(context: &str) -> Vec<u8> {
    [b"probity wrap v1|".as_slice(), context.as_bytes()].concat()
}
