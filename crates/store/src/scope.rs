//! Authority inside one organization, as a value.

use std::sync::Arc;

use domain::{Actor, KeyId, OrgId, OrgRole, Payer, ProjectId, ProjectRole, SessionId, UserId};

/// Who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    User {
        id: UserId,
        session: SessionId,
    },
    /// A key of a project: model calls.
    ApiKey {
        id: KeyId,
        project: ProjectId,
    },
    /// A key of the organization: the control plane.
    AdminKey {
        id: KeyId,
    },
}

/// Proof that a principal may act in an organization. Only [`crate::Store::enter`] and
/// [`crate::Store::api_key`] make one; cloning it costs a counter.
#[derive(Clone, Debug)]
pub struct Scope(Arc<ScopeParts>);

#[derive(Debug)]
pub(crate) struct ScopeParts {
    pub(crate) org: OrgId,
    pub(crate) slug: String,
    pub(crate) principal: Principal,
    pub(crate) org_role: Option<OrgRole>,
    /// Whether rights that ask a person for a second factor may be used. A key is a factor of its own.
    pub(crate) strong: bool,
    pub(crate) projects: Vec<(ProjectId, ProjectRole)>,
    pub(crate) key_scopes: Vec<String>,
    /// Who made the key.
    pub(crate) key_maker: Option<UserId>,
    pub(crate) requests_per_minute: Option<u32>,
}

impl Scope {
    pub(crate) fn mint(parts: ScopeParts) -> Self {
        Self(Arc::new(parts))
    }

    #[must_use]
    pub fn org(&self) -> OrgId {
        self.0.org
    }

    #[must_use]
    pub fn org_slug(&self) -> &str {
        &self.0.slug
    }

    #[must_use]
    pub fn principal(&self) -> &Principal {
        &self.0.principal
    }

    /// The role in the organization; `None` for keys of a project.
    #[must_use]
    pub fn org_role(&self) -> Option<OrgRole> {
        self.0.org_role
    }

    /// Whether rights that ask for a second factor may be used.
    #[must_use]
    pub fn strong(&self) -> bool {
        self.0.strong
    }

    /// The role in `project`. Admins and owners of the organization own every project in it.
    #[must_use]
    pub fn project_role(&self, project: ProjectId) -> Option<ProjectRole> {
        if self.0.org_role >= Some(OrgRole::Admin) {
            return Some(ProjectRole::Owner);
        }
        self.granted_role(project)
    }

    /// The role that the person was given in `project` itself.
    #[must_use]
    pub fn granted_role(&self, project: ProjectId) -> Option<ProjectRole> {
        self.0.projects.iter().find(|(id, _)| *id == project).map(|(_, role)| *role)
    }

    /// The projects in which the person was given a role.
    #[must_use]
    pub fn granted_projects(&self) -> &[(ProjectId, ProjectRole)] {
        &self.0.projects
    }

    /// The project of an API key.
    #[must_use]
    pub fn project(&self) -> Option<ProjectId> {
        match self.0.principal {
            Principal::ApiKey { project, .. } => Some(project),
            Principal::User { .. } | Principal::AdminKey { .. } => None,
        }
    }

    #[must_use]
    pub fn key(&self) -> Option<KeyId> {
        match self.0.principal {
            Principal::ApiKey { id, .. } | Principal::AdminKey { id } => Some(id),
            Principal::User { .. } => None,
        }
    }

    /// Who pays for what is asked with the API key of a project; `None` for everybody else.
    #[must_use]
    pub fn payer(&self) -> Option<Payer> {
        match self.0.principal {
            Principal::ApiKey { id, project } => {
                Some(Payer { project, user: self.0.key_maker, key: id })
            }
            Principal::User { .. } | Principal::AdminKey { .. } => None,
        }
    }

    /// What the key may do, such as `inference`; empty for people.
    #[must_use]
    pub fn key_scopes(&self) -> &[String] {
        &self.0.key_scopes
    }

    /// The key's own limit.
    #[must_use]
    pub fn requests_per_minute(&self) -> Option<u32> {
        self.0.requests_per_minute
    }

    /// The principal as the audit log names it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        match self.0.principal {
            Principal::User { id, .. } => Actor::User(id),
            Principal::ApiKey { id, .. } => Actor::ApiKey(id),
            Principal::AdminKey { id } => Actor::AdminKey(id),
        }
    }
}
