//! The gateway under measurement: the real binary on a data directory of its own, with the mock as its provider.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::{Outcome, load::Side, process::Process};

/// A model with a known price, at the mock: there is another provider of it in the demo.
const MODEL: &str = "bench/sandbox-echo";

pub(crate) struct Gateway {
    process: Option<Process>,
    pub side: Side,
    program: PathBuf,
    arguments: Vec<String>,
    _directory: TempDir,
}

impl Gateway {
    /// Creates the data directory, starts the server with its demo and registers the mock as a provider.
    pub(crate) async fn start(program: &Path, upstream: SocketAddr) -> Outcome<Self> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name).to_string_lossy().into_owned();
        let arguments: Vec<String> = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data",
            &path("data"),
            "--root-key",
            &path("root.key"),
        ]
        .map(str::to_owned)
        .into();
        let mut first = arguments.clone();
        first.extend(["--demo", "--demo-json", &path("demo.json")].map(str::to_owned));
        let process = Process::start(program, &first).await?;
        let demo: Value = serde_json::from_slice(&fs::read(directory.path().join("demo.json"))?)?;
        let text = |pointer: &str| {
            let value = demo.pointer(pointer).and_then(Value::as_str);
            value.map(str::to_owned).ok_or(format!("demo JSON lacks {pointer}"))
        };
        let admin = text("/organizations/0/admin_key")?;
        let key = text("/organizations/0/projects/0/api_key")?;
        let provider = json!({
            "catalog": "sandbox", "name": "bench", "protocol": "openai", "region": "SE",
            "base_url": format!("http://{upstream}/v1"), "secret": "bench-secret-not-used",
            "models": ["sandbox-echo"], "allow_private": true,
        });
        // What an organization that is careful has switched on: each is looked at for every request.
        let rules = json!({"regions": ["EU"], "max_retention_days": 30, "deny_countries": ["CN"]});
        let budget = json!({"period": "month", "limit_nano": 1_000_000_000_000_000_u64});
        for (method, path, body) in [
            ("POST", "/api/v1/providers", provider),
            ("PUT", "/api/v1/routing-policy", rules),
            ("PUT", "/api/v1/masking", json!({"mode": "detect"})),
            ("PUT", "/api/v1/budgets", budget),
        ] {
            let (status, answer) = request(process.addr, method, path, &admin, Some(&body)).await?;
            if !(200..300).contains(&status) {
                return Err(format!("{method} {path}: status {status}: {answer}").into());
            }
        }
        let side = Side { name: "probity", addr: process.addr, key, model: MODEL.to_owned() };
        Ok(Self {
            process: Some(process),
            side,
            program: program.to_owned(),
            arguments,
            _directory: directory,
        })
    }

    pub(crate) fn process(&self) -> Outcome<&Process> {
        Ok(self.process.as_ref().ok_or("the gateway is not running")?)
    }

    /// From starting the process on the existing directory to its first healthy answer.
    pub(crate) async fn restart(&mut self) -> Outcome<Duration> {
        // Two processes cannot hold one directory: the old one ends first.
        self.stop().await?;
        let fresh = Process::start(&self.program, &self.arguments).await?;
        loop {
            match request(fresh.addr, "GET", "/healthz", "", None).await {
                Ok((200, _)) => break,
                _ if fresh.started.elapsed() > Duration::from_secs(30) => {
                    return Err("never healthy".into());
                }
                _ => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
        let took = fresh.started.elapsed();
        self.side.addr = fresh.addr;
        self.process = Some(fresh);
        Ok(took)
    }

    /// Ends it; an error unless it ends well.
    pub(crate) async fn stop(&mut self) -> Outcome {
        match self.process.take() {
            Some(process) => process.stop().await,
            None => Ok(()),
        }
    }
}

/// One request on a connection of its own.
async fn request(
    addr: SocketAddr,
    method: &str,
    path: &str,
    key: &str,
    body: Option<&Value>,
) -> Outcome<(u16, String)> {
    let stream = TcpStream::connect(addr).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio_util::task::TaskTracker::new().spawn(connection);
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, addr.to_string())
        .header(header::CONTENT_TYPE, "application/json");
    if !key.is_empty() {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    let response = sender.send_request(request.body(Full::new(Bytes::from(body)))?).await?;
    let status = response.status().as_u16();
    let text = response.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&text).into_owned()))
}
