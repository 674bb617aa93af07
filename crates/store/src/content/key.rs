//! The key of one file or batch: made with it, wrapped by the organization's key, destroyed before what it sealed.

use domain::{Action, Actor, BatchId, ContentEnd, Event, FileId, OrgId, Result};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QuerySelect as _};
use uuid::Uuid;
use vault::DataKey;

use super::{RECORD, Stage, due_set};
use crate::{
    Store, audit, engine::Tx, entity::content_key as table, error::from_db, keyring::Keyring,
    tenant,
};

/// Targets of one event, which must stay small.
const TARGETS: usize = 100;

/// Whose key it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whose {
    File(FileId),
    Batch(BatchId),
}

impl Whose {
    const fn uuid(self) -> Uuid {
        match self {
            Self::File(id) => id.uuid(),
            Self::Batch(id) => id.uuid(),
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Batch(_) => "batch",
        }
    }

    fn of(row: &(Uuid, String)) -> Self {
        if row.1 == "batch" {
            Self::Batch(BatchId::from_uuid(row.0))
        } else {
            Self::File(FileId::from_uuid(row.0))
        }
    }

    fn on(self, event: Event) -> Event {
        match self {
            Self::File(id) => event.on("file", id),
            Self::Batch(id) => event.on("batch", id),
        }
    }
}

fn context(org: OrgId) -> String {
    format!("{org}|content")
}

/// Makes the key and says so in the organization's log.
pub(super) async fn create(
    store: &Store,
    (tx, org): (&Tx, OrgId),
    actor: Actor,
    whose: Whose,
) -> Result<DataKey> {
    let (outer, wrapping) = store.keyring()?.wrapping(tx, org).await?;
    let key = DataKey::generate(whose.uuid().into_bytes())?;
    let row = table::ActiveModel {
        id: Set(whose.uuid()),
        organization_key_id: Set(outer),
        kind: Set(whose.kind().to_owned()),
        wrapped: Set(Some(key.wrap_with(&wrapping, &context(org))?)),
        commitment: Set(Some(key.commitment().to_vec())),
        created_at: Set(store.clock().now().as_millis()),
        destroyed_at: Set(None),
        reason: Set(None),
        ..Default::default()
    };
    tenant::insert::<table::Entity>(tx, org, row).await?;
    let event = whose.on(Event::new(Action::ContentKeyCreate));
    audit::append(store, tx, org, actor, event).await?;
    Ok(key)
}

/// The key, unless it was destroyed or never was.
pub(crate) async fn find(
    keyring: &Keyring,
    tx: &Tx,
    org: OrgId,
    id: Uuid,
) -> Result<Option<DataKey>> {
    let row = tenant::select::<table::Entity>(org)
        .filter(table::Column::Id.eq(id))
        .one(tx.on())
        .await
        .map_err(from_db)?;
    let Some(row) = row else { return Ok(None) };
    let (Some(wrapped), Some(commitment)) = (row.wrapped, row.commitment) else { return Ok(None) };
    let outer = keyring.outer(tx, org, row.organization_key_id).await?;
    DataKey::unwrap(id.into_bytes(), &outer, &context(org), &wrapped, &commitment).map(Some)
}

/// Destroys those of the keys that are still there, with their event. What they sealed is removed afterwards, by the
/// sweep. Says how many there were.
pub(super) async fn destroy(
    store: &Store,
    (tx, org): (&Tx, OrgId),
    actor: Actor,
    (ids, reason): (&[Uuid], ContentEnd),
) -> Result<usize> {
    let now = store.clock().now();
    let mut all = 0;
    for ids in ids.chunks(TARGETS) {
        let live: Vec<(Uuid, String)> = tenant::select::<table::Entity>(org)
            .select_only()
            .column(table::Column::Id)
            .column(table::Column::Kind)
            .filter(table::Column::Id.is_in(ids.iter().copied()))
            .filter(table::Column::Wrapped.is_not_null())
            .into_tuple()
            .all(tx.on())
            .await
            .map_err(from_db)?;
        if live.is_empty() {
            continue;
        }
        let gone = table::ActiveModel {
            wrapped: Set(None),
            commitment: Set(None),
            destroyed_at: Set(Some(now.as_millis())),
            reason: Set(Some(reason.as_str().to_owned())),
            ..Default::default()
        };
        tenant::update::<table::Entity>(org)
            .set(gone)
            .filter(table::Column::Id.is_in(live.iter().map(|(id, _)| *id)))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
        let of = |kind: &str| -> Vec<Uuid> {
            live.iter().filter(|row| row.1 == kind).map(|row| row.0).collect()
        };
        due_set(tx, &of("file"), Stage::Keyless, now).await?;
        due_set(tx, &of("batch"), Stage::Record, now.plus(RECORD)).await?;
        let event = Event::new(Action::ContentKeyDestroy).fact("reason", reason.as_str());
        let event = live.iter().map(Whose::of).fold(event, |event, whose| whose.on(event));
        audit::append(store, tx, org, actor, event).await?;
        all += live.len();
    }
    if all > 0 {
        store.inner().content.stale.store(true, std::sync::atomic::Ordering::Release);
    }
    Ok(all)
}

/// Until when a batch's metadata can be read, or when its key was destroyed.
pub(super) async fn destroyed(tx: &Tx, org: OrgId, ids: &[Uuid]) -> Result<Vec<(Uuid, i64)>> {
    let rows: Vec<(Uuid, Option<i64>)> = tenant::select::<table::Entity>(org)
        .select_only()
        .column(table::Column::Id)
        .column(table::Column::DestroyedAt)
        .filter(table::Column::Id.is_in(ids.iter().copied()))
        .into_tuple()
        .all(tx.on())
        .await
        .map_err(from_db)?;
    Ok(rows.into_iter().filter_map(|(id, at)| Some((id, at?))).collect())
}

/// Forgets that there was a key.
pub(super) async fn forget(tx: &Tx, org: OrgId, id: Uuid) -> Result<()> {
    tenant::delete::<table::Entity>(org)
        .filter(table::Column::Id.eq(id))
        .filter(table::Column::Wrapped.is_null())
        .exec(tx.on())
        .await
        .map_err(from_db)
        .map(drop)
}
