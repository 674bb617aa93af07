//! How fast and how much at once may be asked.

use askama::Template;

use crate::view::{Choice, Field, Problem};

/// The limits of one payer, ready to print.
#[derive(Clone, Debug)]
pub struct LimitRow {
    pub whose: String,
    /// Below it; may be empty.
    pub note: String,
    pub requests: String,
    pub tokens: String,
    pub concurrent: String,
}

#[derive(Debug, Template)]
#[template(path = "limits/index.html")]
pub struct Limits {
    pub action: String,
    pub problems: Vec<Problem>,
    pub rows: Vec<LimitRow>,
    pub whose: Vec<Choice>,
    pub requests: Field,
    pub tokens: Field,
    pub concurrent: Field,
}
