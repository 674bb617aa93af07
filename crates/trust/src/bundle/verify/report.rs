//! What came of checking a bundle, for people and for programs.

use std::fmt;

use domain::Timestamp;
use serde::Serialize;

use crate::stamp;

/// What was found out about a bundle.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether every check held.
    pub ok: bool,
    pub checks: Vec<Check>,
    /// The fingerprint of the key that signed the log: compare it with the one you were given.
    pub log_key: String,
    pub deployment: String,
    /// When the snapshot was made.
    #[serde(with = "stamp::option")]
    pub issued: Option<Timestamp>,
    /// Until when it holds.
    #[serde(with = "stamp::option")]
    pub valid_until: Option<Timestamp>,
    pub headline: String,
    /// Results that were checked.
    pub evidence: usize,
    /// Planned runs, between the results in this file, that left none: a stop of the server leaves some.
    pub gaps: usize,
    /// What cannot be learned from this file.
    pub unverifiable: Vec<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub ok: bool,
    pub detail: String,
}

pub(super) const UNVERIFIABLE: &[&str] = &[
    "whether the probes ask the right questions: read them",
    "what a document attests",
    "whether others were shown another log: compare checkpoints with them",
    "results older than those in this file",
];

impl Report {
    /// Of a file in which something is missing without which nothing else can be judged.
    pub(super) fn broken(checks: Vec<Check>) -> Self {
        Self {
            ok: false,
            checks,
            log_key: String::new(),
            deployment: String::new(),
            issued: None,
            valid_until: None,
            headline: String::new(),
            evidence: 0,
            gaps: 0,
            unverifiable: UNVERIFIABLE.to_vec(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "deployment   {}", self.deployment)?;
        if let (Some(issued), Some(until)) = (self.issued, self.valid_until) {
            writeln!(out, "snapshot     of {issued}, holds until {until}")?;
        }
        writeln!(out, "status       {}", self.headline)?;
        writeln!(
            out,
            "results      {}, and {} planned runs without one",
            self.evidence, self.gaps
        )?;
        writeln!(out, "log key      {}\n", self.log_key)?;
        for Check { name, ok, detail } in &self.checks {
            let mark = if *ok { "ok       " } else { "MISMATCH " };
            writeln!(out, "{mark}  {name}: {detail}")?;
        }
        writeln!(out, "\nThis file cannot show")?;
        for line in &self.unverifiable {
            writeln!(out, "           {line}")?;
        }
        let verdict = if self.ok {
            "The trust page verifies as of its snapshot."
        } else {
            "The trust page does NOT verify."
        };
        write!(out, "\n{verdict}")
    }
}
