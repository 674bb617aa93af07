//! Sub-processors: the list for everybody, and what an organization decides about it.

use askama::Template;

use crate::view::{Field, Problem, When};

/// One company on the public list.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: String,
    pub name: String,
    pub entity: Option<String>,
    pub place: String,
    pub regions: String,
    /// Companies behind it.
    pub behind: String,
    pub chooses: bool,
    pub trains: String,
    pub keeps: String,
    pub condition: String,
    pub source: Option<String>,
    pub read: String,
    pub in_use: bool,
    pub announced: When,
    pub usable_from: When,
    /// Its notice is still running.
    pub waits: bool,
}

#[derive(Clone, Debug)]
pub struct ChangeRow {
    pub at: When,
    pub text: String,
}

#[derive(Debug, Template)]
#[template(path = "trust/subprocessors.html")]
pub struct List {
    pub purpose: String,
    /// The newest change in the log.
    pub updated: Option<When>,
    /// Such as "30 days".
    pub notice: String,
    pub entries: Vec<Row>,
    pub changes: Vec<ChangeRow>,
    /// Where letters of this installation leave to; empty when it sends none.
    pub mail_hosts: String,
    /// Whether letters can be asked for.
    pub mail: bool,
    pub problems: Vec<Problem>,
    pub email: Field,
}

/// One company as an organization sees it.
#[derive(Clone, Debug)]
pub struct OwnRow {
    pub id: String,
    pub name: String,
    pub entity: Option<String>,
    pub place: String,
    pub regions: String,
    pub trains: String,
    pub keeps: String,
    pub announced: When,
    pub usable_from: When,
    /// The organization has a credential for it.
    pub registered: bool,
    /// Such as "not before 30 Dec 2026".
    pub state: String,
    pub tone: &'static str,
    /// Such as "accepted on 20 Nov 2026"; empty when nothing was decided.
    pub decided: String,
    pub may_accept: bool,
    pub may_object: bool,
}

#[derive(Debug, Template)]
#[template(path = "subprocessors/index.html")]
pub struct OwnList {
    pub action: String,
    pub purpose: String,
    pub notice: String,
    pub may_manage: bool,
    pub rows: Vec<OwnRow>,
}
