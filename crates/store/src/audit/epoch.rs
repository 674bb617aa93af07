//! Epochs: every few seconds in which a log grew, the spine commits to the heads of all of them.

use std::collections::{BTreeSet, HashMap};

use domain::{Action, ActorKind, Error, Event, OrgId, Result, Timestamp};
use ledger::{ActorEntry, Checkpoint, Draft, DraftInput, Epoch, EpochTree, Head, tree::empty_root};
use sea_orm::{
    ActiveValue::Set,
    ColumnTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait as _},
};
use uuid::Uuid;

use super::{
    entity::{audit_checkpoint as checkpoint, audit_head as head},
    heads::{count, damaged, is_signed, number},
    outbox::RETENTION,
    sequencer::{alone, continued, grow, head_of},
    signer::LogKey,
};
use crate::{Store, engine::Tx, entity::organization, error::from_db, tenant};

/// All heads by organization, the spine's among them.
pub(super) type Heads = HashMap<Uuid, head::Model>;

pub(super) async fn heads(tx: &Tx) -> Result<Heads> {
    let rows = tenant::deployed::<head::Entity>().all(tx.on()).await.map_err(from_db)?;
    Ok(rows.into_iter().map(|row| (row.org_id, row)).collect())
}

/// The tree over the heads in their slots, as `size_and_root` reads them. A slot without entries holds an empty log.
pub(super) async fn tree(
    tx: &Tx,
    key: &LogKey,
    heads: &Heads,
    size_and_root: impl Fn(&head::Model) -> (i64, Vec<u8>),
) -> Result<EpochTree> {
    let slots: Vec<(Uuid, i64)> = tenant::deployed::<organization::Entity>()
        .select_only()
        .column(organization::Column::Id)
        .column(organization::Column::Slot)
        .order_by_asc(organization::Column::Slot)
        .into_tuple()
        .all(tx.on())
        .await
        .map_err(from_db)?;
    let mut all: Vec<Head> = Vec::new();
    for (org, slot) in slots {
        let slot = count(slot)?;
        // Slots are dense; should one be vacant, it is an empty log without a name.
        while u64::try_from(all.len()).is_ok_and(|next| next < slot) {
            let checkpoint = Checkpoint { origin: String::new(), size: 0, root: empty_root() };
            all.push(Head { slot: u64::try_from(all.len()).unwrap_or(slot), checkpoint });
        }
        let (size, root) = match heads.get(&org).map(&size_and_root) {
            Some((size, root)) => {
                (count(size)?, root.as_slice().try_into().map_err(Error::internal)?)
            }
            None => (0, empty_root()),
        };
        let origin = key.origin(OrgId::from_uuid(org));
        all.push(Head { slot, checkpoint: Checkpoint { origin, size, root } });
    }
    EpochTree::new(&all).ok_or_else(|| Error::internal("the slots of the organizations have gaps"))
}

/// Commits to all heads if one of them changed since the last time.
pub(super) async fn sweep(store: &Store) -> Result<()> {
    let Some(opened) = store.inner().audit.opened.get() else { return Ok(()) };
    let _turn = opened.turn.lock().await;
    let (key, now) = (&opened.key, store.clock().now());
    if !changed(store).await? {
        return Ok(());
    }
    let tx = alone(store).await?;
    let heads = heads(&tx).await?;
    let (grown, damaged) = grown(&heads, key)?;
    if grown.is_empty() {
        return damaged;
    }
    let now_or_then = |row: &head::Model| {
        if grown.contains(&row.org_id) {
            (row.size, row.root.clone())
        } else {
            (row.epoch_size, row.epoch_root.clone())
        }
    };
    let epoch = tree(&tx, key, &heads, now_or_then).await?.epoch();
    let (id, body) = draft(&epoch, now)?;
    let mut spine = continued(store, opened, &tx, OrgId::DEPLOYMENT).await?;
    let seq = number(spine.tree.size())?;
    grow(&tx, &mut spine, [(id, now.as_millis(), body)]).await?;
    let note = spine.store(&tx, key, now).await?;
    let at = now.as_millis();
    let size = number(spine.tree.size())?;
    let root = spine.tree.root().to_vec();
    let org_id = OrgId::DEPLOYMENT.uuid();
    keep(&tx, checkpoint::Model { org_id, epoch: seq, size, root, note, at }).await?;
    for head::Model { org_id, size, root, note, .. } in
        heads.into_values().filter(|row| grown.contains(&row.org_id))
    {
        keep(&tx, checkpoint::Model { org_id, epoch: seq, size, root, note, at }).await?;
    }
    tx.commit().await?;
    opened.heads.lock().record(&[head_of(&spine)])?;
    damaged
}

/// The logs that grew since the last epoch. A head that is not the signed one stays as it was, with an error.
fn grown(heads: &Heads, key: &LogKey) -> Result<(BTreeSet<Uuid>, Result<()>)> {
    let mut grown = BTreeSet::new();
    let mut outcome = Ok(());
    for row in heads.values() {
        let spine = row.org_id == OrgId::DEPLOYMENT.uuid();
        if spine || row.size <= row.epoch_size {
            continue;
        }
        if is_signed(row, key)? {
            grown.insert(row.org_id);
        } else {
            let origin = key.origin(OrgId::from_uuid(row.org_id));
            outcome = Err(damaged("its head is not the one that was signed", &origin));
        }
    }
    Ok((grown, outcome))
}

/// A cheap look, so that an idle server takes no lock.
async fn changed(store: &Store) -> Result<bool> {
    let tx = store.engine().read(OrgId::DEPLOYMENT).await?;
    tenant::deployed::<head::Entity>()
        .filter(head::Column::OrgId.ne(OrgId::DEPLOYMENT.uuid()))
        .filter(Expr::col(head::Column::Size).gt(Expr::col(head::Column::EpochSize)))
        .limit(1)
        .one(tx.on())
        .await
        .map_err(from_db)
        .map(|row| row.is_some())
}

/// Keeps the head that the epoch holds, for proofs, and notes it as the log's latest.
async fn keep(tx: &Tx, row: checkpoint::Model) -> Result<()> {
    let change = head::ActiveModel {
        epoch_size: Set(row.size),
        epoch_root: Set(row.root.clone()),
        ..Default::default()
    };
    tenant::deployed_update::<head::Entity>()
        .set(change)
        .filter(head::Column::OrgId.eq(row.org_id))
        .exec(tx.on())
        .await
        .map_err(from_db)?;
    tenant::deployed_insert::<checkpoint::Entity>(tx, row.into()).await
}

fn draft(epoch: &Epoch, now: Timestamp) -> Result<(Uuid, String)> {
    let mut event = Event::new(Action::LogEpoch);
    event.facts = epoch.facts();
    let id = Event::id(now);
    let input = DraftInput {
        id,
        time: now,
        event: &event,
        actor: ActorEntry { kind: ActorKind::System, pid: None, id: None },
        subject_pid: None,
        retention: RETENTION,
    };
    let draft = Draft::new(input, &[]).map_err(Error::internal)?;
    Ok((id.uuid(), draft.body))
}
