//! What the binary starts on, and what it refuses with a sentence that helps. The real binary, on real directories.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use domain::{Action, Actor, Clock, Event, Secret, Timestamp};
use store::{Authority, Store};
use tempfile::TempDir;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        testkit::end_with_connections();
        Self(tempfile::tempdir().unwrap())
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    fn key(&self) -> PathBuf {
        self.0.path().join("root.key")
    }

    /// A store here, as an earlier run left it.
    async fn written_at(&self, at: Timestamp) {
        let config = store::Config {
            url: Secret::new(format!("sqlite:{}", self.data().join("probity.db").display())),
            data_dir: self.data(),
            root_key: self.key(),
            ..store::Config::default()
        };
        let store = Store::open(&config, Clock::frozen(at)).await.unwrap();
        store.migrate().await.unwrap();
        let deployment = store.deployment(Authority::Bootstrap).await.unwrap();
        let write = deployment.write().await.unwrap();
        write.commit(Event::new(Action::DeploymentStart).by(Actor::System)).await.unwrap();
        store.drain().await.unwrap();
        store.close().await.unwrap();
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_probity"));
        command.arg("serve").args(more);
        if !more.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.arg("--data").arg(self.data()).arg("--root-key").arg(self.key());
        command.env_remove("PROBITY_CONFIG").current_dir(self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What a start that is refused says.
    fn refused(&self, more: &[&str]) -> String {
        let Output { status, stderr, .. } = self.command(more).output().unwrap();
        let said = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("probity: ") && !said.contains("panicked"), "{said}");
        said
    }

    /// Starts, reads until `ready`, and asks it to stop.
    fn starts(&self, more: &[&str]) {
        let mut child = self.command(more).stderr(Stdio::inherit()).spawn().unwrap();
        let ready = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok)
            .any(|line| line.starts_with("ready "));
        assert!(ready, "{:?}", child.wait());
        end(child);
    }
}

fn end(mut child: Child) {
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

fn now() -> Timestamp {
    Clock::system().now()
}

#[test]
fn an_empty_directory_and_again() {
    let place = Place::new();
    place.starts(&[]);
    place.starts(&[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_behind_the_log_is_refused_unless_accepted() {
    let place = Place::new();
    place.written_at(now().plus(Duration::from_secs(86_400 * 3))).await;
    let said = place.refused(&[]);
    assert!(said.contains("before the log was last written"), "{said}");
    assert!(said.contains("--accept-clock"), "{said}");
    place.starts(&["--accept-clock"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_root_key_is_refused() {
    let place = Place::new();
    place.written_at(now()).await;
    fs::remove_file(place.key()).unwrap();
    vault::RootKey::create(&place.key()).unwrap();
    let said = place.refused(&[]);
    assert!(said.contains(&text(&place.key())), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_root_key_is_not_made_anew() {
    let place = Place::new();
    place.written_at(now()).await;
    fs::remove_file(place.key()).unwrap();
    let said = place.refused(&[]);
    assert!(said.contains("root.key"), "{said}");
    assert!(!place.key().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_database_is_refused() {
    let place = Place::new();
    place.written_at(now()).await;
    let file = place.data().join("probity.db");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2 + 100]).unwrap();
    place.refused(&[]);
}

#[test]
fn an_address_that_others_reach_is_refused() {
    let place = Place::new();
    let said = place.refused(&["--listen", "0.0.0.0:0"]);
    for way_out in ["tls.mode", "127.0.0.1", "web.trusted_proxies"] {
        assert!(said.contains(way_out), "{said}");
    }
    assert!(!place.data().exists(), "nothing is made for a start that is refused");
}

#[test]
fn an_unknown_setting_is_refused_by_name() {
    let place = Place::new();
    let file = place.0.path().join("probity.toml");
    fs::write(&file, "listne = \"127.0.0.1:0\"\n").unwrap();
    let said = place.refused(&["--config", &text(&file)]);
    assert!(said.contains("listne"), "{said}");
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
