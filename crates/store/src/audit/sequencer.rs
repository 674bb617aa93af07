//! The one sequencer: takes events from the outboxes and gives each its place in its log.
//!
//! Of several nodes one works at a time (an advisory lock on PostgreSQL, the single writer on SQLite). Places are
//! dense; entry, tree nodes, signed head and the emptied outbox are one transaction, so a crash leaves all or none.

use std::{collections::BTreeSet, time::Duration};

use domain::{Error, OrgId, Result, Timestamp};
use ledger::{Entry, Hash, leaf, tree::leaf_hash};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{
    Opened, agrees,
    entity::{audit_entry as entry, audit_node as node, audit_outbox as outbox},
    heads::{self, Log, number},
    journal::Signed,
};
use crate::{Store, engine::Tx, entity::organization, error::from_db, tenant};

/// Entries of one organization per transaction.
const BATCH: u64 = 256;
/// Organizations per transaction: other writers wait meanwhile.
const ORGANIZATIONS: usize = 64;
/// When all outboxes are looked at again, should another node have stopped before its work was done.
const SCAN: Duration = Duration::from_secs(60);
/// Any number: all nodes take the same advisory lock while they sequence.
const SEQUENCING: i64 = 0x7072_6f62_0001;

/// Empties the outboxes that this node knows to hold something.
pub(super) async fn sweep(store: &Store) -> Result<()> {
    let audit = &store.inner().audit;
    let Some(opened) = audit.opened.get() else { return Ok(()) };
    let _turn = opened.turn.lock().await;
    if opened.scan_is_due(store.clock().now()) {
        audit.pend(everyone(store).await?);
    }
    let mut refused = BTreeSet::new();
    let mut outcome = Ok(());
    loop {
        let orgs = audit.take(ORGANIZATIONS);
        if orgs.is_empty() {
            break;
        }
        match batch(store, opened, &orgs).await {
            Ok(done) => {
                audit.pend(done.unfinished);
                for (org, error) in done.refused {
                    refused.insert(org);
                    outcome = outcome.and(Err(error));
                }
            }
            Err(error) => {
                audit.pend(orgs);
                outcome = outcome.and(Err(error));
                break;
            }
        }
    }
    audit.pend(refused);
    outcome
}

/// What became of a batch.
#[derive(Default)]
struct Done {
    /// They hold more.
    unfinished: BTreeSet<OrgId>,
    /// Their logs cannot be continued: nothing of theirs was touched, and the others went on.
    refused: Vec<(OrgId, Error)>,
}

/// Every organization, for the look after a start: events of a process that ended before it sequenced them.
async fn everyone(store: &Store) -> Result<BTreeSet<OrgId>> {
    let tx = store.engine().read(OrgId::DEPLOYMENT).await?;
    let ids: Vec<Uuid> = tenant::deployed::<organization::Entity>()
        .select_only()
        .column(organization::Column::Id)
        .into_tuple()
        .all(tx.on())
        .await
        .map_err(from_db)?;
    let mut waiting = BTreeSet::new();
    for org in ids.into_iter().map(OrgId::from_uuid).chain([OrgId::DEPLOYMENT]) {
        tx.bind(org).await?;
        if !waiting_in(&tx, org, 1).await?.is_empty() {
            waiting.insert(org);
        }
    }
    Ok(waiting)
}

/// A writing transaction that no other sequencer works beside.
pub(super) async fn alone(store: &Store) -> Result<Tx> {
    let tx = store.engine().write(OrgId::DEPLOYMENT).await?;
    if tx.is_postgres() {
        tx.run(&format!("select pg_advisory_xact_lock({SEQUENCING})")).await?;
    }
    Ok(tx)
}

/// Sequences up to a batch of each.
async fn batch(store: &Store, opened: &Opened, orgs: &BTreeSet<OrgId>) -> Result<Done> {
    let tx = alone(store).await?;
    let mut done = Done::default();
    let mut signed = Vec::new();
    for &org in orgs {
        tx.bind(org).await?;
        let waiting = waiting_in(&tx, org, BATCH).await?;
        if waiting.is_empty() {
            continue;
        }
        if u64::try_from(waiting.len()) == Ok(BATCH) {
            done.unfinished.insert(org);
        }
        match one(store, opened, &tx, org, waiting).await {
            Ok(log) => signed.push(head_of(&log)),
            Err(error) if heads::REFUSALS.contains(&error.code()) => {
                done.unfinished.remove(&org);
                done.refused.push((org, error));
            }
            Err(error) => return Err(error),
        }
    }
    tx.commit().await?;
    // After the commit: a head that was not kept must not be remembered as signed.
    opened.heads.lock().record(&signed)?;
    Ok(done)
}

/// Moves what waits into the log. A refusal comes before anything is written.
async fn one(
    store: &Store,
    opened: &Opened,
    tx: &Tx,
    org: OrgId,
    waiting: Vec<outbox::Model>,
) -> Result<Log> {
    let mut log = continued(store, opened, tx, org).await?;
    let ids: Vec<Uuid> = waiting.iter().map(|row| row.id).collect();
    let events = waiting.into_iter().map(|row| (row.id, row.at, row.body));
    grow(tx, &mut log, events).await?;
    tenant::delete::<outbox::Entity>(org)
        .filter(outbox::Column::Id.is_in(ids))
        .exec(tx.on())
        .await
        .map_err(from_db)?;
    log.store(tx, &opened.key, store.clock().now()).await?;
    Ok(log)
}

async fn waiting_in(tx: &Tx, org: OrgId, most: u64) -> Result<Vec<outbox::Model>> {
    tenant::select::<outbox::Entity>(org)
        .order_by_asc(outbox::Column::Place)
        .order_by_asc(outbox::Column::Id)
        .limit(most)
        .all(tx.on())
        .await
        .map_err(from_db)
}

/// The log, if it continues what was signed last.
pub(super) async fn continued(store: &Store, opened: &Opened, tx: &Tx, org: OrgId) -> Result<Log> {
    let log = Log::load(tx, &opened.key, org).await?;
    let signed = opened.heads.lock().of(org);
    if let Some(signed) = signed {
        agrees(store, tx, &log, &signed).await?;
    }
    Ok(log)
}

pub(super) fn head_of(log: &Log) -> (OrgId, Signed) {
    (log.org, Signed { size: log.tree.size(), root: log.tree.root() })
}

/// Appends events, given by id, time and body, to the log and its tree; `tx` is bound to its organization.
pub(super) async fn grow(
    tx: &Tx,
    log: &mut Log,
    events: impl IntoIterator<Item = (Uuid, i64, String)>,
) -> Result<()> {
    let mut entries = Vec::new();
    let mut nodes = Vec::new();
    for (id, at, body) in events {
        let seq = log.tree.size();
        let leaf = leaf(&body, &log.origin, seq)
            .map_err(|_| heads::damaged("an event that waits cannot be read", &log.origin))?;
        let hash = leaf_hash(&leaf);
        for complete in log.tree.push(hash).into_iter().filter(|complete| complete.level > 0) {
            nodes.push(node::ActiveModel {
                level: Set(i64::from(complete.level)),
                place: Set(number(complete.index)?),
                hash: Set(complete.hash.to_vec()),
                ..Default::default()
            });
        }
        entries.push(row(id, at, seq, leaf, &hash)?);
    }
    tenant::insert_all::<entry::Entity>(tx, log.org, entries).await?;
    tenant::insert_all::<node::Entity>(tx, log.org, nodes).await
}

/// The entry with what lists filter by, taken from its own bytes.
fn row(id: Uuid, at: i64, seq: u64, leaf: Vec<u8>, hash: &Hash) -> Result<entry::ActiveModel> {
    let read = Entry::parse(&leaf).map_err(Error::internal)?;
    Ok(entry::ActiveModel {
        seq: Set(number(seq)?),
        event_id: Set(id),
        at: Set(at),
        action: Set(read.action),
        actor: Set(read.actor.pid.or(read.actor.id)),
        subject: Set(read.subject.map(|subject| subject.pid)),
        target: Set(read.targets.into_iter().next().map(|target| target.id)),
        leaf: Set(leaf),
        leaf_hash: Set(hash.to_vec()),
        ..Default::default()
    })
}

impl Opened {
    fn scan_is_due(&self, now: Timestamp) -> bool {
        let mut last = self.scanned.lock();
        let due = last.is_none_or(|last| now.since(last) >= SCAN || now < last);
        if due {
            *last = Some(now);
        }
        due
    }
}
