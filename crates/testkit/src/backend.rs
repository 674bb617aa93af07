//! One test body, every engine.

use domain::{Clock, Secret, Timestamp};
use store::{Config, EngineKind, Store};
use tempfile::TempDir;

use crate::{
    ending::end_with_connections,
    postgres::{Cluster, Database},
};

/// Writes each test once per engine, as `name::sqlite` and `name::postgres`.
///
/// ```no_run
/// testkit::each_backend! {
///     async fn it_opens(backend: testkit::Backend) {
///         backend.open().await;
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! each_backend {
    ($($(#[$meta:meta])* async fn $name:ident($backend:ident: $type:ty) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "a body may need nothing from around it")]
            use super::*;

            $(#[$meta])*
            async fn body($backend: $type) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                body($crate::Backend::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                body($crate::Backend::postgres().await).await;
            }
        }
    )*};
}

/// A place for one deployment's data, gone when dropped.
pub struct Backend {
    pub config: Config,
    /// Stands still until a test moves it.
    pub clock: Clock,
    directory: TempDir,
    database: Option<Database>,
}

impl Backend {
    /// An encrypted SQLite file in a directory of its own.
    #[must_use]
    pub fn sqlite() -> Self {
        end_with_connections();
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("data/probity.db");
        let config = config(&directory, &format!("sqlite:{}", file.display()), None);
        Self { config, clock: clock(), directory, database: None }
    }

    /// A fresh database of the shared cluster, with tables and without rows.
    pub async fn postgres() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let database = Cluster::shared().database().await;
        let config = config(&directory, &database.app_url(), Some(&database.owner_url()));
        Self { config, clock: clock(), directory, database: Some(database) }
    }

    #[must_use]
    pub fn kind(&self) -> EngineKind {
        self.config.engine().expect("the test's own URL")
    }

    #[must_use]
    pub fn is_postgres(&self) -> bool {
        self.kind() == EngineKind::Postgres
    }

    /// Opens the store and brings it up to date.
    pub async fn open(&self) -> Store {
        open(&self.config, self.clock.clone()).await
    }

    /// Another node on the same database and root key, with a data directory of its own. PostgreSQL only.
    pub async fn open_another(&self) -> Store {
        assert!(self.is_postgres(), "SQLite has one node");
        let data_dir = self.directory.path().join("another");
        open(&Config { data_dir, ..self.config.clone() }, self.clock.clone()).await
    }

    /// The database behind it, for tests that attack it from outside. PostgreSQL only.
    #[must_use]
    pub fn database(&self) -> &Database {
        self.database.as_ref().expect("only PostgreSQL has a server to attack")
    }

    /// The directory that holds everything of this deployment, the root key included.
    #[must_use]
    pub fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }
}

async fn open(config: &Config, clock: Clock) -> Store {
    let store = Store::open(config, clock).await.unwrap_or_else(|error| fail(&error));
    store.migrate().await.unwrap_or_else(|error| fail(&error));
    store
}

fn fail(error: &domain::Error) -> ! {
    panic!("{}: {error} {}", error.code(), error.causes())
}

fn config(directory: &TempDir, url: &str, migrate_url: Option<&str>) -> Config {
    Config {
        url: Secret::new(url.to_owned()),
        migrate_url: migrate_url.map(|url| Secret::new(url.to_owned())),
        data_dir: directory.path().join("data"),
        root_key: directory.path().join("root.key"),
        max_connections: 5,
        cache_mb: 2,
    }
}

/// 2026-01-01T00:00:00Z.
fn clock() -> Clock {
    Clock::frozen(Timestamp::from_millis(1_767_225_600_000))
}
