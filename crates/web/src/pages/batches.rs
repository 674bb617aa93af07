//! Files and batches of a project: states, counts and ends, never content.

use askama::Template;

use crate::view::When;

#[derive(Clone, Debug)]
pub struct BatchRow {
    pub id: String,
    pub endpoint: String,
    pub tone: &'static str,
    pub state: String,
    /// Below the state; may be empty.
    pub why: String,
    pub counts: String,
    /// Below the counts; may be empty.
    pub failed: String,
    pub created: When,
    /// When its key is destroyed, or was.
    pub key: String,
    /// Where it can be cancelled, if it can be.
    pub cancel: Option<String>,
}

#[derive(Clone, Debug)]
pub struct FileRow {
    pub id: String,
    pub what: String,
    pub size: String,
    pub lines: String,
    pub created: When,
    pub until: String,
    /// Where it can be deleted, if it can be.
    pub delete: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "batches/index.html")]
pub struct Batches {
    pub on: bool,
    /// Whether the reader may switch it.
    pub may_switch: bool,
    pub may_manage: bool,
    pub base: String,
    pub batches: Vec<BatchRow>,
    pub files: Vec<FileRow>,
    /// How to begin.
    pub snippet: String,
}
