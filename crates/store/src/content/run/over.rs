//! The end of a batch.

use domain::{Action, Actor, BatchState, Error, Event, Result, Timestamp};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};

use super::BatchRun;
use crate::{
    audit,
    content::{KEEP, Stage, batch, batch::BatchProblem, due_set},
    engine::Tx,
    entity::{batch as table, stored_file},
    error::from_db,
    tenant,
};

impl BatchRun {
    /// Ends the batch, and says when what it made is forgotten.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be written.
    pub async fn end(&self, state: BatchState, problems: &[BatchProblem]) -> Result<()> {
        let tx = self.store.engine().write(self.org).await?;
        let now = self.store.clock().now();
        let text = serde_json::to_string(problems).map_err(Error::internal)?;
        let change = table::ActiveModel {
            state: Set(state.as_str().to_owned()),
            ended_at: Set(Some(now.as_millis())),
            problems: Set((!problems.is_empty()).then_some(text)),
            ..Default::default()
        };
        if !self.update(&tx, change).await? {
            return Ok(());
        }
        let row = tenant::select::<table::Entity>(self.org)
            .filter(table::Column::Id.eq(self.id.uuid()))
            .one(tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(batch::none)?;
        due_set(&tx, &[self.id.uuid()], Stage::Ended, now.plus(self.keep)).await?;
        for id in row.output_file.into_iter().chain(row.error_file) {
            batch::file_until(&tx, self.org, id, now.plus(self.keep)).await?;
        }
        self.release(&tx, now.plus(KEEP)).await?;
        let event = Event::new(Action::BatchEnd)
            .on("batch", self.id)
            .on("project", self.project)
            .fact("state", state.as_str())
            .fact("total", row.total)
            .fact("completed", row.completed)
            .fact("failed", row.failed);
        audit::append(&self.store, &tx, self.org, Actor::System, event).await?;
        tx.commit().await?;
        audit::appended(&self.store, [self.org]);
        Ok(())
    }

    /// The input is forgotten at `until`, unless somebody said when or another batch reads it.
    async fn release(&self, tx: &Tx, until: Timestamp) -> Result<()> {
        let input = self.input.uuid();
        let needed = tenant::select::<table::Entity>(self.org)
            .filter(table::Column::InputFile.eq(input))
            .filter(table::Column::State.is_in(batch::open()))
            .one(tx.on())
            .await
            .map_err(from_db)?;
        let file = tenant::select::<stored_file::Entity>(self.org)
            .filter(stored_file::Column::Id.eq(input))
            .one(tx.on())
            .await
            .map_err(from_db)?;
        match file {
            Some(file) if !file.fixed && needed.is_none() => {
                batch::file_until(tx, self.org, input, until).await
            }
            _ => Ok(()),
        }
    }
}
