//! Many values for one place, sealed quickly.

use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::aead::{self, LessSafeKey};
use domain::Result;

use crate::{
    Aad, DataKey, column, key,
    xaes::{self, NONCE, SALT},
};

/// Seals values for one place as [`crate::seal`] does; [`crate::open`] opens them.
///
/// XAES derives its key from the first half of the nonce. Here that half is random once and the second half counts, so
/// that key is derived once as well, and no randomness is drawn per value. No nonce comes twice: a series starts with
/// a fresh random half, and 2^64 values are never reached.
pub struct Series {
    cipher: LessSafeKey,
    /// Version, key id and the random half of the nonce.
    head: Vec<u8>,
    aad: Vec<u8>,
    next: AtomicU64,
}

impl Series {
    /// Bytes that sealing adds.
    pub const OVERHEAD: usize = column::OVERHEAD;

    /// # Errors
    /// `Internal` when the random generator fails.
    pub fn new(key: &DataKey, place: &Aad<'_>) -> Result<Self> {
        let salt: [u8; SALT] = key::random()?;
        let mut head = column::head(key).to_vec();
        head.extend_from_slice(&salt);
        let cipher = xaes::derive(key.key(), &salt)?;
        Ok(Self { cipher, head, aad: place.bytes(&key.id), next: AtomicU64::new(0) })
    }

    /// Appends the sealed value to `out`. After an error `out` is not to be used.
    ///
    /// # Errors
    /// `Internal` when encryption fails.
    pub fn seal_onto(&self, plain: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut rest = [0; NONCE - SALT];
        let count = self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        if let Some(last) = rest.last_chunk_mut() {
            *last = count;
        }
        out.reserve(Self::OVERHEAD + plain.len());
        out.extend_from_slice(&self.head);
        out.extend_from_slice(&rest);
        let nonce = aead::Nonce::assume_unique_for_key(rest);
        xaes::encrypt(&self.cipher, nonce, &self.aad, plain, out)
    }
}

#[cfg(test)]
mod tests {
    use domain::OrgId;

    use super::*;
    use crate::{Key, open};

    const PLACE: Aad<'static> =
        Aad { org: OrgId::DEPLOYMENT, table: "journal", column: "record", row: b"" };

    fn seal(series: &Series, plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        series.seal_onto(plain, &mut out).unwrap();
        out
    }

    fn data_key() -> DataKey {
        DataKey::from_key([7; 16], Key::from_bytes([9; 32]))
    }

    #[test]
    fn opens_like_any_other_value_and_no_nonce_comes_twice() {
        let key = data_key();
        let series = Series::new(&key, &PLACE).unwrap();
        let other = Series::new(&key, &PLACE).unwrap();
        let mut nonces = std::collections::BTreeSet::new();
        for one in 0..100_u8 {
            for series in [&series, &other] {
                let sealed = seal(series, &[one; 40]);
                assert_eq!(open(&key, &PLACE, &sealed).unwrap().as_slice(), [one; 40]);
                assert!(nonces.insert(sealed[18..42].to_vec()));
            }
        }
    }

    #[test]
    fn opens_nowhere_else_and_not_when_changed() {
        let key = data_key();
        let mut sealed = seal(&Series::new(&key, &PLACE).unwrap(), b"a record");
        assert!(open(&key, &Aad { column: "other", ..PLACE }, &sealed).is_err());
        assert!(
            open(&DataKey::from_key([7; 16], Key::from_bytes([8; 32])), &PLACE, &sealed).is_err()
        );
        *sealed.last_mut().unwrap() ^= 1;
        assert!(open(&key, &PLACE, &sealed).is_err());
    }
}
