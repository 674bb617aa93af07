//! API keys of a project and admin keys of an organization.

use askama::Template;

use crate::view::{Choice, Field, Link, Problem, When};

#[derive(Clone, Debug)]
pub struct KeyRow {
    pub name: String,
    /// Handle and last four characters, never more.
    pub shown: String,
    pub limit: String,
    pub created: When,
    pub expires: String,
    pub last_used: String,
    pub tone: &'static str,
    pub status: String,
    /// Where it can be revoked, if it can be.
    pub revoke: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "keys/index.html")]
pub struct Index {
    pub org_base: String,
    pub base: String,
    pub project: String,
    pub keys: Vec<KeyRow>,
    pub may_manage: bool,
    pub next: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "keys/new.html")]
pub struct New {
    pub trail: Vec<Link>,
    pub heading: String,
    pub purpose: String,
    pub problems: Vec<Problem>,
    pub action: String,
    pub name: Field,
    pub expires: Vec<Choice>,
    /// Whether a request rate can be set.
    pub limited: bool,
    pub limit: Field,
    pub cancel: String,
}

/// The one page that ever shows the key.
#[derive(Template)]
#[template(path = "keys/created.html")]
pub struct Created {
    pub name: String,
    pub secret: String,
    pub snippet: String,
    pub done: String,
}
