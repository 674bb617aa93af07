//! GW-02: what is kept of the requests.

use std::collections::BTreeSet;

use domain::RequestId;

use super::{Finding, Run, Stored, Travelled};
use crate::evidence::{Reason, Verdict};

pub(super) const TABLE: &str = "usage";

/// Everything a usage record may hold: ids, numbers, times, and names of models and outcomes.
/// `receipt` is the record of the routing decision: candidates and reasons, no content.
const LISTED: &[&str] = &[
    "org_id",
    "request_id",
    "project_id",
    "key_id",
    "provider_id",
    "model",
    "requested_model",
    "protocol",
    "streaming",
    "started_at",
    "ended_at",
    "first_token_ms",
    "status",
    "error_code",
    "attempts",
    "input",
    "cache_read",
    "cache_write",
    "output",
    "reasoning",
    "provenance",
    "cost_nano",
    "currency",
    "receipt",
    "event_id",
    "node_id",
];

/// The records as the search comes by them.
pub(super) struct Records {
    columns: Vec<String>,
    /// The requests whose record is due: the way each went, and its id in both forms it is stored in.
    due: Vec<(&'static str, Vec<u8>, String)>,
    found: BTreeSet<usize>,
    values: u64,
    content: bool,
}

impl Records {
    pub(super) fn new(columns: Vec<String>, travelled: &[Travelled]) -> Self {
        let due = travelled.iter().filter(|path| path.recorded);
        let due = due.filter_map(|path| {
            let id: RequestId = path.request.as_deref()?.parse().ok()?;
            Some((path.name, id.uuid().as_bytes().to_vec(), id.uuid().to_string()))
        });
        let due = due.collect();
        Self { columns, due, found: BTreeSet::new(), values: 0, content: false }
    }

    pub(super) fn see(&mut self, column: &str, value: &[u8], content: bool) {
        self.values += 1;
        self.content |= content;
        if column == "request_id" {
            let at = self
                .due
                .iter()
                .position(|(_, bytes, text)| value == bytes || value == text.as_bytes());
            self.found.extend(at);
        }
    }

    fn missing(&self) -> impl Iterator<Item = String> {
        let missing = self.due.iter().enumerate().filter(|(at, _)| !self.found.contains(at));
        missing.map(|(_, (name, ..))| format!("the record of the path {name}"))
    }
}

/// The columns that are on no list.
pub(in crate::probe) fn unlisted<'a>(columns: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    columns.filter(|column| !LISTED.contains(column)).collect()
}

pub(super) fn judge(cx: Run<'_>, stored: &Stored) -> Finding {
    let records = &stored.records;
    let columns = records.columns.iter().map(String::as_str);
    let extra = unlisted(columns.clone());
    // A column that somebody might add one day must be noticed.
    let planted =
        unlisted(columns.chain(["prompt_excerpt"])).contains(&"prompt_excerpt") && stored.sees;
    let (found, due) = (records.found.len() as u64, records.due.len() as u64);
    let verdict = if records.content {
        Verdict::Fail(Reason::ContentFound)
    } else if !extra.is_empty() {
        Verdict::Fail(Reason::ColumnUnlisted)
    } else if found < due {
        // A record that is not there shows nothing about what it holds.
        Verdict::Inconclusive(Reason::TooFewSubjects)
    } else {
        Verdict::held(planted, found, due, cx.floor("GW-02"))
    };
    Finding::new(verdict, planted, (found, due))
        .measure("columns", records.columns.len() as u64, "columns")
        .measure("values searched", records.values, "values")
        .uncovered(records.missing())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unlisted_column_is_noticed() {
        assert!(unlisted(LISTED.iter().copied()).is_empty());
        assert_eq!(unlisted(["model", "prompt"].into_iter()), ["prompt"]);
    }

    #[test]
    fn the_list_is_that_of_the_store() {
        let usage = store::TABLES.iter().find(|table| table.name == TABLE).unwrap();
        let columns: Vec<_> = usage.columns.iter().map(|(name, _)| *name).collect();
        assert_eq!(unlisted(columns.iter().copied()), Vec::<&str>::new());
        assert_eq!(columns.len(), LISTED.len(), "the list names a column that is gone");
    }

    #[test]
    fn records_are_found_in_both_forms() {
        let id = RequestId::new(domain::Timestamp::from_millis(5));
        let path = |request: Option<String>, recorded| Travelled {
            name: "success",
            pieces: Vec::new(),
            as_meant: true,
            request,
            recorded,
        };
        let travelled = [path(Some(id.to_string()), true), path(None, false)];
        let mut records = Records::new(vec!["request_id".to_owned()], &travelled);
        records.see("model", b"gpt", false);
        assert!(records.found.is_empty());
        records.see("request_id", id.uuid().as_bytes(), false);
        assert_eq!(records.found.len(), 1);
        let mut text = Records::new(Vec::new(), &travelled);
        text.see("request_id", id.uuid().to_string().as_bytes(), true);
        assert!(text.found.len() == 1 && text.content);
    }
}
