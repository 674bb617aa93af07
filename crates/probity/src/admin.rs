//! Commands for whoever owns the machine. With a server running they go through its control socket;
//! without one they open the data themselves.

use std::{io::Write as _, process::ExitCode};

use domain::{Clock, Error, Result};
use identity::Identity;
use store::Store;

use crate::{
    catalog,
    cli::Place,
    config::Config,
    control::{self, Reply, Request},
};

pub(crate) async fn migrate(place: &Place) -> Result<()> {
    let config = Config::load(place, None)?;
    let store = Store::open(&config.store(), Clock::system()).await?;
    let pending = store.pending_migrations().await?;
    store.migrate().await?;
    print(&match pending {
        0 => "The database is up to date.".to_owned(),
        count => format!("{count} migrations run; the database is up to date."),
    });
    store.close().await
}

pub(crate) async fn operator_link(place: &Place) -> Result<()> {
    let config = Config::load(place, None)?;
    if let Some(reply) = control::ask(&config.control_socket(), &Request::OperatorLink).await? {
        print(&text(reply)?);
        return Ok(());
    }
    let store = Store::open(&config.store(), Clock::system()).await?;
    store.migrate().await?;
    let identity = Identity::new(
        config.identity.clone(),
        store.clone(),
        catalog::laid(&catalog::Overlays::new())?,
    )
    .await?;
    let link = identity.operator_link_create().await?;
    let base = config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
    print(&format!("{base}{}", web::setup_path(&link.token)));
    print("The server is not running: start it within 30 minutes and open the link.");
    store.drain().await?;
    store.close().await
}

pub(crate) async fn reset_second_factor(place: &Place, email: String) -> Result<()> {
    print(&running(place, &Request::SecondFactorReset { email }).await?);
    Ok(())
}

pub(crate) async fn reset_sign_in_policy(place: &Place, organization: String) -> Result<()> {
    print(&running(place, &Request::SignInPolicyReset { organization }).await?);
    Ok(())
}

pub(crate) async fn reload_catalogue(place: &Place) -> Result<()> {
    let config = Config::load(place, None)?;
    let reply = control::ask(&config.control_socket(), &Request::CatalogueReload).await?;
    let reply = reply.ok_or_else(|| {
        Error::unavailable(
            "No server runs on this data directory. The next start reads the overlays.",
        )
    })?;
    print(&text(reply)?);
    Ok(())
}

/// The servers that count budgets together.
pub(crate) async fn servers(place: &Place) -> Result<()> {
    print(&running(place, &Request::Servers).await?);
    Ok(())
}

pub(crate) async fn forget_server(place: &Place, server: uuid::Uuid) -> Result<()> {
    print(&running(place, &Request::ServerForget { server }).await?);
    Ok(())
}

/// What the running server says.
async fn running(place: &Place, request: &Request) -> Result<String> {
    let config = Config::load(place, None)?;
    let reply = control::ask(&config.control_socket(), request).await?;
    let reply = reply.ok_or_else(|| {
        Error::unavailable("No server runs on this data directory. Start `probity serve` first.")
    })?;
    text(reply)
}

/// 0 when everything that ran passed, 1 otherwise.
pub(crate) async fn probe_run(
    place: &Place,
    control: Option<&str>,
    json: bool,
) -> Result<ExitCode> {
    let config = Config::load(place, None)?;
    let request = Request::ProbeRun { control: control.map(str::to_owned) };
    let Some(reply) = control::ask(&config.control_socket(), &request).await? else {
        return Err(Error::unavailable(
            "No server runs on this data directory. Probes exercise the running system: start `probity serve` first.",
        ));
    };
    let results = match reply {
        Reply::Json(results) => results,
        other => {
            return Err(Error::unavailable(
                text(other).err().map_or_else(String::new, |error| error.to_string()),
            ));
        }
    };
    let rows = results.as_array().cloned().unwrap_or_default();
    let field = |row: &serde_json::Value, name: &str| {
        row.get(name).and_then(serde_json::Value::as_str).unwrap_or("").to_owned()
    };
    if json {
        print(&serde_json::to_string_pretty(&results).unwrap_or_default());
    } else {
        for row in &rows {
            print(&format!(
                "{:<8} {:<14} {}",
                field(row, "control"),
                field(row, "outcome"),
                field(row, "reason")
            ));
        }
    }
    let passed = !rows.is_empty() && rows.iter().all(|row| field(row, "outcome") == "pass");
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(reply: Reply) -> Result<String> {
    match reply {
        Reply::Text(text) => Ok(text),
        Reply::Json(value) => Ok(value.to_string()),
        Reply::Error(message) => Err(Error::unavailable(message)),
    }
}

fn print(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
