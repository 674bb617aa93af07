//! Bringing a database up to this binary, and founding a deployment in it.

use domain::{Error, OrgId, Result};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseConnection, DbBackend, Statement, TryGetable,
};
use sea_orm_migration::MigratorTraitSelf as _;
use uuid::Uuid;

use crate::{
    Config, EngineKind, Store,
    engine::{Engine, postgres_options},
    entity::{deployment, organization},
    error::from_db,
    migration::{self, Migrator},
    tenant,
};

/// Any number: all nodes take the same advisory lock while they found a deployment.
const FOUNDING: i64 = 0x7072_6f62;

/// Creates and changes tables as the owner of a PostgreSQL database, without root key and data directory.
///
/// # Errors
/// `schema_newer`, or `Unavailable` when the database cannot be reached.
pub async fn migrate(config: &Config) -> Result<()> {
    if config.engine()? == EngineKind::Sqlite {
        return Err(Error::invalid("Only a PostgreSQL database is migrated by itself."));
    }
    let engine = Engine::postgres(&config.url, 2).await?;
    let done = run(config, &engine).await;
    engine.close().await?;
    done
}

/// Changes whenever the text of a migration does; test databases are kept under it.
#[must_use]
pub fn migrations_digest() -> String {
    let text = migration::text(DbBackend::Postgres);
    hex::encode(vault::sha256(text.as_bytes())).chars().take(16).collect()
}

/// Migrations this binary has and the database does not.
pub(crate) async fn pending(engine: &Engine) -> Result<usize> {
    let connection = engine.migrating();
    if !has_table(connection, "seaql_migrations").await? {
        return Ok(migration::count());
    }
    let statement =
        Statement::from_string(engine.backend(), "select version from seaql_migrations");
    let rows = connection.query_all_raw(statement).await.map_err(from_db)?;
    let mut applied = 0;
    for row in rows {
        let name: String = row.try_get_by_index(0).map_err(from_db)?;
        if !migration::is_known(&name) {
            return Err(Error::invalid(format!(
                "The database was migrated by a newer version of Probity ({name}). Start that version, or a later one; nothing was changed."
            ))
            .with_code("schema_newer"));
        }
        applied += 1;
    }
    Ok(migration::count().saturating_sub(applied))
}

/// Runs the pending migrations, as the owner role where one is configured.
pub(crate) async fn run(config: &Config, engine: &Engine) -> Result<()> {
    if pending(engine).await? == 0 {
        return Ok(());
    }
    let Some(url) = config.migrate_url.as_ref().filter(|_| engine.is_postgres()) else {
        return up(engine.migrating(), None).await;
    };
    let owner = Engine::postgres(url, 1).await?;
    let app_role = postgres_options(&config.url)?.get_username().to_owned();
    let done = up(owner.migrating(), Some(app_role)).await;
    owner.close().await?;
    done
}

async fn up(connection: &DatabaseConnection, app_role: Option<String>) -> Result<()> {
    Migrator { app_role }.up(connection, None).await.map_err(from_db)
}

/// Creates the deployment's row and keys, and the keys that organizations lack for new data classes.
pub(crate) async fn found(store: &Store) -> Result<()> {
    let now = store.clock().now();
    let tx = store.engine().write(OrgId::DEPLOYMENT).await?;
    if tx.is_postgres() {
        tx.run(&format!("select pg_advisory_xact_lock({FOUNDING})")).await?;
    }
    let keyring = store.root_keyring();
    let row = tenant::deployed::<deployment::Entity>().one(tx.on()).await.map_err(from_db)?;
    if row.is_none() {
        let row = deployment::ActiveModel {
            id: Set(Uuid::new_v4()),
            root_fingerprint: Set(keyring.root().fingerprint()),
            created_at: Set(now.as_millis()),
        };
        tenant::deployed_insert::<deployment::Entity>(&tx, row).await?;
    }
    keyring.ensure(&tx, OrgId::DEPLOYMENT, now).await?;
    let all = tenant::deployed::<organization::Entity>().all(tx.on()).await.map_err(from_db)?;
    for row in all {
        let org = OrgId::from_uuid(row.id);
        tx.bind(org).await?;
        keyring.ensure(&tx, org, now).await?;
    }
    tx.commit().await
}

/// The root key's fingerprint in a founded PostgreSQL database.
pub(crate) async fn stored_fingerprint(engine: &Engine) -> Result<Option<String>> {
    if !has_table(engine.migrating(), "deployment").await? {
        return Ok(None);
    }
    first(engine.migrating(), "select root_fingerprint from deployment").await
}

/// Refuses a PostgreSQL role that row-level security does not bind (no fail-open).
pub(crate) async fn role_is_bound(engine: &Engine) -> Result<()> {
    let sql = "select rolsuper or rolbypassrls from pg_roles where rolname = current_user";
    if first(engine.migrating(), sql).await? == Some(false) {
        return Ok(());
    }
    Err(Error::invalid(
        "The PostgreSQL role in store.url is a superuser or has BYPASSRLS, so the database would not keep organizations apart. Use a role with neither.",
    )
    .with_code("database_role"))
}

async fn has_table(connection: &DatabaseConnection, name: &'static str) -> Result<bool> {
    let backend = connection.get_database_backend();
    let sql = if backend == DbBackend::Postgres {
        "select count(*) from pg_tables where schemaname = any (current_schemas(false)) and tablename = $1"
    } else {
        "select count(*) from sqlite_master where type = 'table' and name = ?"
    };
    let statement = Statement::from_sql_and_values(backend, sql, [name.into()]);
    let row = connection.query_one_raw(statement).await.map_err(from_db)?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0)).map_err(from_db)?;
    Ok(count > 0)
}

async fn first<T: TryGetable>(connection: &DatabaseConnection, sql: &str) -> Result<Option<T>> {
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.map_err(from_db)?;
    row.map(|row| row.try_get_by_index(0).map_err(from_db)).transpose()
}
