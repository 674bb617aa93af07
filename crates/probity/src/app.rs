//! Wiring: settings in, a running installation out. Nothing is configured elsewhere.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use courier::Courier;
use domain::{Action, Actor, Clock, Error, Event, Result};
use egress::Egress;
use gateway::Gateway;
use identity::{Identity, SingleSignOn};
use metrics_exporter_prometheus::PrometheusHandle;
use store::{Authority, Store};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trust::Trust;
use web::{Door, Proxies, TlsMode};

use crate::{catalog::Shelf, config::Config, telemetry, timekeeping, tls::Keeper, traces};

/// Everything that runs.
pub(crate) struct App {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) gateway: Gateway,
    egress: Egress,
    pub(crate) trust: Trust,
    courier: Courier,
    pub(crate) catalogue: Shelf,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    /// From here on no request is under way.
    settled: CancellationToken,
    /// Where this machine itself reaches the server.
    pub(crate) base_url: String,
    /// Where people do.
    pub(crate) public_url: String,
    /// None where TLS is off.
    pub(crate) tls: Option<Keeper>,
    listener: TcpListener,
    /// For this machine, where the other one is for proxies only.
    inside: Option<TcpListener>,
    redirect: Option<TcpListener>,
    metrics: PrometheusHandle,
}

impl App {
    /// Opens the data, brings it up to date and binds the address. Nobody is served yet.
    pub(crate) async fn build(config: Config, accept_clock: bool) -> Result<Self> {
        // Before anything of size: an address in use is the most common mistake.
        let (listener, address) = bind(config.listen).await?;
        let redirect = match config.tls.http_redirect {
            Some(at) => Some(bind(at).await?.0),
            None => None,
        };
        let encrypts = config.tls.mode != TlsMode::Off;
        let mut base = reachable(address);
        let mut inside = None;
        if !encrypts && !base.ip().is_loopback() {
            let (own, at) = bind((Ipv4Addr::LOCALHOST, 0).into()).await?;
            (inside, base) = (Some(own), at);
        }
        let base_url = format!("{}://{base}", if encrypts { "https" } else { "http" });
        let public_url = config.public_url.clone().unwrap_or_else(|| base_url.clone());
        let clock = Clock::system();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let store = Store::open(&config.store(), clock.clone()).await?;
        store.migrate().await?;
        let tls = Keeper::open(&config, &clock)?;
        timekeeping::check(&store, accept_clock).await?;
        let catalogue = Shelf::open(&config.catalogue, &store).await?;
        let identity =
            Identity::new(config.identity.clone(), store.clone(), catalogue.live()).await?;
        let egress = Egress::new(&config.egress, clock.clone())?;
        let server = config.mail.server()?;
        let courier = Courier::new(store.clone(), egress.clone(), server, &public_url)?;
        let gateway = Gateway::new(
            config.gateway.clone(),
            store.clone(),
            egress.clone(),
            catalogue.live(),
            clock,
            tasks.clone(),
        );
        let trust = crate::prober::trust(&store, &catalogue.live()).await?;
        let metrics = telemetry::measure()?;
        Ok(Self {
            config,
            store,
            identity,
            gateway,
            egress,
            trust,
            courier,
            catalogue,
            tasks,
            stop,
            settled: CancellationToken::new(),
            base_url,
            public_url,
            tls,
            listener,
            inside,
            redirect,
            metrics,
        })
    }

    /// Has requests traced, where a collector is named.
    fn trace(&self) -> Result<()> {
        let until = (&self.tasks, &self.settled);
        if let Some(tracer) = traces::start(&self.config.telemetry, &self.egress, until)? {
            self.gateway.trace_to(tracer);
        }
        Ok(())
    }

    /// Notes the start in the spine and sets the periodic work going.
    pub(crate) async fn start(&self) -> Result<()> {
        let server = self.config.mail.server()?;
        let host = server.as_ref().map(courier::MailServer::host);
        let mut write = self.store.deployment(Authority::Bootstrap).await?.write().await?;
        let event = Event::new(Action::DeploymentStart)
            .by(Actor::System)
            .fact("version", env!("CARGO_PKG_VERSION"))
            .fact("engine", self.store.engine_kind().as_str());
        write.mail_host_keep(host).await?;
        write.commit(event).await?;
        self.trace()?;
        self.store.run(&self.tasks, &self.stop);
        self.tasks.spawn_blocking(gateway::warm_up);
        self.gateway.watch(&self.stop);
        self.gateway.count_together(&self.stop);
        self.gateway.work_on_batches(&self.stop);
        self.courier.run(&self.tasks, &self.stop);
        self.tasks.spawn(telemetry::condense(self.metrics.clone(), self.stop.clone()));
        self.tasks.spawn(timekeeping::watch(self.store.clock().clone(), self.stop.clone()));
        if let Some(keeper) = &self.tls {
            self.tasks.spawn(keeper.clone().watch(self.stop.clone()));
        }
        Ok(())
    }

    /// Where plain HTTP is answered with the way to HTTPS, as seen from this machine.
    pub(crate) fn redirect(&self) -> Option<SocketAddr> {
        let address = self.redirect.as_ref().and_then(|listener| listener.local_addr().ok());
        address.map(reachable)
    }

    /// Serves, the demo's sandbox included, until `stop` is cancelled, then lets running requests end and writes everything down.
    pub(crate) async fn serve(self, sandbox: Option<String>) -> Result<()> {
        let drain = Duration::from_secs(self.config.web.drain_seconds);
        let router = web::router(web::App::new(web::Parts {
            store: self.store.clone(),
            sign_on: SingleSignOn::new(
                self.identity.clone(),
                self.egress.clone(),
                self.public_url.clone(),
            ),
            identity: self.identity,
            gateway: self.gateway.clone(),
            trust: self.trust,
            catalogue: self.catalogue.live(),
            clock: self.store.clock().clone(),
            config: self.config.web.clone(),
            public_url: self.public_url.clone(),
            sandbox,
            metrics: Some(self.metrics),
            closing: self.stop.clone(),
        }));
        let beside = |door: Door, router| {
            self.tasks.spawn(web::serve(door, router, self.stop.clone(), drain));
        };
        if let Some(listener) = self.redirect {
            beside(Door::from(listener).open(), web::redirect(self.public_url));
        }
        if let Some(listener) = self.inside {
            beside(listener.into(), router.clone());
        }
        let door = Door::from(self.listener)
            .with_tls(self.tls.map(|keeper| keeper.tls().clone()))
            .behind(Proxies::parse(&self.config.web.trusted_proxies)?);
        web::serve(door, router, self.stop.clone(), drain).await.map_err(Error::internal)?;
        self.gateway.drain(drain).await;
        self.settled.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.store.drain().await?;
        if let Err(error) = self.gateway.leave().await {
            tracing::warn!(
                code = error.code(),
                causes = %error.causes(),
                "what this server held of budgets is free again when it is started again"
            );
        }
        self.store.close().await
    }
}

/// How this machine itself reaches what waits there.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let refused = |error: std::io::Error| {
        Error::unavailable(format!(
            "Cannot listen on {address}: {error}. Choose another with --listen, or port 0 for any free one."
        ))
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let bound = listener.local_addr().map_err(refused)?;
    Ok((listener, bound))
}
