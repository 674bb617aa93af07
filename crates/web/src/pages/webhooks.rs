//! Where an organization's events are sent.

use askama::Template;

use crate::view::{Field, Problem, When};

#[derive(Clone, Debug)]
pub struct WebhookRow {
    pub name: String,
    /// The host; the rest of the address may be as good as a password.
    pub shown: String,
    pub tone: &'static str,
    pub status: String,
    /// The last attempt in words; "nothing sent yet".
    pub last: String,
    /// What went wrong with it; may be empty.
    pub problem: String,
    pub test: String,
    pub remove: String,
}

/// Something that was sent, ready to print.
#[derive(Clone, Debug)]
pub struct SentRow {
    pub at: When,
    pub about: String,
    /// Such as "e-mail" or "webhook operations chat".
    pub way: String,
    pub tone: &'static str,
    pub status: String,
    /// May be empty.
    pub problem: String,
}

#[derive(Debug, Template)]
#[template(path = "webhooks/index.html")]
pub struct Index {
    pub action: String,
    pub problems: Vec<Problem>,
    pub rows: Vec<WebhookRow>,
    pub sent: Vec<SentRow>,
    /// Where a test notice is sent.
    pub test: String,
    /// Whether this installation sends letters as well.
    pub mail: bool,
    pub name: Field,
    pub url: Field,
    pub allow_private: bool,
}

/// The one page that ever shows the secret.
#[derive(Template)]
#[template(path = "webhooks/created.html")]
pub struct Created {
    pub name: String,
    pub secret: String,
    pub done: String,
}
