//! The outbox: an event enters it in the transaction that it describes, complete but for its place in the log.
//!
//! Personal values do not wait here: they are sealed into rows of their own at once.

use domain::{Actor, DataClass, Error, Event, EventId, OrgId, Result, UserId};
use ledger::{ActorEntry, Disclosed, Draft, DraftInput};
use sea_orm::{ActiveValue::Set, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{
    entity::{audit_disclosure as disclosure, audit_outbox as outbox},
    heads::damaged,
    pseudonym,
};
use crate::{
    Store,
    engine::Tx,
    error::from_db,
    keyring::{OrgKeys, Place},
    tenant,
};

/// How long the skeleton of an entry is kept; its personal values go earlier.
pub(super) const RETENTION: &str = "7y";

/// Records `event` of `org` within `tx`; the commit of `tx` makes both real. The transaction is bound to `org`.
pub(crate) async fn append(
    store: &Store,
    tx: &Tx,
    org: OrgId,
    actor: Actor,
    event: Event,
) -> Result<EventId> {
    let time = store.clock().now();
    let id = Event::id(time);
    let actor = event.actor.unwrap_or(actor);
    let people = pseudonym::of(tx, org, actor.user().into_iter().chain(event.subject)).await?;
    let salts = event.personal.iter().map(|_| vault::random()).collect::<Result<Vec<_>>>()?;
    let input = DraftInput {
        id,
        time,
        event: &event,
        actor: ActorEntry {
            kind: actor.kind(),
            pid: actor.user().and_then(|user| people.get(&user).cloned()),
            id: key_id(actor),
        },
        subject_pid: event.subject.and_then(|user| people.get(&user).cloned()),
        retention: RETENTION,
    };
    let draft = Draft::new(input, &salts).map_err(Error::internal)?;
    let row = outbox::ActiveModel {
        id: Set(id.uuid()),
        place: Set(next_place(tx, org).await?),
        at: Set(time.as_millis()),
        body: Set(draft.body.clone()),
        ..Default::default()
    };
    tenant::insert::<outbox::Entity>(tx, org, row).await?;
    let subject = event.subject.or_else(|| actor.user());
    seal(store, tx, org, &draft, &|| disclosure::ActiveModel {
        event_id: Set(id.uuid()),
        subject: Set(subject.map(UserId::uuid)),
        at: Set(time.as_millis()),
        ..Default::default()
    })
    .await?;
    Ok(id)
}

fn key_id(actor: Actor) -> Option<String> {
    match actor {
        Actor::ApiKey(id) | Actor::AdminKey(id) => Some(id.to_string()),
        Actor::User(_) | Actor::Operator(_) | Actor::System | Actor::Prober | Actor::Anonymous => {
            None
        }
    }
}

/// Places order what one transaction after another committed; those of concurrent ones may be equal.
async fn next_place(tx: &Tx, org: OrgId) -> Result<i64> {
    let last: Option<i64> = tenant::select::<outbox::Entity>(org)
        .select_only()
        .column(outbox::Column::Place)
        .order_by_desc(outbox::Column::Place)
        .limit(1)
        .into_tuple()
        .one(tx.on())
        .await
        .map_err(from_db)?;
    Ok(last.unwrap_or(0).saturating_add(1))
}

/// Keeps the personal values of a draft in rows like `row`, sealed.
async fn seal(
    store: &Store,
    tx: &Tx,
    org: OrgId,
    draft: &Draft,
    row: &(dyn Fn() -> disclosure::ActiveModel + Sync),
) -> Result<()> {
    if draft.disclosures.is_empty() {
        return Ok(());
    }
    let keys = store.keyring()?.within(tx, org).await?;
    let mut rows = Vec::new();
    for disclosed in &draft.disclosures {
        let mut row = row();
        let digest = disclosed.digest();
        let event = row.event_id.clone().take().unwrap_or_default();
        let key = row_key(event, &digest);
        row.value = Set(keys.seal(place(&key), disclosed.encoded().as_bytes())?);
        row.digest = Set(digest);
        rows.push(row);
    }
    tenant::insert_all::<disclosure::Entity>(tx, org, rows).await
}

/// The value of a disclosure row, which must be the one its digest commits to.
pub(super) fn open(keys: &OrgKeys, org: OrgId, row: &disclosure::Model) -> Result<Disclosed> {
    let text = keys.open_text(place(&row_key(row.event_id, &row.digest)), &row.value)?;
    Disclosed::parse(text.expose())
        .filter(|disclosed| disclosed.digest() == row.digest)
        .ok_or_else(|| damaged("a personal value does not match", &org.to_string()))
}

/// The primary key of a disclosure within its organization.
fn row_key(event: Uuid, digest: &str) -> Vec<u8> {
    [event.as_bytes().as_slice(), digest.as_bytes()].concat()
}

const fn place(row: &[u8]) -> Place<'_> {
    Place { class: DataClass::Disclosure, table: "audit_disclosure", column: "value", row }
}
