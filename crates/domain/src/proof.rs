//! How somebody showed who they are, as a session keeps it. What an organization asks of those who enter it is asked of
//! this.

use crate::{ConnectionId, Error, Result, Timestamp};

/// What was shown first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    Password,
    /// A code that went to the account's address.
    Email,
    /// The identity provider behind this connection of an organization said so.
    Sso(ConnectionId),
}

impl First {
    /// The stable name, as it is stored and stands in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Email => "email_code",
            Self::Sso(_) => "sso",
        }
    }

    /// The connection, if it was one.
    #[must_use]
    pub const fn connection(self) -> Option<ConnectionId> {
        match self {
            Self::Sso(connection) => Some(connection),
            Self::Password | Self::Email => None,
        }
    }

    /// The way back from what is stored.
    ///
    /// # Errors
    /// `Internal` for anything else: what cannot be read proves nothing.
    pub fn parse(name: &str, connection: Option<ConnectionId>) -> Result<Self> {
        match (name, connection) {
            ("password", None) => Ok(Self::Password),
            ("email_code", None) => Ok(Self::Email),
            ("sso", Some(connection)) => Ok(Self::Sso(connection)),
            _ => Err(Error::internal("a session was opened in a way that is not known")),
        }
    }
}

/// Everything that was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proofs {
    pub first: First,
    /// When that was.
    pub at: Timestamp,
    /// When a second factor was shown, if one was.
    pub second: Option<Timestamp>,
}

impl Proofs {
    /// Without a second factor.
    #[must_use]
    pub const fn of(first: First, at: Timestamp) -> Self {
        Self { first, at, second: None }
    }

    /// The same with a second factor, shown at this time.
    #[must_use]
    pub const fn and_second(self, at: Timestamp) -> Self {
        Self { second: Some(at), ..self }
    }

    /// When something was shown last.
    #[must_use]
    pub fn latest(&self) -> Timestamp {
        self.second.map_or(self.at, |second| second.max(self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_reads_back_and_nothing_else_does() {
        let connection = ConnectionId::new(Timestamp::from_millis(1));
        for first in [First::Password, First::Email, First::Sso(connection)] {
            assert_eq!(First::parse(first.as_str(), first.connection()).unwrap(), first);
        }
        assert!(First::parse("sso", None).is_err());
        assert!(First::parse("password", Some(connection)).is_err());
        assert!(First::parse("", None).is_err());
    }

    #[test]
    fn the_latest_is_whichever_came_last() {
        let at = Timestamp::from_millis;
        let first = Proofs::of(First::Password, at(5));
        assert_eq!(first.latest(), at(5));
        assert_eq!(first.and_second(at(9)).latest(), at(9));
    }
}
