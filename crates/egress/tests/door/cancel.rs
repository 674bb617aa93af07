//! Whoever stops listening stops the other side as well.

use std::time::{Duration, Instant};

use egress::{Config, Deadlines, Egress, ErrorKind};
use http_body_util::{BodyExt, Full};

use crate::{
    NAME, door, send, text,
    twin::{Certificate, Twin},
};

const AT_ONCE: Duration = Duration::from_millis(50);

async fn all() -> Vec<(&'static str, Twin, Egress)> {
    let certificate = Certificate::new();
    let trusting = Config { extra_ca: Some(certificate.file()), ..Config::default() };
    let plain = Twin::plain().await;
    let h1 = Twin::secure(&certificate, &["http/1.1"]).await;
    let h2 = Twin::secure(&certificate, &["h2"]).await;
    let to_plain = door(&plain.http(), plain.address, &trusting);
    let to_h1 = door(&h1.https(), h1.address, &trusting);
    let to_h2 = door(&h2.https(), h2.address, &trusting);
    vec![("plain", plain, to_plain), ("h1", h1, to_h1), ("h2", h2, to_h2)]
}

#[tokio::test]
async fn dropping_the_body_is_seen_by_the_server_at_once() {
    for (name, twin, egress) in all().await {
        let mut body = send(&egress, "/stream", "x").await.unwrap().into_body();
        body.frame().await.unwrap().unwrap();
        let dropped = Instant::now();
        drop(body);
        twin.seen.cancellations(1).await;
        assert!(dropped.elapsed() < AT_ONCE, "{name}: {:?}", dropped.elapsed());
    }
}

#[tokio::test]
async fn giving_up_before_the_headers_is_seen_by_the_server_at_once() {
    for (name, twin, egress) in all().await {
        let request = send(&egress, "/hang", "x");
        tokio::select! {
            _ = request => unreachable!("the server never answers"),
            () = twin.seen.requests(1) => {}
        }
        let dropped = Instant::now();
        twin.seen.cancellations(1).await;
        assert!(dropped.elapsed() < AT_ONCE, "{name}: {:?}", dropped.elapsed());
        // An HTTP/2 connection survives the reset of one stream.
        assert_eq!(text(send(&egress, "/echo", "next").await.unwrap()).await, "next");
        assert_eq!(twin.seen.connections(), if name == "h2" { 1 } else { 2 });
    }
}

/// A server that takes nothing in leaves no room for a polite goodbye either.
#[tokio::test]
async fn giving_up_on_a_server_that_does_not_read_frees_the_connection() {
    let certificate = Certificate::new();
    let config = Config { extra_ca: Some(certificate.file()), ..Config::default() };
    let acceptor = certificate.acceptor(&["http/1.1"]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let egress = door(&format!("https://{NAME}:{}", address.port()), address, &config);
    let large = http::Request::post("/").body(Full::from(vec![0u8; 16 << 20])).unwrap();
    let short = Deadlines { headers: Duration::from_millis(50), ..Deadlines::default() };
    let (accepted, sent) = tokio::join!(
        async { acceptor.accept(listener.accept().await.unwrap().0).await.unwrap() },
        egress.send("twin", large, short),
    );
    assert_eq!(sent.err().unwrap().kind(), ErrorKind::HeadersTimeout);
    tokio::time::timeout(AT_ONCE, egress.close()).await.unwrap();
    drop(accepted);
}

#[tokio::test]
async fn a_reader_that_stops_at_the_last_data_keeps_the_connection() {
    let twin = Twin::plain().await;
    let egress = door(&twin.http(), twin.address, &Config::default());
    for _ in 0..3 {
        let mut body = send(&egress, "/echo", "whole").await.unwrap().into_body();
        body.frame().await.unwrap().unwrap();
        drop(body);
    }
    assert_eq!(twin.seen.connections(), 1);
}
