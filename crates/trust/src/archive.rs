//! Between facade and store: evidence is accepted, stored and in the log before anything shows it.

mod load;
mod registered;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{Action, Actor, Error, Event, EventId, Result, Timestamp};
use ledger::Note;
use parking_lot::Mutex;
use store::{
    Authority, Deployment, DeploymentRead, EvidenceFilter, LoggedEvent, NewEvidence, NewSlot, Page,
    SpineHead, Store,
};

use crate::{
    Digest, Observed, Trust,
    dsse::Envelope,
    evidence::{self, ProbeResult},
    registry::{ControlId, ProbeId, Vantage},
    slots::{self, Schedule},
    snapshot::LogHead,
    status::{self, Logged, Outcome, SKEW, SlotId},
    tenants,
    wire::Hello,
};

/// Under this name schedules are kept among the evidence.
pub(crate) const SCHEDULES: &str = "slots";

/// How long the sequencer may take.
const SEQUENCED: Duration = Duration::from_secs(30);

pub(crate) struct Archive {
    pub(crate) store: Store,
    pub(crate) trust: Trust,
    deployment: Deployment,
    /// The prober's public key, once it said hello.
    prober: Mutex<Option<Digest>>,
    slots: Mutex<BTreeMap<SlotId, Known>>,
}

/// A slot the log has committed to.
struct Known {
    probe: ProbeId,
    committed: Timestamp,
    commitment: Digest,
    /// The controls whose result for this slot was seen: another one cannot replace it.
    filled: BTreeSet<ControlId>,
}

fn refuse(what: &'static str) -> Error {
    Error::invalid(what).with_code("evidence_refused")
}

impl Archive {
    pub(crate) async fn new(store: &Store, trust: &Trust) -> Result<Self> {
        Ok(Self {
            store: store.clone(),
            trust: trust.clone(),
            deployment: store.deployment(Authority::Sweep).await?,
            prober: Mutex::default(),
            slots: Mutex::default(),
        })
    }

    fn now(&self) -> Timestamp {
        self.store.clock().now()
    }

    /// Takes in what the prober says of itself and registers it if it is new.
    ///
    /// # Errors
    /// `Invalid` when it is another program than this one.
    pub(crate) async fn greet(&self, hello: &Hello) -> Result<()> {
        if hello.build != self.trust.build() {
            return Err(refuse("The prober is another build than the server."));
        }
        let registry = self.trust.registry().digest();
        registered::note(self, hello.build, registry, hello.key).await?;
        *self.prober.lock() = Some(hello.key);
        Ok(())
    }

    fn prober(&self) -> Result<Digest> {
        self.prober.lock().ok_or_else(|| refuse("The prober has not said hello."))
    }

    /// Commits the log to the coming runs; returns the digest of the schedule.
    ///
    /// # Errors
    /// `Invalid` when the schedule is not the prober's own or not about this deployment.
    pub(crate) async fn commit(&self, envelope: &Envelope) -> Result<Digest> {
        let key = self.prober()?;
        let schedule = Schedule::open(envelope, key.as_bytes())?;
        if schedule.deployment != self.trust.deployment() || schedule.vantage != Vantage::Inside {
            return Err(refuse("The schedule is not about this deployment."));
        }
        let digest = Digest::of(&envelope.to_bytes()?);
        let new = schedule.slots.iter().map(|slot| NewSlot {
            id: slot.id.to_string(),
            control: slot.probe.to_string(),
            due: slot.due,
        });
        let mut write = self.deployment.write().await?;
        write.slots_append(new.collect()).await?;
        let run = domain::RunId::new(schedule.from);
        let row =
            row(envelope, key, (run, SCHEDULES, SCHEDULES), None, "committed", schedule.until)?;
        let kept = write.evidence_append(row).await?;
        let event = Event::new(Action::SlotsCommit)
            .by(Actor::Prober)
            .on("evidence", kept.id)
            .fact("digest", digest.to_string())
            .fact("slots", schedule.slots.len());
        let committed = write.commit(event).await?;
        let logged = self.logged(committed.event_id).await?;
        let mut slots = self.slots.lock();
        let now = logged.at;
        // What is long over is forgotten: a result for it comes too late to count.
        slots.retain(|_, known| known.committed.plus(slots::HORIZON * 3) > now);
        slots.extend(schedule.slots.into_iter().map(|slot| {
            let (probe, commitment) = (slot.probe, slot.commitment);
            (slot.id, Known { probe, committed: now, commitment, filled: BTreeSet::new() })
        }));
        Ok(digest)
    }

    /// Checks a result, stores it, waits until the log holds it, and only then shows it.
    ///
    /// # Errors
    /// `Invalid` when it is not the prober's own, contradicts itself, or is about something else.
    pub(crate) async fn accept(&self, envelope: &Envelope) -> Result<ProbeResult> {
        let key = self.prober()?;
        let result = ProbeResult::open(envelope, key.as_bytes())?;
        self.check(&result)?;
        let committed = self.fill(&result)?;
        let digest = Digest::of(&envelope.to_bytes()?);
        // Only the first result of a slot fills it; another one is kept, and counts as unscheduled.
        let slot = committed.and(result.slot.as_ref());
        let about = (result.run, result.control.as_str(), result.probe.as_str());
        let row = row(envelope, key, about, slot, result.outcome.as_str(), result.finished)?;
        let mut write = self.deployment.write().await?;
        let kept = write.evidence_append(row).await?;
        let event = Event::new(Action::EvidenceAppend)
            .by(Actor::Prober)
            .on("evidence", kept.id)
            .fact("digest", digest.to_string())
            .fact("control", result.control.as_str())
            .fact("outcome", result.outcome.as_str());
        let done = write.commit(event).await?;
        let logged = self.logged(done.event_id).await?;
        let logged = Logged { index: logged.seq, at: logged.at };
        let mut shown = result.clone();
        shown.slot = slot.cloned();
        let observed = Observed { id: kept.id, result: shown, digest, logged, committed };
        self.head().await?;
        self.trust.observe(observed, self.now());
        if result.outcome == Outcome::Fail {
            let (control, reason) = (result.control.as_str(), result.reason.as_str());
            tracing::error!(control, reason, "a probe has found a control violated");
        }
        Ok(result)
    }

    fn check(&self, result: &ProbeResult) -> Result<()> {
        let registry = self.trust.registry();
        let control = registry
            .control(&result.control)
            .ok_or_else(|| refuse("The evidence is about no control of this registry."))?;
        let bound = control.bindings().iter().any(|binding| binding.probe == result.probe);
        let here = result.deployment == self.trust.deployment()
            && result.build == self.trust.build()
            && result.probe_digest == self.trust.build()
            && result.registry == registry.digest()
            && result.control_rev == control.rev
            && result.vantage == Vantage::Inside;
        let dated = result.started <= result.finished && result.finished <= self.now().plus(SKEW);
        match (bound && here, dated) {
            (true, true) => Ok(()),
            (false, _) => Err(refuse("The evidence is about something else.")),
            (_, false) => Err(refuse("The evidence is dated wrongly.")),
        }
    }

    /// When the log committed to the slot, if this is its first result for the control.
    fn fill(&self, result: &ProbeResult) -> Result<Option<Timestamp>> {
        let Some(id) = &result.slot else { return Ok(None) };
        let mut slots = self.slots.lock();
        let Some(known) = slots.get_mut(id) else { return Ok(None) };
        let commitment = result.challenge.as_ref().map(|challenge| challenge.commitment);
        if known.probe != result.probe || commitment != Some(known.commitment) {
            return Err(refuse("The evidence does not open its slot's commitment."));
        }
        Ok(known.filled.insert(result.control.clone()).then_some(known.committed))
    }

    /// Waits until the log holds an event.
    async fn logged(&self, event: EventId) -> Result<LoggedEvent> {
        let wait = async {
            loop {
                if let Some(logged) = self.deployment.read().await?.event_logged(event).await? {
                    return Ok(logged);
                }
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
        };
        tokio::time::timeout(SEQUENCED, wait).await.unwrap_or_else(|_| {
            Err(Error::unavailable("The log does not take entries.").with_code("log_stalled"))
        })
    }

    /// Shows the newest head of the log, and who is in use.
    pub(crate) async fn refresh(&self) -> Result<()> {
        self.head().await?;
        let probes = tenants::organizations(&self.deployment).await?;
        let used = self.deployment.read().await?.providers_in_use(&probes).await?;
        self.trust.providers_in_use(used);
        Ok(())
    }

    async fn head(&self) -> Result<()> {
        let head = self.deployment.read().await?.spine_head().await?;
        if let Some(head) = head {
            self.trust.grew(shown(head)?, self.now());
        }
        Ok(())
    }
}

fn shown(head: SpineHead) -> Result<LogHead> {
    let note = Note::parse(&head.note).map_err(Error::internal)?;
    let origin = note.text.lines().next().unwrap_or_default().to_owned();
    let (size, at) = (head.size, head.at);
    Ok(LogHead { origin, size, root: Digest::from_bytes(head.root), at, note: head.note })
}

/// Rows of one control that are looked through: many may lie between two results that count.
const LOOKED: u32 = 100;

/// Of the results of one control that are `known`, those its status can depend on, newest first: the same that the
/// facade remembers.
pub(crate) async fn worth(
    read: &mut DeploymentRead,
    control: &ControlId,
    known: impl Fn(&store::Evidence) -> bool,
) -> Result<Vec<store::Evidence>> {
    let filter = EvidenceFilter { control: Some(control.to_string()), from: None };
    let mut rows = read.evidence_list(&filter, &Page::first(LOOKED)).await?.data;
    rows.retain(known);
    let newest_first = rows.iter().map(|row| (Outcome::parse(&row.outcome), row.slot.is_some()));
    let mut kept = status::kept(newest_first).into_iter();
    rows.retain(|_| kept.next().unwrap_or(false));
    Ok(rows)
}

/// An envelope as the store keeps it: payload, signer and signature apart.
fn row(
    envelope: &Envelope,
    key: Digest,
    (run, control, probe): (domain::RunId, &str, &str),
    slot: Option<&SlotId>,
    outcome: &str,
    finished: Timestamp,
) -> Result<NewEvidence> {
    let (body, signature) = envelope.parts()?;
    Ok(NewEvidence {
        run,
        control: control.to_owned(),
        probe: probe.to_owned(),
        slot: slot.map(ToString::to_string),
        outcome: outcome.to_owned(),
        finished,
        body,
        signer: key.to_string(),
        signature,
    })
}

/// The envelope of a stored row, byte for byte as it was signed.
pub(crate) fn envelope(row: &store::Evidence) -> Result<(Envelope, Digest)> {
    let key: Digest = row.signer.parse().map_err(refuse)?;
    let kind = if row.control == SCHEDULES { slots::PAYLOAD_TYPE } else { evidence::PAYLOAD_TYPE };
    Ok((Envelope::of_parts(kind, &row.body, key.as_bytes(), &row.signature), key))
}
