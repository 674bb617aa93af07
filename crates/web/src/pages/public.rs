//! Pages for somebody who is not signed in.

use askama::Template;

use super::sso::Offer;
use crate::view::{Field, Link, Problem, When};

#[derive(Debug, Default, Template)]
#[template(path = "public/sign_in.html")]
pub struct SignIn {
    pub problems: Vec<Problem>,
    pub email: Field,
    pub password: Field,
    /// The session is to outlive the browser.
    pub stay: bool,
    /// Where to go afterwards; a path on this host.
    pub next: String,
    /// No operator exists yet.
    pub fresh: bool,
    /// A code can be sent in place of a password.
    pub codes: bool,
}

#[derive(Debug, Default, Template)]
#[template(path = "public/setup.html")]
pub struct Setup {
    pub problems: Vec<Problem>,
    pub action: String,
    pub name: Field,
    pub email: Field,
    pub password: Field,
}

#[derive(Debug, Template)]
#[template(path = "public/invitation.html")]
pub struct Invited {
    pub problems: Vec<Problem>,
    pub action: String,
    pub organization: String,
    pub role: String,
    pub email: String,
    pub expires: When,
    /// The address has no account yet.
    pub needs_account: bool,
    /// Ways to sign in that the organization offers to new accounts.
    pub offers: Vec<Offer>,
    /// For those.
    pub join_name: Field,
    /// It can do without a password.
    pub codes: bool,
    pub name: Field,
    pub password: Field,
}

/// One question about letters, with one button.
#[derive(Debug, Template)]
#[template(path = "public/subscription.html")]
pub struct Subscription {
    pub heading: String,
    pub says: String,
    pub action: String,
    pub verb: String,
}

/// An error, or any other single message.
#[derive(Debug, Template)]
#[template(path = "public/message.html")]
pub struct Message {
    pub heading: String,
    pub what: String,
    pub todo: String,
    pub links: Vec<Link>,
    pub code: String,
    pub request: String,
}
