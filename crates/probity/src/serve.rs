//! `probity serve`: from settings to `ready`, and from SIGTERM to a clean end.

use std::{io::Write as _, path::Path};

use domain::{Error, Result};
use gateway::Gateway;
use store::Store;
use tokio::signal::unix::{SignalKind, signal};
use trust::supervisor::Supervisor;

use crate::{
    app::App,
    cli::{Place, Serve},
    config::Config,
    control::{self, Reply, Request},
    demo::Demo,
    import, prober, telemetry,
};

pub(crate) async fn run(place: &Place, options: &Serve) -> Result<()> {
    let config = Config::load(place, Some(options))?;
    telemetry::start(&config.log)?;
    say(&format!("Probity {}", env!("CARGO_PKG_VERSION")));
    let data = config.data.clone();
    let root_key = config.root_key.clone();
    let app = App::build(config, options.accept_clock).await?;
    app.start().await?;
    say(&format!("data      {}", data.display()));
    say(&format!(
        "root key  {}  (keep a copy elsewhere: without it the data cannot be read)",
        root_key.display()
    ));
    if let Some(keeper) = &app.tls {
        say(&format!("tls       {}", keeper.says()));
    }
    let demo = start_demo(&app, options).await?;
    let probes = prober::supervise(&app);
    open_control(&app, &probes)?;
    reload_when_asked(&app)?;
    welcome(&app).await?;
    say(&format!("trust     {}/trust", app.public_url));
    // Before `ready`: from there on a signal is a request to end well.
    let asked = asked_to_stop()?;
    let stop = app.stop.clone();
    app.tasks.spawn(async move {
        asked.await;
        tracing::info!("stopping: running requests may end");
        stop.cancel();
    });
    say(&format!("ready {}", app.base_url));
    app.serve(demo.as_ref().map(Demo::address)).await?;
    if let Some(demo) = demo {
        demo.stop().await;
    }
    Ok(())
}

async fn start_demo(app: &App, options: &Serve) -> Result<Option<Demo>> {
    if !options.demo {
        return Ok(None);
    }
    let demo = Demo::start(app.identity.clone(), app.store.clone(), app.gateway.clone()).await?;
    let file = options.demo_json.as_deref();
    if let Some((email, password)) = demo.prepare(&app.base_url, file).await? {
        say(&format!(
            "demo      sign in as {email} with the password {password}  (shown this once)"
        ));
    }
    file.map(Path::display)
        .iter()
        .for_each(|file| say(&format!("demo      {file} holds its people and keys")));
    Ok(Some(demo))
}

/// While nobody runs the deployment yet, every start offers a fresh link.
async fn welcome(app: &App) -> Result<()> {
    if !app.identity.operator_exists().await? {
        say(&format!("first operator, within 30 minutes:  {}", operator_link(app).await?));
    }
    Ok(())
}

async fn operator_link(app: &App) -> Result<String> {
    link(&app.identity, &app.public_url).await
}

async fn link(identity: &identity::Identity, public_url: &str) -> Result<String> {
    let link = identity.operator_link_create().await?;
    Ok(format!("{public_url}{}", web::setup_path(&link.token)))
}

fn open_control(app: &App, probes: &Supervisor) -> Result<()> {
    let (identity, public_url, probes) =
        (app.identity.clone(), app.public_url.clone(), probes.clone());
    let (shelf, gateway, store) = (app.catalogue.clone(), app.gateway.clone(), app.store.clone());
    let answer = move |request| {
        let (identity, public_url, probes) = (identity.clone(), public_url.clone(), probes.clone());
        let (shelf, gateway, store) = (shelf.clone(), gateway.clone(), store.clone());
        async move {
            match request {
                Request::OperatorLink => link(&identity, &public_url).await.map(Reply::Text),
                Request::CatalogueReload => shelf.reload().await.map(Reply::Text),
                Request::SecondFactorReset { email } => {
                    identity.second_factor_reset(&email).await.map(|had| Reply::Text(reset(had)))
                }
                Request::SignInPolicyReset { organization } => {
                    identity.sign_in_policy_reset(&organization).await?;
                    let says = "The organization asks its members for nothing more than this deployment does.";
                    Ok(Reply::Text(says.to_owned()))
                }
                Request::Servers => servers(&store).await.map(Reply::Text),
                Request::ServerForget { server } => forget(&gateway, &store, server).await,
                Request::ProbeRun { control } => {
                    let results = probes.run_now(control.as_deref()).await?;
                    serde_json::to_value(results).map(Reply::Json).map_err(Error::internal)
                }
                Request::Import(import) => {
                    let outcomes = import::carry_over(&identity, *import).await?;
                    serde_json::to_value(outcomes).map(Reply::Json).map_err(Error::internal)
                }
            }
        }
    };
    control::serve(&app.config.control_socket(), &app.tasks, app.stop.clone(), answer)
}

fn reset(had: bool) -> String {
    let says = match had {
        true => "The second factor is removed and every session ended. The password still holds.",
        false => "There was no second factor. Nothing was changed.",
    };
    says.to_owned()
}

/// The servers that count budgets together, one a line.
async fn servers(store: &Store) -> Result<String> {
    let line = |node: &store::Node| {
        let this = if node.id == store.node() { "  (this one)" } else { "" };
        format!("{}  last seen {}{this}", node.id, node.seen.rfc3339())
    };
    let lines: Vec<String> = store.nodes().await?.iter().map(line).collect();
    Ok(match lines.is_empty() {
        true => "No servers count budgets together: gateway.counters is memory.".to_owned(),
        false => lines.join("\n"),
    })
}

async fn forget(gateway: &Gateway, store: &Store, server: uuid::Uuid) -> Result<Reply> {
    if server == store.node() {
        return Err(Error::invalid("This server runs. Stop it, and it leaves by itself."));
    }
    gateway.forget_server(server).await?;
    Ok(Reply::Text(format!(
        "{server} is forgotten: what it held and did not record is free again."
    )))
}

/// SIGHUP reads the catalogue's overlays and the certificate again; what is wrong with them is logged and changes nothing.
fn reload_when_asked(app: &App) -> Result<()> {
    let mut hangup = signal(SignalKind::hangup()).map_err(Error::internal)?;
    let (shelf, tls, stop) = (app.catalogue.clone(), app.tls.clone(), app.stop.clone());
    app.tasks.spawn(async move {
        while let Some(Some(())) = stop.run_until_cancelled(hangup.recv()).await {
            match tls.as_ref().map(|keeper| keeper.reload().map(|()| keeper.says())) {
                Some(Ok(says)) => tracing::info!("tls: {says}"),
                Some(Err(error)) => {
                    tracing::warn!("the certificate stays what it was: {error}");
                }
                None => {}
            }
            if let Ok(says) = shelf.reload().await {
                tracing::info!("{says}");
            }
        }
    });
    Ok(())
}

/// Listens for SIGTERM and SIGINT from now on; the future ends with the first.
fn asked_to_stop() -> Result<impl Future<Output = ()> + Send + use<>> {
    let mut term = signal(SignalKind::terminate()).map_err(Error::internal)?;
    let mut int = signal(SignalKind::interrupt()).map_err(Error::internal)?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

/// What the person at the terminal reads; logs go to standard error.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody reading is no reason to stop.
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}
