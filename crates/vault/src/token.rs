//! Opaque tokens for sessions, invitations and one-time links.

use domain::{Result, Secret};

use crate::{base62, key::random};

/// 256 random bits in 43 characters that need no escaping. Only the SHA-256 of it is ever stored.
///
/// # Errors
/// `Internal` when the random generator fails.
pub fn random_token() -> Result<Secret<String>> {
    base62::random(43).map(|text| Secret::new(text.as_str().to_owned()))
}

/// A recovery code: 59 random bits that somebody can copy from paper, such as `k7mq-x9fb-3hwn`.
/// Only a keyed index of it is ever stored.
///
/// # Errors
/// `Internal` when the random generator fails.
pub fn random_recovery_code() -> Result<Secret<String>> {
    // Without letters and digits that look alike on paper.
    const LETTERS: &[u8; 32] = b"23456789abcdefghjkmnpqrstuvwxyz-";
    let mut text = String::with_capacity(14);
    while text.len() < 14 {
        if matches!(text.len(), 4 | 9) {
            text.push('-');
            continue;
        }
        let [byte] = random::<1>()?;
        // The last place of the alphabet is no letter: another try.
        match LETTERS.get(usize::from(byte) % 32) {
            Some(b'-') | None => {}
            Some(letter) => text.push(char::from(*letter)),
        }
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_readable_and_different() {
        let codes: Vec<_> =
            (0..64).map(|_| random_recovery_code().unwrap().expose().clone()).collect();
        for code in &codes {
            assert!(code.split('-').map(str::len).eq([4, 4, 4]), "{code}");
            assert!(!code.contains(['0', '1', 'i', 'l', 'o']), "{code}");
        }
        let different: std::collections::BTreeSet<_> = codes.iter().collect();
        assert_eq!(different.len(), codes.len());
    }
}
