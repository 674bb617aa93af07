//! The settlement sweep: from the journal into the `usage` table, one transaction and one audit event per batch.
//!
//! The event carries the Merkle root over the batch's rows, and each row the digest of its receipt, so that
//! the log commits to every request without naming any. A request that is already there is not added again.

mod breakdown;
mod proof;
mod row;

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{Action, Actor, Event, OrgId, Result};
use ledger::tree::{leaf_hash, root_of};
use sea_orm::{ActiveModelTrait as _, ColumnTrait, IntoActiveModel as _, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::{
    Store, audit, engine::Tx, entity::usage, error::from_db, journal::Settled, tenant,
    write::Touched,
};

pub use breakdown::{UsageBy, UsageGroup};
pub use proof::UsageBatch;

/// Rows of one transaction; both engines limit the values of one statement.
const BATCH: usize = 500;
/// How often the rows of a busy organization are settled: each time is an entry in its log.
const EVERY: Duration = Duration::from_secs(10);

/// When each organization was settled last, to pace the entries in its log.
#[derive(Default)]
pub(crate) struct Pace(HashMap<OrgId, Instant>);

impl Pace {
    /// The first requests after a pause are settled at once, a steady stream in batches.
    fn is_due(&self, org: OrgId, waiting: usize) -> bool {
        waiting >= BATCH || self.0.get(&org).is_none_or(|last| last.elapsed() >= EVERY)
    }
}

impl Store {
    /// Moves every settled request of the journal into the database.
    ///
    /// # Errors
    /// The first error; the other organizations are settled all the same.
    pub async fn settle_batch(&self) -> Result<()> {
        sweep(self).await
    }
}

/// Moves everything that waits.
pub(crate) async fn sweep(store: &Store) -> Result<()> {
    run(store, false).await
}

/// Moves what has waited long enough.
pub(crate) async fn due(store: &Store) -> Result<()> {
    run(store, true).await
}

async fn run(store: &Store, only_due: bool) -> Result<()> {
    let journal = store.journal();
    let mut pace = journal.sweeping.lock().await;
    let mut outcome = Ok(());
    for (org, waiting) in journal.waiting() {
        if only_due && !pace.is_due(org, waiting) {
            continue;
        }
        let settled = organization(store, org).await;
        pace.0.insert(org, Instant::now());
        outcome = outcome.and(settled);
    }
    pace.0.retain(|_, last| last.elapsed() < EVERY);
    outcome
}

async fn organization(store: &Store, org: OrgId) -> Result<()> {
    loop {
        let batch = store.journal().oldest(org, BATCH);
        if batch.is_empty() {
            return Ok(());
        }
        record(store, org, &batch).await?;
        store.journal().swept(org, batch.len());
    }
}

/// Adds the rows that are not there yet, with their event, in one transaction.
async fn record(store: &Store, org: OrgId, batch: &[Arc<Settled>]) -> Result<()> {
    let tx = store.engine().write(org).await?;
    let known = known(&tx, org, batch).await?;
    let mut rows: Vec<usage::Model> = batch
        .iter()
        .map(|settled| row::model(settled))
        .filter(|row| !known.contains(&row.request_id))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by_key(|row| row.request_id);
    let leaves: Vec<_> =
        rows.iter().map(|row| Ok(leaf_hash(&row::leaf(row)?))).collect::<Result<_>>()?;
    let event = Event::new(Action::UsageSettle)
        .by(Actor::System)
        .fact("requests", rows.len())
        .fact("root", hex::encode(root_of(&leaves)));
    let event_id = audit::append(store, &tx, org, Actor::System, event).await?;
    let rows = rows
        .into_iter()
        .map(|row| {
            usage::Model { event_id: event_id.uuid(), ..row }.into_active_model().reset_all()
        })
        .collect();
    tenant::insert_all::<usage::Entity>(&tx, org, rows).await?;
    tx.commit().await?;
    store.after_commit(Touched::default(), [org]).await;
    Ok(())
}

/// The requests of the batch that were recorded before a crash could tell the journal.
async fn known(tx: &Tx, org: OrgId, batch: &[Arc<Settled>]) -> Result<Vec<Uuid>> {
    let ids = batch.iter().map(|settled| settled.intent.request.uuid());
    tenant::select::<usage::Entity>(org)
        .select_only()
        .column(usage::Column::RequestId)
        .filter(usage::Column::RequestId.is_in(ids))
        .into_tuple()
        .all(tx.on())
        .await
        .map_err(from_db)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_requests_go_at_once_and_a_stream_in_batches() {
        let (mut pace, org) = (Pace::default(), OrgId::DEPLOYMENT);
        assert!(pace.is_due(org, 1));
        pace.0.insert(org, Instant::now());
        assert!(!pace.is_due(org, BATCH - 1));
        assert!(pace.is_due(org, BATCH));
        if let Some(long_ago) = Instant::now().checked_sub(EVERY) {
            pace.0.insert(org, long_ago);
            assert!(pace.is_due(org, 1));
        }
    }
}
