//! Usage of an organization or a project, and the record of one request.

use askama::Template;

use super::{Fact, Number};
use crate::view::{Chart, Choice, Field, When};

#[derive(Clone, Debug)]
pub struct UsageRow {
    pub href: String,
    pub at: When,
    pub model: String,
    pub provider: String,
    pub project: String,
    pub input: String,
    pub cached: String,
    pub output: String,
    pub note: String,
    pub first: String,
    pub total: String,
    pub cost: String,
    pub tone: &'static str,
    pub outcome: String,
}

#[derive(Debug, Template)]
#[template(path = "usage/index.html")]
pub struct Index {
    pub path: String,
    pub periods: Vec<Choice>,
    /// Empty inside a project.
    pub projects: Vec<Choice>,
    pub model: Field,
    /// Offered while typing a model.
    pub models: Vec<String>,
    pub filtered: bool,
    pub numbers: Vec<Number>,
    pub chart: Option<Chart>,
    /// Whether rows come from several projects.
    pub across: bool,
    pub rows: Vec<UsageRow>,
    pub csv: String,
    /// Where somebody without any request is shown how to send one.
    pub start: String,
    pub next: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "usage/receipt.html")]
pub struct Receipt {
    pub base: String,
    pub facts: Vec<Fact>,
    pub receipt: String,
    /// Where the receipt with its proofs is downloaded.
    pub proof: String,
    /// The command that checks it.
    pub verify: String,
}
