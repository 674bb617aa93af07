//! What a verification found: for people, and as JSON for programs.

use std::fmt;

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Ok,
    Mismatch,
    /// What it needs was not given.
    Skipped,
}

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub status: Status,
    pub detail: String,
}

/// A personal value that is gone without an entry that says why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unaccounted {
    pub seq: u64,
    pub digest: String,
}

/// The personal values of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Disclosures {
    pub present: usize,
    /// Gone, and an erasure or expiry entry says so.
    pub redacted: usize,
    /// Present, although an entry says they are gone.
    pub still_present: usize,
    pub unaccounted: Vec<Unaccounted>,
}

/// The outcome. Holds no personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// No check found a mismatch.
    pub ok: bool,
    pub format: &'static str,
    pub origin: String,
    /// Root of the tree, hex.
    pub root: String,
    /// Number of entries the checkpoint signs.
    pub entries: u64,
    /// Times of the first and last entry.
    pub first: Option<String>,
    pub last: Option<String>,
    /// When the spine committed to this head.
    pub epoch: Option<String>,
    /// Of the log key.
    pub fingerprint: String,
    pub disclosures: Disclosures,
    pub checks: Vec<Check>,
}

impl Check {
    pub(crate) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status: Status::Ok, detail: detail.into() }
    }

    pub(crate) fn mismatch(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status: Status::Mismatch, detail: detail.into() }
    }

    pub(crate) fn skipped(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, status: Status::Skipped, detail: detail.into() }
    }

    pub(crate) fn from(
        name: &'static str,
        holds: bool,
        good: impl Into<String>,
        bad: impl Into<String>,
    ) -> Self {
        if holds { Self::ok(name, good) } else { Self::mismatch(name, bad) }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = match self.status {
            Status::Ok => "ok       ",
            Status::Mismatch => "MISMATCH ",
            Status::Skipped => "not asked",
        };
        write!(out, "{mark}  {}: {}", self.name, self.detail)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "log          {}", self.origin)?;
        writeln!(out, "entries      {}", self.entries)?;
        if let (Some(first), Some(last)) = (&self.first, &self.last) {
            writeln!(out, "from, to     {first}, {last}")?;
        }
        writeln!(out, "root         {}", self.root)?;
        writeln!(out, "log key      {}\n", self.fingerprint)?;
        for check in &self.checks {
            writeln!(out, "{check}")?;
        }
        for Unaccounted { seq, digest } in &self.disclosures.unaccounted {
            writeln!(out, "           entry {seq}: value of digest {digest} is missing")?;
        }
        let verdict = if self.ok { "The log verifies." } else { "The log does NOT verify." };
        write!(out, "\n{verdict}")
    }
}
