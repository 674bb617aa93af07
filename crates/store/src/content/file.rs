//! Stored files: what programs send, and what their batches make.

use std::time::Duration;

use domain::{
    Action, BatchId, Error, Event, FileId, FilePurpose, KeyId, ProjectId, Result, Timestamp,
};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QuerySelect as _};
use uuid::Uuid;

use super::{
    KEEP, Spot, Stage, count, due_insert, int,
    key::{self, Whose},
};
use crate::{
    Write,
    entity::{file_chunk as chunk, stored_file as table},
    error::from_db,
    tenant,
};

/// A file whose key still exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    pub id: FileId,
    pub project: ProjectId,
    /// The API key that stored it, or made the batch it belongs to.
    pub key: KeyId,
    /// The batch that made it.
    pub batch: Option<BatchId>,
    pub purpose: FilePurpose,
    /// As it was called by whoever sent it.
    pub name: String,
    pub bytes: u64,
    pub lines: u64,
    pub created: Timestamp,
    /// When its key is destroyed. While a batch reads it, or writes to it, this is the latest it can be.
    pub expires: Timestamp,
    /// Whether somebody said so; otherwise a batch moves it.
    pub fixed: bool,
}

/// A file to be stored.
pub struct NewFile<'a> {
    pub project: ProjectId,
    pub name: &'a str,
    /// From now on; a day when not given.
    pub keep: Option<Duration>,
    /// The whole content, in pieces of whole lines.
    pub chunks: Vec<&'a [u8]>,
    pub lines: u64,
    /// What all files of the project may have together, in bytes.
    pub most_bytes: u64,
}

/// Which files are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileFilter {
    pub purpose: Option<FilePurpose>,
    /// Oldest first.
    pub ascending: bool,
}

pub(super) fn none() -> Error {
    Error::not_found("file")
}

impl StoredFile {
    pub(super) fn of(row: &table::Model, name: String) -> Result<Self> {
        let purpose = FilePurpose::parse(&row.purpose)
            .ok_or_else(|| Error::internal(format!("unknown purpose {}", row.purpose)))?;
        Ok(Self {
            id: FileId::from_uuid(row.id),
            project: ProjectId::from_uuid(row.project_id),
            key: KeyId::from_uuid(row.key_id),
            batch: row.batch_id.map(BatchId::from_uuid),
            purpose,
            name,
            bytes: count(row.bytes),
            lines: count(row.lines),
            created: Timestamp::from_millis(row.created_at),
            expires: Timestamp::from_millis(row.expires_at),
            fixed: row.fixed,
        })
    }
}

impl Write {
    /// Stores a file under a key of its own.
    ///
    /// # Errors
    /// `Forbidden` for anybody but an API key; `Limited` with code `storage_full` when the project has no room left.
    pub async fn file_create(&mut self, new: NewFile<'_>) -> Result<StoredFile> {
        let (org, now) = (self.org(), self.store.clock().now());
        let by = self
            .scope
            .key()
            .ok_or_else(|| Error::forbidden("Files are stored with a project's key."))?;
        let bytes: u64 = new.chunks.iter().map(|piece| piece.len() as u64).sum();
        if self.stored_bytes(new.project).await?.saturating_add(bytes) > new.most_bytes {
            return Err(Error::limited(
                "The project has no room for this file. Delete some, or wait until their time is over.",
            )
            .with_code("storage_full"));
        }
        let id = FileId::new(now);
        let actor = self.scope.actor();
        let key = key::create(&self.store, (self.tx(), org), actor, Whose::File(id)).await?;
        let row = table::Model {
            org_id: org.uuid(),
            id: id.uuid(),
            project_id: new.project.uuid(),
            key_id: by.uuid(),
            batch_id: None,
            purpose: FilePurpose::Batch.as_str().to_owned(),
            name: vault::seal(&key, &Spot::name(id.uuid()).aad(org), new.name.as_bytes())?,
            bytes: int(bytes)?,
            lines: int(new.lines)?,
            created_at: now.as_millis(),
            expires_at: now.plus(new.keep.unwrap_or(KEEP)).as_millis(),
            fixed: new.keep.is_some(),
        };
        tenant::insert::<table::Entity>(self.tx(), org, row.clone().into()).await?;
        for (number, piece) in (0_i64..).zip(new.chunks) {
            let spot = Spot::chunk(id.uuid(), number);
            let piece = chunk::ActiveModel {
                file_id: Set(id.uuid()),
                number: Set(number),
                sealed: Set(vault::seal(&key, &spot.aad(org), piece)?),
                ..Default::default()
            };
            tenant::insert::<chunk::Entity>(self.tx(), org, piece).await?;
        }
        let file = StoredFile::of(&row, new.name.to_owned())?;
        due_insert(self.tx(), org, id.uuid(), Stage::File, file.expires).await?;
        Ok(file)
    }

    async fn stored_bytes(&self, project: ProjectId) -> Result<u64> {
        let all: Vec<i64> = tenant::select::<table::Entity>(self.org())
            .select_only()
            .column(table::Column::Bytes)
            .filter(table::Column::ProjectId.eq(project.uuid()))
            .into_tuple()
            .all(self.tx().on())
            .await
            .map_err(from_db)?;
        Ok(all.into_iter().map(count).sum())
    }

    /// The event of a file that was stored: no name, no content.
    #[must_use]
    pub fn file_event(file: &StoredFile) -> Event {
        Event::new(Action::FileCreate)
            .on("file", file.id)
            .on("project", file.project)
            .fact("bytes", file.bytes)
            .fact("expires", file.expires.as_millis())
    }
}

/// Ids of all files of a project.
pub(super) async fn of_project(write: &Write, project: ProjectId) -> Result<Vec<Uuid>> {
    tenant::select::<table::Entity>(write.org())
        .select_only()
        .column(table::Column::Id)
        .filter(table::Column::ProjectId.eq(project.uuid()))
        .into_tuple()
        .all(write.tx().on())
        .await
        .map_err(from_db)
}
