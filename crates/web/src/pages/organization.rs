//! One organization: overview and settings.

use askama::Template;

use super::{Number, keys::KeyRow};
use crate::view::{Field, Problem, When};

/// A step on the way to the first answer.
#[derive(Clone, Debug, Default)]
pub struct Step {
    pub done: bool,
    /// The one to do now.
    pub next: bool,
    pub title: String,
    pub text: String,
    pub href: String,
    pub action: String,
}

#[derive(Clone, Debug)]
pub struct ProjectRow {
    pub href: String,
    pub name: String,
    pub slug: String,
    pub role: String,
    pub created: When,
}

#[derive(Clone, Debug)]
pub struct EventRow {
    pub actor: String,
    pub says: String,
    pub at: When,
}

#[derive(Debug, Template)]
#[template(path = "organization/overview.html")]
pub struct Overview {
    pub base: String,
    pub name: String,
    /// Budgets that are nearly or wholly spent, as sentences.
    pub warnings: Vec<String>,
    pub steps: Vec<Step>,
    pub numbers: Vec<Number>,
    pub projects: Vec<ProjectRow>,
    pub events: Vec<EventRow>,
}

#[derive(Debug, Template)]
#[template(path = "organization/settings.html")]
pub struct Settings {
    pub base: String,
    pub problems: Vec<Problem>,
    pub name: Field,
    pub slug: String,
    pub id: String,
    pub created: When,
    pub may_manage: bool,
    /// Every member shows a second factor.
    pub second_factor: bool,
    /// Members who have none yet, in a sentence; empty where nobody is told.
    pub without: String,
    pub hours: Field,
    pub may_admin_keys: bool,
    pub keys: Vec<KeyRow>,
}
