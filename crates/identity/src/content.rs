//! Whether a project may store files and batches. Off unless an admin switches it on.

use domain::{Action, Event, Permission, ProjectId, Result};
use store::Scope;

use crate::{Identity, decide, health};

impl Identity {
    /// Whether the project may store content.
    ///
    /// # Errors
    /// `NotFound` when there is no such project or the caller may not see it.
    pub async fn content_storage(&self, scope: &Scope, project: ProjectId) -> Result<bool> {
        self.project_fetch(scope, project).await?;
        self.store().read(scope).await?.content_storage(project).await
    }

    /// Lets a project store content, or forbids it: then the keys of everything it stored are destroyed.
    ///
    /// # Errors
    /// `NotFound` when there is no such live project; `Conflict` with code `health_data` where nothing may be stored.
    pub async fn content_storage_set(
        &self,
        scope: &Scope,
        project: ProjectId,
        allowed: bool,
    ) -> Result<()> {
        decide(scope, Permission::ProvidersManage, None)?;
        let mut write = self.store().write(scope).await?;
        if write.project_fetch(project).await?.archived.is_some() {
            return Err(domain::Error::not_found("project"));
        }
        if allowed && health::holds_health_data(&mut write, project).await? {
            return Err(domain::Error::conflict(
                "The rules of this project or its organization say that it may hold health data: nothing of it is stored.",
            )
            .with_code("health_data"));
        }
        let destroyed = write.content_storage_set(project, allowed).await?;
        let event = Event::new(Action::ContentStorageSet)
            .on("project", project)
            .fact("allowed", allowed)
            .fact("keys_destroyed", destroyed);
        write.commit(event).await.map(drop)
    }
}
