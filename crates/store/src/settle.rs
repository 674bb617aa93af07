//! The settlement sweep: from the journal into the `usage` table, one transaction and one audit event per batch.
//!
//! The event carries the Merkle root over the batch's rows, and each row the digest of its receipt, so that
//! the log commits to every request without naming any. A request that is already there is not added again.

mod breakdown;
mod daily;
mod proof;
mod row;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use domain::{Action, Actor, Event, OrgId, Result};
use ledger::tree::{leaf_hash, root_of};
use sea_orm::{ColumnTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use crate::{
    Store, audit, engine::Tx, entity::usage, error::from_db, journal::Settled, tenant,
    write::Touched,
};

pub use breakdown::{UsageBy, UsageGroup, UsageStep};
pub use proof::UsageBatch;
pub(crate) use row::leaf;

/// Rows of one transaction, which takes some 20 ms of the only writer that SQLite has.
const BATCH: usize = 1000;
/// How often the rows of a busy organization are settled: each time is an entry in its log.
const EVERY: Duration = Duration::from_secs(10);

/// Milliseconds between two requests of one look at what is recorded.
const GAP_MS: u128 = 1_000;

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
        let settled = oldest(store, org, waiting).await;
        pace.0.insert(org, Instant::now());
        outcome = outcome.and(settled);
    }
    pace.0.retain(|_, last| last.elapsed() < EVERY);
    outcome
}

/// Records everything of `org` that waits. The caller holds the sweep's lock.
pub(crate) async fn organization(store: &Store, org: OrgId) -> Result<()> {
    let waiting = store.journal().waiting().into_iter().find(|(one, _)| *one == org);
    match waiting {
        Some((_, waiting)) => oldest(store, org, waiting).await,
        None => Ok(()),
    }
}

/// Records the `waiting` oldest. Those that end meanwhile wait for the next sweep: following them would mean ever
/// smaller transactions, as long as requests come in.
async fn oldest(store: &Store, org: OrgId, mut waiting: usize) -> Result<()> {
    while waiting > 0 {
        let batch = store.journal().oldest(org, BATCH.min(waiting));
        record(store, org, &batch).await?;
        store.journal().swept(org, batch.len());
        waiting = waiting.saturating_sub(batch.len().max(1));
    }
    Ok(())
}

/// Adds the rows that are not there yet, with their event, in one transaction.
async fn record(store: &Store, org: OrgId, batch: &[Arc<Settled>]) -> Result<()> {
    let tx = store.engine().write(org).await?;
    let known = known(&tx, org, batch).await?;
    let mut rows: Vec<usage::Model> = batch
        .iter()
        .map(|settled| row::model(settled, store.node()))
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
    rows.iter_mut().for_each(|row| row.event_id = event_id.uuid());
    tenant::insert_rows::<usage::Entity>(&tx, org, rows).await?;
    tx.commit().await?;
    store.after_commit(Touched::default(), [org]).await;
    Ok(())
}

/// The requests of the batch that were recorded before a crash could tell the journal.
async fn known(tx: &Tx, org: OrgId, batch: &[Arc<Settled>]) -> Result<HashSet<Uuid>> {
    let mut known = HashSet::new();
    for (first, last) in spans(batch.iter().map(|settled| settled.intent.request.uuid())) {
        let found: Vec<Uuid> = tenant::select::<usage::Entity>(org)
            .select_only()
            .column(usage::Column::RequestId)
            .filter(usage::Column::RequestId.between(first, last))
            .into_tuple()
            .all(tx.on())
            .await
            .map_err(from_db)?;
        known.extend(found);
    }
    Ok(known)
}

/// The ids as ranges without long gaps: ids start with their time, so few others lie in between, and a request that
/// ran for an hour does not drag in everything since.
fn spans(ids: impl Iterator<Item = Uuid>) -> Vec<(Uuid, Uuid)> {
    let time = |id: &Uuid| id.as_u128() >> 80;
    let mut ids: Vec<Uuid> = ids.collect();
    ids.sort_unstable();
    let mut spans: Vec<(Uuid, Uuid)> = Vec::new();
    for id in ids {
        match spans.last_mut() {
            Some((_, last)) if time(&id) - time(last) <= GAP_MS => *last = id,
            _ => spans.push((id, id)),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_looked_up_by_the_times_they_lie_in() {
        let id = |millis: u128, rest: u128| Uuid::from_u128(millis << 80 | rest);
        let spans = spans([id(5_000, 1), id(1_000, 2), id(1_900, 3), id(5_000, 0)].into_iter());
        assert_eq!(spans, [(id(1_000, 2), id(1_900, 3)), (id(5_000, 0), id(5_000, 1))]);
        assert!(super::spans(std::iter::empty()).is_empty());
    }

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
