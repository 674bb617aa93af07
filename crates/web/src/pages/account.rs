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

/// A way to sign in that one of the person's organizations offers.
#[derive(Clone, Debug)]
pub struct IdentityRow {
    pub name: String,
    pub organization: String,
    /// Since when, and when it was last used; `None` when the account is not linked.
    pub linked: Option<(When, String)>,
    /// Where it is linked or unlinked.
    pub action: String,
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
    pub identities: Vec<IdentityRow>,
    /// There is something that is not linked yet.
    pub may_link: bool,
    /// The account has a password, which is asked for before something is linked.
    pub has_password: bool,
    pub link_password: Field,
    pub current: Field,
    pub password: Field,
    pub sessions: Vec<SessionRow>,
}
