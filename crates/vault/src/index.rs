//! Looking a sealed value up without opening every row.

use domain::{Error, Result};

use crate::{Key, digest::hmac};

/// A keyed index of a normalised value. Without the key, guessing the value from the index is impossible.
#[must_use]
pub fn blind_index(key: &Key, column: &str, normalised: &str) -> [u8; 32] {
    let mut message = (column.len() as u64).to_be_bytes().to_vec();
    message.extend_from_slice(column.as_bytes());
    message.extend_from_slice(normalised.as_bytes());
    hmac(key, &message)
}

/// The one spelling under which an address is stored and found: trimmed and lower case.
///
/// Only ASCII is taken, so that two addresses that look the same are the same; an international domain is
/// written in its `xn--` form.
///
/// # Errors
/// `Invalid` with code `invalid_email`.
pub fn normalise_email(text: &str) -> Result<String> {
    let invalid = || {
        Error::invalid("Enter an e-mail address such as name@example.org.")
            .with_code("invalid_email")
    };
    let text = text.trim().to_ascii_lowercase();
    let (local, host) = text.rsplit_once('@').ok_or_else(invalid)?;
    let local_ok = (1..=64).contains(&local.len())
        && local.split('.').all(|part| !part.is_empty() && part.bytes().all(is_atom));
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let host_ok = host.len() <= 190 && host.split('.').all(label_ok);
    if local_ok && host_ok { Ok(text) } else { Err(invalid()) }
}

/// RFC 5322 `atext`.
const fn is_atom(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-')
        || matches!(byte, b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_spelling() {
        assert_eq!(normalise_email(" Ada@Example.ORG ").unwrap(), "ada@example.org");
        assert_eq!(normalise_email("a.b+c@x-y.example").unwrap(), "a.b+c@x-y.example");
        assert_eq!(normalise_email("admin@localhost").unwrap(), "admin@localhost");
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        let long = format!("{}@example.org", "a".repeat(65));
        let bad = [
            "",
            "@",
            "a",
            "a@",
            "@b",
            "a b@c.d",
            "a@b c",
            "a@@b",
            ".a@b.c",
            "a.@b.c",
            "a..b@c.d",
            "a@-b.c",
            "a@b-.c",
            "a@b..c",
            "a@b.",
            "а@b.c",
            "a@bücher.example",
            "a\n@b.c",
            "a,b@c.d",
            "a@b.c\r\nX: y",
            "\"a\"@b.c",
            "a<b@c.d",
            &long,
        ];
        for text in bad {
            assert_eq!(normalise_email(text).unwrap_err().code(), "invalid_email", "{text}");
        }
    }

    #[test]
    fn columns_and_keys_give_other_indexes() {
        let (one, two) = (Key::from_bytes([1; 32]), Key::from_bytes([2; 32]));
        let index = blind_index(&one, "users.email", "a@b.c");
        assert_eq!(index, blind_index(&one, "users.email", "a@b.c"));
        assert_ne!(index, blind_index(&two, "users.email", "a@b.c"));
        assert_ne!(index, blind_index(&one, "users.name", "a@b.c"));
        assert_ne!(blind_index(&one, "ab", "c"), blind_index(&one, "a", "bc"));
    }
}
