//! The export: a log with everything that proves it, as `probity verify` reads it.

use std::collections::BTreeMap;

use domain::{Action, Error, Event, OrgId, Result};
use ledger::{Bundle, BundledDisclosure, EpochProof, Hash, LogProof};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder};
use uuid::Uuid;

use super::{
    drain,
    entity::{
        audit_checkpoint as checkpoint, audit_disclosure as disclosure, audit_entry as entry,
    },
    epoch::{self, Heads},
    heads::count,
    outbox,
    receipt::path,
    signer::LogKey,
};
use crate::{
    Deployment, DeploymentRead, Read, Scope, Store, engine::Tx, entity::organization,
    error::from_db, keyring::OrgKeys, tenant,
};

/// An erasure between the last epoch and the export would look like a silent one: then it is made again.
const ATTEMPTS: usize = 3;

impl Store {
    /// The scope's whole log as one file. The export is an entry itself, its last one.
    ///
    /// # Errors
    /// `Unavailable` when the database is busy or cannot be reached.
    pub async fn audit_export(&self, scope: &Scope) -> Result<Vec<u8>> {
        self.write(scope).await?.commit(Event::new(Action::AuditExport)).await?;
        self.audit_bundle(scope.org()).await
    }

    /// The deployment's own log, the spine, as one file.
    ///
    /// # Errors
    /// As [`Store::audit_export`].
    pub async fn audit_export_spine(&self, by: &Deployment) -> Result<Vec<u8>> {
        by.write().await?.commit(Event::new(Action::AuditExport)).await?;
        self.audit_bundle(OrgId::DEPLOYMENT).await
    }

    /// What does not verify is handed out all the same: the reader has to see it.
    async fn audit_bundle(&self, org: OrgId) -> Result<Vec<u8>> {
        let fingerprint = self.log_fingerprint()?;
        let mut bytes = Vec::new();
        for _ in 0..ATTEMPTS {
            drain(self).await?;
            let tx = self.engine().read(org).await?;
            bytes = bundle(self, &tx, org).await?.to_bytes().map_err(Error::internal)?;
            if ledger::verify(&bytes, Some(&fingerprint)).is_ok_and(|report| report.ok) {
                break;
            }
        }
        Ok(bytes)
    }
}

impl Read {
    /// The organization's signed head as the spine last committed to it; `None` before the first epoch.
    ///
    /// # Errors
    /// `Unavailable` when the database is busy or cannot be reached.
    pub async fn audit_head(&mut self) -> Result<Option<String>> {
        note(&self.tx, self.org()).await
    }
}

impl DeploymentRead {
    /// The spine's signed head as of the last epoch, for everybody to keep; `None` before the first.
    ///
    /// # Errors
    /// As [`Read::audit_head`].
    pub async fn audit_head(&mut self) -> Result<Option<String>> {
        note(&self.tx, OrgId::DEPLOYMENT).await
    }
}

async fn note(tx: &Tx, org: OrgId) -> Result<Option<String>> {
    let last = tenant::deployed::<checkpoint::Entity>()
        .filter(checkpoint::Column::OrgId.eq(org.uuid()))
        .order_by_desc(checkpoint::Column::Epoch)
        .one(tx.on())
        .await
        .map_err(from_db)?;
    Ok(last.map(|row| row.note))
}

async fn bundle(store: &Store, tx: &Tx, org: OrgId) -> Result<Bundle> {
    let key = &store.inner().audit.opened()?.key;
    if org == OrgId::DEPLOYMENT {
        return spine_bundle(store, tx, key).await;
    }
    // One query for all heads: they are of the same epoch, and what they lead to never changes.
    let heads = epoch::heads(tx).await?;
    let size = count(heads.get(&org.uuid()).map_or(0, |head| head.epoch_size))?;
    let spine = heads.get(&OrgId::DEPLOYMENT.uuid());
    let spine = count(spine.map_or(0, |head| head.epoch_size))?;
    if size == 0 || spine == 0 {
        return Err(Error::unavailable("The log is not signed yet. Try again in a moment."));
    }
    let checkpoint = note_at(tx, org, size).await?;
    let keys = store.keyring()?.of(tx, org).await?;
    let entries = entries(tx, org, size).await?;
    let disclosures = disclosures(tx, org, &keys, &entries).await?;
    let epoch = epoch_proof(tx, key, org, &heads, spine).await?;
    Ok(Bundle {
        key: key.verifier(OrgId::DEPLOYMENT)?,
        checkpoint,
        epoch: Some(epoch),
        entries: entries.into_iter().map(|row| row.leaf).collect(),
        disclosures,
    })
}

/// The spine up to its newest signed head.
async fn spine_bundle(store: &Store, tx: &Tx, key: &LogKey) -> Result<Bundle> {
    let org = OrgId::DEPLOYMENT;
    let head = epoch::heads(tx).await?.remove(&org.uuid());
    let head = head.ok_or_else(|| Error::unavailable("The log is not signed yet."))?;
    let keys = store.deployment_keys()?;
    let entries = entries(tx, org, count(head.size)?).await?;
    let disclosures = disclosures(tx, org, keys, &entries).await?;
    Ok(Bundle {
        key: key.verifier(org)?,
        checkpoint: head.note,
        epoch: None,
        entries: entries.into_iter().map(|row| row.leaf).collect(),
        disclosures,
    })
}

/// The head's place in the epoch that is the spine's entry `spine - 1`, and that entry's place in the spine.
pub(super) async fn epoch_proof(
    tx: &Tx,
    key: &LogKey,
    org: OrgId,
    heads: &Heads,
    spine: u64,
) -> Result<EpochProof> {
    let slot: organization::Model = tenant::deployed::<organization::Entity>()
        .filter(organization::Column::Id.eq(org.uuid()))
        .one(tx.on())
        .await
        .map_err(from_db)?
        .ok_or_else(|| Error::not_found("organization"))?;
    let slot = count(slot.slot)?;
    let tree = epoch::tree(tx, key, heads, |row| (row.epoch_size, row.epoch_root.clone())).await?;
    let in_epoch = tree.path(slot).map_err(Error::internal)?;
    let index = spine.saturating_sub(1);
    let checkpoint = note_at(tx, OrgId::DEPLOYMENT, spine).await?;
    tx.bind(OrgId::DEPLOYMENT).await?;
    let leaf = entries_from(tx, OrgId::DEPLOYMENT, index, spine).await?.pop();
    let leaf = leaf.ok_or_else(|| Error::internal("the spine lacks an epoch"))?.leaf;
    let spine_path = spine_path(tx, index, spine).await?;
    tx.bind(org).await?;
    let spine = LogProof { index, path: spine_path, checkpoint };
    Ok(EpochProof { slot, path: in_epoch, leaf, spine })
}

pub(crate) async fn spine_path(tx: &Tx, index: u64, size: u64) -> Result<Vec<Hash>> {
    path(tx, OrgId::DEPLOYMENT, index, size).await
}

pub(super) async fn note_at(tx: &Tx, org: OrgId, size: u64) -> Result<String> {
    tenant::deployed::<checkpoint::Entity>()
        .filter(checkpoint::Column::OrgId.eq(org.uuid()))
        .filter(checkpoint::Column::Size.eq(super::heads::number(size)?))
        .one(tx.on())
        .await
        .map_err(from_db)?
        .map(|row| row.note)
        .ok_or_else(|| Error::internal("a checkpoint is missing"))
}

async fn entries(tx: &Tx, org: OrgId, size: u64) -> Result<Vec<entry::Model>> {
    entries_from(tx, org, 0, size).await
}

async fn entries_from(tx: &Tx, org: OrgId, from: u64, to: u64) -> Result<Vec<entry::Model>> {
    tenant::select::<entry::Entity>(org)
        .filter(entry::Column::Seq.gte(super::heads::number(from)?))
        .filter(entry::Column::Seq.lt(super::heads::number(to)?))
        .order_by_asc(entry::Column::Seq)
        .all(tx.on())
        .await
        .map_err(from_db)
}

/// The personal values of these entries, in the bundle's order.
async fn disclosures(
    tx: &Tx,
    org: OrgId,
    keys: &OrgKeys,
    entries: &[entry::Model],
) -> Result<Vec<BundledDisclosure>> {
    let places: BTreeMap<Uuid, i64> = entries.iter().map(|row| (row.event_id, row.seq)).collect();
    let mut found = Vec::new();
    for row in tenant::select::<disclosure::Entity>(org).all(tx.on()).await.map_err(from_db)? {
        if let Some(seq) = places.get(&row.event_id) {
            let disclosed = outbox::open(keys, org, &row)?;
            found.push((count(*seq)?, row.digest, disclosed));
        }
    }
    found.sort_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)));
    Ok(found.into_iter().map(|(seq, _, disclosed)| BundledDisclosure { seq, disclosed }).collect())
}
