//! What may be spent.

use askama::Template;

use crate::view::{Choice, Field, Link, Meter, Problem};

/// A budget and what has become of it.
#[derive(Clone, Debug)]
pub struct BudgetRow {
    /// Such as "Project Website".
    pub whose: String,
    /// Below it, such as the project of a key; may be empty.
    pub within: String,
    /// Such as "per month".
    pub period: String,
    pub limit: String,
    pub spent: String,
    /// Empty when nothing is set aside.
    pub reserved: String,
    pub meter: Meter,
    /// Such as "1 Dec 2026"; "never" for one that does not begin anew.
    pub renews: String,
    /// Where it is removed, for those who may.
    pub remove: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "budgets/index.html")]
pub struct Budgets {
    pub trail: Vec<Link>,
    pub purpose: String,
    pub action: String,
    pub problems: Vec<Problem>,
    pub rows: Vec<BudgetRow>,
    pub may_manage: bool,
    pub whose: Vec<Choice>,
    pub period: Vec<Choice>,
    pub amount: Field,
    pub currency: String,
}
