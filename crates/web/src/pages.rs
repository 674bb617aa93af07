//! Pages: one struct and one template each. Structs hold values that are ready to print.

pub mod account;
pub mod audit;
pub mod batches;
pub mod budgets;
pub mod email_code;
pub mod home;
pub mod keys;
pub mod limits;
pub mod masking;
pub mod members;
pub mod models;
pub mod organization;
pub mod playground;
pub mod project;
pub mod providers;
pub mod public;
pub mod reconcile;
pub mod rules;
pub mod second_factor;
pub mod sso;
pub mod subprocessors;
pub mod trust;
pub mod usage;
pub mod webhooks;

use askama::Template;

use crate::view::{Field, Link, Problem};

/// A line of a list of facts.
#[derive(Clone, Debug, Default)]
pub struct Fact {
    pub label: String,
    pub value: String,
    pub mono: bool,
}

impl Fact {
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into(), mono: false }
    }

    /// For ids, hashes and other things to copy.
    pub fn mono(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self { label: label.into(), value: value.into(), mono: true }
    }
}

/// A headline number.
#[derive(Clone, Debug, Default)]
pub struct Number {
    pub label: String,
    pub value: String,
    pub note: String,
}

impl Number {
    pub fn new(
        label: impl Into<String>,
        value: impl Into<String>,
        note: impl Into<String>,
    ) -> Self {
        Self { label: label.into(), value: value.into(), note: note.into() }
    }
}

/// Asks for the name of what is about to be lost.
#[derive(Debug, Template)]
#[template(path = "confirm.html")]
pub struct Confirm {
    pub trail: Vec<Link>,
    pub heading: String,
    pub problems: Vec<Problem>,
    pub facts: Vec<Fact>,
    /// What will be lost, as a sentence.
    pub lost: String,
    pub action: String,
    /// What must be typed.
    pub expected: String,
    pub confirm: Field,
    pub verb: String,
    pub cancel: String,
}
