//! Connections: kept, shared, and never trusted too far.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    sync::mpsc,
    thread,
};

use bytes::Bytes;
use egress::{Config, ErrorKind};
use futures::future::join_all;
use http_body_util::{BodyExt, Full};
use tokio::io::AsyncReadExt as _;

use crate::{
    NAME, destination, door, send, text,
    twin::{Certificate, Twin},
};

#[tokio::test]
async fn http1_connections_are_used_again() {
    let twin = Twin::plain().await;
    let egress = door(&twin.http(), twin.address, &Config::default());
    for _ in 0..20 {
        assert_eq!(text(send(&egress, "/echo", "hello").await.unwrap()).await, "hello");
    }
    assert_eq!(twin.seen.connections(), 1);

    // Registering the same again changes nothing; another base starts afresh.
    egress.register(destination(&twin.http())).unwrap();
    assert_eq!(text(send(&egress, "/echo", "hello").await.unwrap()).await, "hello");
    assert_eq!(twin.seen.connections(), 1);
    egress.register(destination(&format!("{}/", twin.http()))).unwrap();
    assert_eq!(text(send(&egress, "/echo", "hello").await.unwrap()).await, "hello");
    assert_eq!(twin.seen.connections(), 2);
}

#[tokio::test]
async fn parallel_http1_requests_get_connections_of_their_own_and_few_are_kept() {
    let twin = Twin::plain().await;
    let config = Config { idle_connections: 2, ..Config::default() };
    let egress = door(&twin.http(), twin.address, &config);
    let answers = join_all((0..5).map(|_| send(&egress, "/echo", "x"))).await;
    assert_eq!(twin.seen.connections(), 5);
    for answer in answers {
        text(answer.unwrap()).await;
    }
    let again = join_all((0..5).map(|_| send(&egress, "/echo", "x"))).await;
    assert_eq!(twin.seen.connections(), 8);
    drop(again);
    egress.close().await;
}

#[tokio::test]
async fn host_and_version_are_what_the_destination_expects() {
    let certificate = Certificate::new();
    let trusting = Config { extra_ca: Some(certificate.file()), ..Config::default() };
    let plain = Twin::plain().await;
    let h1 = Twin::secure(&certificate, &["http/1.1"]).await;
    let h2 = Twin::secure(&certificate, &["h2", "http/1.1"]).await;
    for (base, twin, version) in [
        (plain.http(), &plain, "HTTP/1.1"),
        (h1.https(), &h1, "HTTP/1.1"),
        (h2.https(), &h2, "HTTP/2.0"),
    ] {
        let egress = door(&base, twin.address, &trusting);
        let host = format!("{NAME}:{}", twin.address.port());
        let answer = text(send(&egress, "/where", "").await.unwrap()).await;
        assert_eq!(answer, format!("{version} {host}"));
        assert_eq!(text(send(&egress, "/where", "").await.unwrap()).await, answer);
        assert_eq!(twin.seen.connections(), 1);
    }
}

#[tokio::test]
async fn headers_of_one_connection_do_not_travel() {
    let twin = Twin::plain().await;
    let egress = door(&twin.http(), twin.address, &Config::default());
    let request = http::Request::post("/where")
        .header("host", "evil.example")
        .header("connection", "close")
        .header("content-length", "999")
        .header("transfer-encoding", "chunked")
        .body(Full::new(Bytes::new()))
        .unwrap();
    let answer = egress.send("twin", request, egress::Deadlines::default()).await.unwrap();
    assert!(text(answer).await.contains(NAME));
    text(send(&egress, "/echo", "x").await.unwrap()).await;
    assert_eq!(twin.seen.connections(), 1);
}

#[tokio::test]
async fn a_burst_shares_one_http2_handshake_and_spreads_when_it_is_busy() {
    let certificate = Certificate::new();
    let twin = Twin::secure(&certificate, &["h2"]).await;
    let config = Config {
        extra_ca: Some(certificate.file()),
        h2_connections: 3,
        h2_streams: 4,
        ..Config::default()
    };
    let egress = door(&twin.https(), twin.address, &config);
    let answers = join_all((0..4).map(|_| send(&egress, "/stream", "x"))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(twin.seen.connections(), 1);

    // Each further one finds all places taken until the pool has grown to its limit.
    let mut more = Vec::new();
    for _ in 0..40 {
        more.push(send(&egress, "/stream", "x").await.unwrap());
    }
    assert_eq!(twin.seen.connections(), 3);

    drop((answers, more));
    twin.seen.cancellations(44).await;
    assert_eq!(text(send(&egress, "/echo", "still here").await.unwrap()).await, "still here");
    assert_eq!(twin.seen.connections(), 3);
}

#[tokio::test]
async fn a_large_body_arrives_whole_over_http2() {
    let certificate = Certificate::new();
    let twin = Twin::secure(&certificate, &["h2"]).await;
    let config = Config { extra_ca: Some(certificate.file()), ..Config::default() };
    let egress = door(&twin.https(), twin.address, &config);
    let large = Bytes::from(vec![7u8; 3 << 20]);
    let request = http::Request::post("/echo").body(Full::new(large.clone())).unwrap();
    let answer = egress.send("twin", request, egress::Deadlines::default()).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), large);
}

/// Reads one request up to the blank line; `None` at the end of the stream.
fn read_head(stream: &mut impl Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    Some(String::from_utf8(head).unwrap())
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server on a thread of its own, so that the client's runtime stands still while it works.
fn script(script: impl FnOnce(&TcpListener) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || script(&listener));
    address
}

/// The connection's task and this test are woken by the same look at the sockets, and the test runs first:
/// the connection is taken from the pool although its end has already arrived.
#[tokio::test]
async fn a_connection_that_went_stale_unnoticed_is_replaced() {
    let ((close, until_told), (closed, until_closed)) = (mpsc::channel(), mpsc::channel());
    let address = script(move |listener| {
        let (mut side, _) = listener.accept().unwrap();
        let (mut first, _) = listener.accept().unwrap();
        read_head(&mut first).unwrap();
        first.write_all(OK).unwrap();
        until_told.recv().unwrap();
        drop(first);
        side.write_all(b"!").unwrap();
        closed.send(()).unwrap();
        let (mut second, _) = listener.accept().unwrap();
        read_head(&mut second).unwrap();
        second.write_all(OK).unwrap();
    });
    let mut side = tokio::net::TcpStream::connect(address).await.unwrap();
    let egress = door(&format!("http://{NAME}:{}", address.port()), address, &Config::default());
    let get = || http::Request::get("/").body(Full::default()).unwrap();
    let deadlines = egress::Deadlines::default();
    assert_eq!(text(egress.send("twin", get(), deadlines).await.unwrap()).await, "ok");
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    close.send(()).unwrap();
    until_closed.recv().unwrap();
    assert_eq!(side.read_u8().await.unwrap(), b'!');
    assert_eq!(text(egress.send("twin", get(), deadlines).await.unwrap()).await, "ok");
}

#[tokio::test]
async fn a_request_that_may_have_been_seen_is_not_repeated() {
    let (seen, heads) = mpsc::channel();
    let address = script(move |listener| {
        let (mut first, _) = listener.accept().unwrap();
        seen.send(read_head(&mut first).unwrap()).unwrap();
        first.write_all(OK).unwrap();
        seen.send(read_head(&mut first).unwrap()).unwrap();
        drop(first);
        listener.set_nonblocking(true).unwrap();
        thread::sleep(std::time::Duration::from_millis(50));
        assert!(listener.accept().is_err(), "the request came again");
        drop(seen);
    });
    let egress = door(&format!("http://{NAME}:{}", address.port()), address, &Config::default());
    let get = || http::Request::get("/").body(Full::default()).unwrap();
    let deadlines = egress::Deadlines::default();
    assert_eq!(text(egress.send("twin", get(), deadlines).await.unwrap()).await, "ok");
    let error = egress.send("twin", get(), deadlines).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Reset);
    assert!(error.sent());
    let all = tokio::task::spawn_blocking(move || heads.iter().count()).await.unwrap();
    assert_eq!(all, 2);
}

#[tokio::test]
async fn garbage_is_a_protocol_error() {
    let address = script(|listener| {
        let (mut only, _) = listener.accept().unwrap();
        read_head(&mut only).unwrap();
        only.write_all(b"SSH-2.0-OpenSSH\r\n\r\n").unwrap();
    });
    let egress = door(&format!("http://{NAME}:{}", address.port()), address, &Config::default());
    let error = send(&egress, "/", "").await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    let address = script(|listener| {
        let (mut only, _) = listener.accept().unwrap();
        read_head(&mut only).unwrap();
        only.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").unwrap();
    });
    let egress = door(&format!("http://{NAME}:{}", address.port()), address, &Config::default());
    let answer = send(&egress, "/", "").await.unwrap();
    let error = answer.into_body().collect().await.err().unwrap();
    assert!(error.sent());
    assert_eq!(egress.records()[0].errors, 1);
}
