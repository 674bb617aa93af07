//! Attempts to remove usage records before their time with the rights of the server, and the same where nothing forbids
//! it.

use domain::{OrgId, Result, Timestamp};
use sea_orm::{ConnectionTrait as _, Statement};

use super::{Inspector, catalogue, logs::organizations};
use crate::{Attack, engine::Engine, error::from_db};

/// What is known of usage records and what became of the attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub columns: Vec<String>,
    pub records: u64,
    pub oldest: Option<Timestamp>,
    /// On a record inside its window: all must be refused.
    pub attempts: Vec<Attack>,
    /// On an unprotected copy: all must succeed, or being refused means nothing.
    pub unprotected: Vec<Attack>,
}

const BOTH: &[&str] = &[
    "delete from \"usage\" where request_id in (select request_id from \"usage\" order by started_at desc limit 1)",
    "update \"usage\" set started_at = 0 where request_id in (select request_id from \"usage\" order by started_at desc limit 1)",
    "update \"usage\" set ended_at = 0 where request_id in (select request_id from \"usage\" order by started_at desc limit 1)",
];
const SQLITE: &[&str] = &[
    "insert or replace into \"usage\" select * from \"usage\" order by started_at desc limit 1",
    "replace into \"usage\" select * from \"usage\" order by started_at desc limit 1",
];
const POSTGRES: &[&str] = &["truncate \"usage\"", "alter table \"usage\" disable trigger all"];
/// A copy without triggers; it lives in the transaction and vanishes with it.
const COPY: &str = "create temporary table scratch_usage as select * from \"usage\" limit 1";
const ON_COPY: &[&str] = &["delete from scratch_usage", "update scratch_usage set started_at = 0"];

impl Inspector {
    /// Tries to remove or move usage records on a connection like the server's own. Every transaction is rolled back.
    /// No attempts come back while no organization has a record.
    ///
    /// # Errors
    /// `Unavailable` when the database is busy or cannot be reached.
    pub async fn usage_kept(&self) -> Result<Kept> {
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        let tables = catalogue::tables(&tx).await?;
        let columns = tables.into_iter().find(|table| table.name == "usage");
        let mut kept = Kept {
            columns: columns.map(|table| table.columns).unwrap_or_default(),
            ..Kept::default()
        };
        let orgs = organizations(&tx).await?;
        let mut with = None;
        for org in orgs {
            tx.bind(org).await?;
            let sql = "select count(*) as records, min(started_at) as oldest from \"usage\" where org_id = $1";
            let backend = tx.on().get_database_backend();
            let asked = Statement::from_sql_and_values(backend, sql, [org.uuid().into()]);
            let Some(row) = tx.on().query_one_raw(asked).await.map_err(from_db)? else { continue };
            let records: i64 = row.try_get("", "records").map_err(from_db)?;
            let oldest: Option<i64> = row.try_get("", "oldest").map_err(from_db)?;
            kept.records += u64::try_from(records).unwrap_or(0);
            let oldest = oldest.map(Timestamp::from_millis);
            kept.oldest = kept.oldest.into_iter().chain(oldest).min();
            with = with.or((records > 0).then_some(org));
        }
        drop(tx);
        let Some(org) = with else { return Ok(kept) };
        let engine = match &self.database_key {
            Some(key) => Engine::sqlite(&self.config.sqlite_path(), key, &self.config).await?,
            None => Engine::postgres(&self.config.url, 2).await?,
        };
        let also = if engine.is_postgres() { POSTGRES } else { SQLITE };
        for statement in BOTH.iter().chain(also) {
            let tx = engine.write(org).await?;
            let refused = tx.on().execute_unprepared(statement).await.is_err();
            drop(tx);
            kept.attempts.push(Attack { statement, refused });
        }
        for statement in ON_COPY {
            let tx = engine.write(org).await?;
            tx.run(COPY).await?;
            let done = tx.on().execute_unprepared(statement).await;
            drop(tx);
            let refused = !done.is_ok_and(|done| done.rows_affected() > 0);
            kept.unprotected.push(Attack { statement, refused });
        }
        engine.close().await?;
        Ok(kept)
    }
}
