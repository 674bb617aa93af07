//! The trust centre's hands: the facade over what is known already, and the probing child.

use std::path::PathBuf;

use domain::{Clock, LiveCatalogue, Result};
use store::Store;
use trust::{
    Route, Trust, prober,
    supervisor::{self, Supervisor},
};

use crate::{app::App, config::LogSection, telemetry};

/// What was shown before this start counts as far as the log holds it and it is still fresh.
pub(crate) async fn trust(store: &Store, catalogue: &LiveCatalogue) -> Result<Trust> {
    Trust::open(store, catalogue.clone()).await
}

/// Starts the prober: this program again, with a key of its own beside the root key.
pub(crate) fn supervise(app: &App) -> Supervisor {
    let settings = supervisor::Settings {
        trust: app.trust.clone(),
        store: app.store.clone(),
        base_url: app.base_url.clone(),
        certificate: app.tls.as_ref().map(|keeper| keeper.tls().certificate()),
        redirect: app.redirect(),
        key_file: app.config.root_key.with_file_name("prober.key"),
        places: Vec::new(),
        max_body: app.config.web.body_bytes,
        only: None,
        networks: app.config.storage.networks.clone(),
        mounts: PathBuf::from("/proc/self/mountinfo"),
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
    prober::main(routes.collect(), Clock::system()).await
}
