//! Working a batch through: which lines were begun, what came of them, how it ended.
//!
//! These are the steps of work that was ordered with an event; only keys and ends have events of their own. A line is
//! noted before it is sent, by its number: nothing here lets it begin twice.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{
    Action, Actor, BatchEndpoint, BatchId, BatchState, Content, Error, Event, FileId, FilePurpose,
    KeyId, LineState, OrgId, ProjectId, RequestId, Result, Timestamp,
};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, QueryFilter, QuerySelect as _,
    sea_query::{Expr, ExprTrait as _},
};
use tokio::sync::Mutex;
use uuid::Uuid;
use vault::DataKey;

use super::{
    KEEP, Spot, Stage, batch, batch::BatchProblem, due_insert, due_set, file, int,
    key::{self, Whose},
};
use crate::{
    Scope, Store, audit,
    engine::Tx,
    entity::{
        batch as table, batch_line as line, content_due as due, file_chunk as chunk, stored_file,
    },
    error::from_db,
    tenant,
};

/// The work on one batch. Only the store makes one: for a batch that was just ordered, or that a start found open.
#[derive(Clone)]
pub struct BatchRun {
    store: Store,
    org: OrgId,
    project: ProjectId,
    key: KeyId,
    keep: Duration,
    /// Results are written one after another.
    turn: Arc<Mutex<()>>,
    pub id: BatchId,
    pub input: FileId,
    pub endpoint: BatchEndpoint,
    pub state: BatchState,
    pub total: u64,
    pub expires: Timestamp,
}

impl Store {
    /// Every batch that is not over, of whatever organization: for the worker, at its start.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn batches_open(&self) -> Result<Vec<BatchRun>> {
        let tx = self.engine().read(OrgId::DEPLOYMENT).await?;
        let rows = tenant::deployed::<due::Entity>()
            .filter(due::Column::Stage.eq(Stage::Open.as_str()))
            .all(tx.on())
            .await
            .map_err(from_db)?;
        drop(tx);
        let mut runs = Vec::new();
        for row in rows {
            let org = OrgId::from_uuid(row.org_id);
            runs.extend(self.run_of(org, row.id).await?);
        }
        Ok(runs)
    }

    /// The work on a batch of the scope's organization that is not over.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn batch_run(&self, scope: &Scope, id: BatchId) -> Result<BatchRun> {
        self.run_of(scope.org(), id.uuid()).await?.ok_or_else(batch::none)
    }

    async fn run_of(&self, org: OrgId, id: Uuid) -> Result<Option<BatchRun>> {
        let tx = self.engine().read(org).await?;
        let row = tenant::select::<table::Entity>(org)
            .filter(table::Column::Id.eq(id))
            .filter(table::Column::State.is_in(batch::open()))
            .one(tx.on())
            .await
            .map_err(from_db)?;
        let Some(row) = row else { return Ok(None) };
        let batch = batch::Batch::of(&row, None, None)?;
        Ok(Some(BatchRun {
            store: self.clone(),
            org,
            project: batch.project,
            key: batch.key,
            keep: batch.keep,
            turn: Arc::default(),
            id: batch.id,
            input: batch.input,
            endpoint: batch.endpoint,
            state: batch.state,
            total: batch.total,
            expires: batch.expires,
        }))
    }
}

impl BatchRun {
    /// The rights of the key that ordered it, as they are now.
    ///
    /// # Errors
    /// `Unauthenticated` when the key was revoked or has expired.
    pub fn scope(&self) -> Result<Scope> {
        self.store.scope_of_key(self.org, self.key)
    }

    /// The project it belongs to.
    #[must_use]
    pub const fn project(&self) -> ProjectId {
        self.project
    }

    /// The same as it is now; none when it is over.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn again(&self) -> Result<Option<Self>> {
        self.store.run_of(self.org, self.id.uuid()).await
    }

    /// The piece of the input after that number, with its own; none at the end.
    ///
    /// # Errors
    /// `NotFound` when its key is gone.
    pub async fn piece(&self, after: Option<u64>) -> Result<Option<(u64, Content)>> {
        let tx = self.store.engine().read(self.org).await?;
        let key = self.key_of(&tx, self.input.uuid()).await?.ok_or_else(file::none)?;
        super::read::piece(&tx, (self.org, &key), self.input, after).await
    }

    async fn key_of(&self, tx: &Tx, id: Uuid) -> Result<Option<DataKey>> {
        key::find(self.store.keyring()?, tx, self.org, id).await
    }

    /// The lines that were begun.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn lines(&self) -> Result<HashMap<u64, LineState>> {
        let tx = self.store.engine().read(self.org).await?;
        let rows: Vec<(i64, String)> = tenant::select::<line::Entity>(self.org)
            .select_only()
            .column(line::Column::Number)
            .column(line::Column::State)
            .filter(line::Column::BatchId.eq(self.id.uuid()))
            .into_tuple()
            .all(tx.on())
            .await
            .map_err(from_db)?;
        let known = |(number, state): (i64, String)| {
            Some((u64::try_from(number).ok()?, LineState::parse(&state)?))
        };
        Ok(rows.into_iter().filter_map(known).collect())
    }

    /// Its file was read and holds so many requests. `false` when it is over meanwhile.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn begin(&self, total: u64) -> Result<bool> {
        let change = table::ActiveModel {
            state: Set(BatchState::InProgress.as_str().to_owned()),
            started_at: Set(Some(self.now())),
            total: Set(int(total)?),
            ..Default::default()
        };
        self.change(change).await
    }

    /// Every line was begun.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn finalize(&self) -> Result<bool> {
        let change = table::ActiveModel {
            state: Set(BatchState::Finalizing.as_str().to_owned()),
            finalizing_at: Set(Some(self.now())),
            ..Default::default()
        };
        self.change(change).await
    }

    async fn change(&self, change: table::ActiveModel) -> Result<bool> {
        let tx = self.store.engine().write(self.org).await?;
        let done = self.update(&tx, change).await?;
        tx.commit().await?;
        Ok(done)
    }

    async fn update(&self, tx: &Tx, change: table::ActiveModel) -> Result<bool> {
        let done = tenant::update::<table::Entity>(self.org)
            .set(change)
            .filter(table::Column::Id.eq(self.id.uuid()))
            .filter(table::Column::State.is_in(batch::open()))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
        Ok(done.rows_affected > 0)
    }

    fn now(&self) -> i64 {
        self.store.clock().now().as_millis()
    }

    /// Notes that a line is about to be sent, on the disk before this returns. `false` when it must not be: it was
    /// begun before, or the batch is over.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be written: then nothing may be sent.
    pub async fn intend(&self, number: u64, request: RequestId) -> Result<bool> {
        let tx = self.store.engine().write(self.org).await?;
        // The row is locked until the end of the transaction: whoever cancels comes before or after.
        if !self.touch(&tx, (0, 0)).await? {
            return Ok(false);
        }
        let row = line::ActiveModel {
            org_id: Set(self.org.uuid()),
            batch_id: Set(self.id.uuid()),
            number: Set(int(number)?),
            state: Set(LineState::Sending.as_str().to_owned()),
            request_id: Set(Some(request.uuid())),
            at: Set(self.now()),
        };
        let new = tenant::insert_new::<line::Entity>(&tx, self.org, vec![row]).await?;
        tx.commit().await?;
        Ok(new == 1)
    }

    /// Nothing was sent after all: the line may begin again.
    ///
    /// # Errors
    /// `Unavailable` when it cannot be written.
    pub async fn withdraw(&self, number: u64) -> Result<()> {
        let tx = self.store.engine().write(self.org).await?;
        tenant::delete::<line::Entity>(self.org)
            .filter(line::Column::BatchId.eq(self.id.uuid()))
            .filter(line::Column::Number.eq(int(number)?))
            .filter(line::Column::State.eq(LineState::Sending.as_str()))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
        tx.commit().await
    }

    /// Adds to the counts. `false` when the batch is over.
    async fn touch(&self, tx: &Tx, (completed, failed): (i64, i64)) -> Result<bool> {
        let add = |column, number: i64| Expr::col(column).add(number);
        let done = tenant::update::<table::Entity>(self.org)
            .filter(table::Column::Id.eq(self.id.uuid()))
            .filter(table::Column::State.is_in(batch::open()))
            .col_expr(table::Column::Completed, add(table::Column::Completed, completed))
            .col_expr(table::Column::Failed, add(table::Column::Failed, failed))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
        Ok(done.rows_affected > 0)
    }

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
