//! Programs that exercise the running installation and can fail. Each plants a violation in every run and
//! must find it; otherwise it proves nothing.

mod addresses;
mod attack;
mod canary;
mod choice;
mod ciphertext;
mod consent;
mod contract;
mod doors;
mod email_codes;
mod exposure;
mod families;
mod guessing;
mod health;
mod household;
mod inbox;
mod kept;
mod keys;
mod meter;
mod minimum;
mod notice;
mod pages;
mod partners;
mod plainly;
mod plant;
mod reconcile;
mod register;
mod roles;
pub(crate) mod routing;
mod separation;
mod sessions;
mod shadow;
mod sign_in;
mod sources;
mod storage;
mod tamper;
mod told;
mod training;
mod transport;
mod tree;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use domain::{Clock, Result};
use futures::{FutureExt as _, future::BoxFuture};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use store::Inspector;

use crate::{
    client::Client,
    evidence::{Measure, Reason, Verdict},
    host::Network,
    registry::{Control, ControlId, ParamValue, ProbeId, Registry},
    seed::Seed,
};

pub(crate) use household::{Household, Houses};
pub(crate) use inbox::Inbox;
use routing::places::Visit;
pub(crate) use routing::{
    Places,
    places::{self, Street},
};

/// A run that takes longer has failed to finish.
const LONGEST: Duration = Duration::from_secs(420);

/// One line of the installation's route table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    pub method: String,
    /// With parameters in braces, such as `/o/{org}/projects`.
    pub path: String,
    /// The name of the permission it needs.
    pub permission: String,
}

/// What every probe may use.
pub(crate) struct Site {
    pub(crate) clock: Clock,
    pub(crate) registry: Registry,
    pub(crate) routes: Vec<Route>,
    /// The controls whose probes are planned, all of them unless named.
    pub(crate) only: Option<Vec<ControlId>>,
    /// What follows from the prober's own key: a person that only it can sign in as.
    pub(crate) person: Seed,
    pub(crate) client: Client,
    /// What the server proves itself with, in DER.
    pub(crate) certificate: RwLock<Option<Vec<u8>>>,
    /// Where it answers plain HTTP with the way to HTTPS.
    pub(crate) redirect: Option<SocketAddr>,
    pub(crate) inspector: Inspector,
    pub(crate) deployment: String,
    pub(crate) verifier: String,
    pub(crate) server_pid: u32,
    pub(crate) places: Vec<PathBuf>,
    pub(crate) max_body: usize,
    /// Where data may be kept, besides this machine.
    pub(crate) networks: Vec<Network>,
    /// Where the kernel says what is mounted.
    pub(crate) mounts: PathBuf,
    /// The providers in several places; one run at a time counts what reaches them.
    pub(crate) abroad: Street,
    /// Where events of the organizations arrive.
    pub(crate) inbox: Inbox,
    /// Where the prober remembers the heads of logs it has seen.
    pub(crate) memory: PathBuf,
}

impl Site {
    /// The server proves itself with another certificate from now on.
    pub(crate) fn renew(&self, certificate: Vec<u8>) -> Result<()> {
        self.client.renew(&certificate)?;
        *self.certificate.write() = Some(certificate);
        Ok(())
    }

    /// The providers in several places, for one run at a time.
    async fn visit(&self) -> Visit<'_> {
        self.abroad.visit().await
    }
}

/// One run: the site, the two organizations, and the seed behind everything random.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) site: &'a Site,
    pub(crate) houses: &'a Houses,
    pub(crate) seed: Seed,
}

/// What a run found about one control.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    /// Whether the planted violation was found.
    pub(crate) planted: bool,
    pub(crate) subjects: u64,
    pub(crate) population: u64,
    pub(crate) uncovered: Vec<String>,
    pub(crate) measures: Vec<Measure>,
}

impl Finding {
    pub(crate) fn new(verdict: Verdict, planted: bool, (subjects, population): (u64, u64)) -> Self {
        let (uncovered, measures) = (Vec::new(), Vec::new());
        Self { verdict, planted, subjects, population, uncovered, measures }
    }

    pub(crate) fn measure(mut self, name: &str, value: u64, unit: &str) -> Self {
        self.measures.push(Measure::new(name, value, unit));
        self
    }

    pub(crate) fn uncovered(mut self, what: impl IntoIterator<Item = String>) -> Self {
        self.uncovered.extend(what);
        self
    }
}

type Findings = Vec<(&'static str, Finding)>;

impl<'a> Run<'a> {
    fn control(&self, id: &str) -> Option<&'a Control> {
        id.parse().ok().and_then(|id: ControlId| self.site.registry.control(&id))
    }

    /// A parameter of `control`, as it is published.
    fn param(&self, control: &str, name: &str) -> Option<&'a ParamValue> {
        self.control(control)?.params.get(name).map(|param| &param.value)
    }

    /// The fewest subjects a pass of `control` needs.
    fn floor(&self, control: &str) -> u64 {
        let bindings = self.control(control).map(Control::bindings).unwrap_or_default();
        bindings.iter().map(|binding| binding.min_subjects).max().unwrap_or(u64::MAX)
    }
}

/// Runs one probe to its end, whatever happens, and says what it found about each of its controls.
pub(crate) async fn run(probe: ProbeId, cx: Run<'_>) -> Vec<(ControlId, Finding)> {
    // Each in a box of its own: together they are more than a compiler can prove things about.
    let work: BoxFuture<'_, Result<Findings>> = match probe {
        ProbeId::Canary => canary::run(cx).boxed(),
        ProbeId::TenantAttack => attack::run(cx).boxed(),
        ProbeId::Ciphertext => ciphertext::run(cx).boxed(),
        ProbeId::Tree => tree::run(cx).boxed(),
        ProbeId::Tamper => tamper::run(cx).boxed(),
        ProbeId::Keys => keys::run(cx).boxed(),
        ProbeId::Routing => routing::run(cx).boxed(),
        ProbeId::Minimum => minimum::run(cx).boxed(),
        ProbeId::Choice => choice::run(cx).boxed(),
        ProbeId::Notice => notice::run(cx).boxed(),
        ProbeId::Register => register::run(cx).boxed(),
        ProbeId::Exposure => exposure::run(cx).boxed(),
        ProbeId::Families => families::run(cx).boxed(),
        ProbeId::Reconcile => reconcile::run(cx).boxed(),
        ProbeId::Contract => contract::run(cx).boxed(),
        ProbeId::Training => training::run(cx).boxed(),
        ProbeId::Doors => doors::run(cx).boxed(),
        ProbeId::Storage => storage::run(cx).boxed(),
        ProbeId::Consent => consent::run(cx).boxed(),
        ProbeId::Kept => kept::run(cx).boxed(),
        ProbeId::Meter => meter::run(cx).boxed(),
        ProbeId::Told => told::run(cx).boxed(),
        ProbeId::Partners => partners::run(cx).boxed(),
        ProbeId::Sources => sources::run(cx).boxed(),
        ProbeId::Health => health::run(cx).boxed(),
        ProbeId::Transport => transport::run(cx).boxed(),
        ProbeId::Pages => pages::run(cx).boxed(),
        ProbeId::SignIn => sign_in::run(cx).boxed(),
        ProbeId::EmailCodes => email_codes::run(cx).boxed(),
        ProbeId::Sessions => sessions::run(cx).boxed(),
        ProbeId::Guessing => guessing::run(cx).boxed(),
        ProbeId::Addresses => addresses::run(cx).boxed(),
        ProbeId::Roles => roles::run(cx).boxed(),
        ProbeId::Separation => separation::run(cx).boxed(),
    };
    let found = match tokio::time::timeout(LONGEST, work).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            tracing::warn!(probe = probe.as_str(), code = error.code(), causes = %error.causes(), "a probe broke: {error}");
            broken(probe, error_reason(&error))
        }
        Err(_) => broken(probe, Reason::TimedOut),
    };
    let parsed = found.into_iter().filter_map(|(id, finding)| Some((id.parse().ok()?, finding)));
    parsed.collect()
}

fn error_reason(error: &domain::Error) -> Reason {
    match error.kind() {
        domain::Kind::Upstream | domain::Kind::Unavailable => Reason::Unreachable,
        _ => Reason::Broken,
    }
}

/// An error for every control the probe should have decided.
fn broken(probe: ProbeId, reason: Reason) -> Findings {
    let finding = || Finding::new(Verdict::Error(reason), false, (0, 0));
    controls(probe).iter().map(|control| (*control, finding())).collect()
}

/// The controls a probe decides.
pub(crate) const fn controls(probe: ProbeId) -> &'static [&'static str] {
    match probe {
        ProbeId::Canary => &["GW-01", "GW-02"],
        ProbeId::TenantAttack => &["TEN-04"],
        ProbeId::Ciphertext => &["ENC-11"],
        ProbeId::Tree => &["AUD-01"],
        ProbeId::Tamper => &["AUD-02"],
        ProbeId::Keys => &["KEY-01", "KEY-02", "KEY-03", "KEY-06", "KEY-07", "KEY-10", "IDN-21"],
        ProbeId::Routing => &["GW-06", "GW-07", "GW-11", "SUB-16"],
        ProbeId::Minimum => &["GW-08"],
        ProbeId::Choice => &["GW-04"],
        ProbeId::Notice => &["SUB-03"],
        ProbeId::Register => &["SUB-01", "SUB-02", "SUB-17"],
        ProbeId::Exposure => &["GW-05"],
        ProbeId::Families => &["GW-13"],
        ProbeId::Reconcile => &["GW-12"],
        ProbeId::Told => &["SUB-04"],
        ProbeId::Contract => &["GW-09"],
        ProbeId::Training => &["GW-10"],
        ProbeId::Doors => &["GW-03"],
        ProbeId::Storage => &["SUB-15"],
        ProbeId::Consent => &["SUB-11"],
        ProbeId::Kept => &["RET-03"],
        ProbeId::Meter => &["BIL-03"],
        ProbeId::Partners => &["APP-16"],
        ProbeId::Sources => &["APP-03"],
        ProbeId::Health => &["APP-24"],
        ProbeId::Transport => &["ENC-01", "ENC-02", "ENC-03"],
        ProbeId::Pages => &["VUL-15", "VUL-16"],
        ProbeId::Sessions => &["IDN-17", "IDN-24"],
        ProbeId::EmailCodes => &["IDN-03"],
        ProbeId::SignIn => &["IDN-01", "IDN-02", "IDN-15", "IDN-23", "IDN-25"],
        ProbeId::Guessing => &["IDN-06", "IDN-08"],
        ProbeId::Addresses => &["ENC-16"],
        ProbeId::Roles => &["IDN-14", "IDN-26", "IDN-27", "IDN-28"],
        ProbeId::Separation => &["TEN-01"],
    }
}

/// Whether any probe decides this control.
pub(crate) fn is_checked(control: &str) -> bool {
    ProbeId::ALL.iter().any(|probe| controls(*probe).contains(&control))
}

/// Blocking work, off the threads that serve sockets.
pub(crate) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(domain::Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_probed_control_is_decided_by_the_probe_it_names() {
        let registry = Registry::shipped().unwrap();
        for control in registry.controls() {
            for binding in control.bindings() {
                let decided = controls(binding.probe);
                assert!(decided.contains(&control.id.as_str()), "{}", control.id);
            }
        }
        for probe in ProbeId::ALL {
            for id in controls(*probe) {
                let control = registry.control(&id.parse().unwrap()).unwrap();
                assert!(control.bindings().iter().any(|binding| binding.probe == *probe), "{id}");
            }
        }
    }
}
