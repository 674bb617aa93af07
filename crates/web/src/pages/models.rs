//! Model aliases.

use askama::Template;

use crate::view::{Field, Problem, When};

#[derive(Clone, Debug)]
pub struct AliasRow {
    pub name: String,
    pub target: String,
    pub changed: When,
    /// Where it is removed.
    pub action: String,
}

#[derive(Debug, Template)]
#[template(path = "models/index.html")]
pub struct Index {
    pub base: String,
    pub problems: Vec<Problem>,
    pub aliases: Vec<AliasRow>,
    pub models: Vec<String>,
    /// Kinds of work that some of them can do.
    pub classes: Vec<&'static str>,
    pub may_manage: bool,
    pub name: Field,
    pub target: Field,
}
