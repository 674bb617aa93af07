//! Opening a store: the order of checks decides that a wrong start is refused before anything is written.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use domain::{Clock, Error, OrgId, Result};
use parking_lot::RwLock;
use uuid::Uuid;
use vault::RootKey;

use crate::{
    Config, EngineKind,
    data_dir::{self, DataDir, KeysFile},
    engine::Engine,
    entity::deployment,
    error::from_db,
    key_index::{self, KeyIndex},
    keyring::{Keyring, OrgKeys},
    migrate,
    routing::Routing,
    tenant,
};

/// The door. Cloning it costs a counter.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

pub(crate) struct Inner {
    config: Config,
    clock: Clock,
    engine: Engine,
    /// Holds the lock of the data directory.
    directory: DataDir,
    keyring: Keyring,
    ready: OnceLock<Ready>,
    pub(crate) key_index: KeyIndex,
    pub(crate) routing: Routing,
    pub(crate) audit: crate::audit::State,
    pub(crate) content: crate::content::State,
    pub(crate) journal: crate::journal::Journal,
    /// The address that letters come from; without one none can be sent.
    pub(crate) mail: RwLock<Option<String>>,
}

/// What is known once the tables exist.
struct Ready {
    deployment: Uuid,
    keys: Arc<OrgKeys>,
}

impl Store {
    /// Opens the data, or creates it when neither data nor root key exist yet.
    ///
    /// # Errors
    /// `Invalid` with a code and a sentence that says what to do: `root_key_missing`, `root_key_wrong`,
    /// `data_half_written`, `data_locked`, `data_unreadable`, `schema_newer`, `database_role`;
    /// `Unavailable` when the database cannot be reached.
    pub async fn open(config: &Config, clock: Clock) -> Result<Self> {
        let kind = config.engine()?;
        let directory = DataDir::lock(&config.data_dir)?;
        let root =
            if config.root_key.exists() { Some(RootKey::load(&config.root_key)?) } else { None };
        let (engine, root) = match kind {
            EngineKind::Sqlite => open_sqlite(config, &directory, root).await?,
            EngineKind::Postgres => open_postgres(config, root).await?,
        };
        let journal = crate::journal::Journal::open(directory.path(), &root)?;
        let store = Self(Arc::new(Inner {
            config: config.clone(),
            clock,
            engine,
            directory,
            keyring: Keyring::new(root),
            ready: OnceLock::new(),
            key_index: KeyIndex::default(),
            routing: Routing::default(),
            audit: crate::audit::State::default(),
            content: crate::content::State::default(),
            journal,
            mail: RwLock::default(),
        }));
        if migrate::pending(store.engine()).await? == 0 {
            store.load().await?;
        }
        Ok(store)
    }

    /// Brings the tables up to this binary and creates the deployment's own keys.
    ///
    /// # Errors
    /// `schema_newer` when a newer binary was here before.
    pub async fn migrate(&self) -> Result<()> {
        migrate::run(&self.0.config, &self.0.engine).await?;
        migrate::found(self).await?;
        self.load().await?;
        self.0.directory.complete()
    }

    /// Reads what every request needs: the deployment's row and keys, and the key index.
    async fn load(&self) -> Result<()> {
        let tx = self.engine().read(OrgId::DEPLOYMENT).await?;
        let Some(row) =
            tenant::deployed::<deployment::Entity>().one(tx.on()).await.map_err(from_db)?
        else {
            return Ok(());
        };
        let found = self.0.keyring.root().fingerprint();
        if row.root_fingerprint != found {
            return Err(wrong_root(&self.0.config.root_key, &row.root_fingerprint, &found));
        }
        self.0.keyring.forget();
        let keys = self.0.keyring.of(&tx, OrgId::DEPLOYMENT).await?;
        drop(tx);
        // A second `migrate` finds the same row: keeping the first is right.
        drop(self.0.ready.set(Ready { deployment: row.id, keys }));
        crate::audit::open(self, row.id).await?;
        key_index::refresh(self).await
    }

    fn ready(&self) -> Result<&Ready> {
        self.0.ready.get().ok_or_else(|| {
            Error::unavailable("The database has no tables yet. Run `probity migrate`.")
                .with_code("not_migrated")
        })
    }

    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The number of migrations that `migrate` would run.
    pub async fn pending_migrations(&self) -> Result<usize> {
        migrate::pending(self.engine()).await
    }

    #[must_use]
    pub fn engine_kind(&self) -> EngineKind {
        if self.0.engine.is_postgres() { EngineKind::Postgres } else { EngineKind::Sqlite }
    }

    /// The permanent id of this installation.
    ///
    /// # Errors
    /// `Unavailable` before the first `migrate`.
    pub fn deployment_id(&self) -> Result<Uuid> {
        self.ready().map(|ready| ready.deployment)
    }

    /// The name of this server among those that share the database; kept in its data directory.
    #[must_use]
    pub fn node(&self) -> Uuid {
        self.0.directory.node()
    }

    /// Names the root key without telling anything about it.
    #[must_use]
    pub fn root_fingerprint(&self) -> String {
        self.0.keyring.root().fingerprint()
    }

    /// Whether the database answers and can be written.
    ///
    /// # Errors
    /// `Unavailable` when it cannot.
    pub async fn check(&self) -> Result<()> {
        self.ready()?;
        let now = self.clock().now();
        let tx = self.engine().write(OrgId::DEPLOYMENT).await?;
        crate::repository::setting::set(&tx, "readyz", &now.as_millis().to_string(), now).await?;
        tx.commit().await
    }

    /// Closes the database and gives the data directory back. Run [`Store::drain`] before.
    pub async fn close(&self) -> Result<()> {
        self.0.journal.close()?;
        self.0.engine.close().await?;
        self.0.directory.unlock();
        Ok(())
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    /// The keyring, whether or not the deployment has its keys yet.
    pub(crate) fn root_keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    /// The keyring, once the deployment has its keys.
    pub(crate) fn keyring(&self) -> Result<&Keyring> {
        self.ready().map(|_| &self.0.keyring)
    }

    /// The keys of the deployment itself.
    pub(crate) fn deployment_keys(&self) -> Result<&Arc<OrgKeys>> {
        self.ready().map(|ready| &ready.keys)
    }

    pub(crate) fn data_dir(&self) -> &Path {
        self.0.directory.path()
    }
}

async fn open_sqlite(
    config: &Config,
    directory: &DataDir,
    root: Option<RootKey>,
) -> Result<(Engine, RootKey)> {
    let database = config.sqlite_path();
    let file = KeysFile::find(directory.path())?;
    data_dir::whole(directory.path(), &database, file.as_ref())?;
    let root = match (root, &file) {
        (Some(root), _) => root,
        (None, Some(_)) => return Err(missing_root(&config.root_key)),
        (None, None) => RootKey::create(&config.root_key)?,
    };
    let file = match file {
        Some(file) => file,
        None => KeysFile::create(directory.path(), &root)?,
    };
    let found = root.fingerprint();
    if file.root != found {
        return Err(wrong_root(&config.root_key, &file.root, &found));
    }
    if let Some(parent) = database.parent() {
        data_dir::create(parent)?;
    }
    let key = file.database_key(&root)?;
    let engine = Engine::sqlite(&database, &key, config)
        .await
        .map_err(|error| data_dir::unreadable(&database, error))?;
    Ok((engine, root))
}

async fn open_postgres(config: &Config, root: Option<RootKey>) -> Result<(Engine, RootKey)> {
    let engine = Engine::postgres(&config.url, config.max_connections).await?;
    migrate::role_is_bound(&engine).await?;
    let stored = migrate::stored_fingerprint(&engine).await?;
    let root = match (root, &stored) {
        (Some(root), _) => root,
        (None, Some(_)) => return Err(missing_root(&config.root_key)),
        (None, None) => RootKey::create(&config.root_key)?,
    };
    let found = root.fingerprint();
    match stored {
        Some(expected) if expected != found => Err(wrong_root(&config.root_key, &expected, &found)),
        _ => Ok((engine, root)),
    }
}

fn missing_root(path: &Path) -> Error {
    Error::invalid(format!(
        "The data exists but its root key {} does not. Put the key file back; without it the data cannot be read. To start anew, choose an empty data directory and database.",
        path.display()
    ))
    .with_code("root_key_missing")
}

fn wrong_root(path: &Path, expected: &str, found: &str) -> Error {
    Error::invalid(format!(
        "The root key {} (fingerprint {found}) is not the one this data was written with (fingerprint {expected}). Put that key file in its place.",
        path.display()
    ))
    .with_code("root_key_wrong")
}
