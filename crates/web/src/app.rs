//! What every handler may reach.

use std::{ops::Deref, sync::Arc};

use domain::{Clock, LiveCatalogue, Timestamp};
use gateway::Gateway;
use identity::{Identity, SingleSignOn};
use metrics_exporter_prometheus::PrometheusHandle;
use store::Store;
use tokio_util::sync::CancellationToken;
use trust::Trust;

use crate::{Config, bundle::Kept, playground::Playground};

/// The parts the binary wires together.
pub struct Parts {
    pub store: Store,
    pub identity: Identity,
    pub sign_on: SingleSignOn,
    pub gateway: Gateway,
    pub trust: Trust,
    pub catalogue: LiveCatalogue,
    pub clock: Clock,
    pub config: Config,
    /// How people reach this server, without a trailing slash: `http://127.0.0.1:8080`, `https://ai.example`.
    pub public_url: String,
    /// The address of the running sandbox, which is offered as a provider; none outside the demo.
    pub sandbox: Option<String>,
    /// For `/metrics`; without it there is none.
    pub metrics: Option<PrometheusHandle>,
    /// Ends streams that would otherwise outlive a stop.
    pub closing: CancellationToken,
}

/// A handle on the parts; cloning it costs a counter.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    parts: Parts,
    bundle: Kept,
    playground: Playground,
}

impl App {
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, bundle: Kept::default(), playground: Playground::default() }))
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn kept_bundle(&self) -> &Kept {
        &self.0.bundle
    }

    pub(crate) fn playground(&self) -> &Playground {
        &self.0.playground
    }

    /// Whether people reach this server over TLS; decides how the session cookie is named and marked.
    #[must_use]
    pub fn secure(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}
