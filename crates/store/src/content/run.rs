//! Working a batch through: which lines were begun, what came of them, how it ended.
//!
//! These are the steps of work that was ordered with an event; only keys and ends have events of their own. A line is
//! noted before it is sent, by its number: nothing here lets it begin twice.

mod over;
mod results;

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{
    BatchEndpoint, BatchId, BatchState, Content, FileId, KeyId, LineState, OrgId, ProjectId,
    RequestId, Result, Timestamp,
};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, QueryFilter, QuerySelect as _,
    sea_query::{Expr, ExprTrait as _},
};
use tokio::sync::Mutex;
use uuid::Uuid;
use vault::DataKey;

use super::{Stage, batch, file, int, key};
use crate::{
    Scope, Store,
    engine::Tx,
    entity::{batch as table, batch_line as line, content_due as due},
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
}
