//! Usage beside a provider's own export of it. Nothing of the file is kept: the log says that it was compared, and how
//! many lines were the same.

use domain::{
    Action, Error, Event, Permission, ProjectId, Protocol, Result,
    export::{Cached, Export, Reading},
    reconcile::{Reconciliation, Verdict, reconcile},
};
use store::{ProviderRecord, Scope, UsageFilter};

use crate::{Identity, decide};

impl Identity {
    /// Compares an export with what was recorded: of one provider by its id, or of all that were ever added of one
    /// entry of the catalogue, such as `openai`.
    ///
    /// # Errors
    /// `NotFound` for the provider, as for one that was never added; what [`Export::read`] says.
    pub async fn usage_reconcile(
        &self,
        scope: &Scope,
        project: Option<ProjectId>,
        provider: &str,
        mut reading: Reading,
        file: impl AsRef<[u8]> + Send + 'static,
    ) -> Result<Reconciliation> {
        decide(scope, Permission::UsageRead, project)?;
        let meant = self.meant(scope, provider).await?;
        reading.usual = usual(&meant);
        let task = tokio::task::spawn_blocking(move || Export::read(file.as_ref(), &reading));
        let export = task.await.map_err(Error::internal)??;
        let days = export.counts.keys().map(|(day, _)| *day);
        let (from, until) = (days.clone().min(), days.max());
        let filter = UsageFilter {
            project,
            from: from.map(domain::export::Day::start),
            until: until.map(|day| day.next().start()),
            ..UsageFilter::default()
        };
        let ids: Vec<_> = meant.iter().map(|one| one.id).collect();
        let own = self.store().read(scope).await?.usage_daily(&filter, &ids).await?;
        let result = reconcile(export, own);
        let mut event = Event::new(Action::UsageReconcile)
            .fact("from", result.from.iso())
            .fact("until", result.until.iso())
            .fact("rows", result.rows);
        for (verdict, name) in [
            (Verdict::Same, "same"),
            (Verdict::Differs, "differs"),
            (Verdict::OnlyOurs, "only_ours"),
            (Verdict::OnlyTheirs, "only_theirs"),
        ] {
            event = event.fact(name, result.count(verdict));
        }
        for id in ids {
            event = event.on("provider", id);
        }
        if let Some(project) = project {
            event = event.on("project", project);
        }
        self.store().write(scope).await?.commit(event).await?;
        Ok(result)
    }

    async fn meant(&self, scope: &Scope, named: &str) -> Result<Vec<ProviderRecord>> {
        let all = self.store().read(scope).await?.provider_records().await?;
        let meant: Vec<_> = all
            .into_iter()
            .filter(|one| one.id.to_string() == named || one.catalog == named)
            .collect();
        if meant.is_empty() { Err(Error::not_found("provider")) } else { Ok(meant) }
    }
}

/// How these providers count cached tokens.
fn usual(providers: &[ProviderRecord]) -> Cached {
    match providers.first().map(|one| one.protocol) {
        Some(Protocol::Anthropic | Protocol::Bedrock) => Cached::Apart,
        _ => Cached::Included,
    }
}
