//! Asking a twin over a real socket.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use sandbox::{Running, Sandbox, Script};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

pub(crate) async fn start(script: Script) -> Running {
    Sandbox::start(([127, 0, 0, 1], 0).into(), script).await.unwrap()
}

/// Sends one request on its own connection; `Err` when the connection broke before the headers.
pub(crate) async fn send(
    twin: &Running,
    path: &str,
    body: &Value,
) -> Result<http::Response<hyper::body::Incoming>, hyper::Error> {
    let stream = TcpStream::connect(twin.addr).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    TaskTracker::new().spawn(connection);
    let request = http::Request::post(path)
        .header("host", "sandbox")
        .header("content-type", "application/json")
        .header("anthropic-version", "2023-06-01")
        .header("authorization", "Bearer secret")
        .header("x-api-key", "secret")
        .body(Full::new(Bytes::from(body.to_string())))
        .unwrap();
    sender.send_request(request).await
}

pub(crate) async fn whole(twin: &Running, path: &str, body: &Value) -> (u16, Value) {
    let response = send(twin, path, body).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

/// What arrived of a stream, and whether it ended as it should.
pub(crate) async fn stream(twin: &Running, path: &str, body: &Value) -> (String, bool) {
    let mut incoming = send(twin, path, body).await.unwrap().into_body();
    let mut text = Vec::new();
    loop {
        match tokio::time::timeout(Duration::from_millis(300), incoming.frame()).await {
            Ok(Some(Ok(frame))) => text.extend_from_slice(frame.data_ref().unwrap()),
            Ok(None) => return (String::from_utf8(text).unwrap(), true),
            Ok(Some(Err(_))) | Err(_) => return (String::from_utf8_lossy(&text).into(), false),
        }
    }
}
