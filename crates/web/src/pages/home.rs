//! The list of one's organizations.

use askama::Template;

use crate::view::{Field, Problem, When};

#[derive(Clone, Debug)]
pub struct Row {
    pub href: String,
    pub name: String,
    pub role: String,
    pub created: When,
}

#[derive(Debug, Template)]
#[template(path = "home/index.html")]
pub struct Index {
    pub organizations: Vec<Row>,
    pub may_create: bool,
}

#[derive(Debug, Default, Template)]
#[template(path = "organization/new.html")]
pub struct New {
    pub problems: Vec<Problem>,
    pub name: Field,
    pub slug: Field,
}
