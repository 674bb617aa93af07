//! One's own account.

use askama::Template;

use crate::view::{Field, Problem, When};

#[derive(Clone, Debug)]
pub struct SessionRow {
    pub created: When,
    pub seen: String,
    pub expires: When,
    pub this: bool,
    /// Where it is ended.
    pub end: String,
}

#[derive(Debug, Template)]
#[template(path = "account/index.html")]
pub struct Index {
    pub problems: Vec<Problem>,
    pub name: String,
    pub email: String,
    pub id: String,
    pub operator: bool,
    /// Since when there is a second factor.
    pub second_factor: Option<When>,
    pub has_password: bool,
    pub current: Field,
    pub password: Field,
    pub sessions: Vec<SessionRow>,
}
