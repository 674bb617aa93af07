//! Signing in with a code that was sent by letter.

use askama::Template;

use crate::view::{Field, Problem};

/// In the browser in which it was asked for: the code is typed, or was filled in by the link of the letter.
#[derive(Debug, Template)]
#[template(path = "public/email_code.html")]
pub struct Enter {
    pub problems: Vec<Problem>,
    pub code: Field,
    pub next: String,
    /// The session is to outlive the browser.
    pub stay: bool,
    /// The code came with the link.
    pub linked: bool,
}

/// In any other: the code, to be typed there.
#[derive(Debug, Template)]
#[template(path = "public/email_code_elsewhere.html")]
pub struct Elsewhere {
    pub code: String,
}
