//! The proof of one receipt: from its row of usage up to the spine's signed head.

use std::collections::BTreeMap;

use domain::{Error, OrgId, ProjectId, RequestId, Result};
use ledger::{
    BatchProof, Hash, LogProof, ReceiptProof,
    tree::{Appender, inclusion_needs, inclusion_proof, leaf_hash},
};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::{
    entity::audit_entry as entry,
    epoch,
    export::{epoch_proof, note_at},
    heads::{count, nodes},
};
use crate::{Read, engine::Tx, entity::usage, error::from_db, settle, tenant};

/// What is known of a request before everything that proves it is there.
fn pending() -> Error {
    Error::conflict("This request is still being recorded. Try again in a few seconds.")
        .with_code("receipt_pending")
}

impl Read {
    /// The project of a request, also of one that is not recorded yet.
    ///
    /// # Errors
    /// `NotFound` when there is no such request in the organization.
    pub async fn request_project(&mut self, request: RequestId) -> Result<ProjectId> {
        if let Some(row) = row(&self.tx, self.org(), request).await? {
            return Ok(ProjectId::from_uuid(row.project_id));
        }
        let waiting = self.store.journal().project_of(self.org(), request);
        waiting.ok_or_else(|| Error::not_found("receipt"))
    }

    /// The receipt with everything that shows it is the one that was recorded, up to the spine's signed head.
    ///
    /// # Errors
    /// `NotFound` when there is no such request in the organization; `Conflict` with code `receipt_pending` while
    /// its row, its entry or the signature over it is not there yet, which takes seconds.
    pub async fn receipt_proof(&mut self, request: RequestId) -> Result<ReceiptProof> {
        let org = self.org();
        let store = self.store.clone();
        let key = &store.inner().audit.opened()?.key;
        let Some(row) = row(&self.tx, org, request).await? else {
            return Err(self.absent(request));
        };
        let Some(event) = event(&self.tx, org, row.event_id).await? else { return Err(pending()) };
        // One query for all heads: they are of the same epoch, and what they lead to never changes.
        let heads = epoch::heads(&self.tx).await?;
        let signed = |org: OrgId| count(heads.get(&org.uuid()).map_or(0, |head| head.epoch_size));
        let (size, spine, index) = (signed(org)?, signed(OrgId::DEPLOYMENT)?, count(event.seq)?);
        if index >= size || spine == 0 {
            return Err(pending());
        }
        let batch = batch(&self.tx, org, &row).await?;
        let path = path(&self.tx, org, index, size).await?;
        let checkpoint = note_at(&self.tx, org, size).await?;
        let epoch = epoch_proof(&self.tx, key, org, &heads, spine).await?;
        Ok(ReceiptProof {
            key: key.verifier(OrgId::DEPLOYMENT)?,
            usage: String::from_utf8(settle::leaf(&row)?).map_err(Error::internal)?,
            receipt: row.receipt,
            batch,
            event: String::from_utf8(event.leaf).map_err(Error::internal)?,
            log: LogProof { index, path, checkpoint },
            epoch,
        })
    }

    /// Why there is no row: the request is on its way to one, or there is none such.
    pub(crate) fn absent(&self, request: RequestId) -> Error {
        match self.store.journal().project_of(self.org(), request) {
            Some(_) => pending(),
            None => Error::not_found("receipt"),
        }
    }
}

async fn row(tx: &Tx, org: OrgId, request: RequestId) -> Result<Option<usage::Model>> {
    tenant::select::<usage::Entity>(org)
        .filter(usage::Column::RequestId.eq(request.uuid()))
        .one(tx.on())
        .await
        .map_err(from_db)
}

/// The entry of a batch; `None` while it waits for its place in the log.
async fn event(tx: &Tx, org: OrgId, id: Uuid) -> Result<Option<entry::Model>> {
    tenant::select::<entry::Entity>(org)
        .filter(entry::Column::EventId.eq(id))
        .one(tx.on())
        .await
        .map_err(from_db)
}

/// The row's place among those that were recorded with it.
async fn batch(tx: &Tx, org: OrgId, row: &usage::Model) -> Result<BatchProof> {
    let rows = tenant::select::<usage::Entity>(org)
        .filter(usage::Column::EventId.eq(row.event_id))
        .order_by_asc(usage::Column::RequestId)
        .all(tx.on())
        .await
        .map_err(from_db)?;
    let index = rows.iter().position(|other| other.request_id == row.request_id);
    let index = index.and_then(|index| u64::try_from(index).ok()).ok_or_else(pending)?;
    let mut tree = Appender::default();
    let mut levels = BTreeMap::new();
    for row in &rows {
        for node in tree.push(leaf_hash(&settle::leaf(row)?)) {
            levels.insert((node.level, node.index), node.hash);
        }
    }
    let path =
        inclusion_proof(index, tree.size(), &mut |level, at| levels.get(&(level, at)).copied());
    Ok(BatchProof { index, size: tree.size(), path: path.map_err(Error::internal)? })
}

/// The path from an entry to the root of its log when that had `size` entries; `tx` is bound to the organization.
pub(super) async fn path(tx: &Tx, org: OrgId, index: u64, size: u64) -> Result<Vec<Hash>> {
    let wanted = inclusion_needs(index, size);
    let found = nodes(tx, org, &wanted).await?;
    let found: BTreeMap<(u8, u64), Hash> =
        wanted.into_iter().zip(found).filter_map(|(at, hash)| Some((at, hash?))).collect();
    inclusion_proof(index, size, &mut |level, at| found.get(&(level, at)).copied())
        .map_err(Error::internal)
}
