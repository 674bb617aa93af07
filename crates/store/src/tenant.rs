//! The only ways to reach a row: every statement on a tenant's table gets its organization here.
//!
//! Nothing else in this crate may call `find`, `update_many`, `delete_many` or `insert` on an entity
//! (`tests/tidy.rs` reads the sources).

use std::fmt::Write as _;

use domain::{Error, OrgId, Result};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait as _, DbBackend, DeleteMany, EntityTrait,
    IdenStatic as _, IntoActiveModel, Iterable as _, QueryFilter, QueryTrait, Select, Statement,
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

/// Rows of one statement. Its text is the same for every full one, so that the engine prepares it once.
const ROWS: usize = 100;

/// Inserts many whole rows of `org`. Where [`insert_all`] builds a statement value by value, this one is text that
/// depends on the table and the number of rows only.
pub(crate) async fn insert_rows<E>(tx: &Tx, org: OrgId, rows: Vec<E::Model>) -> Result<()>
where
    E: Tenant,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    let columns: Vec<E::Column> = E::Column::iter().collect();
    let backend = tx.on().get_database_backend();
    let whole = insert_text::<E>(backend, &columns, ROWS.min(rows.len()));
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let size = ROWS.min(rows.len());
        let text = match size {
            ROWS => whole.clone(),
            fewer => insert_text::<E>(backend, &columns, fewer),
        };
        let mut values = Vec::with_capacity(size * columns.len());
        for row in rows.by_ref().take(size) {
            // Moved, not copied: a row of `usage` holds its receipt.
            let mut row = row.into_active_model();
            row.set(E::ORG, org.uuid().into());
            for column in &columns {
                values.push(row.take(*column).into_value().ok_or_else(incomplete)?);
            }
        }
        let statement = Statement::from_sql_and_values(backend, text, values);
        tx.on().execute_raw(statement).await.map_err(from_db)?;
    }
    Ok(())
}

fn incomplete() -> Error {
    Error::internal("a row without one of its columns")
}

/// `insert into "t" ("a", "b") values (?, ?), (?, ?)`.
fn insert_text<E: Tenant>(backend: DbBackend, columns: &[E::Column], rows: usize) -> String {
    let names: Vec<String> =
        columns.iter().map(|column| format!("\"{}\"", column.as_str())).collect();
    let table = E::default();
    let mut text = format!("insert into \"{}\" ({}) values ", table.table_name(), names.join(", "));
    let mut number = 0_usize;
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for at in 0..columns.len() {
            number += 1;
            text.push_str(if at == 0 { "" } else { ", " });
            match backend {
                DbBackend::Postgres => drop(write!(text, "${number}")),
                _ => text.push('?'),
            }
        }
        text.push(')');
    }
    text
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

/// Inserts a row of `org`, or replaces `changed` of the one with the same `key`.
pub(crate) async fn upsert<E: Tenant>(
    tx: &Tx,
    org: OrgId,
    mut row: E::ActiveModel,
    key: &[E::Column],
    changed: &[E::Column],
) -> Result<()> {
    row.set(E::ORG, org.uuid().into());
    let conflict =
        OnConflict::columns(key.iter().copied()).update_columns(changed.iter().copied()).to_owned();
    E::insert(row)
        .on_conflict(conflict)
        .exec_without_returning(tx.on())
        .await
        .map_err(from_db)
        .map(drop)
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
