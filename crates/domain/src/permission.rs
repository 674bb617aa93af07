//! Permissions, each both a value (for tables and checks) and a type (for a handler's signature).

use crate::{OrgRole, ProjectRole};

/// The least that satisfies a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Anybody, signed in or not.
    Public,
    /// Any signed-in person; inside no organization.
    SignedIn,
    /// The person who runs the deployment.
    Operator,
    /// At least this role in the organization.
    Org(OrgRole),
    /// At least this role in the project, or admin of its organization.
    Project(ProjectRole),
    /// An API key of the project with the scope for model calls.
    Inference,
}

impl Rule {
    /// Whether a person uses it only after showing a second factor: the deployment's administration, an organization's
    /// with its billing, and a project's ownership.
    #[must_use]
    pub const fn asks_for_second_factor(self) -> bool {
        matches!(
            self,
            Self::Operator
                | Self::Org(OrgRole::Admin | OrgRole::Owner)
                | Self::Project(ProjectRole::Owner)
        )
    }
}

/// A permission as a type: the name in a handler's signature.
pub trait PermissionTag: Send + Sync + 'static {
    const PERMISSION: Permission;
}

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $rule:expr;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Permission { $($(#[$doc])* $name),* }

        impl Permission {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable name in the API, the audit log and the published matrix.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            #[must_use]
            pub const fn rule(self) -> Rule {
                match self { $(Self::$name => $rule),* }
            }
        }

        /// The permissions as types.
        pub mod tags {
            use super::{Permission, PermissionTag};
            $(
                #[derive(Clone, Copy, Debug)]
                pub struct $name;
                impl PermissionTag for $name {
                    const PERMISSION: Permission = Permission::$name;
                }
            )*
        }
    };
}

permissions! {
    /// Pages and documents for everybody.
    Public = "public", Rule::Public;
    /// One's own account and the list of one's organizations.
    SignedIn = "account", Rule::SignedIn;
    DeploymentManage = "deployment.manage", Rule::Operator;
    OrganizationRead = "organization.read", Rule::Org(OrgRole::Member);
    OrganizationManage = "organization.manage", Rule::Org(OrgRole::Admin);
    MembersRead = "members.read", Rule::Org(OrgRole::Member);
    MembersManage = "members.manage", Rule::Org(OrgRole::Admin);
    ProjectsRead = "projects.read", Rule::Org(OrgRole::Member);
    ProjectsManage = "projects.manage", Rule::Org(OrgRole::Admin);
    ProvidersRead = "providers.read", Rule::Org(OrgRole::Member);
    ProvidersManage = "providers.manage", Rule::Org(OrgRole::Admin);
    /// Every budget of the organization, to see and to set.
    BudgetsManage = "budgets.manage", Rule::Org(OrgRole::Admin);
    AuditRead = "audit.read", Rule::Org(OrgRole::Admin);
    AdminKeysManage = "admin_keys.manage", Rule::Org(OrgRole::Owner);
    ProjectRead = "project.read", Rule::Project(ProjectRole::Viewer);
    /// Who else may work in the project.
    GrantsManage = "grants.manage", Rule::Project(ProjectRole::Owner);
    UsageRead = "usage.read", Rule::Project(ProjectRole::Viewer);
    KeysRead = "keys.read", Rule::Project(ProjectRole::Viewer);
    KeysManage = "keys.manage", Rule::Project(ProjectRole::Editor);
    /// Stored files and batches of the project, to delete and to cancel.
    ContentManage = "content.manage", Rule::Project(ProjectRole::Editor);
    Inference = "inference", Rule::Inference;
}
