//! A throw-away Redis server of one test, on a free port of this machine. It keeps nothing on disk unless it is told to.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

const MISSING: &str = "Neither redis-server nor valkey-server is installed. Run ./dev test, which installs what the tests need.";
const NAMES: [&str; 2] = ["redis-server", "valkey-server"];
/// How long a start may take.
const START: Duration = Duration::from_secs(10);

/// The running server; stopped when dropped, and by the kernel when the test is killed.
pub struct Redis {
    program: PathBuf,
    port: u16,
    child: Option<Child>,
    directory: TempDir,
}

impl Redis {
    /// Starts one.
    ///
    /// # Panics
    /// Where it is not installed or does not start: a test that needs it is never skipped.
    #[must_use]
    pub fn start() -> Self {
        let program = program();
        // Somebody else may take the port in between: then another one is tried.
        for _ in 0..5 {
            let port = free_port();
            let directory = tempfile::tempdir().expect("a temporary directory");
            let mut server = Self { program: program.clone(), port, child: None, directory };
            if server.try_start() {
                return server;
            }
        }
        panic!("{} does not start", program.display());
    }

    /// The address, for the settings.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/1", self.port)
    }

    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Ends it at once; everything in it is lost.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the server can be ended");
            child.wait().expect("the server ends");
        }
    }

    /// Writes down what is in it now, which the next start reads.
    ///
    /// # Panics
    /// When it does not.
    pub fn save(&self) {
        let mut wire = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        wire.write_all(b"SAVE\r\n").expect("a command");
        let mut answer = [0; 3];
        wire.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"+OK");
    }

    /// Starts it again at the same address, with what was saved; empty when nothing was.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self) {
        self.stop();
        assert!(self.try_start(), "the server does not start again");
    }

    fn try_start(&mut self) -> bool {
        // The kernel ends it with the thread that started it, should the test be killed.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(&self.program);
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--dir"]);
        command.arg(self.directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("setpriv, from util-linux");
        let until = Instant::now() + START;
        while Instant::now() < until {
            if child.try_wait().expect("the server's state").is_some() {
                return false;
            }
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                self.child = Some(child);
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().expect("the server can be ended");
        child.wait().expect("the server ends");
        false
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address").port()
}

fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places: Vec<PathBuf> = std::env::split_paths(&path)
        .chain([Path::new("/usr/bin").to_owned(), Path::new("/usr/local/bin").to_owned()])
        .collect();
    let all = NAMES.iter().flat_map(|name| places.iter().map(move |place| place.join(name)));
    all.into_iter().find(|one| one.is_file()).unwrap_or_else(|| panic!("{MISSING}"))
}
