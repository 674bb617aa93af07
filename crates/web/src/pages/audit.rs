//! The audit log of an organization.

use askama::Template;

use super::Fact;
use crate::view::{Choice, When};

#[derive(Clone, Debug)]
pub struct AuditRow {
    pub number: String,
    pub at: When,
    pub actor: String,
    pub actor_note: String,
    pub says: String,
    pub action: String,
    pub failed: bool,
    pub summary: String,
    pub details: Vec<Fact>,
}

#[derive(Debug, Template)]
#[template(path = "audit/index.html")]
pub struct Index {
    pub base: String,
    pub actions: Vec<Choice>,
    pub actors: Vec<Choice>,
    pub periods: Vec<Choice>,
    pub filtered: bool,
    pub rows: Vec<AuditRow>,
    pub shown: String,
    pub next: Option<String>,
    /// The command that checks the export.
    pub verify: String,
}
