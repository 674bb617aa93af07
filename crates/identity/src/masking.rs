//! What becomes of personal data in requests: the organization's setting, and what projects strengthen.

use domain::{Action, Event, Masking, Permission, ProjectId, Result};
use store::Scope;

use crate::{Identity, decide};

impl Identity {
    /// The setting of the organization, or of a project by itself.
    ///
    /// # Errors
    /// `NotFound` when there is no such project or the caller may not see it.
    pub async fn masking(&self, scope: &Scope, project: Option<ProjectId>) -> Result<Masking> {
        self.masking_readable(scope, project).await?;
        let setting = self.store().read(scope).await?.masking(project).await?;
        Ok(setting.unwrap_or_default())
    }

    /// What holds: a project's setting together with its organization's.
    ///
    /// # Errors
    /// As for [`Identity::masking`].
    pub async fn masking_in_force(
        &self,
        scope: &Scope,
        project: Option<ProjectId>,
    ) -> Result<Masking> {
        self.masking_readable(scope, project).await?;
        let mut read = self.store().read(scope).await?;
        let whole = read.masking(None).await?.unwrap_or_default();
        let Some(project) = project else { return Ok(whole) };
        let own = read.masking(Some(project)).await?.unwrap_or_default();
        Ok(whole.strengthened(&own))
    }

    async fn masking_readable(&self, scope: &Scope, project: Option<ProjectId>) -> Result<()> {
        match project {
            Some(project) => self.project_fetch(scope, project).await.map(drop),
            None => decide(scope, Permission::ProvidersRead, None),
        }
    }

    /// Puts a setting in place of the one that was. A project's can only strengthen its organization's.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_kind` as [`Masking::checked`] says; `NotFound` for the project.
    pub async fn masking_set(
        &self,
        scope: &Scope,
        project: Option<ProjectId>,
        setting: Masking,
    ) -> Result<Masking> {
        decide(scope, Permission::ProvidersManage, None)?;
        let setting = setting.checked()?;
        let mut write = self.store().write(scope).await?;
        let mut event = Event::new(Action::MaskingSet);
        if let Some(project) = project {
            write.project_fetch(project).await?;
            event = event.on("project", project);
        }
        let set = Some(&setting).filter(|setting| **setting != Masking::default());
        write.masking_set(project, set).await?;
        let except: Vec<_> = setting.except.iter().cloned().collect();
        event = event.fact("mode", setting.mode.as_str()).fact("names", setting.names);
        write.commit(event.fact("except", except)).await?;
        Ok(setting)
    }
}
