//! The schedule, committed to the log before anything runs, so that a missing or repeated run shows.

use std::time::Duration;

use domain::{Error, Result, Timestamp};
use serde::{Deserialize, Serialize};
use vault::SigningKey;

use crate::{
    Digest,
    dsse::Envelope,
    registry::{ControlId, ProbeId, Registry, Vantage},
    stamp,
    status::SlotId,
};

pub const PAYLOAD_TYPE: &str = "application/vnd.probity.slots+json";

/// How far ahead a schedule reaches.
pub const HORIZON: Duration = Duration::from_secs(3_600);

/// The runs of one prober for the time to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    pub deployment: String,
    pub vantage: Vantage,
    #[serde(with = "stamp")]
    pub from: Timestamp,
    #[serde(with = "stamp")]
    pub until: Timestamp,
    pub slots: Vec<Planned>,
}

/// One run to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    pub id: SlotId,
    pub probe: ProbeId,
    #[serde(with = "stamp")]
    pub due: Timestamp,
    /// SHA-256 of the seed this run will use; the seed itself stays with the prober until the run is over.
    pub commitment: Digest,
}

/// A planned run with the seed only the prober knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    pub planned: Planned,
    pub seed: Digest,
}

/// Plans all runs due in `[from, from + HORIZON)`: one soon after `from` for each probe when `boot` is set,
/// the others one cadence after the probe's last run, each moved by up to a tenth of its cadence.
/// `only` names the controls to plan for, all of them unless it is given; `random` gives 32 fresh bytes.
///
/// # Errors
/// Those of `random`.
pub fn plan(
    registry: &Registry,
    (deployment, vantage, only): (&str, Vantage, Option<&[ControlId]>),
    from: Timestamp,
    boot: bool,
    mut random: impl FnMut() -> Result<[u8; 32]>,
) -> Result<(Schedule, Vec<Secret>)> {
    let until = from.plus(HORIZON);
    let mut secrets = Vec::new();
    for (probe, cadence) in cadences(registry, vantage, only) {
        let mut due = if boot { from } else { from.plus(cadence.min(HORIZON) / 2) };
        while due < until {
            let seed = Digest::from_bytes(random()?);
            let commitment = Digest::of(seed.as_bytes());
            // The jitter comes from the commitment, so that it cannot be chosen apart from the seed.
            let byte = u32::from(commitment.as_bytes().first().copied().unwrap_or_default());
            let jittered = due.plus(cadence / 10 * byte / 256 * u32::from(due != from || !boot));
            let id = SlotId(commitment.short());
            let planned = Planned { id, probe, due: jittered, commitment };
            secrets.push(Secret { planned, seed });
            due = due.plus(cadence);
        }
    }
    secrets.sort_by_key(|secret| secret.planned.due);
    let slots = secrets.iter().map(|secret| secret.planned.clone()).collect();
    let deployment = deployment.to_owned();
    Ok((Schedule { deployment, vantage, from, until, slots }, secrets))
}

/// The probes this vantage runs, each as often as the most demanding control asks.
fn cadences(
    registry: &Registry,
    vantage: Vantage,
    only: Option<&[ControlId]>,
) -> Vec<(ProbeId, Duration)> {
    let mut all: Vec<(ProbeId, Duration)> = Vec::new();
    let wanted = registry.controls().filter(|one| only.is_none_or(|only| only.contains(&one.id)));
    let bindings = wanted.flat_map(crate::registry::Control::bindings);
    for binding in bindings.filter(|binding| binding.vantages.contains(&vantage)) {
        let cadence = binding.cadence.get();
        match all.iter_mut().find(|(probe, _)| *probe == binding.probe) {
            Some((_, known)) => *known = cadence.min(*known),
            None => all.push((binding.probe, cadence)),
        }
    }
    all
}

impl Schedule {
    /// # Errors
    /// `Internal`, never in practice.
    pub fn sign(&self, key: &SigningKey) -> Result<Envelope> {
        let payload = serde_json::to_vec(self).map_err(Error::internal)?;
        Ok(Envelope::sign(key, PAYLOAD_TYPE, &payload))
    }

    /// # Errors
    /// `Invalid`: signed by somebody else, or not a schedule.
    pub fn open(envelope: &Envelope, public: &[u8; 32]) -> Result<Self> {
        let payload = envelope.open(public, PAYLOAD_TYPE)?;
        serde_json::from_slice(&payload)
            .map_err(|_| Error::invalid("Not a schedule.").with_code("bad_schedule"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(from: i64, boot: bool) -> (Schedule, Vec<Secret>) {
        let registry = Registry::shipped().unwrap();
        let from = Timestamp::from_millis(from);
        plan(&registry, ("here", Vantage::Inside, None), from, boot, vault::random).unwrap()
    }

    #[test]
    fn every_probe_has_a_slot_at_boot_and_one_per_cadence() {
        let (schedule, secrets) = planned(0, true);
        for probe in ProbeId::ALL {
            let mut due: Vec<_> =
                schedule.slots.iter().filter(|slot| slot.probe == *probe).map(|s| s.due).collect();
            due.sort();
            assert_eq!(due[0], schedule.from, "{probe} waits after a start");
        }
        let count = |probe| schedule.slots.iter().filter(|slot| slot.probe == probe).count();
        assert_eq!(count(ProbeId::Tree), 60);
        assert_eq!(count(ProbeId::Canary), 4);
        assert_eq!(count(ProbeId::Keys), 1);
        assert_eq!(secrets.len(), schedule.slots.len());
        let mut ids: Vec<_> = schedule.slots.iter().map(|slot| &slot.id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), secrets.len());
    }

    #[test]
    fn a_prober_with_a_scope_plans_nothing_else() {
        let (registry, only) = (Registry::shipped().unwrap(), ["AUD-01".parse().unwrap()]);
        let from = Timestamp::from_millis(0);
        let place = ("here", Vantage::Inside, Some(only.as_slice()));
        let (schedule, _) = plan(&registry, place, from, true, vault::random).unwrap();
        assert!(!schedule.slots.is_empty());
        assert!(schedule.slots.iter().all(|slot| slot.probe == ProbeId::Tree));
    }

    #[test]
    fn a_later_schedule_leaves_no_probe_without_its_cadence() {
        let (schedule, _) = planned(0, false);
        for probe in ProbeId::ALL {
            assert!(schedule.slots.iter().any(|slot| slot.probe == *probe), "{probe}");
        }
        assert!(schedule.slots.iter().all(|slot| slot.due > schedule.from));
    }

    #[test]
    fn seeds_open_their_commitments_and_the_schedule_does_not_show_them() {
        let (schedule, secrets) = planned(0, true);
        let key = SigningKey::generate().unwrap();
        let envelope = schedule.sign(&key).unwrap();
        assert_eq!(Schedule::open(&envelope, &key.public()).unwrap(), schedule);
        let text = serde_json::to_string(&schedule).unwrap();
        for secret in secrets {
            assert_eq!(Digest::of(secret.seed.as_bytes()), secret.planned.commitment);
            assert!(!text.contains(&secret.seed.to_string()));
        }
    }
}
