//! `probity doctor`: the effective settings with their source, and what is wrong.

use std::{io::Write as _, process::ExitCode};

use domain::{Clock, Result};
use egress::Egress;
use figment::Figment;
use store::Store;

use crate::{
    catalog,
    cli::Place,
    config::{self, Config},
    control, timekeeping, tls,
};

/// 0 when nothing is wrong.
pub(crate) async fn run(place: &Place) -> Result<ExitCode> {
    let figment = config::figment(place)?;
    let config = Config::load(place, None)?;
    print("Settings");
    for (key, value) in config.rows() {
        print(&format!("  {key:<32} {value:<40} {}", source(&figment, place, key)));
    }
    print("\nChecks");
    let mut healthy = true;
    for (what, outcome) in checks(&config).await {
        healthy &= outcome.is_ok();
        match outcome {
            Ok(note) => print(&format!("  ok    {what}: {note}")),
            Err(problem) => print(&format!("  FAIL  {what}: {problem}")),
        }
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn checks(config: &Config) -> Vec<(&'static str, Result<String>)> {
    let found = catalog::read(config.catalogue.overlays.as_deref());
    let count = |overlays: catalog::Overlays| {
        let providers = catalog::laid(&overlays)?.providers().count();
        Ok(format!("{providers} providers, {} overlays", overlays.len()))
    };
    let catalogue = found.and_then(count);
    let mail = config.mail.server().map(|server| match server {
        Some(server) => format!("letters of {} leave to {}", server.from(), server.host()),
        None => "none is sent".to_owned(),
    });
    let counters = counters(config).await;
    vec![
        ("catalogue", catalogue),
        ("mail", mail),
        ("tls", tls::check(config)),
        ("data", data(config).await),
        ("budgets are counted", counters),
    ]
}

async fn counters(config: &Config) -> Result<String> {
    let egress = Egress::new(&config.egress, Clock::system())?;
    let kind = config.store().engine()?;
    let outcome = gateway::check_counters(&config.gateway.counters, kind, &egress).await;
    egress.close().await;
    outcome
}

async fn data(config: &Config) -> Result<String> {
    let socket = config.control_socket();
    // A running server holds the data; that it answers is the better sign.
    if control::is_alive(&socket).await {
        return Ok("a server is running on it".to_owned());
    }
    let engine = config.store().engine()?;
    if engine == store::EngineKind::Sqlite && !config.data.exists() {
        return Ok("nothing there yet; `probity serve` creates it".to_owned());
    }
    let store = Store::open(&config.store(), Clock::system()).await?;
    let pending = store.pending_migrations().await?;
    let state = if pending == 0 {
        timekeeping::check(&store, false).await?;
        store.check().await.map(|()| "opens and can be written".to_owned())
    } else {
        Ok(format!(
            "{pending} migrations are to be run; `probity migrate` or `probity serve` runs them"
        ))
    };
    store.close().await?;
    state
}

fn source(figment: &Figment, place: &Place, key: &str) -> String {
    let flag = match key {
        "data" => place.data.is_some(),
        "root_key" => place.root_key.is_some(),
        _ => false,
    };
    if flag {
        return "(command line)".to_owned();
    }
    figment.find_metadata(key).map_or_else(
        || "(default)".to_owned(),
        |found| config::source_name(found).trim().to_owned(),
    )
}

fn print(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
