//! One throw-away PostgreSQL cluster for all test processes of a working copy.
//!
//! The first test that needs it starts it; a small shell script beside it stops it once no test process has
//! held the `users` lock for some seconds. Locks are the kernel's, so a killed test leaves none behind.

use std::{
    fs::{self, File, OpenOptions},
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use domain::Secret;
use rustix::fs::{FlockOperation, flock};

const OWNER: &str = "probity_owner";
const APP: &str = "probity_app";
const MISSING: &str =
    "PostgreSQL is not installed. Run ./dev test, which installs what the tests need.";

/// Stops the server when nobody has used it for a while, and removes its data.
const WATCHDOG: &str = r#"
exec 9<"$1/users"
idle=0
while [ -e "$1/data/postmaster.pid" ]; do
  sleep 1
  if ! flock -n -x 9; then idle=0; continue; fi
  idle=$((idle + 1))
  if [ "$idle" -ge 15 ]; then
    shift_base=$1; shift
    "$@" stop -m immediate -D "$shift_base/data"
    rm -rf "$shift_base/data"
    exit 0
  fi
  flock -u 9
done
"#;

/// The running server.
pub struct Cluster {
    base: PathBuf,
    programs: PathBuf,
    /// Held shared as long as this process lives.
    _users: File,
}

/// One database of the cluster, dropped with this value.
pub struct Database {
    name: String,
    cluster: &'static Cluster,
}

impl Cluster {
    /// The cluster of this working copy, started if it does not run.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A new database with the application's tables, owned by the owner's role.
    pub async fn database(&'static self) -> Database {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let template = self.template().await;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        self.sql("postgres", &format!("drop database if exists {name} with (force)"));
        self.sql("postgres", &format!("create database {name} template {template} owner {OWNER}"));
        Database { name, cluster: self }
    }

    fn start() -> Self {
        let programs = programs();
        let base = base();
        fs::create_dir_all(&base).expect("a directory for the cluster");
        let users = file(&base.join("users"));
        flock(&users, FlockOperation::LockShared).expect("the users lock");
        let cluster = Self { base, programs, _users: users };
        let starting = file(&cluster.base.join("starting"));
        flock(&starting, FlockOperation::LockExclusive).expect("the start lock");
        if !cluster.answers() {
            cluster.boot();
        }
        cluster
    }

    /// Whether the server takes connections; one that is just starting gets some time.
    fn answers(&self) -> bool {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let status = quiet(&mut self.program("pg_isready")).arg("-q").status();
            match status.ok().and_then(|status| status.code()) {
                Some(0) => return true,
                Some(1) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                _ => return false,
            }
        }
    }

    fn boot(&self) {
        let (data, socket) = (self.base.join("data"), self.socket());
        for directory in [&data, &socket] {
            drop(fs::remove_dir_all(directory));
            fs::create_dir_all(directory).expect("a directory of the cluster");
            own(directory);
        }
        run(as_server(&self.programs.join("initdb"))
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C"])
            .args(["--no-sync", "--no-instructions", "-D"])
            .arg(&data));
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c synchronous_commit=off \
             -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB -c wal_level=minimal \
             -c max_wal_senders=0 -c autovacuum=off",
            socket.display()
        );
        run(as_server(&self.programs.join("pg_ctl"))
            .args(["start", "-w", "-s", "-t", "60", "-o", &options, "-l"])
            .arg(data.join("server.log"))
            .arg("-D")
            .arg(&data));
        self.sql(
            "postgres",
            &format!(
                "create role {OWNER} login nosuperuser; create role {APP} login nosuperuser nobypassrls"
            ),
        );
        self.watch();
    }

    fn watch(&self) {
        let stop = as_server(&self.programs.join("pg_ctl"));
        let mut watchdog = Command::new("setsid");
        watchdog.args(["--fork", "sh", "-c", WATCHDOG, "watchdog"]).arg(&self.base);
        watchdog.arg(stop.get_program()).args(stop.get_args());
        quiet(&mut watchdog).status().expect("setsid, from util-linux");
    }

    /// A database that the current migrations were run on; made once per text of the migrations.
    async fn template(&self) -> String {
        static DONE: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
        DONE.get_or_init(|| self.make_template()).await.clone()
    }

    async fn make_template(&self) -> String {
        let name = format!("template_{}", store::migrations_digest());
        let starting = file(&self.base.join("starting"));
        flock(&starting, FlockOperation::LockExclusive).expect("the start lock");
        let found =
            self.sql("postgres", &format!("select 1 from pg_database where datname = '{name}'"));
        if !found.is_empty() {
            return name;
        }
        self.sql("postgres", "drop database if exists unfinished with (force)");
        self.sql("postgres", &format!("create database unfinished owner {OWNER}"));
        let config = store::Config {
            url: Secret::new(self.url("unfinished", APP)),
            migrate_url: Some(Secret::new(self.url("unfinished", OWNER))),
            ..store::Config::default()
        };
        if let Err(error) = store::migrate(&config).await {
            panic!("the migrations fail on PostgreSQL: {error} {}", error.causes());
        }
        self.sql("postgres", &format!("alter database unfinished rename to {name}"));
        name
    }

    fn socket(&self) -> PathBuf {
        self.base.join("socket")
    }

    fn url(&self, database: &str, role: &str) -> String {
        format!("postgres://{role}@localhost/{database}?host={}", self.socket().display())
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.arg("-h").arg(self.socket()).args(["-U", "postgres"]);
        command
    }

    /// Runs statements as the superuser; rows come back as text.
    fn sql(&self, database: &str, sql: &str) -> String {
        run(self
            .program("psql")
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(["-d", database, "-c", sql]))
    }
}

impl Database {
    /// The address for the application's role: no superuser, bound by row-level security.
    #[must_use]
    pub fn app_url(&self) -> String {
        self.cluster.url(&self.name, APP)
    }

    /// The address for the role that owns the tables.
    #[must_use]
    pub fn owner_url(&self) -> String {
        self.cluster.url(&self.name, OWNER)
    }

    /// The address for the superuser, for tests of what is refused.
    #[must_use]
    pub fn superuser_url(&self) -> String {
        self.cluster.url(&self.name, "postgres")
    }

    /// Runs statements as the superuser.
    ///
    /// # Panics
    /// When the server refuses one.
    pub fn sql(&self, sql: &str) -> String {
        self.cluster.sql(&self.name, sql)
    }

    /// Runs statements as the application's role; the error is what the server says.
    pub fn sql_as_app(&self, sql: &str) -> Result<String, String> {
        let mut psql = Command::new(self.cluster.programs.join("psql"));
        psql.arg("-h").arg(self.cluster.socket()).args(["-U", APP, "-X", "-q", "-A", "-t"]);
        psql.args(["-v", "ON_ERROR_STOP=1", "-d", &self.name, "-c", sql]);
        output(&mut psql)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("drop database if exists {} with (force)", self.name);
        drop(output(self.cluster.program("psql").args(["-X", "-q", "-d", "postgres", "-c", &sql])));
    }
}

/// The newest installed server's programs.
fn programs() -> PathBuf {
    let mut found: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    found.sort_unstable();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found
        .into_iter()
        .rev()
        .map(|(_, directory)| directory)
        .chain(std::env::split_paths(&path))
        .find(|directory| {
            ["initdb", "pg_ctl", "psql", "pg_isready", "postgres"]
                .iter()
                .all(|program| directory.join(program).is_file())
        })
        .unwrap_or_else(|| panic!("{MISSING}"))
}

/// A short path (a socket's address has 107 bytes) for this working copy and user.
fn base() -> PathBuf {
    let copy = vault::sha256(env!("CARGO_MANIFEST_DIR").as_bytes());
    let copy: String = hex::encode(copy).chars().take(8).collect();
    let user = rustix::process::geteuid().as_raw();
    std::env::temp_dir().join(format!("probity-pg-{user}-{copy}"))
}

/// The account that runs the server where the tests run as root, which PostgreSQL refuses.
fn server_account() -> Option<(&'static str, u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let account = ["postgres", "nobody"].into_iter().find_map(|name| {
        let line = accounts.lines().find(|line| line.starts_with(&format!("{name}:")))?;
        let mut fields = line.split(':').skip(2).map(str::parse);
        Some((name, fields.next()?.ok()?, fields.next()?.ok()?))
    });
    Some(account.expect("an account named postgres or nobody"))
}

fn as_server(program: &Path) -> Command {
    match server_account() {
        Some((name, ..)) => {
            let mut command = Command::new("runuser");
            command.args(["-u", name, "--"]).arg(program).current_dir("/");
            command
        }
        None => Command::new(program),
    }
}

fn own(directory: &Path) {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).expect("permissions");
    if let Some((_, user, group)) = server_account() {
        std::os::unix::fs::chown(directory, Some(user), Some(group)).expect("a change of owner");
    }
}

fn file(path: &Path) -> File {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .expect("a lock file")
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

fn run(command: &mut Command) -> String {
    output(command).unwrap_or_else(|error| panic!("{error}"))
}

/// What the program printed. Output goes through a file, because a server that `pg_ctl` leaves behind
/// would keep a pipe open.
fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().display().to_string();
    let mut out = tempfile::tempfile().map_err(|error| error.to_string())?;
    let write = |file: &File| file.try_clone().map(Stdio::from).map_err(|error| error.to_string());
    let status = command
        .stdin(Stdio::null())
        .stdout(write(&out)?)
        .stderr(write(&out)?)
        .status()
        .map_err(|error| format!("{name}: {error}"))?;
    let mut text = String::new();
    std::io::Seek::rewind(&mut out).map_err(|error| error.to_string())?;
    out.read_to_string(&mut text).map_err(|error| error.to_string())?;
    if status.success() { Ok(text.trim().to_owned()) } else { Err(format!("{name}: {text}")) }
}
