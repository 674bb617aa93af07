//! Typed ids. Text form: a prefix and 26 characters of Crockford base32 over a UUIDv7,
//! so that ids sort by time and cannot be mistaken for one another. Binary formats hold the 16 bytes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::Timestamp;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 26;
/// Most prefixes have three letters; files and batches are called as their API calls them.
const PREFIX: usize = 5;
const LONGEST: usize = PREFIX + 1 + LENGTH;

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0} id")]
pub struct IdError(pub &'static str);

/// Prefix, underscore and 26 characters, on the stack: ids are written several times per request.
struct Text {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Text {
    fn new(prefix: &str, uuid: Uuid) -> Self {
        let mut bits = uuid.as_u128();
        let mut bytes = [0u8; LONGEST];
        for (to, from) in bytes.iter_mut().zip(prefix.bytes().chain([b'_'])) {
            *to = from;
        }
        let tail = bytes.iter_mut().skip(prefix.len() + 1).take(LENGTH);
        for to in tail.rev() {
            *to = ALPHABET.get((bits & 31) as usize).copied().unwrap_or(b'0');
            bits >>= 5;
        }
        Self { bytes, length: prefix.len() + 1 + LENGTH }
    }

    fn as_str(&self) -> &str {
        let text = self.bytes.get(..self.length).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

fn decode(text: &str) -> Option<Uuid> {
    // 26 characters hold 130 bits: the first may only carry three.
    if text.len() != LENGTH || text.as_bytes().first()? > &b'7' {
        return None;
    }
    text.bytes()
        .try_fold(0u128, |bits, byte| {
            let value = ALPHABET.iter().position(|&letter| letter == byte)?;
            Some((bits << 5) | value as u128)
        })
        .map(Uuid::from_u128)
}

/// A UUIDv7 whose time part comes from the caller's clock and whose rest is random.
fn uuid_v7(now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.as_millis()).unwrap_or(0);
    let random = Uuid::new_v4().into_bytes();
    let mut tail = [0u8; 10];
    for (to, from) in tail.iter_mut().zip(random.iter()) {
        *to = *from;
    }
    uuid::Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            pub const PREFIX: &'static str = {
                assert!($prefix.len() <= PREFIX);
                $prefix
            };

            /// A new id, ordered by `now`.
            #[must_use]
            pub fn new(now: Timestamp) -> Self {
                Self(uuid_v7(now))
            }

            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(Text::new($prefix, self.0).as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, out)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or(IdError($prefix))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                if !to.is_human_readable() {
                    return self.0.serialize(to);
                }
                to.serialize_str(Text::new($prefix, self.0).as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                if !from.is_human_readable() {
                    return Uuid::deserialize(from).map(Self);
                }
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// The tenant: a customer.
    OrgId = "org";
    /// A workspace inside an organization.
    ProjectId = "prj";
    UserId = "usr";
    /// An API key or an admin key.
    KeyId = "key";
    SessionId = "ses";
    /// A provider credential registered by an organization.
    ProviderId = "pvd";
    /// How an organization's people sign in with its identity provider.
    ConnectionId = "con";
    AliasId = "als";
    BudgetId = "bgt";
    GrantId = "grt";
    InvitationId = "inv";
    /// One request to the data plane; also names its receipt.
    RequestId = "req";
    /// A file that programs stored, or that a batch made.
    FileId = "file";
    BatchId = "batch";
    WebhookId = "whk";
    /// A letter or an event on its way out.
    MessageId = "msg";
    /// An address that is told of changes of sub-processors.
    SubscriberId = "sub";
    /// One audit event.
    EventId = "evt";
    EvidenceId = "evi";
    /// One run of a probe.
    RunId = "run";
}

impl OrgId {
    /// The deployment itself: owner of the spine log and of deployment-level keys. Never a customer.
    pub const DEPLOYMENT: Self = Self(Uuid::nil());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips_and_sorts_by_time() {
        let early = OrgId::new(Timestamp::from_millis(1_000));
        let late = OrgId::new(Timestamp::from_millis(2_000));
        assert_eq!(early.to_string().parse::<OrgId>(), Ok(early));
        assert!(early.to_string() < late.to_string());
    }

    #[test]
    fn the_text_is_known() {
        let uuid = Uuid::from_u128(0x0188_0000_0000_7000_8000_0000_0000_001f);
        let key = KeyId::from_uuid(uuid);
        assert_eq!(key.to_string(), "key_01h0000000e00800000000000z");
        assert_eq!(serde_json::to_string(&key).ok(), Some(format!("\"{key}\"")));
        assert_eq!(OrgId::from_uuid(Uuid::max()).to_string(), format!("org_7{}", "z".repeat(25)));
    }

    #[test]
    fn longer_prefixes_read_back() {
        let batch = BatchId::from_uuid(Uuid::max());
        assert_eq!(batch.to_string(), format!("batch_7{}", "z".repeat(25)));
        assert_eq!(batch.to_string().parse(), Ok(batch));
        let file = FileId::from_uuid(Uuid::from_u128(31));
        assert_eq!(file.to_string(), "file_0000000000000000000000000z");
        assert_eq!(file.to_string().parse(), Ok(file));
    }

    #[test]
    fn another_kind_or_garbage_is_refused() {
        let key = KeyId::new(Timestamp::from_millis(0)).to_string();
        assert_eq!(key.parse::<OrgId>(), Err(IdError("org")));
        assert!("org_".parse::<OrgId>().is_err());
        assert!(format!("org_8{}", "0".repeat(25)).parse::<OrgId>().is_err());
    }
}
