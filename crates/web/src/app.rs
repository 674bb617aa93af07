//! What every handler may reach.

use std::{ops::Deref, sync::Arc, time::Duration};

use bytes::Bytes;
use domain::{Catalogue, Clock, Result, Timestamp};
use gateway::Gateway;
use identity::Identity;
use metrics_exporter_prometheus::PrometheusHandle;
use store::Store;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use trust::Trust;

use crate::Config;

/// The parts the binary wires together.
pub struct Parts {
    pub store: Store,
    pub identity: Identity,
    pub gateway: Gateway,
    pub trust: Trust,
    pub catalogue: Arc<Catalogue>,
    pub clock: Clock,
    pub config: Config,
    /// How people reach this server, without a trailing slash: `http://127.0.0.1:8080`, `https://ai.example`.
    pub public_url: String,
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
    /// The evidence bundle, and when it was made.
    bundle: Mutex<Option<(Timestamp, Bytes)>>,
}

/// Everybody who asks within this time gets the same bundle: making one reads much and proves more.
const BUNDLE_KEPT: Duration = Duration::from_secs(10);

impl App {
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner { parts, bundle: Mutex::default() }))
    }

    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The evidence behind the trust page, made anew at most every few seconds and by one request at a time.
    pub(crate) async fn evidence_bundle(&self) -> Result<Bytes> {
        let mut kept = self.0.bundle.lock().await;
        let now = self.now();
        if let Some((made, bundle)) = &*kept
            && now.since(*made) < BUNDLE_KEPT
        {
            return Ok(bundle.clone());
        }
        let bundle = Bytes::from(trust::bundle::build(&self.trust, &self.store, now).await?);
        *kept = Some((now, bundle.clone()));
        Ok(bundle)
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
