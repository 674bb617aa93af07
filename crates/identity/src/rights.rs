//! The one place where rights are decided: who stands where, what the permission asks, yes or no. The answers are those
//! of the Cedar policies in `policies/rights.cedar`, worked out once.

mod table;
mod world;

use domain::{Error, OrgRole, Permission, ProjectId, ProjectRole, Result};
use serde::Serialize;
use store::{Principal, Scope, Session};

use crate::KeyScope;

/// Everything about a caller that a decision may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not signed in.
    Anonymous,
    /// A signed-in person, inside no organization; `strong` if they showed a second factor.
    Person { operator: bool, strong: bool },
    /// A person inside an organization; `project` is the role they were given in the project that is asked about.
    Member { role: OrgRole, project: Option<ProjectRole>, strong: bool },
    /// An API key; `own` says whether the project that is asked about is the key's.
    ApiKey { own: bool, inference: bool },
    /// The control plane's key of an organization: acts as an admin, never as an owner or a model caller.
    AdminKey,
}

/// A caller, as far as they have proved who they are.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    Anonymous,
    Session(&'a Session),
    Scope(&'a Scope),
}

impl<'a> From<&'a Session> for Who<'a> {
    fn from(session: &'a Session) -> Self {
        Self::Session(session)
    }
}

impl<'a> From<&'a Scope> for Who<'a> {
    fn from(scope: &'a Scope) -> Self {
        Self::Scope(scope)
    }
}

impl Who<'_> {
    /// Where the caller stands towards `project`.
    fn standing(self, project: Option<ProjectId>) -> Standing {
        let scope = match self {
            Self::Anonymous => return Standing::Anonymous,
            Self::Session(session) => {
                let (operator, strong) = (session.operator(), session.strong());
                return Standing::Person { operator, strong };
            }
            Self::Scope(scope) => scope,
        };
        match (scope.principal(), scope.org_role()) {
            (Principal::User { .. }, Some(role)) => {
                let project = project.and_then(|project| scope.granted_role(project));
                Standing::Member { role, project, strong: scope.strong() }
            }
            // A person without a role in the organization has no business in it.
            (Principal::User { .. }, None) => Standing::Person { operator: false, strong: false },
            (Principal::AdminKey { .. }, _) => Standing::AdminKey,
            (Principal::ApiKey { project: own, .. }, _) => Standing::ApiKey {
                own: project.is_none_or(|project| project == *own),
                inference: holds(scope, KeyScope::Inference),
            },
        }
    }
}

/// Decides whether the caller has a permission, in `project` where the permission is about one.
///
/// # Errors
/// `Unauthenticated` for nobody; `NotFound` when the project is out of the caller's sight, whether or not it exists;
/// `Forbidden` when the caller may see it but not do this.
pub fn decide<'a>(
    who: impl Into<Who<'a>>,
    permission: Permission,
    project: Option<ProjectId>,
) -> Result<()> {
    let who = who.into();
    judge(who.standing(project), permission).map_err(|denial| match (denial, project, who) {
        // Asked about no project in particular: nothing is hidden by the answer.
        (Denial::Unseen, None, Who::Scope(_)) => refusal(Denial::Rank, permission, None),
        _ => refusal(denial, permission, project),
    })
}

/// Whether a key was given this scope by name. Asked with every model call: nothing is allocated.
fn holds(scope: &Scope, wanted: KeyScope) -> bool {
    scope.key_scopes().iter().any(|held| held == wanted.as_str())
}

/// Why a decision was no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Nobody has signed in.
    SignIn,
    /// The thing is out of the caller's sight; existing and absent things answer alike.
    Unseen,
    /// The caller may see it but not do this.
    Rank,
    /// The caller may do this once they have shown a second factor.
    SecondFactor,
}

/// Decides one permission: a look-up. Without a table nothing is allowed.
pub(crate) fn judge(standing: Standing, permission: Permission) -> std::result::Result<(), Denial> {
    table::table().map_or(Err(Denial::Rank), |table| table.answer(standing, permission))
}

/// Works the rights out, so that no request has to wait for it.
///
/// # Errors
/// `Internal` when the policies cannot be evaluated.
pub(crate) fn prepare() -> Result<()> {
    let table = table::table().map(drop);
    table.ok_or_else(|| Error::internal("the policies of rights could not be evaluated"))
}

/// The answer a caller gets for a denial.
pub(crate) fn refusal(denial: Denial, permission: Permission, project: Option<ProjectId>) -> Error {
    match denial {
        Denial::SignIn => Error::unauthenticated("Sign in first."),
        Denial::Unseen if project.is_some() => Error::not_found("project"),
        Denial::Unseen => Error::not_found("organization"),
        Denial::SecondFactor => {
            Error::forbidden("This needs a second factor, which was not shown in this session.")
                .with_code("second_factor_required")
        }
        Denial::Rank => Error::forbidden(format!(
            "This needs the permission {}, which your role does not include.",
            permission.as_str()
        )),
    }
}

/// One kind of caller in the published matrix.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Role {
    /// Stable name, such as `project.editor`.
    pub name: &'static str,
    /// For people.
    pub label: &'static str,
    #[serde(skip)]
    pub standing: Standing,
}

const fn role(name: &'static str, label: &'static str, standing: Standing) -> Role {
    Role { name, label, standing }
}

const fn member(role: OrgRole, project: Option<ProjectRole>) -> Standing {
    Standing::Member { role, project, strong: true }
}

/// Every kind of caller, weakest first within its family.
pub const ROLES: &[Role] = &[
    role("anonymous", "Not signed in", Standing::Anonymous),
    role("person", "Signed in", Standing::Person { operator: false, strong: true }),
    role(
        "operator",
        "Operator of this installation",
        Standing::Person { operator: true, strong: true },
    ),
    role("organization.member", "Member", member(OrgRole::Member, None)),
    role(
        "project.viewer",
        "Viewer of the project",
        member(OrgRole::Member, Some(ProjectRole::Viewer)),
    ),
    role(
        "project.editor",
        "Editor of the project",
        member(OrgRole::Member, Some(ProjectRole::Editor)),
    ),
    role(
        "project.owner",
        "Owner of the project",
        member(OrgRole::Member, Some(ProjectRole::Owner)),
    ),
    role("organization.admin", "Admin", member(OrgRole::Admin, None)),
    role("organization.owner", "Owner", member(OrgRole::Owner, None)),
    role(
        "api_key.models",
        "API key that may list models",
        Standing::ApiKey { own: true, inference: false },
    ),
    role("api_key", "API key", Standing::ApiKey { own: true, inference: true }),
    role("admin_key", "Admin key", Standing::AdminKey),
];

/// One permission of the published matrix with the roles that have it, in the order of [`ROLES`].
#[derive(Clone, Debug, Serialize)]
pub struct MatrixRow {
    pub permission: &'static str,
    pub roles: Vec<&'static str>,
    /// People use it only after showing a second factor, where the installation asks for one.
    pub second_factor: bool,
}

/// Who may do what, computed from the same function that decides.
#[must_use]
pub fn matrix() -> Vec<MatrixRow> {
    let holders = |permission: &Permission| {
        let holds = |role: &&Role| judge(role.standing, *permission).is_ok();
        ROLES.iter().filter(holds).map(|role| role.name).collect()
    };
    Permission::ALL
        .iter()
        .map(|permission| MatrixRow {
            permission: permission.as_str(),
            roles: holders(permission),
            second_factor: permission.rule().asks_for_second_factor(),
        })
        .collect()
}

/// Refuses an API key that was not given `wanted`; people and admin keys have no scopes. A key for model calls
/// may list the models too.
///
/// # Errors
/// `Forbidden` with code `scope_missing`.
pub(crate) fn require_key_scope(scope: &Scope, wanted: KeyScope) -> Result<()> {
    if table::table().is_some_and(|table| table.covers(|held| holds(scope, held), wanted)) {
        return Ok(());
    }
    Err(Error::forbidden(format!("This key does not have the scope {}.", wanted.as_str()))
        .with_code("scope_missing"))
}

#[cfg(test)]
mod tests {
    use domain::Rule;

    use super::*;

    fn verdict(standing: Standing, permission: Permission) -> Option<Denial> {
        judge(standing, permission).err()
    }

    #[test]
    fn what_is_out_of_sight_looks_absent() {
        let outsider = Standing::Person { operator: true, strong: true };
        let member = member(OrgRole::Member, None);
        let foreign_key = Standing::ApiKey { own: false, inference: true };
        assert_eq!(verdict(outsider, Permission::AuditRead), Some(Denial::Unseen));
        assert_eq!(verdict(outsider, Permission::KeysManage), Some(Denial::Unseen));
        assert_eq!(verdict(member, Permission::ProjectRead), Some(Denial::Unseen));
        assert_eq!(verdict(member, Permission::KeysManage), Some(Denial::Unseen));
        assert_eq!(verdict(foreign_key, Permission::Inference), Some(Denial::Unseen));
        assert_eq!(verdict(foreign_key, Permission::KeysManage), Some(Denial::Unseen));
    }

    #[test]
    fn what_is_in_sight_is_forbidden() {
        let viewer = member(OrgRole::Member, Some(ProjectRole::Viewer));
        assert_eq!(verdict(viewer, Permission::KeysManage), Some(Denial::Rank));
        assert_eq!(verdict(viewer, Permission::AuditRead), Some(Denial::Rank));
        assert_eq!(verdict(viewer, Permission::Inference), Some(Denial::Rank));
        assert_eq!(verdict(Standing::AdminKey, Permission::AdminKeysManage), Some(Denial::Rank));
        assert_eq!(verdict(Standing::AdminKey, Permission::Inference), Some(Denial::Rank));
    }

    #[test]
    fn the_rights_of_admins_need_a_second_factor_and_those_of_members_do_not() {
        let weak = |role, project| Standing::Member { role, project, strong: false };
        let owner = weak(OrgRole::Owner, None);
        let operator = Standing::Person { operator: true, strong: false };
        let lead = weak(OrgRole::Member, Some(ProjectRole::Owner));
        let editor = weak(OrgRole::Member, Some(ProjectRole::Editor));
        for permission in Permission::ALL {
            let asks = permission.rule().asks_for_second_factor();
            let (first, second) = (verdict(owner, *permission), verdict(lead, *permission));
            match permission.rule() {
                Rule::Org(_) => {
                    assert_eq!(first, asks.then_some(Denial::SecondFactor));
                    assert_eq!(second, asks.then_some(Denial::Rank), "no factor gives a rank");
                }
                // What owners of the organization may do in a project they may as such.
                Rule::Project(_) => {
                    assert_eq!(first, Some(Denial::SecondFactor));
                    assert_eq!(second, asks.then_some(Denial::SecondFactor));
                }
                Rule::Operator => {
                    assert_eq!(verdict(operator, *permission), Some(Denial::SecondFactor));
                }
                _ => {}
            }
        }
        assert_eq!(verdict(editor, Permission::KeysManage), None);
        let both = weak(OrgRole::Admin, Some(ProjectRole::Editor));
        assert_eq!(verdict(both, Permission::KeysManage), None, "their own grant holds as it is");
        assert_eq!(verdict(both, Permission::GrantsManage), Some(Denial::SecondFactor));
    }

    #[test]
    fn nobody_is_asked_to_sign_in_first() {
        for permission in Permission::ALL.iter().filter(|one| **one != Permission::Public) {
            assert_eq!(verdict(Standing::Anonymous, *permission), Some(Denial::SignIn));
        }
    }

    #[test]
    fn denials_name_the_project_only_when_one_was_asked_for() {
        let project = ProjectId::from_uuid(Default::default());
        let refused = |project| refusal(Denial::Unseen, Permission::KeysRead, project).to_string();
        assert_eq!(refused(Some(project)), "No such project.");
        assert_eq!(refused(None), "No such organization.");
    }
}
