//! The prober's loop: plan, wait for the commitment, run what is due, sign, report.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    sync::Arc,
    time::Duration,
};

use domain::{Result, RunId, Timestamp};
use futures::{StreamExt as _, stream::FuturesUnordered};
use tokio::{io::AsyncWrite, sync::Mutex};
use vault::SigningKey;

use super::prepare::{furnished, probes_of, unprepared};
use crate::{
    Digest,
    evidence::{Challenge, ProbeResult, Verdict},
    link::{Incoming, Outgoing},
    probe::{self, Finding, Houses, Run, Site},
    registry::{ControlId, ProbeId, Vantage},
    seed::Seed,
    slots::{self, HORIZON, Secret},
    wire::{FromProber, Tenants, ToProber},
};

/// How soon after a failure the same is looked at once more: what was found stays, and whether it lasts is known.
const CONFIRMED: Duration = Duration::from_secs(10);

/// How long before a schedule ends the next one is planned.
const AHEAD: Duration = Duration::from_secs(120);

pub(super) struct Prober {
    site: Arc<Site>,
    key: SigningKey,
    build: Digest,
    tenants: Arc<Tenants>,
    /// Furnished by the first run that needs them.
    houses: Arc<Mutex<Option<Arc<Houses>>>>,
    /// Committed runs to come, by time.
    due: VecDeque<Secret>,
    /// Schedules that were sent and not yet confirmed, by digest.
    sent: BTreeMap<Digest, Vec<Secret>>,
    /// How far the schedules reach.
    planned_until: Option<Timestamp>,
    /// Probes that found a violation, and when they look again.
    confirm: BTreeMap<ProbeId, Timestamp>,
    /// Requests that are not yet answered, with the probes they still wait for.
    open: BTreeMap<u64, usize>,
}

/// Why something runs.
#[derive(Clone)]
enum Cause {
    Slot(Secret),
    Request(u64),
    /// Once more after a failure: logged too, and unable to cancel it.
    Confirmation,
}

/// A finished run.
struct Ended {
    probe: ProbeId,
    cause: Cause,
    run: RunId,
    started: Timestamp,
    finished: Timestamp,
    findings: Vec<(ControlId, Finding)>,
}

impl Prober {
    pub(super) fn new(site: Site, key: SigningKey, build: Digest, tenants: Tenants) -> Self {
        Self {
            site: Arc::new(site),
            key,
            build,
            tenants: Arc::new(tenants),
            houses: Arc::default(),
            due: VecDeque::new(),
            sent: BTreeMap::new(),
            planned_until: None,
            confirm: BTreeMap::new(),
            open: BTreeMap::new(),
        }
    }

    pub(super) async fn work(
        mut self,
        mut incoming: Incoming<ToProber>,
        mut outgoing: Outgoing<impl AsyncWrite + Unpin>,
    ) -> Result<()> {
        let mut running = FuturesUnordered::new();
        loop {
            self.plan(&mut outgoing).await?;
            tokio::select! {
                said = incoming.next() => match said? {
                    None => return Ok(()),
                    Some(ToProber::Run { request, control }) => {
                        let probes = probes_of(control.as_ref());
                        self.open.insert(request, probes.len());
                        for probe in probes {
                            running.push(self.begin(probe, Cause::Request(request))?);
                        }
                        self.answer(request, &mut outgoing).await?;
                    }
                    Some(said) => self.hear(said)?,
                },
                () = tokio::time::sleep(self.wait()) => {
                    for secret in self.all_due() {
                        running.push(self.begin(secret.planned.probe, Cause::Slot(secret))?);
                    }
                    for probe in self.all_to_confirm() {
                        running.push(self.begin(probe, Cause::Confirmation)?);
                    }
                }
                Some(ended) = running.next(), if !running.is_empty() => {
                    self.report(ended, &mut outgoing).await?;
                }
            }
        }
    }

    fn hear(&mut self, said: ToProber) -> Result<()> {
        match said {
            ToProber::Certificate { certificate } => self.site.renew(certificate)?,
            ToProber::Committed { schedule } => {
                self.due.extend(self.sent.remove(&schedule).unwrap_or_default());
            }
            ToProber::Tenants(tenants) => {
                self.tenants = Arc::from(tenants);
                // Sessions are new: what was furnished with the old ones is furnished again.
                self.houses = Arc::default();
            }
            ToProber::Start(_) | ToProber::Run { .. } => {}
        }
        Ok(())
    }

    /// Sends the next schedule when the last one is about to end.
    async fn plan(&mut self, outgoing: &mut Outgoing<impl AsyncWrite + Unpin>) -> Result<()> {
        let now = self.site.clock.now();
        let from = match self.planned_until {
            Some(until) if now.plus(AHEAD) < until => return Ok(()),
            Some(until) => until.max(now),
            None => now,
        };
        let (site, boot) = (&self.site, self.planned_until.is_none());
        let place = (site.deployment.as_str(), Vantage::Inside, site.only.as_deref());
        let (schedule, secrets) = slots::plan(&site.registry, place, from, boot, vault::random)?;
        self.planned_until = Some(schedule.until);
        let envelope = schedule.sign(&self.key)?;
        self.sent.insert(Digest::of(&envelope.to_bytes()?), secrets);
        outgoing.send(&FromProber::Schedule { envelope }).await
    }

    /// Until the next run is due or the next schedule has to be planned.
    fn wait(&self) -> Duration {
        let now = self.site.clock.now();
        let next = self.due.front().map(|secret| secret.planned.due.since(now));
        let plan = self.planned_until.map(|until| until.minus(AHEAD).since(now));
        let again = self.confirm.values().min().map(|at| at.since(now));
        // A floor, so that a clock that stands still does not make the loop spin.
        let wait = next.into_iter().chain(plan).chain(again).min().unwrap_or(HORIZON);
        wait.clamp(Duration::from_millis(5), HORIZON)
    }

    /// What is due now. After a pause only the latest run of each probe is made up for: the others stay gaps.
    fn all_due(&mut self) -> Vec<Secret> {
        let now = self.site.clock.now();
        let mut latest: BTreeMap<ProbeId, Secret> = BTreeMap::new();
        while self.due.front().is_some_and(|secret| secret.planned.due <= now) {
            if let Some(secret) = self.due.pop_front() {
                latest.insert(secret.planned.probe, secret);
            }
        }
        latest.into_values().collect()
    }

    fn all_to_confirm(&mut self) -> Vec<ProbeId> {
        let now = self.site.clock.now();
        let due = self.confirm.iter().filter(|(_, at)| **at <= now).map(|(probe, _)| *probe);
        let due: Vec<_> = due.collect();
        self.confirm.retain(|_, at| *at > now);
        due
    }

    /// One run of a probe, to its end.
    fn begin(&self, probe: ProbeId, cause: Cause) -> Result<impl Future<Output = Ended> + use<>> {
        let seed = match &cause {
            Cause::Slot(secret) => secret.seed,
            Cause::Request(_) | Cause::Confirmation => Digest::from_bytes(vault::random()?),
        };
        let (site, tenants) = (Arc::clone(&self.site), Arc::clone(&self.tenants));
        let houses = Arc::clone(&self.houses);
        Ok(async move {
            let started = site.clock.now();
            let seed = Seed::new(seed);
            let findings = match furnished(&site, &tenants, &houses, seed).await {
                Ok(houses) => probe::run(probe, Run { site: &site, houses: &houses, seed }).await,
                Err(error) => {
                    let decided = probe::controls(probe);
                    let probe = probe.as_str();
                    tracing::warn!(probe, code = error.code(), causes = %error.causes(), "cannot prepare a probe: {error}");
                    unprepared(decided)
                }
            };
            let finished = site.clock.now();
            Ended { probe, cause, run: RunId::new(started), started, finished, findings }
        })
    }

    async fn report(
        &mut self,
        ended: Ended,
        outgoing: &mut Outgoing<impl AsyncWrite + Unpin>,
    ) -> Result<()> {
        let request = match ended.cause {
            Cause::Request(request) => Some(request),
            Cause::Slot(_) | Cause::Confirmation => None,
        };
        let failed =
            ended.findings.iter().any(|(_, finding)| matches!(finding.verdict, Verdict::Fail(_)));
        if failed && matches!(ended.cause, Cause::Slot(_)) {
            self.confirm.insert(ended.probe, self.site.clock.now().plus(CONFIRMED));
        }
        for (control, finding) in &ended.findings {
            let Some(result) = self.result(&ended, control, finding) else { continue };
            let envelope = result.sign(&self.key)?;
            outgoing.send(&FromProber::Evidence { envelope, request }).await?;
        }
        if let Some(request) = request {
            if let Some(left) = self.open.get_mut(&request) {
                *left = left.saturating_sub(1);
            }
            self.answer(request, outgoing).await?;
        }
        Ok(())
    }

    async fn answer(
        &mut self,
        request: u64,
        outgoing: &mut Outgoing<impl AsyncWrite + Unpin>,
    ) -> Result<()> {
        if self.open.get(&request) == Some(&0) {
            self.open.remove(&request);
            outgoing.send(&FromProber::Done { request }).await?;
        }
        Ok(())
    }

    fn result(&self, ended: &Ended, control: &ControlId, finding: &Finding) -> Option<ProbeResult> {
        let slot = match &ended.cause {
            Cause::Slot(secret) => Some(secret),
            Cause::Request(_) | Cause::Confirmation => None,
        };
        let challenge = slot
            .map(|secret| Challenge { commitment: secret.planned.commitment, reveal: secret.seed });
        Some(ProbeResult {
            run: ended.run,
            slot: slot.map(|secret| secret.planned.id.clone()),
            control: control.clone(),
            control_rev: self.site.registry.control(control)?.rev,
            probe: ended.probe,
            probe_digest: self.build,
            vantage: Vantage::Inside,
            deployment: self.site.deployment.clone(),
            build: self.build,
            registry: self.site.registry.digest(),
            challenge,
            started: ended.started,
            finished: ended.finished,
            outcome: finding.verdict.outcome(),
            positive_control: finding.planted,
            subjects: finding.subjects,
            population: finding.population,
            uncovered: finding.uncovered.clone(),
            measures: finding.measures.clone(),
            reason: finding.verdict.reason(),
        })
    }
}
