//! Values that must not land by accident: secrets and what people write and read.

use bytes::Bytes;
use zeroize::Zeroize;

use crate::DataClass;

/// A credential or key. Cannot be printed or serialised; wiped when dropped.
#[derive(Clone)]
pub struct Secret<T: Zeroize = String>(T);

impl<T: Zeroize> Secret<T> {
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one call that needs it.
    #[must_use]
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> std::fmt::Debug for Secret<T> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(…)")
    }
}

impl<'de> serde::Deserialize<'de> for Secret<String> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self)
    }
}

impl Secret<String> {
    /// The last four characters: all that may be shown after creation (invariant 11).
    #[must_use]
    pub fn last_four(&self) -> String {
        let length = self.0.chars().count();
        if length < 12 { String::new() } else { self.0.chars().skip(length - 4).collect() }
    }
}

/// Where content may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// To a registered destination.
    Egress,
    /// Back to the caller who owns it.
    Caller,
    /// Into the store, under a data class that decides encryption and retention.
    Store(DataClass),
}

/// Prompt or completion bytes.
///
/// It has no `Debug`, `Display` or `Serialize`, so that it cannot end in a log line:
///
/// ```compile_fail
/// let content = domain::Content::new(bytes::Bytes::from_static(b"hello"));
/// println!("{content:?}");
/// ```
///
/// ```compile_fail
/// let content = domain::Content::new(bytes::Bytes::from_static(b"hello"));
/// serde_json::to_string(&content);
/// ```
#[derive(Clone)]
pub struct Content(Bytes);

impl Content {
    #[must_use]
    pub const fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, for a named exit.
    #[must_use]
    pub const fn expose_to(&self, _exit: Exit) -> &Bytes {
        &self.0
    }
}
