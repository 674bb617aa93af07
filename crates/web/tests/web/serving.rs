//! The listening side over a real socket.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::house::House;

async fn read_all(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_stop_lets_a_running_answer_end() {
    let house = House::new().await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    let serving = tasks.spawn(web::serve(
        listener,
        house.router.clone(),
        stop.clone(),
        Duration::from_secs(20),
    ));
    let body = serde_json::json!({
        "model": "sandbox-slow", "stream": true, "messages": [{"role": "user", "content": "hi"}],
    })
    .to_string();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        house.acme.key,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut first = [0; 1];
    stream.read_exact(&mut first).await.unwrap();
    stop.cancel();
    let rest = read_all(&mut stream).await;
    assert!(rest.starts_with("TTP/1.1 200"), "{rest}");
    assert!(rest.contains("[DONE]"), "the stream ran to its end");
    serving.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "nothing new is accepted");
}

#[tokio::test]
async fn peers_are_known_by_their_connection() {
    let house = House::new().await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(web::serve(listener, house.router.clone(), stop.clone(), Duration::from_secs(1)));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /healthz HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 203.0.113.9\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 200"));
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

/// Whoever sends more than fits hears so, however it is announced, once all of it is on its way.
#[tokio::test]
async fn a_body_that_is_too_large_is_answered_not_cut_off() {
    let house = House::with(web::Config { body_bytes: 2_000, ..web::Config::default() }).await;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    tasks.spawn(web::serve(listener, house.router.clone(), stop.clone(), Duration::from_secs(1)));
    let padding = vec![b' '; 8 << 20];
    let chunked =
        [format!("{:x}\r\n", padding.len()).as_bytes(), &padding, b"\r\n0\r\n\r\n"].concat();
    for (length, body) in [
        (format!("content-length: {}", padding.len()), &padding),
        ("transfer-encoding: chunked".to_owned(), &chunked),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n{length}\r\n\r\n",
            house.acme.key
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        assert!(read_all(&mut stream).await.starts_with("HTTP/1.1 413"), "{length}");
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn a_trusted_proxy_says_for_whom_it_asks() {
    let says =
        |axum::Extension(peer): axum::Extension<web::Peer>| async move { peer.0.to_string() };
    let router = axum::Router::new().route("/", axum::routing::get(says));
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    for (trusted, client) in [("127.0.0.1", "203.0.113.9"), ("10.0.0.7", "127.0.0.1")] {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxies = web::Proxies::parse(&[trusted.to_owned()]).unwrap();
        let door = web::Door::from(listener).behind(proxies);
        tasks.spawn(web::serve(door, router.clone(), stop.clone(), Duration::from_secs(1)));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = "GET / HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 198.51.100.1, 203.0.113.9\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = read_all(&mut stream).await;
        assert!(answer.ends_with(&format!("\r\n\r\n{client}")), "{answer}");
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}
