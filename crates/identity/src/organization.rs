//! Organizations.

use domain::{Action, Event, OrgRole, Permission, Result};
use store::{NewOrganization, Organization, Scope, Session};

use crate::{Identity, OrganizationCreators, decide, names};

impl Identity {
    /// Founds an organization; whoever founds it owns it. Without a slug, one is made from the name.
    ///
    /// # Errors
    /// `Forbidden` when only operators may; `Invalid` for name or slug; `Conflict` with code `slug_taken`.
    pub async fn organization_create(
        &self,
        session: &Session,
        name: &str,
        slug: Option<&str>,
    ) -> Result<Organization> {
        self.organization_creation(session)?;
        let (name, slug) = names::named("An organization", name, slug)?;
        let owner = session.user();
        let new = NewOrganization { name: name.clone(), slug, owner };
        let mut write = self.as_self(session).await?.write().await?;
        let organization = write.organization_create(new).await?;
        let event = Event::new(Action::OrganizationCreate)
            .on("organization", organization.id)
            .on_user(owner)
            .fact("role", OrgRole::Owner.as_str())
            .personal("name", name);
        write.commit(event).await?;
        Ok(organization)
    }

    /// Refuses whoever may not found an organization now.
    ///
    /// # Errors
    /// `Forbidden`; with code `second_factor_required` for an operator who did not show one.
    pub fn organization_creation(&self, session: &Session) -> Result<()> {
        let permission = match self.0.config.organization_creators {
            OrganizationCreators::Operators => Permission::DeploymentManage,
            OrganizationCreators::Everybody => Permission::SignedIn,
        };
        decide(session, permission, None)
    }

    /// Whether this person may found organizations, with a second factor where it takes one.
    #[must_use]
    pub fn may_create_organizations(&self, session: &Session) -> bool {
        session.operator() || self.0.config.organization_creators == OrganizationCreators::Everybody
    }

    /// The person's organizations with their role in each, by name.
    pub async fn organizations_list(
        &self,
        session: &Session,
    ) -> Result<Vec<(Organization, OrgRole)>> {
        self.as_self(session).await?.read().await?.organizations_in_reach(session).await
    }

    /// The organization of the scope.
    pub async fn organization(&self, scope: &Scope) -> Result<Organization> {
        decide(scope, Permission::OrganizationRead, None)?;
        self.store().read(scope).await?.organization().await
    }

    /// # Errors
    /// `Invalid` with code `invalid_name`.
    pub async fn organization_rename(&self, scope: &Scope, name: &str) -> Result<()> {
        decide(scope, Permission::OrganizationManage, None)?;
        let name = names::name("An organization", name)?;
        let mut write = self.store().write(scope).await?;
        write.organization_rename(&name).await?;
        let event = Event::new(Action::OrganizationChange)
            .on("organization", scope.org())
            .personal("name", name);
        write.commit(event).await.map(drop)
    }
}
