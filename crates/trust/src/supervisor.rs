//! The parent's side: starts the prober, keeps it alive, and takes in what it finds.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use domain::{Error, Result};
use serde::Serialize;
use store::Store;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    process::Command,
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Trust,
    archive::Archive,
    evidence::{Measure, ProbeResult},
    link::{Incoming, Outgoing},
    registry::ControlId,
    status::Outcome,
    tenants::Landlord,
    wire::{FromProber, Start, ToProber},
};

/// How often the head of the log and the providers in use are looked at.
const REFRESH: Duration = Duration::from_secs(15);

/// How often the organizations of the probes get new sessions.
const SESSIONS: Duration = Duration::from_secs(3_600);

/// Between two starts of a prober that does not stay.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// What the prober needs to know, and how it is started.
#[derive(Clone)]
pub struct Settings {
    pub trust: Trust,
    pub store: Store,
    /// How the public API of this installation is reached.
    pub base_url: String,
    /// The certificate that it proves itself with, in DER, and every later one; none where it does not speak TLS.
    pub certificate: Option<watch::Receiver<Vec<u8>>>,
    /// Where it answers plain HTTP with the way to HTTPS.
    pub redirect: Option<SocketAddr>,
    /// The prober's own key file, outside the data directory.
    pub key_file: PathBuf,
    /// Where else this process may leave files, such as a directory of logs.
    pub places: Vec<PathBuf>,
    /// The largest body the data plane accepts, in bytes.
    pub max_body: usize,
    /// The controls whose probes this prober plans, all of them unless named. The others have no runs, and so are not
    /// verified, unless another prober has them.
    pub only: Option<Vec<ControlId>>,
    /// Where data may be kept, besides this machine, such as `10.20.0.0/16`.
    pub networks: Vec<String>,
    /// Where the kernel says what is mounted, `/proc/self/mountinfo` for this process.
    pub mounts: PathBuf,
    /// The program, `/proc/self/exe` for this one.
    pub program: PathBuf,
    /// Its arguments, such as `prober`.
    pub arguments: Vec<String>,
}

/// A handle on the running prober. Cheap to clone.
#[derive(Clone)]
pub struct Supervisor(mpsc::Sender<Ask>);

struct Ask {
    control: Option<ControlId>,
    reply: oneshot::Sender<Result<Vec<Ran>>>,
}

/// One result of a run that was asked for.
#[derive(Clone, Debug, Serialize)]
pub struct Ran {
    pub control: ControlId,
    pub statement: String,
    pub outcome: Outcome,
    /// In words.
    pub reason: &'static str,
    pub planted_found: bool,
    pub subjects: u64,
    pub population: u64,
    pub measures: Vec<Measure>,
    pub uncovered: Vec<String>,
    pub milliseconds: u64,
}

impl Supervisor {
    /// Runs what checks one control, or everything, now. Such a run can turn a control red, never green.
    ///
    /// # Errors
    /// `NotFound` for a control that no probe checks; `Unavailable` when no prober is running.
    pub async fn run_now(&self, control: Option<&str>) -> Result<Vec<Ran>> {
        let none = || Error::not_found("control that a probe checks");
        let control = control.map(|id| id.to_uppercase().parse::<ControlId>().map_err(|_| none()));
        let control = control.transpose()?;
        let known = |id: &ControlId| crate::probe::is_checked(id.as_str());
        if control.as_ref().is_some_and(|id| !known(id)) {
            return Err(none());
        }
        let gone = || Error::unavailable("The prober is not running. Try again in a minute.");
        let (reply, answer) = oneshot::channel();
        self.0.send(Ask { control, reply }).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// Starts the prober, and starts it again whenever it ends, until `stop`.
#[must_use]
pub fn start(settings: Settings, tasks: &TaskTracker, stop: &CancellationToken) -> Supervisor {
    let (sender, asks) = mpsc::channel(4);
    let stop = stop.clone();
    tasks.spawn(async move {
        let work = keep_running(settings, asks);
        stop.run_until_cancelled(work).await;
    });
    Supervisor(sender)
}

/// The same with a prober that somebody else started: its output and input are given. There is no second life.
#[must_use]
pub fn attach(
    settings: Settings,
    output: impl AsyncRead + Send + Unpin + 'static,
    input: impl AsyncWrite + Send + Unpin + 'static,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Supervisor {
    let (sender, mut asks) = mpsc::channel(4);
    let stop = stop.clone();
    tasks.spawn(async move {
        let work = converse(&settings, output, input, &mut asks);
        if let Some(Err(error)) = stop.run_until_cancelled(work).await {
            tracing::warn!(code = error.code(), causes = %error.causes(), "the prober ended: {error}");
        }
    });
    Supervisor(sender)
}

async fn keep_running(settings: Settings, mut asks: mpsc::Receiver<Ask>) {
    if let Err(error) = settings.trust.recall_from(&settings.store).await {
        tracing::warn!(code = error.code(), "the past ninety days cannot be read: {error}");
    }
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        if let Err(error) = once(&settings, &mut asks).await {
            tracing::warn!(code = error.code(), causes = %error.causes(), "the prober ended: {error}");
        }
        if began.elapsed() > LAST_PAUSE {
            pause = FIRST_PAUSE;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// One life of the prober.
async fn once(settings: &Settings, asks: &mut mpsc::Receiver<Ask>) -> Result<()> {
    let mut child = Command::new(&settings.program)
        .args(&settings.arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(Error::internal)?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::internal("a child without pipes"));
    };
    converse(settings, output, input, asks).await
}

/// Talks with a prober until it ends.
///
/// # Errors
/// When it cannot be understood, or says what cannot be accepted.
async fn converse(
    settings: &Settings,
    from: impl AsyncRead + Send + Unpin + 'static,
    to: impl AsyncWrite + Unpin,
    asks: &mut mpsc::Receiver<Ask>,
) -> Result<()> {
    let (mut incoming, mut outgoing) = (Incoming::<FromProber>::new(from), Outgoing::new(to));
    let mut certificate = settings.certificate.clone();
    let introduction = introduction(settings, certificate.as_mut())?;
    outgoing.send(&ToProber::Start(Box::new(introduction))).await?;
    let Some(FromProber::Hello(hello)) = incoming.next().await? else {
        return Err(Error::invalid("The prober did not say hello."));
    };
    let archive = Archive::new(&settings.store, &settings.trust).await?;
    archive.greet(&hello).await?;
    let mut landlord = Landlord::new(&settings.store, &settings.trust).await?;
    let tenants = landlord.tenants(&hello).await?;
    outgoing.send(&ToProber::Tenants(Box::new(tenants))).await?;
    let mut waiting = Waiting::default();
    let (mut refresh, mut sessions) = (every(REFRESH), every(SESSIONS));
    sessions.reset();
    loop {
        tokio::select! {
            said = incoming.next() => match said? {
                None => return Err(Error::unavailable("it has ended")),
                Some(FromProber::Hello(_)) => {}
                Some(FromProber::Schedule { envelope }) => {
                    let schedule = archive.commit(&envelope).await?;
                    outgoing.send(&ToProber::Committed { schedule }).await?;
                }
                Some(FromProber::Evidence { envelope, request }) => {
                    let result = archive.accept(&envelope).await?;
                    waiting.add(request, &result, settings);
                }
                Some(FromProber::Done { request }) => waiting.done(request),
            },
            Some(ask) = asks.recv() => {
                let control = ask.control.clone();
                let request = waiting.open(ask);
                outgoing.send(&ToProber::Run { request, control }).await?;
            }
            certificate = renewed(certificate.as_mut()) => {
                outgoing.send(&ToProber::Certificate { certificate }).await?;
            }
            _ = refresh.tick() => archive.refresh().await?,
            _ = sessions.tick() => {
                let tenants = landlord.tenants(&hello).await?;
                outgoing.send(&ToProber::Tenants(Box::new(tenants))).await?;
            }
        }
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// The next certificate; never comes where there is none.
async fn renewed(certificate: Option<&mut watch::Receiver<Vec<u8>>>) -> Vec<u8> {
    if let Some(certificate) = certificate
        && certificate.changed().await.is_ok()
    {
        return certificate.borrow_and_update().clone();
    }
    std::future::pending().await
}

fn introduction(
    settings: &Settings,
    certificate: Option<&mut watch::Receiver<Vec<u8>>>,
) -> Result<Start> {
    let (store, trust) = (&settings.store, &settings.trust);
    Ok(Start {
        deployment: trust.deployment(),
        registry: trust.registry().digest(),
        base_url: settings.base_url.clone(),
        certificate: certificate.map(|certificate| certificate.borrow_and_update().clone()),
        redirect: settings.redirect,
        handover: store.hand_over()?.to_line()?.expose().clone(),
        verifier: store.log_verifier()?,
        server_pid: std::process::id(),
        places: settings.places.clone(),
        max_body: settings.max_body,
        only: settings.only.clone(),
        networks: settings.networks.clone(),
        mounts: settings.mounts.clone(),
        key_file: settings.key_file.clone(),
    })
}

/// Those who asked for a run and wait for its results.
#[derive(Default)]
struct Waiting {
    last: u64,
    open: BTreeMap<u64, Asked>,
}

/// What was found so far, and where it goes.
type Asked = (Vec<Ran>, oneshot::Sender<Result<Vec<Ran>>>);

impl Waiting {
    fn open(&mut self, ask: Ask) -> u64 {
        self.last += 1;
        self.open.insert(self.last, (Vec::new(), ask.reply));
        self.last
    }

    fn add(&mut self, request: Option<u64>, result: &ProbeResult, settings: &Settings) {
        let Some((results, _)) = request.and_then(|request| self.open.get_mut(&request)) else {
            return;
        };
        let control = settings.trust.registry().control(&result.control);
        let took = result.finished.since(result.started);
        results.push(Ran {
            control: result.control.clone(),
            statement: control.map(|control| control.statement.clone()).unwrap_or_default(),
            outcome: result.outcome,
            reason: result.reason.says(),
            planted_found: result.positive_control,
            subjects: result.subjects,
            population: result.population,
            measures: result.measures.clone(),
            uncovered: result.uncovered.clone(),
            milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        });
    }

    fn done(&mut self, request: u64) {
        if let Some((results, reply)) = self.open.remove(&request) {
            // Who asked may have left.
            drop(reply.send(Ok(results)));
        }
    }
}
