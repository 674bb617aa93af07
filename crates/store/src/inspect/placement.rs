//! Where the data lies, as the database and its address say.

use std::path::PathBuf;

use domain::{OrgId, Result};
use sea_orm::{ConnectionTrait as _, QueryResult, Statement};

use super::Inspector;
use crate::{
    engine::{Tx, postgres_options},
    error::from_db,
};

/// What the engine itself tells about the places it uses. Nothing is told by a database that is a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// The host and port under which the database is configured, or the directory of its socket.
    pub configured: Option<Configured>,
    /// The address at which the server took this connection; `None` for a socket of this machine.
    pub server: Option<String>,
    pub port: Option<u16>,
    /// The addresses that receive a copy of every change.
    pub replicas: Vec<String>,
    /// Receivers whose address the server does not tell this role.
    pub hidden_replicas: u64,
    /// Other servers that it can reach for data: their name and their host.
    pub foreign: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Configured {
    Host(String, u16),
    Socket(PathBuf),
}

const SERVER: &str =
    "select host(inet_server_addr()) as address, inet_server_port()::bigint as port";
const REPLICAS: &str = "select host(client_addr) as address from pg_stat_replication";
const FOREIGN: &str = "select s.srvname::text as name, split_part(o, '=', 2) as host from pg_foreign_server s, \
     unnest(s.srvoptions) as o where split_part(o, '=', 1) in ('host', 'hostaddr', 'servername', 'server')";

impl Inspector {
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn placement(&self) -> Result<Placement> {
        if !self.engine.is_postgres() {
            return Ok(Placement::default());
        }
        let options = postgres_options(&self.config.url)?;
        let configured = match options.get_socket() {
            Some(socket) => Configured::Socket(socket.clone()),
            None if options.get_host().starts_with('/') => {
                Configured::Socket(PathBuf::from(options.get_host()))
            }
            None => Configured::Host(options.get_host().to_owned(), options.get_port()),
        };
        let mut placement = Placement { configured: Some(configured), ..Placement::default() };
        let tx = self.engine.read(OrgId::DEPLOYMENT).await?;
        for row in all(&tx, SERVER).await? {
            placement.server = row.try_get("", "address").map_err(from_db)?;
            let port: Option<i64> = row.try_get("", "port").map_err(from_db)?;
            placement.port = port.and_then(|port| u16::try_from(port).ok());
        }
        for row in all(&tx, REPLICAS).await? {
            match row.try_get("", "address").map_err(from_db)? {
                Some(address) => placement.replicas.push(address),
                None => placement.hidden_replicas += 1,
            }
        }
        for row in all(&tx, FOREIGN).await? {
            let name = row.try_get("", "name").map_err(from_db)?;
            placement.foreign.push((name, row.try_get("", "host").map_err(from_db)?));
        }
        Ok(placement)
    }

    /// The files of the database and what lies beside them.
    #[must_use]
    pub fn directories(&self) -> Vec<(&'static str, PathBuf)> {
        let mut all = vec![
            ("data directory", self.config.data_dir.clone()),
            ("usage journal", self.config.data_dir.join("journal")),
        ];
        if !self.engine.is_postgres() {
            all.push(("database", self.config.sqlite_path()));
        }
        all
    }
}

async fn all(tx: &Tx, sql: &str) -> Result<Vec<QueryResult>> {
    let statement = Statement::from_string(tx.on().get_database_backend(), sql);
    tx.on().query_all_raw(statement).await.map_err(from_db)
}
