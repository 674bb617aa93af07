//! Retention: keys are destroyed when their time has come, and what they sealed is removed after them.

use std::sync::atomic::Ordering;

use domain::{Actor, ContentEnd, OrgId, Result};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect as _};
use uuid::Uuid;

use super::{Stage, due_remove, key};
use crate::{
    Store, audit,
    entity::{batch, batch_line, content_due as due, file_chunk, stored_file},
    error::from_db,
    tenant,
};

/// Rows of one look.
const MOST: u64 = 200;

/// Does everything that is due.
pub(crate) async fn sweep(store: &Store) -> Result<()> {
    if store.keyring().is_err() {
        return Ok(());
    }
    loop {
        let rows = waiting(store).await?;
        let all = rows.len() as u64;
        for row in rows {
            let (org, id) = (OrgId::from_uuid(row.org_id), row.id);
            match Stage::parse(&row.stage) {
                Some(Stage::File | Stage::Ended) => destroy(store, org, id).await?,
                Some(Stage::Keyless) => remove_file(store, org, id).await?,
                Some(Stage::Record) => remove_record(store, org, id).await?,
                Some(Stage::Open) | None => {}
            }
        }
        if all == 0 {
            break;
        }
    }
    if store.inner().content.stale.load(Ordering::Acquire) && store.engine().checkpoint().await? {
        store.inner().content.stale.store(false, Ordering::Release);
    }
    Ok(())
}

async fn waiting(store: &Store) -> Result<Vec<due::Model>> {
    let now = store.clock().now().as_millis();
    let tx = store.engine().read(OrgId::DEPLOYMENT).await?;
    tenant::deployed::<due::Entity>()
        .filter(due::Column::DueAt.lte(now))
        .filter(due::Column::Stage.ne(Stage::Open.as_str()))
        .order_by_asc(due::Column::DueAt)
        .limit(MOST)
        .all(tx.on())
        .await
        .map_err(from_db)
}

/// The key goes; its next stage is due at once, or when the record of a batch is.
async fn destroy(store: &Store, org: OrgId, id: Uuid) -> Result<()> {
    let tx = store.engine().write(org).await?;
    let gone = key::destroy(store, (&tx, org), Actor::System, (&[id], ContentEnd::Expired)).await?;
    if gone == 0 {
        // Somebody else did it between the look and now; what has no key at all is due for nothing.
        let known = key::destroyed(&tx, org, &[id]).await?;
        if known.is_empty() {
            due_remove(&tx, id).await?;
        }
    }
    tx.commit().await?;
    audit::appended(store, [org]);
    Ok(())
}

async fn remove_file(store: &Store, org: OrgId, id: Uuid) -> Result<()> {
    let tx = store.engine().write(org).await?;
    tenant::delete::<file_chunk::Entity>(org)
        .filter(file_chunk::Column::FileId.eq(id))
        .exec(tx.on())
        .await
        .map_err(from_db)?;
    tenant::delete::<stored_file::Entity>(org)
        .filter(stored_file::Column::Id.eq(id))
        .exec(tx.on())
        .await
        .map_err(from_db)?;
    key::forget(&tx, org, id).await?;
    due_remove(&tx, id).await?;
    tx.commit().await
}

async fn remove_record(store: &Store, org: OrgId, id: Uuid) -> Result<()> {
    let tx = store.engine().write(org).await?;
    tenant::delete::<batch_line::Entity>(org)
        .filter(batch_line::Column::BatchId.eq(id))
        .exec(tx.on())
        .await
        .map_err(from_db)?;
    tenant::delete::<batch::Entity>(org)
        .filter(batch::Column::Id.eq(id))
        .exec(tx.on())
        .await
        .map_err(from_db)?;
    key::forget(&tx, org, id).await?;
    due_remove(&tx, id).await?;
    tx.commit().await
}
