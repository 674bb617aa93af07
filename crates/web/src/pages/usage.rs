//! Usage of an organization or a project, and the record of one request.

use askama::Template;

use super::{Fact, Number};
use crate::view::{Chart, Choice, Field, Stack, When};

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

/// Sums over the requests of one model, provider, region, project or key.
#[derive(Clone, Debug)]
pub struct SpreadRow {
    pub name: String,
    /// The page narrowed to it.
    pub href: Option<String>,
    pub requests: String,
    pub failed: String,
    pub input: String,
    pub output: String,
    pub cost: String,
}

/// Where usage goes.
#[derive(Clone, Debug)]
pub struct Spread {
    /// Heads the first column.
    pub label: &'static str,
    pub rows: Vec<SpreadRow>,
    /// Cost over time; none when nothing cost anything.
    pub chart: Option<Stack>,
}

#[derive(Debug, Template)]
#[template(path = "usage/index.html")]
pub struct Index {
    pub path: String,
    pub periods: Vec<Choice>,
    /// Empty inside a project.
    pub projects: Vec<Choice>,
    pub providers: Vec<Choice>,
    /// Empty when no provider says where it is.
    pub regions: Vec<Choice>,
    /// What costs and sums can be told apart by.
    pub dimensions: Vec<Choice>,
    /// The key that is selected; empty for all.
    pub key: String,
    pub model: Field,
    /// Offered while typing a model.
    pub models: Vec<String>,
    pub filtered: bool,
    pub numbers: Vec<Number>,
    pub chart: Option<Chart>,
    pub spread: Option<Spread>,
    /// Whether rows come from several projects.
    pub across: bool,
    pub rows: Vec<UsageRow>,
    pub csv: String,
    /// Where an export of a provider is compared with this, for those who see the whole organization.
    pub reconcile: Option<String>,
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
