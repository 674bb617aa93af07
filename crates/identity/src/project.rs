//! Projects of an organization.

use domain::{Action, Event, Permission, ProjectId, Result};
use store::{Listed, NewProject, Page, Project, Scope};

use crate::{Identity, decide, names, optional};

impl Identity {
    /// The projects that the caller may see: all for admins, else those they have a role in.
    pub async fn projects_list(&self, scope: &Scope, page: &Page) -> Result<Listed<Project>> {
        decide(scope, Permission::ProjectsRead, None)?;
        let mut read = self.store().read(scope).await?;
        if decide(scope, Permission::ProjectsManage, None).is_ok() {
            return read.projects_list(page).await;
        }
        let mut data = Vec::new();
        for (project, _) in scope.granted_projects() {
            data.extend(optional(read.project_fetch(*project).await)?);
        }
        data.sort_by_key(|project| project.id);
        Ok(Listed { data, next: None })
    }

    /// # Errors
    /// `NotFound` when there is no such project or the caller may not see it.
    pub async fn project_fetch(&self, scope: &Scope, id: ProjectId) -> Result<Project> {
        decide(scope, Permission::ProjectRead, Some(id))?;
        self.store().read(scope).await?.project_fetch(id).await
    }

    /// # Errors
    /// `NotFound` when there is no such project or the caller may not see it.
    pub async fn project_by_slug(&self, scope: &Scope, slug: &str) -> Result<Project> {
        let project = self.store().read(scope).await?.project_by_slug(slug).await?;
        decide(scope, Permission::ProjectRead, Some(project.id))?;
        Ok(project)
    }

    /// Without a slug, one is made from the name.
    ///
    /// # Errors
    /// `Invalid` for name or slug; `Conflict` with code `slug_taken`.
    pub async fn project_create(
        &self,
        scope: &Scope,
        name: &str,
        slug: Option<&str>,
    ) -> Result<Project> {
        decide(scope, Permission::ProjectsManage, None)?;
        let (name, slug) = names::named("A project", name, slug)?;
        let mut write = self.store().write(scope).await?;
        let project = write.project_create(NewProject { name: name.clone(), slug }).await?;
        let event =
            Event::new(Action::ProjectCreate).on("project", project.id).personal("name", name);
        write.commit(event).await?;
        Ok(project)
    }

    /// # Errors
    /// `NotFound`, also for an archived project; `Invalid` with code `invalid_name`.
    pub async fn project_rename(&self, scope: &Scope, id: ProjectId, name: &str) -> Result<()> {
        decide(scope, Permission::ProjectsManage, None)?;
        let name = names::name("A project", name)?;
        let mut write = self.store().write(scope).await?;
        write.project_rename(id, &name).await?;
        let event = Event::new(Action::ProjectChange).on("project", id).personal("name", name);
        write.commit(event).await.map(drop)
    }

    /// Archives a project and revokes its keys; its usage stays.
    ///
    /// # Errors
    /// `NotFound`, also for a project that was archived before.
    pub async fn project_archive(&self, scope: &Scope, id: ProjectId) -> Result<()> {
        decide(scope, Permission::ProjectsManage, None)?;
        let mut write = self.store().write(scope).await?;
        write.project_archive(id).await?;
        write.commit(Event::new(Action::ProjectArchive).on("project", id)).await.map(drop)
    }
}
