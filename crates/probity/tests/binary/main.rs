//! The real program: what its trust page says outlives it, and what is behind the page verifies without it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

mod tls;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_probity");

/// An end for what never comes, not a time that anything takes.
const PATIENCE: Duration = Duration::from_secs(200);

/// A running server; killed when a test fails.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(directory: &Path) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(directory.join("data"))
            .arg("--root-key")
            .arg(directory.join("root.key"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address =
            lines.find_map(|line| Some(line.unwrap().strip_prefix("ready http://")?.to_owned()));
        let address = address.expect("the server says when it is ready");
        Self { child, address }
    }

    fn get(&self, path: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        answer.split_off(head + 4)
    }

    fn json(&self, path: &str) -> Value {
        serde_json::from_slice(&self.get(path)).unwrap()
    }

    /// What the page says of a control.
    fn control(&self, id: &str) -> Value {
        let page = self.json("/trust.json");
        let controls = page["snapshot"]["controls"].as_array().unwrap();
        controls.iter().find(|control| control["id"] == id).unwrap().clone()
    }

    fn until_verified(&self, id: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let control = self.control(id);
            if control["status"] == "verified" {
                return control;
            }
            assert!(Instant::now() < until, "{control:#}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The bundle behind a page on which something is verified: each is handed out for some seconds.
    fn bundle(&self, directory: &Path, root: &str) -> Vec<u8> {
        let until = Instant::now() + PATIENCE;
        loop {
            let bundle = self.get("/trust/bundle");
            let (code, report) = verify(&bundle, directory, root);
            assert_eq!(code, 0, "{report:#}");
            if report["evidence"].as_u64().unwrap() >= 2 {
                return bundle;
            }
            assert!(Instant::now() < until, "{report:#}");
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    /// Asks it to end, as an operator would.
    fn stop(mut self) -> ExitStatus {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already is as good.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The exit code of `probity verify` and what it printed.
fn verify(bundle: &[u8], directory: &Path, root: &str) -> (i32, Value) {
    let file = directory.join("trust.tar");
    std::fs::write(&file, bundle).unwrap();
    let told = Command::new(PROGRAM)
        .arg("verify")
        .arg(&file)
        .args(["--json", "--root", root])
        .output()
        .unwrap();
    (told.status.code().unwrap(), serde_json::from_slice(&told.stdout).unwrap_or_default())
}

#[test]
fn evidence_outlives_a_restart_and_verifies_offline() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path());
    let before = server.until_verified("AUD-02");
    server.until_verified("KEY-01");
    let root = server.json("/.well-known/trust.json")["log_root"].as_str().unwrap().to_owned();
    let bundle = server.bundle(directory.path(), &root);
    assert!(server.stop().success());

    // Nobody is there to ask any more.
    let (code, report) = verify(&bundle, directory.path(), &root);
    assert_eq!((code, &report["ok"]), (0, &Value::Bool(true)), "{report:#}");
    assert_eq!(verify(&bundle, directory.path(), &"0".repeat(64)).0, 1, "another key");
    for at in (0..bundle.len()).step_by(bundle.len() / 23) {
        let mut changed = bundle.clone();
        changed[at] ^= 1;
        assert_ne!(verify(&changed, directory.path(), &root).0, 0, "byte {at}");
    }
    assert_eq!(verify(b"something else", directory.path(), &root).0, 2);

    let again = Server::start(directory.path());
    let after = again.control("AUD-02");
    assert_eq!(after["status"], "verified", "{after:#}");
    assert_eq!(after["last_passed"], before["last_passed"], "the evidence is the earlier one");
    let (code, report) = verify(&again.get("/trust/bundle"), directory.path(), &root);
    assert_eq!(code, 0, "{report:#}");
    assert!(again.stop().success());
}
