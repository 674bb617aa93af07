//! What the server itself asks about the log of evidence.

use std::collections::BTreeSet;

use domain::{Action, Error, EventId, OrgId, Result, Timestamp};
use ledger::Hash;
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    DeploymentRead, Store,
    audit::{self, audit_entry as entry, audit_head as head},
    entity::{evidence, provider},
    error::from_db,
    tenant,
};

/// The newest signed head of the deployment's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpineHead {
    pub size: u64,
    pub root: Hash,
    /// The checkpoint, a signed note.
    pub note: String,
    pub at: Timestamp,
}

/// An event of the deployment's log with its place there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    pub seq: u64,
    pub at: Timestamp,
    /// The id of what it is about first.
    pub target: Option<String>,
    /// The exact bytes of the entry.
    pub leaf: Vec<u8>,
}

impl From<entry::Model> for LoggedEvent {
    fn from(row: entry::Model) -> Self {
        let seq = u64::try_from(row.seq).unwrap_or(0);
        let at = Timestamp::from_millis(row.at);
        Self { seq, at, target: row.target, leaf: row.leaf }
    }
}

impl Store {
    /// An Ed25519 key for one purpose, derived from the root key: the same after every start.
    ///
    /// # Errors
    /// `Internal`, never in practice.
    pub fn signing_key(&self, purpose: &str) -> Result<vault::SigningKey> {
        let seed = self.root_keyring().root().derive(&format!("signing|{purpose}"));
        vault::SigningKey::from_seed(*seed.expose())
    }
}

impl DeploymentRead {
    /// The newest signed head of the spine; `None` before the first entry.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn spine_head(&mut self) -> Result<Option<SpineHead>> {
        let row = tenant::deployed::<head::Entity>()
            .filter(head::Column::OrgId.eq(OrgId::DEPLOYMENT.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        row.map(|row| {
            Ok(SpineHead {
                size: u64::try_from(row.size).map_err(Error::internal)?,
                root: row.root.as_slice().try_into().map_err(Error::internal)?,
                note: row.note,
                at: Timestamp::from_millis(row.changed_at),
            })
        })
        .transpose()
    }

    /// Where the log holds an event of the deployment; `None` while it waits for the sequencer.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn event_logged(&mut self, id: EventId) -> Result<Option<LoggedEvent>> {
        let row = tenant::select::<entry::Entity>(OrgId::DEPLOYMENT)
            .filter(entry::Column::EventId.eq(id.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(row.map(LoggedEvent::from))
    }

    /// The newest `limit` entries of the deployment's log with this action, newest first.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn events_last(&mut self, action: Action, limit: u32) -> Result<Vec<LoggedEvent>> {
        let rows = tenant::select::<entry::Entity>(OrgId::DEPLOYMENT)
            .filter(entry::Column::Action.eq(action.as_str()))
            .order_by_desc(entry::Column::Seq)
            .limit(u64::from(limit))
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(rows.into_iter().map(LoggedEvent::from).collect())
    }

    /// The proof that entry `seq` is among the first `size` entries of the deployment's log.
    ///
    /// # Errors
    /// `Internal` when the log lacks a node; `Unavailable` when the database cannot be reached.
    pub async fn event_proof(&mut self, seq: u64, size: u64) -> Result<Vec<Hash>> {
        audit::spine_path(&self.tx, seq, size).await
    }

    /// Control, outcome and end of every result since `from`, in order: the material of the ninety-day strips.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn evidence_outcomes(
        &mut self,
        from: Timestamp,
    ) -> Result<Vec<(String, String, Timestamp)>> {
        let rows: Vec<(String, String, i64)> = tenant::deployed::<evidence::Entity>()
            .select_only()
            .column(evidence::Column::Control)
            .column(evidence::Column::Outcome)
            .column(evidence::Column::FinishedAt)
            .filter(evidence::Column::FinishedAt.gte(from.as_millis()))
            .order_by_asc(evidence::Column::FinishedAt)
            .into_tuple()
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        let at = Timestamp::from_millis;
        Ok(rows.into_iter().map(|(control, outcome, end)| (control, outcome, at(end))).collect())
    }

    /// The catalogue's providers that some organization other than `except` has registered.
    ///
    /// # Errors
    /// `Unavailable` when the database cannot be reached.
    pub async fn providers_in_use(&mut self, except: &[OrgId]) -> Result<BTreeSet<String>> {
        let mut ids = BTreeSet::new();
        for org in super::logs::organizations(&self.tx).await? {
            if org == OrgId::DEPLOYMENT || except.contains(&org) {
                continue;
            }
            self.tx.bind(org).await?;
            let found: Vec<String> = tenant::select::<provider::Entity>(org)
                .select_only()
                .column(provider::Column::Catalog)
                .filter(provider::Column::RemovedAt.is_null())
                .into_tuple()
                .all(self.tx.on())
                .await
                .map_err(from_db)?;
            ids.extend(found);
        }
        self.tx.bind(OrgId::DEPLOYMENT).await?;
        Ok(ids)
    }
}
