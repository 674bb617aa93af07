//! Ordering batches, looking at them, ending them.

use domain::{Action, BatchEndpoint, BatchId, Error, Event, FileId, ProjectId, Result};
use store::{Batch, Listed, NewBatch, Page, Scope};

use super::{files::whose, kept, project_of};
use crate::{Gateway, Inner};

/// A batch as it was asked for.
#[derive(Clone, Debug)]
pub struct BatchOrder {
    pub input: FileId,
    /// A path, such as `/v1/chat/completions`.
    pub endpoint: String,
    /// Always `24h`.
    pub window: String,
    /// A JSON object of texts.
    pub metadata: Option<String>,
    /// How long results are kept once it has ended.
    pub keep_seconds: Option<u64>,
}

impl Gateway {
    /// Orders a batch, which is begun at once.
    ///
    /// # Errors
    /// `Forbidden` with code `storage_off` when the project stores nothing; `NotFound` for the file; `Invalid`.
    pub async fn batch_create(&self, scope: &Scope, order: BatchOrder) -> Result<Batch> {
        self.0.batch_create(scope, order).await
    }

    /// Batches of the key's project, newest first.
    pub async fn batches_list(&self, scope: &Scope, page: &Page) -> Result<Listed<Batch>> {
        let project = project_of(scope)?;
        self.0.store.read(scope).await?.batches_list(project, page).await
    }

    /// # Errors
    /// `NotFound` when the key's project has no such batch.
    pub async fn batch_fetch(&self, scope: &Scope, id: BatchId) -> Result<Batch> {
        let project = project_of(scope)?;
        self.0.store.read(scope).await?.batch_fetch(project, id).await
    }

    /// Ends a batch at once: what is under way is broken off, and the keys of its content are destroyed.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with code `batch_over`.
    pub async fn batch_cancel(
        &self,
        scope: &Scope,
        project: Option<ProjectId>,
        id: BatchId,
    ) -> Result<Batch> {
        let project = whose(scope, project)?;
        let mut write = self.0.store.write(scope).await?;
        write.batch_cancel(project, id).await?;
        write
            .commit(Event::new(Action::BatchCancel).on("batch", id).on("project", project))
            .await?;
        self.0.desk.cancel(id);
        self.0.store.read(scope).await?.batch_fetch(project, id).await
    }
}

impl Inner {
    async fn batch_create(&self, scope: &Scope, order: BatchOrder) -> Result<Batch> {
        let project = self.storing(scope).await?;
        let endpoint = BatchEndpoint::parse(&order.endpoint).ok_or_else(|| {
            Error::invalid(
                "A batch goes to /v1/chat/completions, /v1/responses, /v1/embeddings or /v1/moderations.",
            )
            .with_code("invalid_endpoint")
        })?;
        if order.window != "24h" {
            return Err(Error::invalid("`completion_window` is always `24h`.")
                .with_code("invalid_completion_window"));
        }
        let new = NewBatch {
            project,
            input: order.input,
            endpoint,
            metadata: order.metadata,
            keep: kept(order.keep_seconds)?,
        };
        let mut write = self.store.write(scope).await?;
        let batch = write.batch_create(new).await?;
        let event = store::Write::batch_event(&batch);
        write.commit(event).await?;
        if let Some(orders) = self.desk.orders.get() {
            // Without a worker the next start finds it.
            drop(orders.send(self.store.batch_run(scope, batch.id).await?));
        }
        Ok(batch)
    }
}
