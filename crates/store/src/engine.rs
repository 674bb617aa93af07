//! The two engines behind one transaction type. SQLite: one writer connection and pooled readers; PostgreSQL: one pool.

use std::{path::Path, str::FromStr, time::Duration};

use domain::{Clock, Error, OrgId, Result, Secret, Timestamp};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode,
    SqlxPostgresConnector, SqlxSqliteConnector, Statement, TransactionOptions, TransactionTrait,
};
use sqlx::{
    ConnectOptions as _,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::{config::Config, ending, error::from_db};

/// How long a request may wait for a connection before it is told that the database is busy.
const ACQUIRE: Duration = Duration::from_secs(10);

pub(crate) struct Engine {
    writer: DatabaseConnection,
    readers: DatabaseConnection,
}

/// One transaction. Dropping it rolls back.
pub(crate) struct Tx {
    inner: DatabaseTransaction,
}

impl Engine {
    /// Opens or creates the encrypted file. `key` is the raw 32-byte key as 64 hexadecimal digits.
    pub(crate) async fn sqlite(path: &Path, key: &Secret<String>, config: &Config) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .pragma("key", format!("\"x'{}'\"", key.expose()))
            // `INSERT OR REPLACE` fires delete triggers only with this, on each connection.
            .pragma("recursive_triggers", "ON")
            .pragma("secure_delete", "ON")
            .foreign_keys(true)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(ACQUIRE)
            .thread_name(ending::thread_name)
            // Statements are not logged at any level: the first one carries the key.
            .disable_statement_logging();
        let cache = |mib: u32| format!("-{}", i64::from(mib.max(1)) * 1024);
        let writer = SqlitePoolOptions::new()
            .test_before_acquire(false)
            .max_connections(1)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(ACQUIRE)
            .connect_with(
                options
                    .clone()
                    .journal_mode(SqliteJournalMode::Wal)
                    .pragma("cache_size", cache(config.cache_mb)),
            )
            .await
            .map_err(from_sqlx)?;
        // Many readers share what one writer has: the caches must fit a small machine together.
        let readers = SqlitePoolOptions::new()
            .test_before_acquire(false)
            .max_connections(config.max_connections.max(1))
            .acquire_timeout(ACQUIRE)
            .connect_with(
                options.pragma("query_only", "ON").pragma("cache_size", cache(config.cache_mb / 4)),
            )
            .await
            .map_err(from_sqlx)?;
        let engine = Self {
            writer: SqlxSqliteConnector::from_sqlx_sqlite_pool(writer),
            readers: SqlxSqliteConnector::from_sqlx_sqlite_pool(readers),
        };
        // A wrong key shows only at the first query.
        engine.scalar("select count(*) from sqlite_master").await?;
        Ok(engine)
    }

    /// Opens the encrypted file of a running server so that nothing can be written through it.
    pub(crate) async fn sqlite_for_reading(path: &Path, key: &Secret<String>) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .pragma("key", format!("\"x'{}'\"", key.expose()))
            .pragma("query_only", "ON")
            .busy_timeout(ACQUIRE)
            .thread_name(ending::thread_name)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(2)
            .acquire_timeout(ACQUIRE)
            .connect_with(options)
            .await
            .map_err(from_sqlx)?;
        let connection = SqlxSqliteConnector::from_sqlx_sqlite_pool(pool);
        let engine = Self { writer: connection.clone(), readers: connection };
        engine.scalar("select count(*) from sqlite_master").await?;
        Ok(engine)
    }

    pub(crate) async fn postgres(url: &Secret<String>, max_connections: u32) -> Result<Self> {
        let options = postgres_options(url)?;
        let pool = PgPoolOptions::new()
            .max_connections(max_connections.max(2))
            .acquire_timeout(ACQUIRE)
            .connect_with(options)
            .await
            .map_err(from_sqlx)?;
        let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
        Ok(Self { writer: connection.clone(), readers: connection })
    }

    pub(crate) fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.backend() == DbBackend::Postgres
    }

    /// A transaction that cannot write; on PostgreSQL it sees only rows of `org`.
    pub(crate) async fn read(&self, org: OrgId) -> Result<Tx> {
        let inner = self.readers.begin().await.map_err(from_db)?;
        let tx = Tx { inner };
        if tx.is_postgres() {
            tx.run(&format!("set transaction read only; set local app.org = '{}'", org.uuid()))
                .await?;
        }
        Ok(tx)
    }

    /// A transaction that may write; on SQLite it holds the only writer from the start.
    pub(crate) async fn write(&self, org: OrgId) -> Result<Tx> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let inner = self.writer.begin_with_options(options).await.map_err(from_db)?;
        let tx = Tx { inner };
        tx.bind(org).await?;
        Ok(tx)
    }

    /// The connection that migrations run on.
    pub(crate) const fn migrating(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// The first column of the first row, for a fixed statement.
    pub(crate) async fn scalar(&self, sql: &'static str) -> Result<i64> {
        let statement = Statement::from_string(self.backend(), sql);
        let row = self.writer.query_one_raw(statement).await.map_err(from_db)?;
        row.map_or(Ok(0), |row| row.try_get_by_index(0).map_err(from_db))
    }

    /// Empties SQLite's write-ahead log into the file, so that pages as they were before a change are gone from it.
    /// `false` when a reader still needs them.
    pub(crate) async fn checkpoint(&self) -> Result<bool> {
        if self.is_postgres() {
            return Ok(true);
        }
        // The only writer must not wait for readers that take their time.
        const STEPS: [&str; 2] = ["pragma busy_timeout = 100", "pragma busy_timeout = 10000"];
        let [hasty, patient] = STEPS;
        self.writer.execute_unprepared(hasty).await.map_err(from_db)?;
        let blocked = self.scalar("pragma wal_checkpoint(truncate)").await;
        self.writer.execute_unprepared(patient).await.map_err(from_db)?;
        Ok(blocked? == 0)
    }

    pub(crate) async fn close(&self) -> Result<()> {
        if !self.is_postgres() {
            self.readers.close_by_ref().await.map_err(from_db)?;
        }
        self.writer.close_by_ref().await.map_err(from_db)
    }
}

impl Tx {
    pub(crate) const fn on(&self) -> &DatabaseTransaction {
        &self.inner
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.inner.get_database_backend() == DbBackend::Postgres
    }

    /// From here on the transaction sees the rows of `org` only (PostgreSQL; SQLite has the query filter alone).
    pub(crate) async fn bind(&self, org: OrgId) -> Result<()> {
        if self.is_postgres() {
            // The text of a UUID cannot carry anything but hexadecimal digits and dashes.
            self.run(&format!("set local app.org = '{}'", org.uuid())).await?;
        }
        Ok(())
    }

    /// Runs a statement without parameters.
    pub(crate) async fn run(&self, sql: &str) -> Result<()> {
        self.inner.execute_unprepared(sql).await.map_err(from_db).map(drop)
    }

    /// The database's time; on SQLite, which has no server, `clock`'s.
    pub(crate) async fn now(&self, clock: &Clock) -> Result<Timestamp> {
        if !self.is_postgres() {
            return Ok(clock.now());
        }
        let sql = "select (extract(epoch from clock_timestamp()) * 1000)::bigint";
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = self.inner.query_one_raw(statement).await.map_err(from_db)?;
        let millis = row.map_or(Ok(0), |row| row.try_get_by_index(0).map_err(from_db))?;
        Ok(Timestamp::from_millis(millis))
    }

    pub(crate) async fn commit(self) -> Result<()> {
        self.inner.commit().await.map_err(from_db)
    }
}

pub(crate) fn postgres_options(url: &Secret<String>) -> Result<PgConnectOptions> {
    PgConnectOptions::from_str(url.expose())
        .map(|options| options.application_name("probity").disable_statement_logging())
        .map_err(|_| Error::invalid("The PostgreSQL address cannot be read. It looks like postgres://user:password@host:5432/database."))
}

pub(crate) fn from_sqlx(error: sqlx::Error) -> Error {
    from_db(sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(std::sync::Arc::new(error))))
}

#[cfg(test)]
mod tests {
    use domain::Kind;

    use super::*;

    async fn engine(directory: &Path) -> Engine {
        let key = Secret::new("ab".repeat(32));
        Engine::sqlite(&directory.join("a.db"), &key, &Config::default()).await.unwrap()
    }

    /// The process must not end while a connection is still being closed: see [`ending`].
    async fn end(engines: impl IntoIterator<Item = Engine>) {
        for engine in engines {
            engine.close().await.unwrap();
        }
        assert!(ending::wait_for_connections(std::time::Duration::from_secs(10)));
    }

    #[tokio::test]
    async fn a_full_disk_is_said_and_nothing_is_half_written() {
        let directory = tempfile::tempdir().unwrap();
        let engine = engine(directory.path()).await;
        let tx = engine.write(OrgId::DEPLOYMENT).await.unwrap();
        tx.run("create table t (b blob)").await.unwrap();
        tx.commit().await.unwrap();
        engine.migrating().execute_unprepared("pragma max_page_count = 20").await.unwrap();
        let tx = engine.write(OrgId::DEPLOYMENT).await.unwrap();
        tx.run("insert into t values (zeroblob(1000))").await.unwrap();
        let error = tx.run("insert into t values (zeroblob(1000000))").await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "disk_full"));
        drop(tx);
        assert_eq!(engine.scalar("select count(*) from t").await.unwrap(), 0);
        end([engine]).await;
    }

    #[tokio::test]
    async fn a_database_locked_by_another_is_busy() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (engine(directory.path()).await, engine(directory.path()).await);
        two.migrating().execute_unprepared("pragma busy_timeout = 1").await.unwrap();
        let held = one.write(OrgId::DEPLOYMENT).await.unwrap();
        let Err(error) = two.write(OrgId::DEPLOYMENT).await else { panic!("both may write") };
        assert_eq!((error.kind(), error.code()), (Kind::Unavailable, "database_busy"));
        drop(held);
        drop(two.write(OrgId::DEPLOYMENT).await.unwrap());
        end([one, two]).await;
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let directory = tempfile::tempdir().unwrap();
        let engine = engine(directory.path()).await;
        let tx = engine.read(OrgId::DEPLOYMENT).await.unwrap();
        tx.run("create table t (b blob)").await.unwrap_err();
        drop(tx);
        end([engine]).await;
    }
}
