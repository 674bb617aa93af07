//! Measures the gateway against a plain hyper reverse proxy on the same machine in the same run, so that what is
//! compared are ratios and not machines. Upstream, floor and gateway are processes of their own: the kernel's
//! accounting of each is read before and after a fixed number of requests.

mod demo;
mod floor;
mod load;
mod process;
mod report;
mod run;
mod serve;
mod soak;
mod upstream;

use std::{error::Error, net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts everything, measures, prints a table of ratios.
    Run(RunOptions),
    /// Mixed load for a long time: whether memory stays where it was.
    Soak(soak::SoakOptions),
    /// The mock provider, in the foreground.
    Upstream {
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// The plain reverse proxy, in the foreground.
    Floor {
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        #[arg(long)]
        upstream: SocketAddr,
    },
}

#[derive(clap::Args, Clone)]
struct RunOptions {
    /// The probity binary to measure; without it only the floor is measured.
    #[arg(long)]
    probity: Option<PathBuf>,
    /// Tiny counts: asserts that every answer is right, measures nothing.
    #[arg(long)]
    check: bool,
    /// Non-streaming requests per round and side: seconds of load, so that what is put off is part of it.
    #[arg(long, default_value_t = 20_000)]
    requests: u64,
    /// Streaming requests per round and side.
    #[arg(long, default_value_t = 400)]
    streams: u64,
    /// Rounds; the order of the sides alternates.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Seconds of the fixed-rate latency measurement per side.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Writes the numbers as JSON too.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(options) => run::run(options).await,
        Command::Soak(options) => soak::run(options).await,
        Command::Upstream { listen } => upstream::serve(listen).await,
        Command::Floor { listen, upstream } => floor::serve(listen, upstream).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::complain(&*error);
            ExitCode::FAILURE
        }
    }
}
