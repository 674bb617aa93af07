//! The data directory: its lock, and `keys.json`, which holds the wrapped key of an encrypted SQLite file.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use domain::{Error, Result, Secret};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use vault::{Key, RootKey};

const KEYS: &str = "keys.json";
const LOCK: &str = "lock";
const NODE: &str = "node";
const CONTEXT: &str = "database key";

/// The locked data directory; the lock ends with the process at the latest.
pub(crate) struct DataDir {
    path: PathBuf,
    node: Uuid,
    lock: Mutex<Option<File>>,
}

impl DataDir {
    /// Creates the directory if needed and takes its lock.
    pub(crate) fn lock(path: &Path) -> Result<Self> {
        create(path)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join(LOCK))
            .map_err(|error| unusable(path, error))?;
        rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(
            |error| {
                Error::invalid(format!(
                    "Another process uses the data directory {}. Stop it first, or give this one its own directory.",
                    path.display()
                ))
                .with_code("data_locked")
                .with_source(error)
            },
        )?;
        Ok(Self { path: path.to_owned(), node: node(path)?, lock: Mutex::new(Some(file)) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The name of the server that works with this directory: the same after every start.
    pub(crate) const fn node(&self) -> Uuid {
        self.node
    }

    /// Gives the directory back before the last clone of the store is gone.
    pub(crate) fn unlock(&self) {
        if let Some(file) = self.lock.lock().take() {
            // Closing alone is not enough: a child that is just being started may hold a copy for a moment.
            _ = rustix::fs::flock(&file, rustix::fs::FlockOperation::Unlock);
        }
    }

    /// Notes that the database was founded: from now on its absence is a loss, not a beginning.
    pub(crate) fn complete(&self) -> Result<()> {
        match KeysFile::find(&self.path)? {
            Some(file) if !file.complete => KeysFile { complete: true, ..file }.write(&self.path),
            _ => Ok(()),
        }
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        self.unlock();
    }
}

/// `keys.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeysFile {
    version: u32,
    /// Fingerprint of the root key that wrapped the rest.
    pub(crate) root: String,
    /// The database key under the root key, base64.
    database_key: String,
    /// Whether the database was founded.
    complete: bool,
}

impl KeysFile {
    pub(crate) fn find(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(KEYS);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unusable(&path, error)),
        };
        let file: Self = serde_json::from_str(&text).map_err(|error| {
            half_written(format!(
                "{} cannot be read. Restore it from a backup of this data directory.",
                path.display()
            ))
            .with_source(error)
        })?;
        if file.version == 1 {
            return Ok(Some(file));
        }
        Err(Error::invalid(format!(
            "{} was written by a newer version of Probity. Start that version, or a later one.",
            path.display()
        ))
        .with_code("schema_newer"))
    }

    pub(crate) fn create(directory: &Path, root: &RootKey) -> Result<Self> {
        let wrapped = root.wrap(CONTEXT, &Key::generate()?)?;
        let file = Self {
            version: 1,
            root: root.fingerprint(),
            database_key: STANDARD.encode(wrapped),
            complete: false,
        };
        file.write(directory)?;
        Ok(file)
    }

    /// The database key, as 64 hexadecimal digits.
    pub(crate) fn database_key(&self, root: &RootKey) -> Result<Secret<String>> {
        let wrapped = STANDARD.decode(&self.database_key).map_err(Error::internal)?;
        let key = root.unwrap(CONTEXT, &wrapped)?;
        Ok(Secret::new(hex::encode(key.expose())))
    }

    /// Atomically: a crash leaves the old file or the new one.
    fn write(&self, directory: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).map_err(Error::internal)?;
        replace(directory, KEYS, text.as_bytes())
    }
}

/// The name in the directory, or a new one.
fn node(directory: &Path) -> Result<Uuid> {
    let path = directory.join(NODE);
    match fs::read_to_string(&path) {
        Ok(text) => Uuid::try_parse(text.trim()).map_err(|error| {
            half_written(format!(
                "{} cannot be read. Restore it from a backup of this data directory.",
                path.display()
            ))
            .with_source(error)
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let node = Uuid::new_v4();
            replace(directory, NODE, node.to_string().as_bytes())?;
            Ok(node)
        }
        Err(error) => Err(unusable(&path, error)),
    }
}

/// Writes `name` in `directory` so that a crash leaves the old content or the new one.
pub(crate) fn replace(directory: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = directory.join(name);
    let next = directory.join(format!("{name}.next"));
    let written = (|| {
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&next)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&next, &path)?;
        File::open(directory)?.sync_all()
    })();
    written.map_err(|error| unusable(&path, error))
}

/// Refuses a directory that lost one of its parts.
pub(crate) fn whole(directory: &Path, database: &Path, keys: Option<&KeysFile>) -> Result<()> {
    let present = database.metadata().is_ok_and(|data| data.len() > 0);
    match keys {
        None if present => Err(half_written(format!(
            "The database {} is there but {} is not. Restore {KEYS} from a backup; without it the database cannot be read.",
            database.display(),
            directory.join(KEYS).display()
        ))),
        Some(keys) if keys.complete && !present => Err(half_written(format!(
            "{} belongs to a database that is gone: {}. Restore it from a backup, or start with an empty data directory.",
            directory.join(KEYS).display(),
            database.display()
        ))),
        _ => Ok(()),
    }
}

/// Creates a directory that only its owner can enter.
pub(crate) fn create(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| unusable(path, error))
}

/// The error of a database file that its key does not open.
pub(crate) fn unreadable(database: &Path, error: Error) -> Error {
    if error.kind() == domain::Kind::Internal {
        return Error::invalid(format!(
            "The database {} does not open with the key in {KEYS}: it is damaged, or comes from another data directory. Restore both from the same backup.",
            database.display()
        ))
        .with_code("data_unreadable")
        .with_source(error);
    }
    error
}

fn half_written(message: String) -> Error {
    Error::invalid(message).with_code("data_half_written")
}

fn unusable(path: &Path, error: std::io::Error) -> Error {
    let full = error.raw_os_error() == Some(rustix::io::Errno::NOSPC.raw_os_error());
    if full {
        return Error::unavailable(
            "The disk is full: nothing was written. Free some space and try again.",
        )
        .with_code("disk_full")
        .with_source(error);
    }
    Error::invalid(format!("{} cannot be used: {error}.", path.display()))
        .with_code("data_unusable")
        .with_source(error)
}
