//! Projects: list, creation, and the overview that says how to point an SDK here.

use askama::Template;

use super::{Number, organization::ProjectRow};
use crate::view::{Field, Problem, When};

#[derive(Debug, Template)]
#[template(path = "project/index.html")]
pub struct Index {
    pub base: String,
    pub projects: Vec<ProjectRow>,
    pub may_create: bool,
}

#[derive(Debug, Default, Template)]
#[template(path = "project/new.html")]
pub struct New {
    pub base: String,
    pub problems: Vec<Problem>,
    pub name: Field,
    pub slug: Field,
}

#[derive(Clone, Debug)]
pub struct Snippet {
    pub id: String,
    pub title: String,
    pub text: String,
}

#[derive(Clone, Debug)]
pub struct SnippetGroup {
    pub title: String,
    pub items: Vec<Snippet>,
}

#[derive(Debug, Template)]
#[template(path = "project/overview.html")]
pub struct Overview {
    pub org_base: String,
    pub base: String,
    pub name: String,
    pub slug: String,
    pub id: String,
    pub created: When,
    pub may_keys: bool,
    /// Empty when the organization has no model names of its own.
    pub models_href: String,
    pub numbers: Vec<Number>,
    pub openai_base: String,
    pub anthropic_base: String,
    pub snippets: Vec<SnippetGroup>,
}
