//! One request to a model, and everything about how it was answered.

use askama::Template;

use super::Fact;
use crate::view::{Field, Problem};

/// A provider that could serve the request, in the order in which they were asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub name: String,
    pub model: String,
    /// Where it processes requests; empty when that is not known.
    pub region: String,
    /// Why it stands where it stands, such as "0.0004 USD expected, 320 ms".
    pub because: String,
    /// How the mark looks, and what came of it.
    pub tone: &'static str,
    pub outcome: String,
}

/// A provider that was passed over.
#[derive(Clone, Debug)]
pub struct PassedOver {
    pub name: String,
    pub because: String,
}

/// What came of the request.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// The text of the answer; empty when there is none.
    pub answer: String,
    /// What the client would have read instead.
    pub refusal: String,
    pub facts: Vec<Fact>,
    pub asked: Vec<Asked>,
    pub passed_over: Vec<PassedOver>,
    /// Where the receipt is; empty when nobody was asked.
    pub receipt: String,
}

#[derive(Debug, Template)]
#[template(path = "playground/index.html")]
pub struct Playground {
    pub action: String,
    pub project: String,
    pub problems: Vec<Problem>,
    pub models: Vec<String>,
    pub model: Field,
    pub message: Field,
    pub tried: Option<Tried>,
    /// Where a provider is added, while there is none.
    pub providers: String,
}
