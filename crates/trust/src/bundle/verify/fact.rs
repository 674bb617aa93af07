//! From what is in the file to what the evaluator sees.

use domain::Result;
use ledger::Entry;

use super::{Registered, Slots};
use crate::{
    Digest,
    bundle::Proved,
    dsse::Envelope,
    evidence::ProbeResult,
    status::{Fact, Logged, Slot},
};

/// A result as the evaluator sees it, and whether it opens the commitment of the slot it names.
pub(super) fn fact_of(result: ProbeResult, logged: Logged, slots: &Slots) -> (Fact, bool) {
    let known = result.slot.as_ref().and_then(|id| slots.get(id));
    let commitment = result.challenge.as_ref().map(|challenge| challenge.commitment);
    let fits =
        known.is_none_or(|slot| slot.probe == result.probe && commitment == Some(slot.commitment));
    let committed = known.filter(|_| fits).map(|slot| slot.at);
    let fact = Fact {
        control: result.control,
        rev: result.control_rev,
        probe: result.probe,
        probe_digest: result.probe_digest,
        vantage: result.vantage,
        deployment: result.deployment,
        build: result.build,
        slot: result.slot.map(|id| Slot { id, committed }),
        started: result.started,
        finished: result.finished,
        outcome: result.outcome,
        positive_control: result.positive_control,
        subjects: result.subjects,
        logged: Some(logged),
    };
    (fact, fits)
}

/// A fact of an entry that is a digest.
pub(super) fn fact(entry: &Entry, name: &str) -> Option<Digest> {
    entry.facts.get(name)?.as_str()?.parse().ok()
}

/// What is in the envelope, if one of the registered probers signed it.
pub(super) fn opened<T>(
    proved: &Proved,
    registered: &Registered,
    open: impl Fn(&Envelope, &[u8; 32]) -> Result<T>,
) -> Option<T> {
    let envelope = Envelope::from_bytes(proved.envelope.as_ref()?.as_bytes()).ok()?;
    registered.probers.iter().find_map(|key| open(&envelope, key.as_bytes()).ok())
}
