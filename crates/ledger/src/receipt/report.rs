//! What the verification of a receipt found: for people, and as JSON for programs.

use std::fmt;

use serde::Serialize;

use crate::verify::Check;

/// The outcome. What the receipt says stands in it; whether that is what was recorded, `ok` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReceiptReport {
    /// No check found a mismatch.
    pub ok: bool,
    pub format: &'static str,
    pub request: String,
    /// When the request began.
    pub at: String,
    pub requested_model: String,
    /// The HTTP status it ended with; 0 when the server stopped in the middle.
    pub status: u16,
    /// Names of the candidates in the order in which they were to be asked, each with its score where one is recorded.
    pub candidates: Vec<(String, Option<u64>)>,
    /// Who was asked, and what came of it.
    pub attempts: Vec<(String, String)>,
    /// Nano-units of `currency`; `None` when no price is known.
    pub cost_nano: Option<u64>,
    pub currency: Option<String>,
    /// Of the organization's log.
    pub origin: String,
    /// When the spine committed to that log.
    pub epoch: Option<String>,
    /// Of the log key.
    pub fingerprint: String,
    pub checks: Vec<Check>,
}

impl fmt::Display for ReceiptReport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "request      {}, {}", self.request, self.at)?;
        writeln!(out, "asked for    {}", self.requested_model)?;
        let score =
            |score: &Option<u64>| score.map_or(String::new(), |score| format!(" ({score})"));
        let candidates = self.candidates.iter().map(|(name, own)| format!("{name}{}", score(own)));
        writeln!(out, "candidates   {}", candidates.collect::<Vec<_>>().join(", "))?;
        let attempts = self.attempts.iter().map(|(name, outcome)| format!("{name}: {outcome}"));
        writeln!(out, "asked        {}", attempts.collect::<Vec<_>>().join(", "))?;
        if let (Some(cost), Some(currency)) = (self.cost_nano, &self.currency) {
            let (whole, rest) = (cost / 1_000_000_000, cost % 1_000_000_000);
            writeln!(out, "cost         {whole}.{rest:09} {currency}")?;
        }
        writeln!(out, "status       {}", self.status)?;
        writeln!(out, "log          {}", self.origin)?;
        writeln!(out, "log key      {}\n", self.fingerprint)?;
        for check in &self.checks {
            writeln!(out, "{check}")?;
        }
        let verdict =
            if self.ok { "The receipt verifies." } else { "The receipt does NOT verify." };
        write!(out, "\n{verdict}")
    }
}
