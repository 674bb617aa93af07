//! The real program over TLS with a certificate of its own.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use domain::Clock;
use egress::{Deadlines, Destination, Egress, Kind};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::Value;

use crate::{PATIENCE, PROGRAM};

/// A running server; killed when a test fails.
struct Server {
    child: Child,
    /// What it said until it was ready.
    said: String,
    base: String,
}

fn program(directory: &Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg("--data").arg(directory.join("data"));
    command.arg("--root-key").arg(directory.join("root.key"));
    command.env_remove("PROBITY_CONFIG").current_dir(directory);
    command
}

impl Server {
    fn start(directory: &Path) -> Self {
        let mut child = program(directory)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("PROBITY__TLS__MODE", "self_signed")
            .env("PROBITY__TLS__HTTP_REDIRECT", "127.0.0.1:0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let mut base = None;
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            said.push_str(&line);
            said.push('\n');
            base = line.strip_prefix("ready ").map(str::to_owned);
            if base.is_some() {
                break;
            }
        }
        Self { child, said, base: base.expect("the server says when it is ready") }
    }

    /// As somebody who knows only the certificate in this file.
    async fn get(&self, certificate: &[u8], path: &str) -> Result<Response<Vec<u8>>, String> {
        let egress = Egress::pinned(certificate, Clock::system()).unwrap();
        let (id, base) = ("site".to_owned(), url::Url::parse(&self.base).unwrap());
        egress.register(Destination { id, kind: Kind::Probe, base, allow_private: true }).unwrap();
        let request = Request::get(path).body(Full::default()).unwrap();
        let answer = egress.send("site", request, Deadlines::default()).await;
        let (parts, body) = answer.map_err(|error| format!("{:?}", error.kind()))?.into_parts();
        let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok(Response::from_parts(parts, body.to_vec()))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn certificate(directory: &Path) -> Vec<u8> {
    CertificateDer::from_pem_file(directory.join("data/tls.pem")).unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_program_probes_itself_and_renews_its_certificate() {
    let directory = tempfile::tempdir().unwrap();
    let mut server = Server::start(directory.path());
    assert!(server.base.starts_with("https://127.0.0.1:"), "{}", server.base);
    let first = certificate(directory.path());
    let hash: Vec<_> = vault::sha256(&first).iter().map(|byte| format!("{byte:02X}")).collect();
    assert!(server.said.contains(&hash.join(":")), "the fingerprint: {}", server.said);
    let answer = server.get(&first, "/sign-in").await.unwrap();
    assert!(answer.headers().contains_key("strict-transport-security"));

    let until = Instant::now() + PATIENCE;
    loop {
        let page = server.get(&first, "/trust.json").await.unwrap();
        let page: Value = serde_json::from_slice(page.body()).unwrap();
        let controls = page["snapshot"]["controls"].as_array().unwrap();
        let shown =
            |id: &str| controls.iter().any(|one| one["id"] == id && one["status"] == "verified");
        if ["ENC-01", "ENC-02", "ENC-03", "GW-03", "AUD-02"].into_iter().all(shown) {
            break;
        }
        assert!(Instant::now() < until, "{controls:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    std::fs::remove_file(directory.path().join("data/tls.pem")).unwrap();
    server.signal(Signal::HUP);
    while server.get(&first, "/healthz").await.is_ok() {
        assert!(Instant::now() < until, "the certificate stays what it was");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let second = certificate(directory.path());
    assert_eq!(server.get(&first, "/healthz").await.unwrap_err(), "Tls");
    assert_eq!(server.get(&second, "/healthz").await.unwrap().status(), 200);
    // The prober has heard of it.
    let run = || program(directory.path()).args(["probe", "run", "ENC-01"]).status().unwrap();
    while !run().success() {
        assert!(Instant::now() < until, "the prober does not know the new certificate");
    }
    server.signal(Signal::TERM);
    assert!(server.child.wait().unwrap().success());
}
