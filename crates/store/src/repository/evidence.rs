//! Evidence of probes and the slots in which it is due.

use domain::{EvidenceId, Result, RunId, Timestamp};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect as _};

use super::at;
use crate::{
    DeploymentRead, DeploymentWrite, Listed, Page,
    entity::{evidence, slot},
    error::from_db,
    tenant,
};

/// One signed result of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub id: EvidenceId,
    pub run: RunId,
    pub control: String,
    pub probe: String,
    pub slot: Option<String>,
    pub outcome: String,
    pub finished: Timestamp,
    /// JSON, as it was signed.
    pub body: String,
    /// The signer's public key, in text.
    pub signer: String,
    pub signature: Vec<u8>,
}

/// Evidence without the id that the store gives it.
#[derive(Clone, Debug)]
pub struct NewEvidence {
    pub run: RunId,
    pub control: String,
    pub probe: String,
    pub slot: Option<String>,
    pub outcome: String,
    pub finished: Timestamp,
    pub body: String,
    pub signer: String,
    pub signature: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
pub struct EvidenceFilter {
    pub control: Option<String>,
    /// Finished at or after.
    pub from: Option<Timestamp>,
}

/// A probe run that was promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub id: String,
    pub control: String,
    pub due: Timestamp,
    pub committed: Timestamp,
    pub evidence: Option<EvidenceId>,
}

#[derive(Clone, Debug)]
pub struct NewSlot {
    pub id: String,
    pub control: String,
    pub due: Timestamp,
}

impl From<evidence::Model> for Evidence {
    fn from(row: evidence::Model) -> Self {
        Self {
            id: EvidenceId::from_uuid(row.id),
            run: RunId::from_uuid(row.run),
            control: row.control,
            probe: row.probe,
            slot: row.slot,
            outcome: row.outcome,
            finished: at(row.finished_at),
            body: row.body,
            signer: row.signer,
            signature: row.signature,
        }
    }
}

impl From<slot::Model> for Slot {
    fn from(row: slot::Model) -> Self {
        Self {
            id: row.id,
            control: row.control,
            due: at(row.due_at),
            committed: at(row.committed_at),
            evidence: row.evidence_id.map(EvidenceId::from_uuid),
        }
    }
}

impl DeploymentRead {
    /// Newest first.
    pub async fn evidence_list(
        &mut self,
        filter: &EvidenceFilter,
        page: &Page,
    ) -> Result<Listed<Evidence>> {
        let mut select = tenant::deployed::<evidence::Entity>().order_by_desc(evidence::Column::Id);
        if let Some(control) = &filter.control {
            select = select.filter(evidence::Column::Control.eq(control.as_str()));
        }
        if let Some(from) = filter.from {
            select = select.filter(evidence::Column::FinishedAt.gte(from.as_millis()));
        }
        if let Some(after) = page.cursor::<EvidenceId>()? {
            select = select.filter(evidence::Column::Id.lt(after.uuid()));
        }
        let rows = select.limit(page.rows() + 1).all(self.tx.on()).await.map_err(from_db)?;
        let rows = rows.into_iter().map(Evidence::from).collect();
        Ok(Listed::cut(rows, page, |row: &Evidence| row.id.to_string()))
    }

    /// Slots due from `from` until before `until`, in order.
    pub async fn slots_list(&mut self, from: Timestamp, until: Timestamp) -> Result<Vec<Slot>> {
        let rows = tenant::deployed::<slot::Entity>()
            .filter(slot::Column::DueAt.gte(from.as_millis()))
            .filter(slot::Column::DueAt.lt(until.as_millis()))
            .order_by_asc(slot::Column::DueAt)
            .order_by_asc(slot::Column::Id)
            .all(self.tx.on())
            .await
            .map_err(from_db)?;
        Ok(rows.into_iter().map(Slot::from).collect())
    }
}

impl DeploymentWrite {
    /// Adds evidence; the first for a slot fills it, another cannot replace it.
    pub async fn evidence_append(&mut self, new: NewEvidence) -> Result<Evidence> {
        let id = EvidenceId::new(self.store.clock().now()).uuid();
        let row = evidence::Model {
            id,
            run: new.run.uuid(),
            control: new.control,
            probe: new.probe,
            slot: new.slot,
            outcome: new.outcome,
            finished_at: new.finished.as_millis(),
            body: new.body,
            signer: new.signer,
            signature: new.signature,
        };
        tenant::deployed_insert::<evidence::Entity>(&self.tx, row.clone().into()).await?;
        if let Some(name) = &row.slot {
            let change = slot::ActiveModel { evidence_id: Set(Some(id)), ..Default::default() };
            tenant::deployed_update::<slot::Entity>()
                .set(change)
                .filter(slot::Column::Id.eq(name.as_str()))
                .filter(slot::Column::EvidenceId.is_null())
                .exec(self.tx.on())
                .await
                .map_err(from_db)?;
        }
        Ok(row.into())
    }

    /// Promises coming runs.
    pub async fn slots_append(&mut self, new: Vec<NewSlot>) -> Result<()> {
        let now = self.store.clock().now();
        for promised in new {
            let row = slot::ActiveModel {
                id: Set(promised.id),
                control: Set(promised.control),
                due_at: Set(promised.due.as_millis()),
                committed_at: Set(now.as_millis()),
                evidence_id: Set(None),
            };
            tenant::deployed_insert::<slot::Entity>(&self.tx, row).await?;
        }
        Ok(())
    }
}
