//! Sealed column values: `01 | alg | key id(16) | nonce(24) | ciphertext | tag(16)`, 58 bytes more than the value.

use domain::{OrgId, Result};
use zeroize::Zeroizing;

use crate::{
    DataKey, key,
    xaes::{self, NONCE, TAG},
};

const HEAD: [u8; 2] = [1, 1];
pub(crate) const OVERHEAD: usize = HEAD.len() + 16 + NONCE + TAG;

/// Where a value belongs. A ciphertext that is moved anywhere else does not open.
#[derive(Clone, Copy)]
pub struct Aad<'a> {
    pub org: OrgId,
    pub table: &'a str,
    pub column: &'a str,
    /// The row's primary key, within the organization.
    pub row: &'a [u8],
}

impl Aad<'_> {
    /// Every part with its length in front, so that no two places share an encoding.
    pub(crate) fn bytes(&self, key_id: &[u8; 16]) -> Vec<u8> {
        let mut out = HEAD.to_vec();
        let org = self.org.uuid();
        let parts =
            [org.as_bytes(), self.table.as_bytes(), self.column.as_bytes(), self.row, key_id];
        for part in parts {
            out.extend_from_slice(&(part.len() as u64).to_be_bytes());
            out.extend_from_slice(part);
        }
        out
    }
}

/// Seals `plain` for one place.
///
/// # Errors
/// `Internal` when the random generator fails.
pub fn seal(key: &DataKey, aad: &Aad<'_>, plain: &[u8]) -> Result<Vec<u8>> {
    let nonce: [u8; NONCE] = key::random()?;
    let mut out = Vec::with_capacity(OVERHEAD + plain.len());
    out.extend_from_slice(&head(key));
    out.extend_from_slice(&nonce);
    xaes::seal(key.key(), &nonce, &aad.bytes(&key.id), plain, &mut out)?;
    Ok(out)
}

/// What every value sealed by `key` starts with.
pub(crate) fn head(key: &DataKey) -> [u8; 18] {
    let mut head = [0; 18];
    for (to, from) in head.iter_mut().zip(HEAD.iter().chain(&key.id)) {
        *to = *from;
    }
    head
}

/// Opens a value that was sealed for this place by this key.
///
/// # Errors
/// `Internal` with code `sealed_value_refused` when it is damaged, was moved, or another key sealed it.
pub fn open(key: &DataKey, aad: &Aad<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let (id, body) = split(sealed).ok_or_else(xaes::refused)?;
    if *id != key.id {
        return Err(xaes::refused());
    }
    let (nonce, body) = body.split_first_chunk::<NONCE>().ok_or_else(xaes::refused)?;
    xaes::open(key.key(), nonce, &aad.bytes(&key.id), body)
}

/// The id of the key that sealed a value; `None` when it is not a sealed value.
#[must_use]
pub fn key_id_of(sealed: &[u8]) -> Option<[u8; 16]> {
    if sealed.len() < OVERHEAD {
        return None;
    }
    split(sealed).map(|(id, _)| *id)
}

fn split(sealed: &[u8]) -> Option<(&[u8; 16], &[u8])> {
    sealed.strip_prefix(&HEAD)?.split_first_chunk::<16>()
}
