//! The `[store]` section of the configuration.

use std::path::PathBuf;

use domain::Secret;
use serde::Deserialize;

/// Where the data is and which key opens it. Every field has a default that works on a laptop.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `sqlite:PATH` or `postgres://…`; may carry a password, so it is a secret.
    pub url: Secret<String>,
    /// PostgreSQL only: the role that owns the tables and changes them; without it `url` does both.
    pub migrate_url: Option<Secret<String>>,
    /// Holds the wrapped database key, the usage journal and the lock file.
    pub data_dir: PathBuf,
    /// The root-key file, outside the data directory.
    pub root_key: PathBuf,
    /// Connections to the database, at most.
    pub max_connections: u32,
    /// Page cache of each SQLite connection, in MiB.
    pub cache_mb: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: Secret::new("sqlite:var/data/probity.db".to_owned()),
            migrate_url: None,
            data_dir: PathBuf::from("var/data"),
            root_key: PathBuf::from("var/root.key"),
            max_connections: 16,
            cache_mb: 16,
        }
    }
}

/// The engine a URL names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    Sqlite,
    Postgres,
}

impl EngineKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

impl Config {
    /// The engine that `url` names.
    pub fn engine(&self) -> domain::Result<EngineKind> {
        let url = self.url.expose();
        if url.starts_with("sqlite:") {
            Ok(EngineKind::Sqlite)
        } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            Ok(EngineKind::Postgres)
        } else {
            Err(domain::Error::invalid(
                "store.url must start with sqlite: or postgres:, such as sqlite:var/data/probity.db",
            ))
        }
    }

    /// The database file of `sqlite:PATH`.
    pub(crate) fn sqlite_path(&self) -> PathBuf {
        let url = self.url.expose();
        let path = url.strip_prefix("sqlite:").unwrap_or(url);
        PathBuf::from(path.strip_prefix("//").unwrap_or(path))
    }
}
