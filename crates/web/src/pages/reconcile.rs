//! Usage beside a provider's own export of it.

use askama::Template;

use crate::view::{Choice, Field, Problem};

/// One measure on both sides.
#[derive(Clone, Debug)]
pub struct Cell {
    pub label: &'static str,
    pub ours: String,
    pub theirs: String,
    /// Ours less theirs; empty when they count as the same.
    pub difference: String,
}

/// One model on one day.
#[derive(Clone, Debug)]
pub struct ReconciledRow {
    pub day: String,
    pub model: String,
    /// Why ours may be the smaller one.
    pub note: String,
    pub cells: Vec<Cell>,
}

/// The lines of one verdict.
#[derive(Clone, Debug)]
pub struct Tally {
    pub tone: &'static str,
    pub title: String,
    pub count: String,
    pub open: bool,
    pub rows: Vec<ReconciledRow>,
    pub more: String,
}

#[derive(Clone, Debug)]
pub struct Compared {
    pub title: String,
    pub rows: String,
    pub measures: Vec<&'static str>,
    pub sums: Vec<Cell>,
    pub tallies: Vec<Tally>,
    pub notes: Vec<String>,
}

#[derive(Debug, Template)]
#[template(path = "usage/reconcile.html")]
pub struct Reconcile {
    pub usage: String,
    pub action: String,
    pub problems: Vec<Problem>,
    pub providers: Vec<Choice>,
    pub cached: Vec<Choice>,
    pub text: Field,
    pub columns: Field,
    pub models: Field,
    /// Whether columns or models were named by hand.
    pub by_hand: bool,
    pub result: Option<Compared>,
}
