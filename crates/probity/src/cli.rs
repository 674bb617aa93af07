//! The command line. Names are the contract's.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(
    name = "probity",
    version,
    about = "An AI platform whose security page is proved by the running system"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) place: Place,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Where the configuration and the data are; the same for every command.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Place {
    /// Configuration file; every setting has a default
    #[arg(long, global = true, env = "PROBITY_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Data directory
    #[arg(long, global = true)]
    pub(crate) data: Option<PathBuf>,
    /// Root-key file; keep it outside the data directory
    #[arg(long, global = true)]
    pub(crate) root_key: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server
    Serve(Serve),
    /// Bring the database to this version and exit
    Migrate,
    /// Show the effective settings and look for problems
    Doctor,
    /// Start the server with a sandbox provider and two organizations
    Demo(Serve),
    /// Check an audit export, a trust bundle or a receipt offline
    Verify {
        #[arg(value_name = "FILE")]
        bundle: PathBuf,
        /// The log key's fingerprint, as the operator published it
        #[arg(long)]
        root: Option<String>,
        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },
    /// Carry over the configuration of another gateway
    #[command(subcommand)]
    Import(Import),
    /// Probes of the running installation
    #[command(subcommand)]
    Probe(Probe),
    /// What only somebody on this machine may do
    #[command(subcommand)]
    Admin(Admin),
    /// The probing child of `serve`
    #[command(hide = true)]
    Prober,
}

#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Serve {
    /// Address to listen on; another than loopback needs TLS (docs/tls.md)
    #[arg(long)]
    pub(crate) listen: Option<SocketAddr>,
    /// Start although the clock stands before what the log says: it was wrong then and is right now
    #[arg(long)]
    pub(crate) accept_clock: bool,
    /// Add the sandbox provider and two organizations with some history
    #[arg(long)]
    pub(crate) demo: bool,
    /// Write the demo's addresses, people and keys to this file before `ready`
    #[arg(long, requires = "demo")]
    pub(crate) demo_json: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// From LiteLLM's config.yaml: shows what would be done, and does it when it is given an admin key
    Litellm(ImportLiteLlm),
}

#[derive(Args)]
pub(crate) struct ImportLiteLlm {
    /// LiteLLM's config.yaml; keys that it looks for in the environment are read from there
    pub(crate) file: PathBuf,
    /// A file that holds an admin key of the organization to import into
    #[arg(long)]
    pub(crate) admin_key_file: Option<PathBuf>,
    #[arg(long, env = "PROBITY_ADMIN_KEY", hide = true, hide_env_values = true)]
    pub(crate) admin_key: Option<String>,
}

impl std::fmt::Debug for ImportLiteLlm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportLiteLlm").field("file", &self.file).finish_non_exhaustive()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Probe {
    /// Run one probe, or all of them, now
    Run {
        /// A control, such as GW-01
        id: Option<String>,
        #[arg(long, conflicts_with = "id")]
        all: bool,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Admin {
    /// Print a one-time link that creates an operator
    OperatorLink,
    /// Remove the second factor of somebody who lost their app and recovery codes; make sure who asks
    ResetSecondFactor {
        /// The address they sign in with
        email: String,
    },
    /// Ask the members of an organization for nothing more than the deployment does, when nobody can enter it any more
    ResetSignInPolicy {
        /// The organization's short name, as it stands in addresses
        organization: String,
    },
    /// Read the catalogue's overlays again without a restart; SIGHUP does the same
    ReloadCatalogue,
    /// List the servers that count budgets together
    Servers,
    /// Say that a server will not come back: what it held of budgets and did not record is free again
    ForgetServer {
        /// As `probity admin servers` prints it
        server: uuid::Uuid,
    },
}
