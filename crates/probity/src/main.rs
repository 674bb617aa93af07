//! The Probity server and its command line: settings, wiring, and nothing else.

mod admin;
mod app;
mod catalog;
mod cli;
mod config;
mod control;
mod demo;
mod doctor;
mod import;
mod prober;
mod serve;
mod telemetry;
mod timekeeping;
mod tls;
mod traces;
mod verify;

use std::{io::Write as _, process::ExitCode, time::Duration};

use clap::Parser as _;
use cli::{Admin, Cli, Command, Import, Probe, Serve};
use domain::{Error, Result};

/// Requests are many small allocations on several threads, and a password hash is one of 19 MiB: this allocator is
/// quicker with the first than the C library's, and gives the second back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long the process waits for its own threads at the end.
const ENDING: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Verify { bundle, root, json } = &cli.command {
        return verify::run(bundle, root.as_deref(), *json);
    }
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            let causes = error.causes();
            let mut out = std::io::stderr().lock();
            drop(writeln!(out, "probity: {error}"));
            if !causes.is_empty() {
                drop(writeln!(out, "because: {causes}"));
            }
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode> {
    // One provider of cryptography, chosen before anything asks for it.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::internal)?;
    let outcome = runtime.block_on(async {
        match &cli.command {
            Command::Serve(options) => serve::run(&cli.place, options).await?,
            Command::Demo(options) => {
                serve::run(&cli.place, &Serve { demo: true, ..options.clone() }).await?;
            }
            Command::Migrate => admin::migrate(&cli.place).await?,
            Command::Doctor => return doctor::run(&cli.place).await,
            Command::Import(Import::Litellm(options)) => {
                return import::litellm(&cli.place, options).await;
            }
            Command::Probe(Probe::Run { id, json, .. }) => {
                return admin::probe_run(&cli.place, id.as_deref(), *json).await;
            }
            Command::Admin(Admin::ReloadCatalogue) => admin::reload_catalogue(&cli.place).await?,
            Command::Admin(Admin::ResetSecondFactor { email }) => {
                admin::reset_second_factor(&cli.place, email.clone()).await?;
            }
            Command::Admin(Admin::ResetSignInPolicy { organization }) => {
                admin::reset_sign_in_policy(&cli.place, organization.clone()).await?;
            }
            Command::Admin(Admin::Servers) => admin::servers(&cli.place).await?,
            Command::Admin(Admin::ForgetServer { server }) => {
                admin::forget_server(&cli.place, *server).await?;
            }
            Command::Admin(Admin::OperatorLink) => admin::operator_link(&cli.place).await?,
            Command::Prober => prober::child().await?,
            Command::Verify { .. } => {}
        }
        Ok(ExitCode::SUCCESS)
    });
    runtime.shutdown_timeout(ENDING);
    // Whatever way this ended: an exit while a connection is still being closed would crash.
    let _still_open = store::wait_for_connections(ENDING);
    outcome
}
