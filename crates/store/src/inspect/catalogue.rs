//! The tables and columns that exist, as the database says: the denominator of everything that is looked at.

use domain::{OrgId, Result};
use sea_orm::{ConnectionTrait as _, Statement};

use super::Inspector;
use crate::{engine::Tx, error::from_db};

const SQLITE: &str = "select m.name as \"table\", c.name as \"column\" from sqlite_master m, pragma_table_info(m.name) c \
     where m.type = 'table' and m.name not like 'sqlite_%' order by m.name, c.cid";
const POSTGRES: &str = "select c.relname::text as \"table\", a.attname::text as \"column\" from pg_class c \
     join pg_attribute a on a.attrelid = c.oid where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped \
     and c.relnamespace = current_schema()::regnamespace order by c.relname, a.attnum";

/// One table with its columns, in order.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
}

pub(super) async fn tables(tx: &Tx) -> Result<Vec<Table>> {
    let sql = if tx.is_postgres() { POSTGRES } else { SQLITE };
    let statement = Statement::from_string(tx.on().get_database_backend(), sql);
    let mut tables: Vec<Table> = Vec::new();
    for row in tx.on().query_all_raw(statement).await.map_err(from_db)? {
        let name: String = row.try_get("", "table").map_err(from_db)?;
        let column: String = row.try_get("", "column").map_err(from_db)?;
        match tables.last_mut() {
            Some(last) if last.name == name => last.columns.push(column),
            _ => tables.push(Table { name, columns: vec![column] }),
        }
    }
    Ok(tables)
}

impl Inspector {
    /// The columns a table really has; empty when there is no such table.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn columns(&self, table: &str) -> Result<Vec<String>> {
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        let found = tables(&tx).await?.into_iter().find(|found| found.name == table);
        Ok(found.map(|found| found.columns).unwrap_or_default())
    }
}
