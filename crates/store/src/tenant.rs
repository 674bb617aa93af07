//! The only ways to reach a row: every statement on a tenant's table gets its organization here.
//!
//! Nothing else in this crate may call `find`, `update_many`, `delete_many` or `insert` on an entity
//! (`tests/tidy.rs` reads the sources).

use domain::{OrgId, Result};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DeleteMany, EntityTrait, QueryFilter, QueryTrait, Select,
    UpdateMany, sea_query::OnConflict,
};

use crate::{engine::Tx, error::from_db};

/// An entity whose rows belong to an organization.
pub(crate) trait Tenant: EntityTrait {
    const ORG: Self::Column;
}

/// An entity of the deployment.
pub(crate) trait Deployed: EntityTrait {}

pub(crate) fn select<E: Tenant>(org: OrgId) -> Select<E> {
    E::find().filter(E::ORG.eq(org.uuid()))
}

pub(crate) fn update<E: Tenant>(org: OrgId) -> UpdateMany<E> {
    E::update_many().filter(E::ORG.eq(org.uuid()))
}

pub(crate) fn delete<E: Tenant>(org: OrgId) -> DeleteMany<E> {
    E::delete_many().filter(E::ORG.eq(org.uuid()))
}

/// Inserts one row, as a row of `org` whatever it says itself.
pub(crate) async fn insert<E: Tenant>(tx: &Tx, org: OrgId, mut row: E::ActiveModel) -> Result<()> {
    row.set(E::ORG, org.uuid().into());
    E::insert(row).exec_without_returning(tx.on()).await.map_err(from_db).map(drop)
}

/// Inserts many rows of `org`; none is fine.
pub(crate) async fn insert_all<E: Tenant>(
    tx: &Tx,
    org: OrgId,
    mut rows: Vec<E::ActiveModel>,
) -> Result<()> {
    for row in &mut rows {
        row.set(E::ORG, org.uuid().into());
    }
    if rows.is_empty() {
        return Ok(());
    }
    E::insert_many(rows).exec_without_returning(tx.on()).await.map_err(from_db).map(drop)
}

/// Inserts the rows of `org` that are not there yet (by primary key); says how many were new.
pub(crate) async fn insert_new<E: Tenant>(
    tx: &Tx,
    org: OrgId,
    mut rows: Vec<E::ActiveModel>,
) -> Result<u64> {
    for row in &mut rows {
        row.set(E::ORG, org.uuid().into());
    }
    if rows.is_empty() {
        return Ok(0);
    }
    let mut insert = E::insert_many(rows);
    insert.query().on_conflict(OnConflict::new().do_nothing().to_owned());
    insert.exec_without_returning(tx.on()).await.map_err(from_db)
}

pub(crate) fn deployed<E: Deployed>() -> Select<E> {
    E::find()
}

pub(crate) fn deployed_update<E: Deployed>() -> UpdateMany<E> {
    E::update_many()
}

pub(crate) fn deployed_delete<E: Deployed>() -> DeleteMany<E> {
    E::delete_many()
}

pub(crate) async fn deployed_insert<E: Deployed>(tx: &Tx, row: E::ActiveModel) -> Result<()> {
    E::insert(row).exec_without_returning(tx.on()).await.map_err(from_db).map(drop)
}

/// Inserts a row of the deployment, or replaces `changed` of the one with the same `key`.
pub(crate) async fn deployed_upsert<E: Deployed>(
    tx: &Tx,
    row: E::ActiveModel,
    key: &[E::Column],
    changed: &[E::Column],
) -> Result<()> {
    let conflict =
        OnConflict::columns(key.iter().copied()).update_columns(changed.iter().copied()).to_owned();
    E::insert(row)
        .on_conflict(conflict)
        .exec_without_returning(tx.on())
        .await
        .map_err(from_db)
        .map(drop)
}
