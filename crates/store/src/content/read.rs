//! Reading what is stored: lists, and the content of a file piece by piece.

use domain::{BatchId, Content, FileId, ProjectId, Result};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect as _};

use super::{
    Spot,
    batch::{self, Batch},
    file::{self, FileFilter, StoredFile},
    key, utf8,
};
use crate::{
    Listed, Page, Read,
    entity::{batch as batch_table, file_chunk as chunk, stored_file as file_table},
    error::from_db,
    tenant,
};

impl Read {
    /// Files of a project that can still be read, newest first unless the filter says otherwise.
    pub async fn files_list(
        &mut self,
        project: ProjectId,
        filter: FileFilter,
        page: &Page,
    ) -> Result<Listed<StoredFile>> {
        let mut select = tenant::select::<file_table::Entity>(self.org())
            .filter(file_table::Column::ProjectId.eq(project.uuid()));
        if let Some(purpose) = filter.purpose {
            select = select.filter(file_table::Column::Purpose.eq(purpose.as_str()));
        }
        let (id, cursor) = (file_table::Column::Id, page.cursor::<FileId>()?);
        select = match (cursor, filter.ascending) {
            (Some(after), true) => select.filter(id.gt(after.uuid())),
            (Some(after), false) => select.filter(id.lt(after.uuid())),
            (None, _) => select,
        };
        select = if filter.ascending { select.order_by_asc(id) } else { select.order_by_desc(id) };
        let rows = select.limit(page.rows() + 1).all(self.tx.on()).await.map_err(from_db)?;
        let rows = Listed::cut(rows, page, |row| FileId::from_uuid(row.id).to_string());
        let mut data = Vec::new();
        for row in rows.data {
            data.extend(self.opened(&row).await?);
        }
        Ok(Listed { data, next: rows.next })
    }

    /// # Errors
    /// `NotFound` when there is no such file in the project, or its key is gone.
    pub async fn file_fetch(&mut self, project: ProjectId, id: FileId) -> Result<StoredFile> {
        let row = tenant::select::<file_table::Entity>(self.org())
            .filter(file_table::Column::Id.eq(id.uuid()))
            .filter(file_table::Column::ProjectId.eq(project.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(file::none)?;
        self.opened(&row).await?.ok_or_else(file::none)
    }

    /// A file whose key still exists.
    async fn opened(&self, row: &file_table::Model) -> Result<Option<StoredFile>> {
        let keyring = self.store.keyring()?;
        let Some(key) = key::find(keyring, &self.tx, self.org(), row.id).await? else {
            return Ok(None);
        };
        let name = vault::open(&key, &Spot::name(row.id).aad(self.org()), &row.name)?;
        StoredFile::of(row, utf8(&name)?).map(Some)
    }

    /// The piece of a file after that number, with its own; none at the end.
    ///
    /// # Errors
    /// `NotFound` when the key is gone meanwhile.
    pub async fn file_piece(
        &mut self,
        id: FileId,
        after: Option<u64>,
    ) -> Result<Option<(u64, Content)>> {
        let org = self.org();
        let key = key::find(self.store.keyring()?, &self.tx, org, id.uuid()).await?;
        let key = key.ok_or_else(file::none)?;
        piece(&self.tx, (org, &key), id, after).await
    }

    /// Batches of a project, newest first.
    pub async fn batches_list(&mut self, project: ProjectId, page: &Page) -> Result<Listed<Batch>> {
        let id = batch_table::Column::Id;
        let mut select = tenant::select::<batch_table::Entity>(self.org())
            .filter(batch_table::Column::ProjectId.eq(project.uuid()))
            .order_by_desc(id);
        if let Some(after) = page.cursor::<BatchId>()? {
            select = select.filter(id.lt(after.uuid()));
        }
        let rows = select.limit(page.rows() + 1).all(self.tx.on()).await.map_err(from_db)?;
        let rows = Listed::cut(rows, page, |row| BatchId::from_uuid(row.id).to_string());
        Ok(Listed { data: self.batches(rows.data).await?, next: rows.next })
    }

    /// # Errors
    /// `NotFound` when there is no such batch in the project.
    pub async fn batch_fetch(&mut self, project: ProjectId, id: BatchId) -> Result<Batch> {
        let row = tenant::select::<batch_table::Entity>(self.org())
            .filter(batch_table::Column::Id.eq(id.uuid()))
            .filter(batch_table::Column::ProjectId.eq(project.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(batch::none)?;
        self.batches(vec![row]).await?.pop().ok_or_else(batch::none)
    }

    /// The project of a file or a batch of the organization, wherever it is.
    async fn batches(&self, rows: Vec<batch_table::Model>) -> Result<Vec<Batch>> {
        let org = self.org();
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        let destroyed = key::destroyed(&self.tx, org, &ids).await?;
        let mut batches = Vec::new();
        for row in rows {
            let gone = destroyed.iter().find(|(id, _)| *id == row.id).map(|(_, at)| *at);
            let metadata = match (&row.metadata, gone) {
                (Some(sealed), None) => {
                    let key = key::find(self.store.keyring()?, &self.tx, org, row.id).await?;
                    let aad = Spot::metadata(row.id);
                    key.map(|key| utf8(&vault::open(&key, &aad.aad(org), sealed)?)).transpose()?
                }
                _ => None,
            };
            batches.push(Batch::of(&row, metadata, gone)?);
        }
        Ok(batches)
    }
}

/// The piece of a file after that number, opened.
pub(super) async fn piece(
    tx: &crate::engine::Tx,
    (org, key): (domain::OrgId, &vault::DataKey),
    id: FileId,
    after: Option<u64>,
) -> Result<Option<(u64, Content)>> {
    let mut select = tenant::select::<chunk::Entity>(org)
        .filter(chunk::Column::FileId.eq(id.uuid()))
        .order_by_asc(chunk::Column::Number);
    if let Some(after) = after {
        select = select.filter(chunk::Column::Number.gt(super::int(after)?));
    }
    let Some(row) = select.one(tx.on()).await.map_err(from_db)? else { return Ok(None) };
    let spot = Spot::chunk(row.file_id, row.number);
    let open = vault::open(key, &spot.aad(org), &row.sealed)?;
    let content = Content::new(bytes::Bytes::copy_from_slice(&open));
    Ok(Some((super::count(row.number), content)))
}
