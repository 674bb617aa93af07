//! The second factor: shown when signing in, and set up, shown, renewed and removed under one's account.

use askama::Template;

use crate::view::{Field, Problem, Qr, When};

/// The second half of signing in.
#[derive(Debug, Template)]
#[template(path = "public/second_factor.html")]
pub struct SignIn {
    pub problems: Vec<Problem>,
    pub code: Field,
    pub next: String,
    /// A recovery code is asked for instead of one of the app.
    pub recovery: bool,
    /// The session is to outlive the browser.
    pub stay: bool,
    /// The page that asks for the other kind.
    pub other: String,
}

/// Nothing is set up yet.
#[derive(Debug, Template)]
#[template(path = "second_factor/set_up.html")]
pub struct SetUp {
    pub problems: Vec<Problem>,
    pub qr: Qr,
    /// The seed in groups, for copying by hand.
    pub shown: String,
    pub seed: String,
    /// Rights of admins ask for it here.
    pub needed: bool,
    pub code: Field,
    pub has_password: bool,
    pub password: Field,
    pub next: String,
}

/// Set up, and not shown in this session.
#[derive(Debug, Template)]
#[template(path = "second_factor/show.html")]
pub struct Show {
    pub problems: Vec<Problem>,
    pub code: Field,
    pub next: String,
}

impl Show {
    #[must_use]
    pub fn new(next: String) -> Self {
        Self { problems: Vec::new(), code: Field::default(), next }
    }
}

/// Set up, and shown in this session.
#[derive(Debug, Template)]
#[template(path = "second_factor/have.html")]
pub struct Have {
    pub problems: Vec<Problem>,
    pub since: When,
    /// Recovery codes.
    pub left: u64,
    pub code: Field,
    pub needed: bool,
}

/// Recovery codes, the only time they are shown.
#[derive(Debug, Template)]
#[template(path = "second_factor/codes.html")]
pub struct Codes {
    pub codes: Vec<String>,
    pub next: String,
}
