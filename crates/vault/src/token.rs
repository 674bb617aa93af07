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
    groups(3).map(Secret::new)
}

/// A code to sign in with: six digits such as `482 913`, or, where those were guessed at, 39 random bits such as `k7mq-x9fb`.
/// Only a keyed index of it is ever stored.
///
/// # Errors
/// `Internal` when the random generator fails.
pub fn random_sign_in_code(long: bool) -> Result<Secret<String>> {
    if long {
        return groups(2).map(Secret::new);
    }
    // The largest multiple of a million that fits: beyond it some codes would come more often than others.
    const EVEN: u32 = u32::MAX - u32::MAX % 1_000_000;
    loop {
        let number = u32::from_le_bytes(random::<4>()?);
        if number < EVEN {
            let (left, right) = (number / 1000 % 1000, number % 1000);
            return Ok(Secret::new(format!("{left:03} {right:03}")));
        }
    }
}

/// Groups of four letters and digits, without those that look alike on paper.
fn groups(count: usize) -> Result<String> {
    const LETTERS: &[u8; 32] = b"23456789abcdefghjkmnpqrstuvwxyz-";
    let length = count * 5 - 1;
    let mut text = String::with_capacity(length);
    while text.len() < length {
        if text.len() % 5 == 4 {
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
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_in_codes_are_six_digits_or_eight_letters() {
        let codes: Vec<_> = (0..200).map(|_| random_sign_in_code(false).unwrap()).collect();
        for code in &codes {
            let (left, right) = code.expose().split_once(' ').unwrap();
            assert!(left.len() == 3 && right.len() == 3, "{}", code.expose());
            assert!(left.bytes().chain(right.bytes()).all(|one| one.is_ascii_digit()));
        }
        assert!(codes.iter().any(|one| one.expose() != codes[0].expose()));
        let long = random_sign_in_code(true).unwrap();
        assert_eq!((long.expose().len(), long.expose().find('-')), (9, Some(4)));
    }

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
