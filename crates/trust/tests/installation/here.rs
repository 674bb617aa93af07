//! A whole installation in this process: store, identity, gateway, web, trust and a prober at the other end of a pipe.

use std::{sync::Arc, time::Duration};

use courier::Courier;
use domain::{Action, Catalogue, Clock, Event};
use egress::Egress;
use gateway::{Gateway, GatewayConfig};
use identity::Identity;
use sandbox::{MailScript, Mailbox};
use store::{Authority, Store};
use testkit::Backend;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use trust::{
    Route, Trust,
    page::EvidenceView,
    prober,
    registry::ControlId,
    supervisor::{self, Ran, Settings, Supervisor},
};

use crate::{
    front::{Care, Front},
    tls::Edge,
};

pub(crate) struct Here {
    pub(crate) backend: Backend,
    pub(crate) store: Store,
    pub(crate) trust: Trust,
    pub(crate) front: Front,
    pub(crate) egress: Egress,
    /// The side that faces people, where it speaks TLS.
    pub(crate) edge: Option<Edge>,
    /// Where letters of this installation arrive.
    pub(crate) mailbox: Option<Mailbox>,
    /// What the prober takes for the kernel's list of what is mounted.
    pub(crate) mounts: std::path::PathBuf,
    supervisor: Supervisor,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// What a test wants to be special.
struct With {
    care: Care,
    mailbox: Option<Mailbox>,
    over_tls: bool,
    only: Option<Vec<ControlId>>,
}

impl Default for With {
    fn default() -> Self {
        Self { care: Care::Honest, mailbox: None, over_tls: false, only: None }
    }
}

/// Waits are for other tasks of this process: an end for what never comes, not a time that anything takes.
const PATIENCE: Duration = Duration::from_secs(200);

impl Here {
    pub(crate) async fn start(backend: Backend) -> Self {
        Self::start_with(backend, Care::Honest).await
    }

    /// The same behind a front that is careless from the beginning.
    pub(crate) async fn start_with(backend: Backend, care: Care) -> Self {
        Self::start_in(backend, With { care, ..With::default() }).await
    }

    /// The same, in which only the probes of these controls have planned runs.
    pub(crate) async fn start_for(backend: Backend, controls: &[&str]) -> Self {
        let only = controls.iter().map(|id| id.parse().unwrap()).collect();
        Self::start_in(backend, With { only: Some(only), ..With::default() }).await
    }

    /// The same with a mail server.
    pub(crate) async fn start_with_mail(backend: Backend) -> Self {
        let here = ([127, 0, 0, 1], 0).into();
        let mailbox = Mailbox::start(here, MailScript::default()).await.unwrap();
        Self::start_in(backend, With { mailbox: Some(mailbox), ..With::default() }).await
    }

    /// The same, in which only the probes of these controls have planned runs.
    pub(crate) async fn start_with_mail_for(backend: Backend, controls: &[&str]) -> Self {
        let here = ([127, 0, 0, 1], 0).into();
        let mailbox = Mailbox::start(here, MailScript::default()).await.unwrap();
        let only = Some(controls.iter().map(|id| id.parse().unwrap()).collect());
        Self::start_in(backend, With { mailbox: Some(mailbox), only, ..With::default() }).await
    }

    /// The same over TLS, without the front.
    pub(crate) async fn start_over_tls(backend: Backend) -> Self {
        Self::start_in(backend, With { over_tls: true, ..With::default() }).await
    }

    async fn start_in(mut backend: Backend, with: With) -> Self {
        let With { care, mailbox, over_tls, only } = with;
        backend.clock = Clock::system();
        let store = backend.open().await;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        store.run(&tasks, &stop);
        let company = include_str!("../../../../catalog/deepseek.toml");
        let priced = include_str!("../../../../catalog/sandbox.toml");
        let stores = include_str!("../../../../catalog/openai.toml");
        let chooses = include_str!("../../../../catalog/openrouter.toml");
        let files = [
            ("deepseek", company),
            ("sandbox", priced),
            ("openai", stores),
            ("openrouter", chooses),
        ];
        let catalogue = Arc::new(Catalogue::parse(files).unwrap());
        testkit::announce(&store, &catalogue).await;
        let trust = Trust::open(&store, Arc::clone(&catalogue)).await.unwrap();
        let egress = Egress::new(&egress::Config::default(), Clock::system()).unwrap();
        deliver(&store, &egress, mailbox.as_ref()).await.run(&tasks, &stop);
        let parts = (&store, &trust, &catalogue, &egress);
        let (origin, serve) = serve(parts, &tasks, &stop).await;
        let edge = match over_tls {
            true => Some(Edge::open(serve, origin, &tasks, &stop).await),
            false => None,
        };
        let front = Front::open(origin, &tasks, &stop).await;
        front.care(care);
        // What the kernel says, in a file that a test can falsify.
        let mounts = backend.directory().join("mountinfo");
        std::fs::copy("/proc/self/mountinfo", &mounts).unwrap();
        let settings = Settings {
            trust: trust.clone(),
            store: store.clone(),
            base_url: edge.as_ref().map_or_else(|| front.url.clone(), Edge::url),
            certificate: edge.as_ref().map(|edge| edge.tls.certificate()),
            redirect: edge.as_ref().map(Edge::redirect),
            key_file: backend.directory().join("prober.key"),
            places: Vec::new(),
            max_body: BODY,
            only,
            networks: Vec::new(),
            mounts: mounts.clone(),
            program: "/proc/self/exe".into(),
            arguments: Vec::new(),
        };
        let supervisor = probe(settings, &tasks, &stop);
        Self {
            backend,
            store,
            trust,
            front,
            egress,
            edge,
            mailbox,
            mounts,
            supervisor,
            tasks,
            stop,
        }
    }

    /// The status of a control at this moment.
    pub(crate) fn status(&self, control: &str) -> &'static str {
        let published = self.trust.snapshot(Clock::system().now()).unwrap();
        published.status(&control.parse().unwrap()).unwrap().as_str()
    }

    /// The latest result of a control.
    pub(crate) fn evidence(&self, control: &str) -> Option<EvidenceView> {
        let page = self.trust.page(Clock::system().now()).unwrap();
        let mut controls = page.areas.into_iter().flat_map(|area| area.controls);
        controls.find(|view| view.id == control).unwrap().evidence
    }

    /// Waits until a control has this status.
    pub(crate) async fn until(&self, control: &str, wanted: &str) {
        let reached = self.wait(|| (self.status(control) == wanted).then_some(())).await;
        let (status, evidence) = (self.status(control), self.evidence(control));
        assert!(reached.is_some(), "{control} is {status} and not {wanted}: {evidence:#?}");
    }

    /// The next result of a control after the one with this id.
    pub(crate) async fn news(&self, control: &str, known: &str) -> EvidenceView {
        let newer = || self.evidence(control).filter(|evidence| evidence.id != known);
        self.wait(newer).await.unwrap()
    }

    /// Waits until `look` sees something; `None` when it never does.
    async fn wait<T>(&self, mut look: impl FnMut() -> Option<T>) -> Option<T> {
        let seen = async {
            loop {
                if let Some(seen) = look() {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.ok()
    }

    pub(crate) async fn run(&self, control: Option<&str>) -> Vec<Ran> {
        self.supervisor.run_now(control).await.unwrap()
    }

    pub(crate) async fn refused(&self, control: &str) -> domain::Error {
        self.supervisor.run_now(Some(control)).await.unwrap_err()
    }

    /// What a run of one control finds now.
    pub(crate) async fn one(&self, control: &str) -> Ran {
        let ran = self.run(Some(control)).await;
        ran.into_iter().find(|ran| ran.control.as_str() == control).unwrap()
    }

    /// What anybody gets at this path.
    pub(crate) async fn get(&self, path: &str) -> Vec<u8> {
        let address = self.front.url.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        answer.split_off(head + 4)
    }

    /// The server sends something to a provider of the probes, though nobody asked for it.
    pub(crate) async fn call_a_place(&self) {
        let handed = self.store.hand_over().unwrap();
        let inspector = store::Inspector::open(handed).await.unwrap();
        let all = inspector.registrations().await.unwrap();
        inspector.close().await.unwrap();
        // One of the many that share a twin: partners have twins of their own.
        let shared = |place: &&store::Registration| {
            all.iter().filter(|other| other.base_url == place.base_url).count()
        };
        let place = all.iter().filter(|place| !place.removed).max_by_key(shared).unwrap();
        let body = http_body_util::Full::new(bytes::Bytes::from_static(b"{}"));
        let request = http::Request::post("/chat/completions").body(body).unwrap();
        let deadlines = egress::Deadlines::default();
        self.egress.send(&place.id.to_string(), request, deadlines).await.unwrap();
    }

    /// The server reaches a host that no organization has registered.
    pub(crate) async fn call_a_stranger(&self) {
        let base = url::Url::parse(&self.front.url).unwrap();
        let (id, kind) = ("stranger".to_owned(), egress::Kind::Provider);
        let stranger = egress::Destination { id, kind, base, allow_private: true };
        self.egress.register(stranger).unwrap();
        let body = http_body_util::Full::new(bytes::Bytes::new());
        let request = http::Request::get("/healthz").body(body).unwrap();
        let deadlines = egress::Deadlines::default();
        let answer = self.egress.send("stranger", request, deadlines).await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    /// A door of the server that is open to every machine, until what comes back is dropped.
    pub(crate) async fn open_door(&self) -> tokio_util::sync::DropGuard {
        let listener = TcpListener::bind(("0.0.0.0", 0)).await.unwrap();
        let inside = self.front.url.strip_prefix("http://").unwrap().to_owned();
        let closed = self.stop.child_token();
        let stop = closed.clone();
        self.tasks.spawn(async move {
            let pass = async {
                while let Ok((mut outside, _)) = listener.accept().await {
                    let mut inside = TcpStream::connect(&inside).await.unwrap();
                    // One visitor at a time is enough.
                    let passed = tokio::io::copy_bidirectional(&mut outside, &mut inside);
                    let _ = tokio::time::timeout(Duration::from_secs(3), passed).await;
                }
            };
            stop.run_until_cancelled(pass).await;
        });
        closed.drop_guard()
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

/// What takes letters and events out.
async fn deliver(store: &Store, egress: &Egress, mailbox: Option<&Mailbox>) -> Courier {
    let url = mailbox.map(|twin| format!("smtp://127.0.0.1:{}?tls=off", twin.addr.port()));
    let config = courier::Config {
        url: url.map(domain::Secret::new),
        password_file: None,
        from: Some("notices@example.org".to_owned()),
    };
    let server = config.server().unwrap();
    let deployment = store.deployment(Authority::Bootstrap).await.unwrap();
    let mut write = deployment.write().await.unwrap();
    write.mail_host_keep(server.as_ref().map(courier::MailServer::host)).await.unwrap();
    write.commit(Event::new(Action::DeploymentStart)).await.unwrap();
    Courier::new(store.clone(), egress.clone(), server, "https://ai.example").unwrap()
}

async fn serve(
    (store, trust, catalogue, egress): (&Store, &Trust, &Arc<Catalogue>, &Egress),
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> (std::net::SocketAddr, impl FnOnce(web::Door) + use<>) {
    let clock = Clock::system();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let identity = Identity::new(identity::Config::default(), store.clone(), Arc::clone(catalogue))
        .await
        .unwrap();
    // Long enough that a busy machine does not make a provider that answers look as if it had stalled.
    let config = GatewayConfig { stall_ms: 5_000, backoff_ms: 20, ..GatewayConfig::default() };
    let gateway = Gateway::new(
        config,
        store.clone(),
        egress.clone(),
        Arc::clone(catalogue),
        clock.clone(),
        tasks.clone(),
    );
    gateway.watch(stop);
    gateway.work_on_batches(stop);
    let router = web::router(web::App::new(web::Parts {
        store: store.clone(),
        sign_on: identity::SingleSignOn::new(
            identity.clone(),
            egress.clone(),
            format!("http://{address}"),
        ),
        identity,
        gateway,
        trust: trust.clone(),
        catalogue: Arc::clone(catalogue).into(),
        clock,
        config: web::Config { body_bytes: BODY, ..web::Config::default() },
        public_url: format!("http://{address}"),
        sandbox: None,
        metrics: None,
        closing: stop.clone(),
    }));
    let (tasks, stop) = (tasks.clone(), stop.clone());
    let serve = move |door: web::Door| {
        let (router, stop) = (router.clone(), stop.clone());
        tasks.spawn(web::serve(door, router, stop, Duration::from_millis(200)));
    };
    serve(listener.into());
    (address, serve)
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
