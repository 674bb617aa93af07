//! What becomes of personal data in requests.

use askama::Template;

use crate::view::{Choice, Field, Link, Problem};

#[derive(Debug, Template)]
#[template(path = "masking/index.html")]
pub struct Masking {
    pub trail: Vec<Link>,
    pub purpose: String,
    pub action: String,
    pub problems: Vec<Problem>,
    pub may_manage: bool,
    pub modes: Vec<Choice>,
    pub names: bool,
    /// Every kind; chosen where it is left alone.
    pub kinds: Vec<Choice>,
    /// Whether any kind is left alone.
    pub excepted: bool,
    /// What holds now, in words.
    pub words: Vec<String>,
    /// The organization's own names; none in a project.
    pub known: Option<KnownNames>,
}

/// Names that an organization has looked for. They are counted, never listed.
#[derive(Debug)]
pub struct KnownNames {
    pub action: String,
    /// How many there are, in words.
    pub says: String,
    pub members: bool,
    /// What becomes of those that are there.
    pub how: Vec<Choice>,
    pub text: Field,
}
