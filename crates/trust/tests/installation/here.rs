//! A whole installation in this process: store, identity, gateway, web, trust and a prober at the other end of a pipe.

use std::{sync::Arc, time::Duration};

use domain::{Catalogue, Clock};
use egress::Egress;
use gateway::{Gateway, GatewayConfig};
use identity::Identity;
use store::Store;
use testkit::Backend;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trust::{
    Route, Trust, prober,
    status::Outcome,
    supervisor::{self, Ran, Settings, Supervisor},
};

use crate::front::Front;

pub(crate) struct Here {
    pub(crate) backend: Backend,
    pub(crate) store: Store,
    pub(crate) trust: Trust,
    pub(crate) front: Front,
    supervisor: Supervisor,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Waits are for another task of this process: seconds would be a defect.
const PATIENCE: Duration = Duration::from_secs(60);

impl Here {
    pub(crate) async fn start(mut backend: Backend) -> Self {
        backend.clock = Clock::system();
        let store = backend.open().await;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        store.run(&tasks, &stop);
        let catalogue = Arc::new(Catalogue::default());
        let trust = Trust::open(&store, Arc::clone(&catalogue)).await.unwrap();
        let origin = serve(&store, &trust, &catalogue, &tasks, &stop).await;
        let front = Front::open(origin, &tasks, &stop).await;
        let settings = Settings {
            trust: trust.clone(),
            store: store.clone(),
            base_url: front.url.clone(),
            key_file: backend.directory().join("prober.key"),
            places: Vec::new(),
            max_body: BODY,
            program: "/proc/self/exe".into(),
            arguments: Vec::new(),
        };
        let supervisor = probe(settings, &tasks, &stop);
        Self { backend, store, trust, front, supervisor, tasks, stop }
    }

    /// The status of a control at this moment.
    pub(crate) fn status(&self, control: &str) -> &'static str {
        let published = self.trust.snapshot(Clock::system().now()).unwrap();
        published.status(&control.parse().unwrap()).unwrap().as_str()
    }

    /// Waits until a control has this status.
    pub(crate) async fn until(&self, control: &str, wanted: &str) {
        let reached = async {
            while self.status(control) != wanted {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, reached).await.is_err() {
            let ran = self.run(Some(control)).await;
            panic!("{control} is {} and not {wanted}: {ran:#?}", self.status(control));
        }
    }

    pub(crate) async fn run(&self, control: Option<&str>) -> Vec<Ran> {
        self.supervisor.run_now(control).await.unwrap()
    }

    /// The outcome of a run of one control, now.
    pub(crate) async fn outcome(&self, control: &str) -> Outcome {
        let ran = self.run(Some(control)).await;
        ran.iter().find(|ran| ran.control.as_str() == control).unwrap().outcome
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.store.close().await.unwrap();
    }
}

/// What the data plane of the test accepts, in bytes.
const BODY: usize = 256 << 10;

async fn serve(
    store: &Store,
    trust: &Trust,
    catalogue: &Arc<Catalogue>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> std::net::SocketAddr {
    let clock = Clock::system();
    let egress = Egress::new(&egress::Config::default(), clock.clone()).unwrap();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let identity = Identity::new(identity::Config::default(), store.clone(), Arc::clone(catalogue))
        .await
        .unwrap();
    let config = GatewayConfig { stall_ms: 500, backoff_ms: 20, ..GatewayConfig::default() };
    let gateway = Gateway::new(
        config,
        store.clone(),
        egress,
        Arc::clone(catalogue),
        clock.clone(),
        tasks.clone(),
    );
    let router = web::router(web::App::new(web::Parts {
        store: store.clone(),
        identity,
        gateway,
        trust: trust.clone(),
        catalogue: Arc::clone(catalogue),
        clock,
        config: web::Config { body_bytes: BODY, ..web::Config::default() },
        public_url: format!("http://{address}"),
        metrics: None,
        closing: stop.clone(),
    }));
    tasks.spawn(web::serve(listener, router, stop.clone(), Duration::from_millis(200)));
    address
}

/// A prober in this process, at the other end of two pipes.
fn probe(settings: Settings, tasks: &TaskTracker, stop: &CancellationToken) -> Supervisor {
    let (to_prober, prober_in) = tokio::io::duplex(1 << 16);
    let (prober_out, from_prober) = tokio::io::duplex(1 << 16);
    let routes = web::route_table().into_iter().map(|route| Route {
        method: route.method.to_owned(),
        path: route.path.to_owned(),
        permission: route.permission.as_str().to_owned(),
    });
    let child = prober::run(prober_in, prober_out, routes.collect(), Clock::system());
    let stopped = stop.clone();
    tasks.spawn(async move {
        if let Some(Err(error)) = stopped.run_until_cancelled(child).await {
            panic!("the prober ended: {error} {}", error.causes());
        }
    });
    supervisor::attach(settings, from_prober, to_prober, tasks, stop)
}
