//! The trust centre's hands: the facade over registry and log, and the probing child.

use std::{path::PathBuf, sync::Arc};

use domain::{Catalogue, Clock, DataClass, Error, Result};
use store::{EngineKind, Store};
use tokio::net::unix::pipe;
use trust::{
    Route, Settings, Trust, prober,
    registry::Registry,
    status::Profile,
    supervisor::{self, Supervisor},
};

use crate::{app::App, config::LogSection, telemetry};

pub(crate) async fn trust(store: &Store, catalogue: &Arc<Catalogue>) -> Result<Trust> {
    let settings = Settings {
        deployment: store.deployment_id()?.to_string(),
        build: trust::executable().await?,
        profile: Profile::embedded(),
        catalogue: Arc::clone(catalogue),
        key: store.signing_key("trust-snapshot")?,
        columns: columns().collect(),
        file_encrypted: store.engine_kind() == EngineKind::Sqlite,
    };
    Ok(Trust::new(Registry::shipped().map_err(Error::internal)?, settings))
}

/// Every column of the database with its class.
fn columns() -> impl Iterator<Item = (&'static str, &'static str, DataClass)> {
    store::TABLES
        .iter()
        .flat_map(|table| table.columns.iter().map(|&(column, class)| (table.name, column, class)))
}

/// Starts the prober: this program again, with a key of its own beside the root key.
pub(crate) fn supervise(app: &App) -> Supervisor {
    let settings = supervisor::Settings {
        trust: app.trust.clone(),
        store: app.store.clone(),
        base_url: app.base_url.clone(),
        key_file: app.config.root_key.with_file_name("prober.key"),
        places: Vec::new(),
        max_body: app.config.web.body_bytes,
        program: PathBuf::from("/proc/self/exe"),
        arguments: vec!["prober".to_owned()],
    };
    supervisor::start(settings, &app.tasks, &app.stop)
}

/// The child: what it must know comes in through its standard input.
pub(crate) async fn child() -> Result<()> {
    telemetry::start(&LogSection::default())?;
    let routes = web::route_table().into_iter().map(|route| Route {
        method: route.method.to_owned(),
        path: route.path.to_owned(),
        permission: route.permission.as_str().to_owned(),
    });
    let pipes = pipe::OpenOptions::new();
    let input = pipes.open_receiver("/proc/self/fd/0").map_err(Error::internal)?;
    let output = pipes.open_sender("/proc/self/fd/1").map_err(Error::internal)?;
    prober::run(input, output, routes.collect(), Clock::system()).await
}
