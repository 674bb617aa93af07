//! Personal values beside the log (RFC 9901): the entry holds a salted digest, the value stays erasable.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// One value with its salt, as text: base64url of `[salt, name, value]`.
///
/// It is personal data: it has no `Debug`, and belongs only in sealed rows and exports.
#[derive(Clone, PartialEq, Eq)]
pub struct Disclosed {
    encoded: String,
    pub name: String,
    pub value: Value,
}

impl Disclosed {
    /// A value under a fresh salt of 256 bits.
    #[must_use]
    pub fn new(salt: &[u8; 32], name: &str, value: &str) -> Self {
        let json = Value::from(vec![BASE64URL.encode(salt), name.to_owned(), value.to_owned()]);
        Self {
            encoded: BASE64URL.encode(json.to_string()),
            name: name.to_owned(),
            value: Value::from(value),
        }
    }

    /// Reads the text form; `None` when it is anything else.
    #[must_use]
    pub fn parse(encoded: &str) -> Option<Self> {
        let json = BASE64URL.decode(encoded).ok()?;
        let parts: Vec<Value> = serde_json::from_slice(&json).ok()?;
        let Ok([salt, name, value]) = <[Value; 3]>::try_from(parts) else { return None };
        // A short salt would let the digest be guessed back to the value.
        if salt.as_str()?.len() < 22 {
            return None;
        }
        Some(Self { encoded: encoded.to_owned(), name: name.as_str()?.to_owned(), value })
    }

    /// The text form.
    #[must_use]
    pub fn encoded(&self) -> &str {
        &self.encoded
    }

    /// What the entry carries in `sd`: base64url of SHA-256 over the text form.
    #[must_use]
    pub fn digest(&self) -> String {
        BASE64URL.encode(Sha256::digest(self.encoded.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9901, section 4.2.1 and 4.2.3.
    #[test]
    fn the_example_of_the_standard() {
        let text = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0";
        let disclosed = Disclosed::parse(text).unwrap();
        assert_eq!(
            (disclosed.name.as_str(), &disclosed.value),
            ("family_name", &Value::from("Möbius"))
        );
        assert_eq!(disclosed.digest(), "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0");
    }

    #[test]
    fn round_trip_and_salted() {
        let one = Disclosed::new(&[1; 32], "email", "ada@example.org");
        assert!(Disclosed::parse(one.encoded()) == Some(one.clone()));
        assert_ne!(one.digest(), Disclosed::new(&[2; 32], "email", "ada@example.org").digest());
    }

    #[test]
    fn anything_else_is_refused() {
        for json in ["[]", "[\"s\",\"n\",\"v\"]", "{\"a\":1}", "[1,2,3]", "nonsense"] {
            assert!(Disclosed::parse(&BASE64URL.encode(json)).is_none(), "{json}");
        }
        assert!(Disclosed::parse("****").is_none());
    }
}
