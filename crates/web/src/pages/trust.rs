//! The trust centre: public page, and its short form for people who are signed in.

use askama::Template;

use super::{Fact, providers::EntryRow};
use crate::view::When;

/// How many controls have one status.
#[derive(Clone, Debug)]
pub struct Count {
    pub tone: &'static str,
    pub word: String,
    pub count: u32,
    /// The page that shows only these.
    pub href: String,
    pub chosen: bool,
}

/// Neighbouring days of the same colour; one unit per day.
#[derive(Clone, Debug)]
pub struct Run {
    pub x: u32,
    pub width: u32,
    pub tone: &'static str,
}

#[derive(Clone, Debug, Default)]
pub struct ControlRow {
    pub id: String,
    pub tone: &'static str,
    pub word: String,
    pub statement: String,
    pub shown: String,
    pub reason: String,
    pub why: String,
    pub how: String,
    pub limits: String,
    /// The latest result.
    pub evidence: Vec<Fact>,
    /// Id, owner, parameters, frameworks.
    pub about: Vec<Fact>,
    pub verify: String,
    pub strip: Vec<Run>,
    pub strip_says: String,
}

#[derive(Clone, Debug)]
pub struct Area {
    pub id: String,
    pub name: String,
    pub summary: String,
    pub counts: String,
    pub controls: Vec<ControlRow>,
}

#[derive(Clone, Debug)]
pub struct ClassRow {
    pub name: String,
    pub what: String,
    /// At rest.
    pub how: String,
    /// In transit.
    pub moving: String,
}

#[derive(Clone, Debug)]
pub struct Change {
    pub at: When,
    pub text: String,
    /// Something was weakened or withdrawn.
    pub weaker: bool,
}

#[derive(Debug, Template)]
#[template(path = "trust/index.html")]
pub struct Index {
    pub title: String,
    pub purpose: String,
    /// `14 verified · 0 failing · 249 coming soon`.
    pub headline: String,
    pub issued: When,
    pub valid_until: When,
    /// The snapshot had run out when this page was made.
    pub expired: bool,
    pub counts: Vec<Count>,
    /// Plain warnings, such as "checked from inside only".
    pub labels: Vec<String>,
    pub filter: Option<String>,
    pub total: u32,
    pub areas: Vec<Area>,
    pub classes: Vec<ClassRow>,
    pub providers: Vec<EntryRow>,
    pub changes: Vec<Change>,
    pub limits: Vec<String>,
    pub verify: String,
    pub facts: Vec<Fact>,
    pub operated_by: Option<String>,
    /// Whether there is a security.txt.
    pub contact: bool,
}

#[derive(Clone, Debug)]
pub struct Posture {
    pub href: String,
    pub name: String,
    /// Who may receive prompts; empty for nobody.
    pub providers: Vec<String>,
    pub entries: String,
}

#[derive(Debug, Template)]
#[template(path = "trust/safe.html")]
pub struct Safe {
    pub counts: Vec<Count>,
    pub labels: Vec<String>,
    pub digest: String,
    pub issued: When,
    pub valid_until: When,
    pub attention: Vec<ControlRow>,
    pub verified: Vec<ControlRow>,
    pub organizations: Vec<Posture>,
}
