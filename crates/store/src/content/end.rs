//! Ending content before its time: files are deleted, batches cancelled, whole projects emptied.

use domain::{BatchId, BatchState, ContentEnd, Error, FileId, ProjectId, Result};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, PaginatorTrait as _, QueryFilter, QuerySelect as _,
    sea_query::{Condition, ExprTrait as _},
};
use uuid::Uuid;

use super::{batch, file, key};
use crate::{Write, entity::batch as table, error::from_db, tenant};

impl Write {
    /// Destroys the key of a file of the project; what it sealed goes with the commit.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with code `file_in_use` while a batch reads it or writes to it.
    pub async fn file_delete(&mut self, project: ProjectId, id: FileId) -> Result<()> {
        self.file_fetch(project, id).await?;
        if self.is_in_use(id, None).await? {
            return Err(Error::conflict(
                "A batch that is under way needs this file. Cancel the batch, or wait for its end.",
            )
            .with_code("file_in_use"));
        }
        self.end(&[id.uuid()], ContentEnd::Deleted).await.map(drop)
    }

    /// Whether a batch that is not over, other than `except`, has this file.
    async fn is_in_use(&self, id: FileId, except: Option<BatchId>) -> Result<bool> {
        let file = id.uuid();
        let any = Condition::any()
            .add(table::Column::InputFile.eq(file))
            .add(table::Column::OutputFile.eq(file))
            .add(table::Column::ErrorFile.eq(file));
        let mut select = tenant::select::<table::Entity>(self.org())
            .filter(any)
            .filter(table::Column::State.is_in(batch::open()));
        if let Some(except) = except {
            select = select.filter(table::Column::Id.ne(except.uuid()));
        }
        Ok(select.count(self.tx().on()).await.map_err(from_db)? > 0)
    }

    /// Ends a batch of the project and destroys its key, those of its results and that of its input, unless another
    /// batch needs it.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` with code `batch_over`.
    pub async fn batch_cancel(&mut self, project: ProjectId, id: BatchId) -> Result<()> {
        // First, so that whoever adds a result at the same time comes before this or finds it done.
        if self
            .cancel(
                table::Column::Id.eq(id.uuid()).and(table::Column::ProjectId.eq(project.uuid())),
            )
            .await?
            == 0
        {
            let state = self.batch_fetch(project, id).await?.state;
            return Err(Error::conflict(format!(
                "The batch is {} already.",
                state.as_str().replace('_', " ")
            ))
            .with_code("batch_over"));
        }
        let row = self.batch_fetch(project, id).await?;
        let mut ids = vec![id.uuid()];
        ids.extend(row.output.into_iter().chain(row.errors).map(FileId::uuid));
        if !self.is_in_use(row.input, Some(id)).await? {
            ids.push(row.input.uuid());
        }
        self.end(&ids, ContentEnd::Cancelled).await.map(drop)
    }

    async fn cancel(&mut self, which: sea_orm::sea_query::SimpleExpr) -> Result<u64> {
        let over = table::ActiveModel {
            state: Set(BatchState::Cancelled.as_str().to_owned()),
            ended_at: Set(Some(self.store.clock().now().as_millis())),
            ..Default::default()
        };
        let done = tenant::update::<table::Entity>(self.org())
            .set(over)
            .filter(which)
            .filter(table::Column::State.is_in(batch::open()))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        Ok(done.rows_affected)
    }

    /// Ends everything that a project stored. Says how many keys were destroyed.
    pub(crate) async fn content_end(
        &mut self,
        project: ProjectId,
        reason: ContentEnd,
    ) -> Result<usize> {
        self.cancel(table::Column::ProjectId.eq(project.uuid())).await?;
        let batches: Vec<Uuid> = tenant::select::<table::Entity>(self.org())
            .select_only()
            .column(table::Column::Id)
            .filter(table::Column::ProjectId.eq(project.uuid()))
            .into_tuple()
            .all(self.tx().on())
            .await
            .map_err(from_db)?;
        let mut ids = file::of_project(self, project).await?;
        ids.extend(batches);
        self.end(&ids, reason).await
    }

    async fn end(&mut self, ids: &[Uuid], reason: ContentEnd) -> Result<usize> {
        let actor = self.scope.actor();
        let within = (self.tx(), self.org());
        let ended = key::destroy(&self.store, within, actor, (ids, reason)).await?;
        self.touched.content |= ended > 0;
        Ok(ended)
    }
}
