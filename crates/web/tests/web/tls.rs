//! TLS at the edge, over real sockets.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use domain::{Clock, Timestamp};
use egress::{Deadlines, Destination, Egress, Kind, Pinned};
use http_body_util::{BodyExt as _, Full};
use rustls::{
    ClientConfig, NamedGroup, ProtocolVersion, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use web::{Door, Tls};

use crate::house::House;

/// A server with TLS, until it is dropped.
struct Server {
    _house: House,
    address: SocketAddr,
    tls: Tls,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// A certificate for this machine and its key.
fn made() -> (Vec<u8>, Vec<u8>) {
    let now: Timestamp = Clock::system().now();
    let names = ["127.0.0.1".to_owned()];
    let made = vault::self_signed(&names, now, now.plus(Duration::from_secs(3_600))).unwrap();
    (made.certificate.into_bytes(), made.key.expose().clone().into_bytes())
}

impl Server {
    async fn start(allow_tls12: bool) -> Self {
        let house = House::new().await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (certificate, key) = made();
        let tls = Tls::new(&certificate, &key, allow_tls12).unwrap();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let door = Door::from(listener).with_tls(Some(tls.clone()));
        tasks.spawn(web::serve(door, house.router.clone(), stop.clone(), Duration::from_secs(1)));
        Self { _house: house, address, tls, stop, tasks }
    }

    /// A handshake with one version only.
    async fn connect(
        &self,
        version: &'static SupportedProtocolVersion,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[version])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Pinned::new(&self.tls.certificate().borrow()))
            .with_no_client_auth();
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = self.address.ip().into();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

fn healthz(base: SocketAddr, egress: &Egress) -> http::Request<Full<bytes::Bytes>> {
    let base = url::Url::parse(&format!("https://{base}")).unwrap();
    let id = "site".to_owned();
    egress.register(Destination { id, kind: Kind::Probe, base, allow_private: true }).unwrap();
    http::Request::get("/healthz").body(Full::default()).unwrap()
}

#[tokio::test]
async fn the_newest_version_and_hybrid_key_exchange_are_spoken_and_nothing_older() {
    let server = Server::start(false).await;
    let stream = server.connect(&TLS13).await.unwrap();
    let session = stream.get_ref().1;
    assert_eq!(session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    let group = session.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, NamedGroup::X25519MLKEM768);
    assert!(server.connect(&TLS12).await.is_err());
    server.end().await;

    let server = Server::start(true).await;
    let stream = server.connect(&TLS12).await.unwrap();
    assert_eq!(stream.get_ref().1.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    assert!(server.connect(&TLS13).await.is_ok());
    server.end().await;
}

#[tokio::test]
async fn both_versions_of_http_are_served_to_who_knows_the_certificate() {
    let server = Server::start(false).await;
    let certificate = server.tls.certificate().borrow().clone();
    let egress = Egress::pinned(&certificate, Clock::system()).unwrap();
    let request = healthz(server.address, &egress);
    let answer = egress.send("site", request, Deadlines::default()).await.unwrap();
    assert_eq!((answer.status(), answer.version()), (http::StatusCode::OK, http::Version::HTTP_2));
    answer.into_body().collect().await.unwrap();

    let mut stream = server.connect(&TLS13).await.unwrap();
    let request = "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");

    let (other, key) = made();
    server.tls.renew(&other, &key, false).unwrap();
    let egress = Egress::pinned(&certificate, Clock::system()).unwrap();
    let request = healthz(server.address, &egress);
    let refused = egress.send("site", request, Deadlines::default()).await.err().unwrap();
    assert_eq!(refused.kind(), egress::ErrorKind::Tls, "the certificate is another one");
    assert!(server.connect(&TLS13).await.is_ok());
    server.end().await;
}

#[tokio::test]
async fn who_is_slow_with_a_handshake_holds_nobody_up() {
    let server = Server::start(false).await;
    let mut slow = Vec::new();
    for _ in 0..64 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        // The beginning of a greeting, and then silence.
        stream.write_all(&[0x16, 0x03, 0x01, 0x02]).await.unwrap();
        slow.push(stream);
    }
    let quick = tokio::time::timeout(Duration::from_secs(5), server.connect(&TLS13));
    assert!(quick.await.unwrap().is_ok());
    // Nor is a stop held up by them.
    tokio::time::timeout(Duration::from_secs(5), server.end()).await.unwrap();
    drop(slow);
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_ended() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (certificate, key) = made();
    let door = Door::from(listener).with_tls(Some(Tls::new(&certificate, &key, false).unwrap()));
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(web::serve(door, axum::Router::new(), stop.clone(), Duration::from_secs(1)));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut answer = [0; 8];
    let ended = tokio::time::timeout(Duration::from_secs(60), stream.read(&mut answer));
    assert_eq!(ended.await.unwrap().unwrap(), 0, "closed after ten seconds of nothing");
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn plain_http_gets_no_answer_where_tls_is_spoken() {
    let server = Server::start(false).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // An alert of TLS, or an end.
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.windows(4).any(|window| window == b"HTTP"), "{answer:?}");
    server.end().await;
}

#[tokio::test]
async fn plain_http_is_told_the_way_and_nothing_else() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let elsewhere = web::redirect("https://ai.example".to_owned());
    tasks.spawn(web::serve(
        Door::from(listener).open(),
        elsewhere,
        stop.clone(),
        Duration::from_secs(1),
    ));
    for (line, place) in [
        ("GET /o/acme?a=b HTTP/1.1", "https://ai.example/o/acme?a=b"),
        ("POST /v1/chat/completions HTTP/1.1", "https://ai.example/v1/chat/completions"),
        ("GET http://evil.example/x HTTP/1.1", "https://ai.example/x"),
        ("OPTIONS * HTTP/1.1", "https://ai.example/"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("{line}\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 308"), "{text}");
        assert!(text.contains(&format!("location: {place}\r\n")), "{text}");
        assert!(text.ends_with("\r\n\r\n"), "no body: {text}");
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

#[test]
fn a_certificate_and_a_key_that_do_not_fit_are_refused() {
    let ((certificate, _), (_, key)) = (made(), made());
    assert!(Tls::new(&certificate, &key, false).is_err());
    assert!(Tls::new(&certificate, b"nothing", false).is_err());
    assert!(Tls::new(b"nothing", &key, false).is_err());
}
