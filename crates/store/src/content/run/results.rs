//! What came of lines: noted once, and sealed into the file of the batch that it belongs to.

use domain::{Actor, FileId, FilePurpose, LineState, Result};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, QueryFilter,
    sea_query::{Expr, ExprTrait as _},
};
use uuid::Uuid;
use vault::DataKey;

use super::BatchRun;
use crate::{
    audit,
    content::{Spot, Stage, batch, due_insert, file, int, key, key::Whose},
    engine::Tx,
    entity::{batch as table, batch_line as line, file_chunk as chunk, stored_file},
    error::from_db,
    tenant,
};

impl BatchRun {
    /// Notes what came of a line that was begun, and keeps `text`, one line of the output or of the errors. A line that
    /// has its outcome keeps it; once the batch is over, nothing is kept.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be written.
    pub async fn finish(&self, number: u64, state: LineState, text: &[u8]) -> Result<()> {
        let _turn = self.turn.lock().await;
        let tx = self.store.engine().write(self.org).await?;
        let counts = if state == LineState::Answered { (1, 0) } else { (0, 1) };
        if !self.touch(&tx, counts).await? {
            return Ok(());
        }
        let done = tenant::update::<line::Entity>(self.org)
            .filter(line::Column::BatchId.eq(self.id.uuid()))
            .filter(line::Column::Number.eq(int(number)?))
            .filter(line::Column::State.eq(LineState::Sending.as_str()))
            .col_expr(line::Column::State, Expr::value(state.as_str()))
            .col_expr(line::Column::At, Expr::value(self.now()))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
        if done.rows_affected == 0 {
            return Ok(());
        }
        self.keep(&tx, state, (number, 1), text).await?;
        tx.commit().await?;
        audit::appended(&self.store, [self.org]);
        Ok(())
    }

    /// Notes that lines were never begun, and keeps their errors.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be written.
    pub async fn give_up(&self, numbers: &[u64], text: &[u8]) -> Result<()> {
        let Some(first) = numbers.first() else { return Ok(()) };
        let _turn = self.turn.lock().await;
        let tx = self.store.engine().write(self.org).await?;
        let all = int(numbers.len() as u64)?;
        if !self.touch(&tx, (0, all)).await? {
            return Ok(());
        }
        let row = |number: &u64| {
            Ok(line::ActiveModel {
                batch_id: Set(self.id.uuid()),
                number: Set(int(*number)?),
                state: Set(LineState::Failed.as_str().to_owned()),
                request_id: Set(None),
                at: Set(self.now()),
                ..Default::default()
            })
        };
        let rows = numbers.iter().map(row).collect::<Result<Vec<_>>>()?;
        tenant::insert_all::<line::Entity>(&tx, self.org, rows).await?;
        self.keep(&tx, LineState::Failed, (*first, numbers.len() as u64), text).await?;
        tx.commit().await?;
        audit::appended(&self.store, [self.org]);
        Ok(())
    }

    /// Seals lines of results into their file, which is made with its key when it is needed first.
    async fn keep(
        &self,
        tx: &Tx,
        state: LineState,
        (number, lines): (u64, u64),
        text: &[u8],
    ) -> Result<()> {
        let (id, key) = self.results(tx, state == LineState::Answered).await?;
        let spot = Spot::chunk(id, int(number)?);
        let row = chunk::ActiveModel {
            file_id: Set(id),
            number: Set(int(number)?),
            sealed: Set(vault::seal(&key, &spot.aad(self.org), text)?),
            ..Default::default()
        };
        tenant::insert::<chunk::Entity>(tx, self.org, row).await?;
        let add = |column, number: i64| Expr::col(column).add(number);
        tenant::update::<stored_file::Entity>(self.org)
            .filter(stored_file::Column::Id.eq(id))
            .col_expr(
                stored_file::Column::Bytes,
                add(stored_file::Column::Bytes, int(text.len() as u64)?),
            )
            .col_expr(stored_file::Column::Lines, add(stored_file::Column::Lines, int(lines)?))
            .exec(tx.on())
            .await
            .map_err(from_db)
            .map(drop)
    }

    async fn results(&self, tx: &Tx, answered: bool) -> Result<(Uuid, DataKey)> {
        let row = tenant::select::<table::Entity>(self.org)
            .filter(table::Column::Id.eq(self.id.uuid()))
            .one(tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(batch::none)?;
        let known = if answered { row.output_file } else { row.error_file };
        if let Some(id) = known {
            let key = self.key_of(tx, id).await?;
            return key.map(|key| (id, key)).ok_or_else(file::none);
        }
        let (id, key) = self.create_results(tx, answered).await?;
        let change = if answered {
            table::ActiveModel { output_file: Set(Some(id)), ..Default::default() }
        } else {
            table::ActiveModel { error_file: Set(Some(id)), ..Default::default() }
        };
        self.update(tx, change).await?;
        Ok((id, key))
    }

    async fn create_results(&self, tx: &Tx, answered: bool) -> Result<(Uuid, DataKey)> {
        let (org, now) = (self.org, self.store.clock().now());
        let id = FileId::new(now);
        let key = key::create(&self.store, (tx, org), Actor::System, Whose::File(id)).await?;
        let name = format!("{}_{}.jsonl", self.id, if answered { "output" } else { "error" });
        // The latest it can be: the end of the batch moves it.
        let until = self.expires.plus(self.keep);
        let row = stored_file::ActiveModel {
            id: Set(id.uuid()),
            project_id: Set(self.project.uuid()),
            key_id: Set(self.key.uuid()),
            batch_id: Set(Some(self.id.uuid())),
            purpose: Set(FilePurpose::BatchOutput.as_str().to_owned()),
            name: Set(vault::seal(&key, &Spot::name(id.uuid()).aad(org), name.as_bytes())?),
            bytes: Set(0),
            lines: Set(0),
            created_at: Set(now.as_millis()),
            expires_at: Set(until.as_millis()),
            fixed: Set(false),
            ..Default::default()
        };
        tenant::insert::<stored_file::Entity>(tx, org, row).await?;
        due_insert(tx, org, id.uuid(), Stage::File, until).await?;
        Ok((id.uuid(), key))
    }
}
