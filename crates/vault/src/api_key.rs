//! API keys: `<prefix>_<handle 10>_<secret 43><check 6>`, all base62.
//!
//! The check is the CRC-32 of everything before it: garbage is refused without a look-up, and a scanner can tell
//! a key from a random word. The handle finds the key, the SHA-256 of the whole text proves it.

use std::fmt;

use domain::{Result, Secret};

use crate::{base62, digest};

/// The prefix unless the deployment sets its own.
pub const DEFAULT_PREFIX: &str = "pbk";

const HANDLE: usize = 10;
const SECRET: usize = 43;
const CHECK: usize = 6;

/// A key at the only moment its text exists.
#[derive(Debug)]
pub struct NewApiKey {
    /// Shown once, never stored.
    pub text: Secret<String>,
    pub handle: String,
    pub digest: [u8; 32],
    pub last_four: String,
}

/// A well-formed key as a caller presented it; whether it is a known key is for the store to say.
pub struct PresentedKey {
    pub handle: String,
    pub digest: [u8; 32],
}

impl PresentedKey {
    /// Whether this is the key whose digest was stored, in constant time.
    #[must_use]
    pub fn matches(&self, stored: &[u8]) -> bool {
        digest::same(&self.digest, stored)
    }
}

impl fmt::Debug for PresentedKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PresentedKey").field("handle", &self.handle).finish_non_exhaustive()
    }
}

/// Whether `prefix` may be a deployment's key prefix: two to eight lower-case letters.
#[must_use]
pub fn is_prefix(prefix: &str) -> bool {
    (2..=8).contains(&prefix.len()) && prefix.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// A new key.
///
/// # Errors
/// `Internal` when the random generator fails.
pub fn generate(prefix: &str) -> Result<NewApiKey> {
    let handle = base62::random(HANDLE)?.as_str().to_owned();
    let secret = base62::random(SECRET)?;
    // The exact capacity, so that no half-built copy is left behind by growing.
    let mut text = String::with_capacity(prefix.len() + HANDLE + SECRET + CHECK + 2);
    for part in [prefix, "_", &handle, "_", &secret] {
        text.push_str(part);
    }
    let check = base62::six(crc32fast::hash(text.as_bytes()));
    text.extend(check.map(char::from));
    let text = Secret::new(text);
    let digest = digest::sha256(text.expose().as_bytes());
    Ok(NewApiKey { last_four: text.last_four(), handle, digest, text })
}

/// Checks length, alphabet and check digits; `None` for anything that cannot be a key of this deployment.
#[must_use]
pub fn parse(prefix: &str, text: &str) -> Option<PresentedKey> {
    let (handle, rest) = text.strip_prefix(prefix)?.strip_prefix('_')?.split_once('_')?;
    let sized = handle.len() == HANDLE && rest.len() == SECRET + CHECK;
    if !sized || !base62::all_letters(handle) || !base62::all_letters(rest) {
        return None;
    }
    let (body, check) = text.split_at_checked(text.len().checked_sub(CHECK)?)?;
    if base62::six(crc32fast::hash(body.as_bytes())) != check.as_bytes() {
        return None;
    }
    Some(PresentedKey { handle: handle.to_owned(), digest: digest::sha256(text.as_bytes()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_matches_the_standard_check_value() {
        assert_eq!(crc32fast::hash(b"123456789"), 0xCBF4_3926);
        assert_eq!(&base62::six(u32::MAX), b"4gfFC3");
    }

    #[test]
    fn the_format_is_the_contract() {
        let key = generate(DEFAULT_PREFIX).unwrap();
        let text = key.text.expose();
        assert_eq!(text.len(), 3 + 1 + 10 + 1 + 43 + 6);
        assert!(text.starts_with(&format!("pbk_{}_", key.handle)));
        assert!(text.ends_with(&key.last_four) && key.last_four.len() == 4);
        let presented = parse("pbk", text).unwrap();
        assert_eq!((&presented.handle, presented.digest), (&key.handle, key.digest));
        assert!(presented.matches(&key.digest) && !presented.matches(&[0; 32]));
        assert!(!format!("{key:?} {presented:?}").contains(&text[20..40]));
    }

    #[test]
    fn any_changed_character_is_refused_before_a_look_up() {
        let text = generate("pbk").unwrap().text.expose().clone();
        for at in 0..text.len() {
            for replacement in [b'0', b'z', b'_', b' ', b'-'] {
                let mut bytes = text.clone().into_bytes();
                if bytes[at] == replacement {
                    continue;
                }
                bytes[at] = replacement;
                let changed = String::from_utf8(bytes).unwrap();
                assert!(parse("pbk", &changed).is_none(), "{at}");
            }
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let text = generate("pbk").unwrap().text.expose().clone();
        assert!(parse("abc", &text).is_none());
        assert!(parse("pbk", &text[..text.len() - 1]).is_none());
        assert!(parse("pbk", &format!("{text}0")).is_none());
        assert!(parse("pbk", &format!(" {text}")).is_none());
        for garbage in ["", "pbk", "pbk_", "pbk__", "sk-proj-abc", "pbk_ä_ö"] {
            assert!(parse("pbk", garbage).is_none());
        }
        assert!(is_prefix("pbk") && !is_prefix("p") && !is_prefix("a_b") && !is_prefix("PBK"));
    }
}
