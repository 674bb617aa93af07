//! Members of an organization and their grants in its projects.

use domain::{Action, Error, Event, OrgRole, Permission, ProjectId, ProjectRole, Result, UserId};
use store::{Grant, Listed, Member, Page, Principal, Scope};

use crate::{Identity, decide};

/// Nobody gives or takes a role above their own.
///
/// # Errors
/// `Forbidden` with code `role_above_own`.
pub(crate) fn holds(scope: &Scope, role: OrgRole) -> Result<()> {
    if scope.org_role() >= Some(role) {
        return Ok(());
    }
    Err(Error::forbidden("Only an owner may do this to an owner.").with_code("role_above_own"))
}

/// Whether the caller is this person.
pub(crate) fn is_self(scope: &Scope, person: UserId) -> bool {
    matches!(scope.principal(), Principal::User { id, .. } if *id == person)
}

impl Identity {
    pub async fn members_list(&self, scope: &Scope, page: &Page) -> Result<Listed<Member>> {
        decide(scope, Permission::MembersRead, None)?;
        self.store().read(scope).await?.members_list(page).await
    }

    /// # Errors
    /// `NotFound` when the person is not a member.
    pub async fn member_fetch(&self, scope: &Scope, person: UserId) -> Result<Member> {
        decide(scope, Permission::MembersRead, None)?;
        self.store().read(scope).await?.member_fetch(person).await
    }

    /// # Errors
    /// `Conflict` with code `last_owner`; `Forbidden` with code `role_above_own`; `NotFound`.
    pub async fn member_role_change(
        &self,
        scope: &Scope,
        person: UserId,
        role: OrgRole,
    ) -> Result<()> {
        decide(scope, Permission::MembersManage, None)?;
        holds(scope, role)?;
        let mut write = self.store().write(scope).await?;
        let before = write.member_fetch(person).await?.role;
        holds(scope, before)?;
        if before == role {
            return Ok(());
        }
        write.member_role_set(person, role).await?;
        let event = Event::new(Action::MemberRoleChange)
            .on_user(person)
            .fact("from", before.as_str())
            .fact("to", role.as_str());
        write.commit(event).await.map(drop)
    }

    /// Removes a member with all their grants. Everybody may leave by themselves.
    ///
    /// # Errors
    /// `Conflict` with code `last_owner`; `Forbidden` with code `role_above_own`; `NotFound`.
    pub async fn member_remove(&self, scope: &Scope, person: UserId) -> Result<()> {
        let leaving = is_self(scope, person);
        let needed = if leaving { Permission::OrganizationRead } else { Permission::MembersManage };
        decide(scope, needed, None)?;
        let mut write = self.store().write(scope).await?;
        let role = write.member_fetch(person).await?.role;
        holds(scope, role)?;
        write.member_remove(person).await?;
        let event = Event::new(Action::MemberRemove)
            .on_user(person)
            .fact("role", role.as_str())
            .fact("by_themselves", leaving);
        write.commit(event).await.map(drop)
    }

    /// Who has which role in a project by a grant; admins and owners have every project anyway.
    pub async fn grants_list(&self, scope: &Scope, project: ProjectId) -> Result<Vec<Grant>> {
        decide(scope, Permission::ProjectRead, Some(project))?;
        let mut read = self.store().read(scope).await?;
        read.project_fetch(project).await?;
        read.grants_of_project(project).await
    }

    /// The grants of one member.
    pub async fn member_grants(&self, scope: &Scope, person: UserId) -> Result<Vec<Grant>> {
        let needed = if is_self(scope, person) {
            Permission::MembersRead
        } else {
            Permission::MembersManage
        };
        decide(scope, needed, None)?;
        let mut read = self.store().read(scope).await?;
        read.member_fetch(person).await?;
        read.grants_of_member(person).await
    }

    /// Gives a member a role in a project, in place of the one they had.
    ///
    /// # Errors
    /// `NotFound` when the project or the member is not of this organization.
    pub async fn grant_set(
        &self,
        scope: &Scope,
        person: UserId,
        project: ProjectId,
        role: ProjectRole,
    ) -> Result<Grant> {
        decide(scope, Permission::GrantsManage, Some(project))?;
        let mut write = self.store().write(scope).await?;
        write.project_fetch(project).await?;
        write.member_fetch(person).await?;
        let grant = write.grant_set(person, project, role).await?;
        let event = Event::new(Action::GrantCreate)
            .on("project", project)
            .on("grant", grant.id)
            .on_user(person)
            .fact("role", role.as_str());
        write.commit(event).await?;
        Ok(grant)
    }

    /// # Errors
    /// `NotFound` when there is no such grant.
    pub async fn grant_remove(
        &self,
        scope: &Scope,
        person: UserId,
        project: ProjectId,
    ) -> Result<()> {
        decide(scope, Permission::GrantsManage, Some(project))?;
        let mut write = self.store().write(scope).await?;
        write.grant_remove(person, project).await?;
        let event = Event::new(Action::GrantRevoke).on("project", project).on_user(person);
        write.commit(event).await.map(drop)
    }
}
