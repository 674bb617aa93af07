//! Attempts to put a provider under a free tier with the rights of the server, and the same where nothing forbids it.

use domain::Result;
use sea_orm::ConnectionTrait as _;

use super::{Inspector, logs::organizations};
use crate::{Attack, engine::Engine, error::from_db};

/// What became of the attempts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contracting {
    /// Names that no contract has: all must be refused.
    pub attempts: Vec<Attack>,
    /// Names that contracts have, and any name on an unprotected copy: all must succeed, or being refused means nothing.
    pub allowed: Vec<Attack>,
}

const FREE: &[&str] = &[
    "update provider set contract = 'free-tier' where id in (select id from provider limit 1)",
    "update provider set contract = 'trial' where id in (select id from provider limit 1)",
    "update provider set contract = 'our-free-plan' where id in (select id from provider limit 1)",
    "update provider set contract = 'Free Tier' where id in (select id from provider limit 1)",
    "update provider set contract = '' where id in (select id from provider limit 1)",
    "update provider set contract = null where id in (select id from provider limit 1)",
];
const SQLITE_FREE: &str = "insert into provider (org_id, id, catalog, name, protocol, base_url, secret_last_four, models, \
     allow_private, created_at, changed_at, contract) select org_id, randomblob(16), catalog, name, protocol, base_url, \
     secret_last_four, models, allow_private, created_at, changed_at, 'free-tier' from provider limit 1";
const POSTGRES_FREE: &str = "insert into provider (org_id, id, catalog, name, protocol, base_url, secret_last_four, models, \
     allow_private, created_at, changed_at, contract) select org_id, gen_random_uuid(), catalog, name, protocol, base_url, \
     secret_last_four, models, allow_private, created_at, changed_at, 'free-tier' from provider limit 1";
const PAID: &[&str] = &[
    "update provider set contract = 'standard' where id in (select id from provider limit 1)",
    "update provider set contract = 'industrial-2026' where id in (select id from provider limit 1)",
];
/// A copy without conditions; it lives in the transaction and vanishes with it.
const COPY: &str = "create temporary table scratch_provider as select * from provider limit 1";
const ON_COPY: &str = "update scratch_provider set contract = 'free-tier'";

impl Inspector {
    /// Tries to change the contract of a provider on a connection like the server's own. Every transaction is rolled
    /// back. Nothing at all comes back while no organization has a provider.
    ///
    /// # Errors
    /// `Unavailable` when the database is busy or cannot be reached.
    pub async fn contracting(&self) -> Result<Contracting> {
        let engine = match &self.database_key {
            Some(key) => Engine::sqlite(&self.config.sqlite_path(), key, &self.config).await?,
            None => Engine::postgres(&self.config.url, 2).await?,
        };
        let tried = self.tried(&engine).await;
        engine.close().await?;
        tried
    }

    async fn tried(&self, engine: &Engine) -> Result<Contracting> {
        let orgs = organizations(&self.engine.read(domain::OrgId::DEPLOYMENT).await?).await?;
        let also = if engine.is_postgres() { POSTGRES_FREE } else { SQLITE_FREE };
        let mut done = Contracting::default();
        for org in orgs {
            // On PostgreSQL the rows of an organization show only to its own transaction.
            let tx = engine.write(org).await?;
            let found = tx.on().execute_unprepared(COPY).await.map_err(from_db);
            let met = tx.on().execute_unprepared(ON_COPY).await;
            drop(tx);
            found?;
            let on_copy = Attack { statement: ON_COPY, refused: met.is_err() };
            if met.is_ok_and(|met| met.rows_affected() == 0) {
                continue;
            }
            done.allowed.push(on_copy);
            for statement in FREE.iter().chain([&also]) {
                done.attempts.push(attempt(engine, org, statement).await?);
            }
            for statement in PAID {
                done.allowed.push(attempt(engine, org, statement).await?);
            }
            break;
        }
        Ok(done)
    }
}

async fn attempt(engine: &Engine, org: domain::OrgId, statement: &'static str) -> Result<Attack> {
    let tx = engine.write(org).await?;
    let refused = tx.on().execute_unprepared(statement).await.is_err();
    drop(tx);
    Ok(Attack { statement, refused })
}
