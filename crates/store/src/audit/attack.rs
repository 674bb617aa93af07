//! Attacks on the log that the database must refuse: what the probe of the append-only rule tries.

use domain::{OrgId, Result};
use sea_orm::ConnectionTrait as _;

use crate::{Deployment, Store, engine::Engine};

/// One attempt, in a transaction that is rolled back whatever happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attack {
    pub statement: &'static str,
    /// The database refused it.
    pub refused: bool,
}

/// They change, remove or replace what is in the log. Each acts on rows: on an empty log they prove nothing.
const BOTH: &[&str] = &[
    "update audit_entry set leaf = leaf",
    "delete from audit_entry",
    "update audit_node set hash = hash",
    "delete from audit_node",
    "update audit_checkpoint set note = note",
    "delete from audit_checkpoint",
    "update audit_head set size = size - 1",
    "delete from audit_head",
    "insert into audit_entry select * from audit_entry where true on conflict (org_id, seq) do update set leaf = excluded.leaf",
];
const SQLITE: &[&str] = &[
    "insert into audit_entry select org_id, seq + 1000000, randomblob(16), at, action, actor, subject, target, leaf, leaf_hash from audit_entry limit 1",
    "insert or replace into audit_entry select * from audit_entry limit 1",
    "insert or replace into audit_node select * from audit_node limit 1",
    "insert or replace into audit_checkpoint select * from audit_checkpoint limit 1",
    "insert or replace into audit_head select * from audit_head limit 1",
    "replace into audit_entry select * from audit_entry limit 1",
];
const POSTGRES: &[&str] = &[
    "insert into audit_entry select org_id, seq + 1000000, gen_random_uuid(), at, action, actor, subject, target, leaf, leaf_hash from audit_entry limit 1",
    "create temporary table audit_entry (like audit_entry); insert into public.audit_entry select org_id, seq + 1000000, gen_random_uuid(), at, action, actor, subject, target, leaf, leaf_hash from public.audit_entry limit 1",
    "truncate audit_entry",
    "truncate audit_node",
    "truncate audit_checkpoint",
    "truncate audit_head",
    "alter table audit_entry disable trigger all",
    "drop trigger audit_entry_update on audit_entry",
    "set session_replication_role = replica",
];

impl Store {
    /// Tries, with the rights of the server itself, to change what is in the spine's log. Nothing is kept.
    ///
    /// # Errors
    /// `Unavailable` when the database is busy or cannot be reached.
    pub async fn audit_attack(&self, _by: &Deployment) -> Result<Vec<Attack>> {
        attempts(self.engine()).await
    }
}

/// All attempts, each in a transaction of its own that is rolled back.
pub(crate) async fn attempts(engine: &Engine) -> Result<Vec<Attack>> {
    let also = if engine.is_postgres() { POSTGRES } else { SQLITE };
    let mut attacks = Vec::new();
    for statement in BOTH.iter().chain(also) {
        let tx = engine.write(OrgId::DEPLOYMENT).await?;
        let outcome = tx.on().execute_unprepared(statement).await;
        drop(tx);
        // A table that is still empty had nothing to protect: no attempt was made.
        if outcome.as_ref().is_ok_and(|done| acts_on_rows(statement) && done.rows_affected() == 0) {
            continue;
        }
        attacks.push(Attack { statement, refused: outcome.is_err() });
    }
    Ok(attacks)
}

fn acts_on_rows(statement: &str) -> bool {
    ["update", "delete", "insert", "replace"].iter().any(|verb| statement.starts_with(verb))
}
