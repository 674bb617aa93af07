//! A small server that notices everything.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::{Path, PathBuf},
    pin::Pin,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{net::TcpListener, sync::Notify};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

/// A certificate for `model.example`, made by the openssl command for this one run.
pub(crate) struct Certificate {
    directory: tempfile::TempDir,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "2", "-subj", "/CN=twin", "-config", "/dev/null"])
            .args(["-addext", "subjectAltName=DNS:model.example,IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", "key.pem", "-out", "certificate.pem"])
            .current_dir(&directory)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { directory }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    pub(crate) fn acceptor(&self, protocols: &[&str]) -> TlsAcceptor {
        let chain = vec![CertificateDer::from_pem_file(self.file()).unwrap()];
        let key = PrivateKeyDer::from_pem_file(self.key()).unwrap();
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }

    fn key(&self) -> PathBuf {
        Path::join(self.directory.path(), "key.pem")
    }
}

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: AtomicUsize,
    pub(crate) requests: AtomicUsize,
    /// A handler or a streamed answer was dropped before its end.
    pub(crate) cancelled: AtomicUsize,
    arrived: Notify,
    dropped: Notify,
}

impl Seen {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits until `count` requests have arrived.
    pub(crate) async fn requests(&self, count: usize) {
        wait(&self.arrived, || self.requests.load(Ordering::SeqCst) >= count).await;
    }

    /// Waits until the server noticed `count` cancellations.
    pub(crate) async fn cancellations(&self, count: usize) {
        wait(&self.dropped, || self.cancelled.load(Ordering::SeqCst) >= count).await;
    }
}

async fn wait(notify: &Notify, done: impl Fn() -> bool) {
    loop {
        let notified = notify.notified();
        if done() {
            return;
        }
        tokio::time::timeout(Duration::from_secs(10), notified).await.unwrap();
    }
}

pub(crate) struct Twin {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Seen>,
    tasks: TaskTracker,
}

impl Twin {
    pub(crate) async fn plain() -> Self {
        Self::serve(None).await
    }

    pub(crate) async fn secure(certificate: &Certificate, protocols: &[&str]) -> Self {
        Self::serve(Some(certificate.acceptor(protocols))).await
    }

    async fn serve(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let tasks = TaskTracker::new();
        let (counting, spawner) = (Arc::clone(&seen), tasks.clone());
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counting.connections.fetch_add(1, Ordering::SeqCst);
                let (seen, tls) = (Arc::clone(&counting), tls.clone());
                spawner.spawn(async move {
                    let service = service_fn(move |request| answer(request, Arc::clone(&seen)));
                    let server = auto::Builder::new(TokioExecutor::new());
                    // Broken connections are what many of these tests are about.
                    match tls {
                        None => drop(server.serve_connection(TokioIo::new(stream), service).await),
                        Some(tls) => {
                            let Ok(stream) = tls.accept(stream).await else { return };
                            drop(server.serve_connection(TokioIo::new(stream), service).await);
                        }
                    }
                });
            }
        });
        Self { address, seen, tasks }
    }

    pub(crate) fn http(&self) -> String {
        format!("http://{}:{}/v1", crate::NAME, self.address.port())
    }

    pub(crate) fn https(&self) -> String {
        format!("https://{}:{}/v1", crate::NAME, self.address.port())
    }
}

impl Drop for Twin {
    fn drop(&mut self) {
        self.tasks.close();
    }
}

/// Counts a cancellation unless it is disarmed.
struct Alarm(Arc<Seen>, bool);

impl Drop for Alarm {
    fn drop(&mut self) {
        if self.1 {
            self.0.cancelled.fetch_add(1, Ordering::SeqCst);
            self.0.dropped.notify_waiters();
        }
    }
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

async fn answer(request: Request<Incoming>, seen: Arc<Seen>) -> Result<Answer, Infallible> {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    seen.arrived.notify_waiters();
    let path = request.uri().path().to_owned();
    let host = request.uri().authority().map(ToString::to_string).unwrap_or_else(|| {
        let header = request.headers().get("host").map(|value| value.to_str().unwrap());
        header.unwrap_or_default().to_owned()
    });
    let version = format!("{:?}", request.version());
    let body = request.into_body().collect().await.map(|body| body.to_bytes());
    let answer = match path.as_str() {
        "/v1/hang" => {
            let _alarm = Alarm(seen, true);
            std::future::pending().await
        }
        "/v1/stream" => Response::new(Endless(Alarm(seen, true)).boxed()),
        "/v1/redirect" => {
            let to = Response::builder().status(302).header("location", "http://169.254.169.254/");
            to.body(Full::default().boxed()).unwrap()
        }
        "/v1/close" => {
            let last = Response::builder().header("connection", "close");
            last.body(Full::default().boxed()).unwrap()
        }
        "/v1/where" => Response::new(Full::from(format!("{version} {host}")).boxed()),
        _ => Response::new(Full::from(body.unwrap_or_default()).boxed()),
    };
    Ok(answer)
}

/// Data without end, as fast as it is taken.
struct Endless(#[expect(dead_code, reason = "tells when it is dropped")] Alarm);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1024])))))
    }
}
