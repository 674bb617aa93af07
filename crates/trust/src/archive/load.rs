//! The facade at a start: what the store and the log already know.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use domain::{Action, Error, LiveCatalogue, Result, Timestamp};
use ledger::Entry;
use store::{Authority, Deployment, EngineKind, Store};

use super::{envelope, registered, shown, worth};
use crate::{
    Digest, Observed, Settings, Trust,
    evidence::ProbeResult,
    executable,
    registry::{Control, ControlId, Registry},
    status::{Logged, Outcome, Profile},
    strip,
};

/// Entries of the log among which results are looked for.
const ENTRIES: u32 = 500;

const DAY: Duration = Duration::from_secs(86_400);

impl Trust {
    /// The facade over what the store holds: earlier results count as far as the log contains them.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn open(store: &Store, catalogue: impl Into<LiveCatalogue>) -> Result<Self> {
        let catalogue = catalogue.into();
        let registry = Registry::shipped().map_err(Error::internal)?;
        let columns = store::TABLES.iter().flat_map(|table| {
            table.columns.iter().map(|&(column, class)| (table.name, column, class))
        });
        let trust = Self::new(
            registry,
            Settings {
                deployment: store.deployment_id()?.to_string(),
                build: executable().await?,
                profile: Profile::embedded(),
                catalogue,
                key: store.signing_key("trust snapshot")?,
                columns: columns.collect(),
                file_encrypted: store.engine_kind() == EngineKind::Sqlite,
            },
        );
        let deployment = store.deployment(Authority::Sweep).await?;
        let now = store.clock().now();
        let mut read = deployment.read().await?;
        let known = registered::registrations(&mut read).await?;
        trust.registered(known.iter().map(|one| one.build));
        for change in registered::told(&mut read, now).await? {
            trust.changed(change);
        }
        drop(read);
        let signers = known.iter().map(|one| one.prober).collect();
        for observed in results(&trust, &deployment, &signers, now).await? {
            trust.observe(observed, now);
        }
        if let Some(head) = deployment.read().await?.spine_head().await? {
            trust.grew(shown(head)?, now);
        }
        Ok(trust)
    }

    /// Reads the ninety days behind the strips; takes a moment on an old deployment.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub(crate) async fn recall_from(&self, store: &Store) -> Result<()> {
        let from = store.clock().now().minus(DAY * u32::try_from(strip::DAYS).unwrap_or(90));
        let deployment = store.deployment(Authority::Sweep).await?;
        let rows = deployment.read().await?.evidence_outcomes(from).await?;
        self.recall(rows.into_iter().filter_map(|(control, outcome, at)| {
            let control: ControlId = control.parse().ok()?;
            Some((control, Outcome::parse(&outcome)?, at))
        }));
        Ok(())
    }
}

/// The latest results of every control, in the order of the log.
async fn results(
    trust: &Trust,
    deployment: &Deployment,
    signers: &BTreeSet<Digest>,
    now: Timestamp,
) -> Result<Vec<Observed>> {
    let probed = trust.registry().controls().filter(|control| !control.bindings().is_empty());
    let probed: Vec<&Control> = probed.collect();
    let mut read = deployment.read().await?;
    let entries = read.events_last(Action::EvidenceAppend, ENTRIES).await?;
    let logged: BTreeMap<String, (Digest, Logged)> = entries
        .iter()
        .filter_map(|entry| {
            let facts = Entry::parse(&entry.leaf).ok()?.facts;
            let digest = facts.get("digest")?.as_str()?.parse().ok()?;
            Some((entry.target.clone()?, (digest, Logged { index: entry.seq, at: entry.at })))
        })
        .collect();
    let slots = read.slots_list(now.minus(DAY), now.plus(DAY)).await?;
    let slots: BTreeMap<String, Timestamp> =
        slots.into_iter().map(|slot| (slot.id, slot.committed)).collect();
    let mut all = Vec::new();
    for control in probed {
        let known = |row: &store::Evidence| logged.contains_key(&row.id.to_string());
        for row in worth(&mut read, &control.id, known).await? {
            let Ok((envelope, key)) = envelope(&row) else { continue };
            let digest = Digest::of(&envelope.to_bytes()?);
            let Some((expected, logged)) = logged.get(&row.id.to_string()) else { continue };
            let opened = ProbeResult::open(&envelope, key.as_bytes());
            // A row that is not what the log holds, or that a stranger signed, is as good as absent.
            let Ok(mut result) = opened else { continue };
            if digest != *expected || !signers.contains(&key) {
                continue;
            }
            let committed = row.slot.as_ref().and_then(|slot| slots.get(slot).copied());
            result.slot = result.slot.filter(|_| row.slot.is_some());
            all.push(Observed { id: row.id, result, digest, logged: *logged, committed });
        }
    }
    all.sort_by_key(|observed| observed.logged.index);
    Ok(all)
}
