//! Signing in with an organization's identity provider, and the settings of it.

use askama::Template;

use crate::view::{Choice, Field, Problem, When};

/// One way to sign in, as a button.
#[derive(Clone, Debug)]
pub struct Offer {
    pub action: String,
    pub name: String,
}

/// Asks which organization, and shows its ways to sign in.
#[derive(Debug, Template)]
#[template(path = "sso/choose.html")]
pub struct Choose {
    pub problems: Vec<Problem>,
    pub organization: Field,
    pub offers: Vec<Offer>,
    pub next: String,
}

/// The last page before the identity provider's.
#[derive(Debug, Template)]
#[template(path = "sso/going.html")]
pub struct Going {
    pub url: String,
    pub host: String,
}

/// A connection in the list.
#[derive(Clone, Debug)]
pub struct ConnectionRow {
    pub href: String,
    pub name: String,
    pub issuer: String,
    pub tone: &'static str,
    pub status: String,
}

/// The connections of an organization, and the form for another one.
#[derive(Debug, Template)]
#[template(path = "sso/index.html")]
pub struct Index {
    pub action: String,
    pub problems: Vec<Problem>,
    pub rows: Vec<ConnectionRow>,
    /// Where the organization's people begin.
    pub start: String,
    pub kinds: Vec<Choice>,
    pub name: Field,
    pub issuer: Field,
    pub client_id: Field,
    pub secret: Field,
    pub context: Field,
    pub trusts_second_factor: bool,
    pub allow_private: bool,
}

/// How a test went.
#[derive(Clone, Debug)]
pub struct Tested {
    pub good: bool,
    pub says: String,
    /// Empty when it went well.
    pub code: String,
}

/// One connection.
#[derive(Debug, Template)]
#[template(path = "sso/show.html")]
pub struct Show {
    pub all: String,
    /// The address of this page.
    pub here: String,
    pub problems: Vec<Problem>,
    pub tested: Option<Tested>,
    pub heading: String,
    pub kind: String,
    pub issuer: String,
    pub redirect_uri: String,
    pub start: String,
    pub created: When,
    pub enabled: bool,
    pub name: Field,
    pub client_id: Field,
    pub secret: Field,
    pub context: Field,
    pub trusts_second_factor: bool,
}
