//! Members and invitations.

use askama::Template;

use super::budgets::BudgetRow;
use crate::view::{Choice, Field, Problem, When};

#[derive(Clone, Debug)]
pub struct MemberRow {
    pub name: String,
    pub email: String,
    pub role: String,
    pub joined: When,
    pub you: bool,
    pub href: Option<String>,
}

#[derive(Clone, Debug)]
pub struct InvitationRow {
    pub email: String,
    pub role: String,
    pub expires: When,
    pub action: Option<String>,
}

#[derive(Debug, Template)]
#[template(path = "members/index.html")]
pub struct Index {
    pub base: String,
    pub members: Vec<MemberRow>,
    pub invitations: Vec<InvitationRow>,
    pub may_manage: bool,
}

#[derive(Debug, Template)]
#[template(path = "members/invite.html")]
pub struct Invite {
    pub base: String,
    pub problems: Vec<Problem>,
    pub email: Field,
    pub roles: Vec<Choice>,
}

/// The one page that ever shows the link.
#[derive(Template)]
#[template(path = "members/invited.html")]
pub struct Invited {
    /// A letter with the link is on its way.
    pub sent: bool,
    pub link: String,
    pub email: String,
    pub role: String,
    pub expires: When,
    pub done: String,
}

#[derive(Clone, Debug)]
pub struct ProjectRights {
    pub id: String,
    pub name: String,
    pub roles: Vec<Choice>,
}

#[derive(Debug, Template)]
#[template(path = "members/change.html")]
pub struct Change {
    pub base: String,
    pub href: String,
    pub problems: Vec<Problem>,
    pub name: String,
    pub email: String,
    pub roles: Vec<Choice>,
    /// The role reaches every project by itself.
    pub everywhere: bool,
    pub projects: Vec<ProjectRights>,
    pub budgets: Vec<BudgetRow>,
    /// Where another is set.
    pub set_budget: String,
}
