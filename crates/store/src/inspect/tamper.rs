//! Attempts to alter the log with the rights of the server, and the same attempts where nothing forbids them.

use domain::{OrgId, Result};
use sea_orm::ConnectionTrait as _;

use super::Inspector;
use crate::{Attack, audit, engine::Engine};

/// What became of the attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tamper {
    /// On the log itself: all must be refused.
    pub attempts: Vec<Attack>,
    /// On an unprotected copy: all must succeed, or being refused means nothing.
    pub unprotected: Vec<Attack>,
}

/// A copy without triggers; it lives in the transaction and vanishes with it.
const COPY: &str = "create temporary table scratch_entry as select * from audit_entry limit 3";
const ON_COPY: &[&str] = &[
    "update scratch_entry set leaf = leaf",
    "delete from scratch_entry",
    "insert into scratch_entry select org_id, seq + 1000000, event_id, at, action, actor, subject, target, leaf, leaf_hash from scratch_entry limit 1",
];
const SQLITE_ON_COPY: &[&str] = &[
    "insert or replace into scratch_entry select * from scratch_entry limit 1",
    "replace into scratch_entry select * from scratch_entry limit 1",
];
const POSTGRES_ON_COPY: &[&str] =
    &["truncate scratch_entry", "alter table scratch_entry disable trigger all"];

impl Inspector {
    /// Tries to change, remove and replace entries of the log on a connection like the server's own.
    /// Every transaction is rolled back.
    ///
    /// # Errors
    /// `Unavailable` when the database is busy or cannot be reached.
    pub async fn tamper(&self) -> Result<Tamper> {
        let engine = match &self.database_key {
            Some(key) => Engine::sqlite(&self.config.sqlite_path(), key, &self.config).await?,
            None => Engine::postgres(&self.config.url, 2).await?,
        };
        let attempts = audit::attempts(&engine).await?;
        let also = if engine.is_postgres() { POSTGRES_ON_COPY } else { SQLITE_ON_COPY };
        let mut unprotected = Vec::new();
        for statement in ON_COPY.iter().chain(also) {
            let tx = engine.write(OrgId::DEPLOYMENT).await?;
            tx.run(COPY).await?;
            let done = tx.on().execute_unprepared(statement).await;
            // An attempt that met no row succeeded at nothing.
            let refused = done.is_err()
                || (!statement.contains("truncate") && !statement.contains("disable"))
                    && done.is_ok_and(|done| done.rows_affected() == 0);
            drop(tx);
            unprotected.push(Attack { statement, refused });
        }
        engine.close().await?;
        Ok(Tamper { attempts, unprotected })
    }
}
