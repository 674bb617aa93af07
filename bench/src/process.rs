//! Child processes, and what the kernel says about them.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::Outcome;

/// Clock ticks per second in `/proc/<pid>/stat`: fixed at 100 on every Linux that userspace can see.
const TICK: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Process {
    child: Child,
    pub addr: SocketAddr,
    pub started: Instant,
    /// Held open so that the child can keep writing.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts a program and waits for its line `ready http://ADDR`.
    pub(crate) async fn start(program: &Path, arguments: &[String]) -> Outcome<Self> {
        let started = Instant::now();
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().ok_or("no standard output")?;
        let mut output = BufReader::new(output).lines();
        let wait = async {
            while let Some(line) = output.next_line().await? {
                if let Some(addr) = line.strip_prefix("ready http://") {
                    return Outcome::Ok(addr.trim().trim_end_matches('/').parse()?);
                }
            }
            Err(format!("{} ended before it was ready", program.display()).into())
        };
        let addr = timeout(PATIENCE, wait).await??;
        Ok(Self { child, addr, started, _output: output })
    }

    fn pid(&self) -> Outcome<u32> {
        Ok(self.child.id().ok_or("the process has ended")?)
    }

    /// Time on processors so far, user and system, all threads, ended ones included.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid()?))?;
        // The command's name is in parentheses and may hold anything: count from the last one.
        let (_, rest) = stat.rsplit_once(") ").ok_or("unreadable /proc stat")?;
        let mut fields = rest.split(' ').skip(11);
        let mut ticks = || Outcome::Ok(fields.next().ok_or("short /proc stat")?.parse::<u32>()?);
        Ok(TICK * (ticks()? + ticks()?))
    }

    /// Resident memory in bytes.
    pub(crate) fn resident(&self) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes: u64 =
            line.and_then(|rest| rest.split_whitespace().next()).ok_or("no VmRSS")?.parse()?;
        Ok(kibibytes * 1024)
    }

    /// Asks it to end and waits; an error unless it ends well.
    pub(crate) async fn stop(mut self) -> Outcome {
        let pid = Pid::from_raw(i32::try_from(self.pid()?)?).ok_or("no process id")?;
        kill_process(pid, Signal::TERM)?;
        let status = timeout(PATIENCE, self.child.wait()).await??;
        if status.success() { Ok(()) } else { Err(format!("ended with {status}").into()) }
    }
}
