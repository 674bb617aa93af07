//! What probes may look at, from another process: a database opened for reading, every value in it, and the logs.
//!
//! Nothing here changes anything. The one attempt to write, [`Inspector::tamper`], opens a connection of its own with
//! the rights of the server and rolls everything back.

mod catalogue;
mod contract;
mod exposure;
mod kept;
mod logs;
mod passwords;
mod placement;
mod register;
mod separation;
mod sessions;
mod sign_in_codes;
mod spine;
mod tamper;
mod values;

use std::path::PathBuf;

use domain::{Error, Result, Secret};
use serde::{Deserialize, Serialize};
use vault::{Key, RootKey};
use zeroize::Zeroizing;

use crate::{Config, EngineKind, Store, data_dir::KeysFile, engine::Engine, keyring::Keyring};

pub use contract::Contracting;
pub use exposure::Exposures;
pub use kept::Kept;
pub use logs::{LogView, Tree};
pub use passwords::StoredPasswords;
pub use placement::{Configured, Placement};
pub use register::{Receiver, Registration};
pub use separation::Separation;
pub use sign_in_codes::StoredCode;
pub use spine::{LoggedEvent, SpineHead};
pub use tamper::Tamper;
pub use values::{Coverage, Seen};

/// Everything a child process needs to look at the data. It crosses a pipe and is never written down.
pub struct Handover {
    config: Config,
    /// 64 hexadecimal digits; SQLite only.
    database_key: Option<Secret<String>>,
    root: Key,
}

/// A [`Handover`] on its way through a pipe.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    url: String,
    data_dir: PathBuf,
    cache_mb: u32,
    database_key: Option<String>,
    root: String,
}

impl Drop for Line {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        self.url.zeroize();
        self.database_key.zeroize();
        self.root.zeroize();
    }
}

impl Store {
    /// What the prober needs to open the same data for reading.
    ///
    /// # Errors
    /// `data_half_written` when the wrapped database key is gone.
    pub fn hand_over(&self) -> Result<Handover> {
        let root = self.root_keyring().root();
        let database_key = match self.engine_kind() {
            EngineKind::Postgres => None,
            EngineKind::Sqlite => {
                let file = KeysFile::find(self.data_dir())?;
                Some(file.ok_or_else(unreadable)?.database_key(root)?)
            }
        };
        Ok(Handover { config: self.config().clone(), database_key, root: root.hand_over() })
    }
}

impl Handover {
    /// One line of JSON, for a pipe.
    ///
    /// # Errors
    /// `Internal`, never in practice.
    pub fn to_line(&self) -> Result<Secret<String>> {
        let line = Line {
            url: self.config.url.expose().clone(),
            data_dir: self.config.data_dir.clone(),
            cache_mb: self.config.cache_mb,
            database_key: self.database_key.as_ref().map(|key| key.expose().clone()),
            root: hex::encode(self.root.expose()),
        };
        serde_json::to_string(&line).map(Secret::new).map_err(Error::internal)
    }

    /// # Errors
    /// `Invalid` when `line` is not a handover.
    pub fn from_line(line: &str) -> Result<Self> {
        let refuse = || Error::invalid("Not a handover.").with_code("bad_handover");
        let line: Line = serde_json::from_str(line).map_err(|_| refuse())?;
        let mut root = Zeroizing::new([0; 32]);
        hex::decode_to_slice(&line.root, root.as_mut_slice()).map_err(|_| refuse())?;
        let config = Config {
            url: Secret::new(line.url.clone()),
            data_dir: line.data_dir.clone(),
            cache_mb: line.cache_mb,
            max_connections: 2,
            ..Config::default()
        };
        let database_key = line.database_key.clone().map(Secret::new);
        Ok(Self { config, database_key, root: Key::from_bytes(*root) })
    }
}

/// The data, opened for reading by a process that is not the server.
pub struct Inspector {
    config: Config,
    database_key: Option<Secret<String>>,
    engine: Engine,
    keyring: Keyring,
}

impl Inspector {
    /// # Errors
    /// `Unavailable` when the database cannot be reached; `data_unreadable` when it does not open it.
    pub async fn open(handover: Handover) -> Result<Self> {
        let Handover { config, database_key, root } = handover;
        let engine = match (&database_key, config.engine()?) {
            (Some(key), EngineKind::Sqlite) => {
                Engine::sqlite_for_reading(&config.sqlite_path(), key).await?
            }
            (None, EngineKind::Sqlite) => return Err(unreadable()),
            (_, EngineKind::Postgres) => Engine::postgres(&config.url, 2).await?,
        };
        let keyring = Keyring::new(RootKey::received(root));
        Ok(Self { config, database_key, engine, keyring })
    }

    #[must_use]
    pub fn engine_kind(&self) -> EngineKind {
        if self.engine.is_postgres() { EngineKind::Postgres } else { EngineKind::Sqlite }
    }

    /// The directory of this deployment's files.
    #[must_use]
    pub fn data_dir(&self) -> &std::path::Path {
        &self.config.data_dir
    }

    /// The files of the database itself; none when they are another machine's.
    #[must_use]
    pub fn database_files(&self) -> Vec<PathBuf> {
        if self.engine.is_postgres() {
            return Vec::new();
        }
        let file = self.config.sqlite_path();
        let beside = |suffix: &str| {
            let mut name = file.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        };
        vec![file.clone(), beside("-wal"), beside("-journal"), beside("-shm")]
    }

    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn close(&self) -> Result<()> {
        self.engine.close().await
    }
}

fn unreadable() -> Error {
    Error::invalid("The key of the database is missing: keys.json is gone from the data directory.")
        .with_code("data_half_written")
}
