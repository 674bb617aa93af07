//! Roles, strongest last, so that "at least" is a comparison.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Error;

macro_rules! roles {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum $name { $($variant),* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self, Error> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(Error::invalid(concat!("Choose one of these roles: ", $($text, " "),*))),
                }
            }
        }
    };
}

roles! {
    /// What a member may do in an organization. Admins and owners act as owners of every project in it.
    OrgRole { Member = "member", Admin = "admin", Owner = "owner" }
}

roles! {
    /// What a member may do in one project.
    ProjectRole { Viewer = "viewer", Editor = "editor", Owner = "owner" }
}
