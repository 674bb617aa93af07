//! Batches: what was ordered, how far it is, when its content goes.

use std::time::Duration;

use domain::{
    Action, BatchEndpoint, BatchId, BatchState, Error, Event, FileId, FilePurpose, KeyId,
    ProjectId, Result, Timestamp,
};
use sea_orm::{ColumnTrait, PaginatorTrait as _, QueryFilter, sea_query::Expr};
use serde::{Deserialize, Serialize};

use super::{
    KEEP, Spot, Stage, WINDOW, count, due_insert, due_set,
    key::{self, Whose},
    millis,
};
use crate::{
    Write,
    entity::{batch as table, stored_file as file_table},
    error::from_db,
    tenant,
};

/// Batches of one project that are not over.
const MOST_OPEN: u64 = 100;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub id: BatchId,
    pub project: ProjectId,
    /// The API key whose rights, limits and budgets its requests have.
    pub key: KeyId,
    pub input: FileId,
    /// Absent while nothing was answered.
    pub output: Option<FileId>,
    /// Absent while nothing went wrong.
    pub errors: Option<FileId>,
    pub endpoint: BatchEndpoint,
    pub state: BatchState,
    /// A JSON object of the client's; absent once the key is gone.
    pub metadata: Option<String>,
    /// Why it failed.
    pub problems: Vec<BatchProblem>,
    pub total: u64,
    pub completed: u64,
    pub failed: u64,
    pub created: Timestamp,
    pub started: Option<Timestamp>,
    pub finalizing: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    /// What is not done by then is not done.
    pub expires: Timestamp,
    /// How long its results are kept once it has ended.
    pub keep: Duration,
    /// When its key was destroyed.
    pub destroyed: Option<Timestamp>,
}

impl Batch {
    /// When its key is destroyed, as far as that is known.
    #[must_use]
    pub fn key_until(&self) -> Option<Timestamp> {
        self.ended.map(|ended| ended.plus(self.keep))
    }
}

/// Why a batch cannot be worked through. Never holds a value of its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchProblem {
    pub code: String,
    pub message: String,
    pub param: Option<String>,
    /// From 1 on.
    pub line: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct NewBatch {
    pub project: ProjectId,
    pub input: FileId,
    pub endpoint: BatchEndpoint,
    /// A JSON object.
    pub metadata: Option<String>,
    /// How long results are kept once it has ended; a day when not given.
    pub keep: Option<Duration>,
}

pub(super) fn none() -> Error {
    Error::not_found("batch")
}

impl Batch {
    pub(super) fn of(
        row: &table::Model,
        metadata: Option<String>,
        destroyed: Option<i64>,
    ) -> Result<Self> {
        let at = |millis: Option<i64>| millis.map(Timestamp::from_millis);
        let unknown = |text: &str| Error::internal(format!("unknown word {text}"));
        let problems = row.problems.as_deref().map(serde_json::from_str).transpose();
        Ok(Self {
            id: BatchId::from_uuid(row.id),
            project: ProjectId::from_uuid(row.project_id),
            key: KeyId::from_uuid(row.key_id),
            input: FileId::from_uuid(row.input_file),
            output: row.output_file.map(FileId::from_uuid),
            errors: row.error_file.map(FileId::from_uuid),
            endpoint: BatchEndpoint::parse(&row.endpoint).ok_or_else(|| unknown(&row.endpoint))?,
            state: BatchState::parse(&row.state).ok_or_else(|| unknown(&row.state))?,
            metadata,
            problems: problems.map_err(Error::internal)?.unwrap_or_default(),
            total: count(row.total),
            completed: count(row.completed),
            failed: count(row.failed),
            created: Timestamp::from_millis(row.created_at),
            started: at(row.started_at),
            finalizing: at(row.finalizing_at),
            ended: at(row.ended_at),
            expires: Timestamp::from_millis(row.expires_at),
            keep: Duration::from_millis(count(row.keep_ms)),
            destroyed: at(destroyed),
        })
    }
}

/// The states in which something may still happen.
pub(super) fn open() -> impl Iterator<Item = &'static str> {
    BatchState::ALL.iter().filter(|state| state.is_open()).map(|state| state.as_str())
}

impl Write {
    /// Orders a batch under a key of its own.
    ///
    /// # Errors
    /// `NotFound` when the project has no such file, `Invalid` with code `wrong_purpose` when it is a batch's result,
    /// `Limited` with code `too_many_batches`.
    pub async fn batch_create(&mut self, new: NewBatch) -> Result<Batch> {
        let (org, now) = (self.org(), self.store.clock().now());
        let by = self
            .scope
            .key()
            .ok_or_else(|| Error::forbidden("Batches are made with a project's key."))?;
        let input = self.file_fetch(new.project, new.input).await?;
        if input.purpose != FilePurpose::Batch {
            return Err(
                Error::invalid("This file is not one of requests.").with_code("wrong_purpose")
            );
        }
        let running = tenant::select::<table::Entity>(org)
            .filter(table::Column::ProjectId.eq(new.project.uuid()))
            .filter(table::Column::State.is_in(open()))
            .count(self.tx().on())
            .await
            .map_err(from_db)?;
        if running >= MOST_OPEN {
            return Err(Error::limited(
                "The project has 100 batches under way. Wait until one is done.",
            )
            .with_code("too_many_batches"));
        }
        let (id, actor) = (BatchId::new(now), self.scope.actor());
        let key = key::create(&self.store, (self.tx(), org), actor, Whose::Batch(id)).await?;
        let spot = Spot::metadata(id.uuid());
        let sealed = new.metadata.as_deref();
        let sealed = sealed.map(|text| vault::seal(&key, &spot.aad(org), text.as_bytes()));
        let expires = now.plus(WINDOW);
        let row = table::Model {
            org_id: org.uuid(),
            id: id.uuid(),
            project_id: new.project.uuid(),
            key_id: by.uuid(),
            input_file: new.input.uuid(),
            output_file: None,
            error_file: None,
            endpoint: new.endpoint.as_str().to_owned(),
            state: BatchState::Validating.as_str().to_owned(),
            metadata: sealed.transpose()?,
            problems: None,
            total: 0,
            completed: 0,
            failed: 0,
            created_at: now.as_millis(),
            started_at: None,
            finalizing_at: None,
            ended_at: None,
            expires_at: expires.as_millis(),
            keep_ms: millis(new.keep.unwrap_or(KEEP)),
        };
        tenant::insert::<table::Entity>(self.tx(), org, row.clone().into()).await?;
        due_insert(self.tx(), org, id.uuid(), Stage::Open, expires).await?;
        if !input.fixed {
            self.file_until(new.input, expires.plus(KEEP)).await?;
        }
        Batch::of(&row, new.metadata, None)
    }

    /// Moves the end of a file.
    async fn file_until(&mut self, id: FileId, at: Timestamp) -> Result<()> {
        file_until(self.tx(), self.org(), id.uuid(), at).await
    }

    /// The event of a batch that was ordered: no content.
    #[must_use]
    pub fn batch_event(batch: &Batch) -> Event {
        Event::new(Action::BatchCreate)
            .on("batch", batch.id)
            .on("project", batch.project)
            .fact("endpoint", batch.endpoint.as_str())
            .fact("input", batch.input.to_string())
            .fact("keep_seconds", batch.keep.as_secs())
    }
}

pub(super) async fn file_until(
    tx: &crate::engine::Tx,
    org: domain::OrgId,
    id: uuid::Uuid,
    at: Timestamp,
) -> Result<()> {
    let done = tenant::update::<file_table::Entity>(org)
        .filter(file_table::Column::Id.eq(id))
        .col_expr(file_table::Column::ExpiresAt, Expr::value(at.as_millis()))
        .exec(tx.on())
        .await
        .map_err(from_db)?;
    if done.rows_affected == 0 { Ok(()) } else { due_set(tx, &[id], Stage::File, at).await }
}
