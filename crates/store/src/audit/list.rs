//! Reading the log: newest first, with people and personal values as far as they are still known.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Action, ActorKind, EventId, KeyId, OrgId, Outcome, Result, Target, Timestamp, UserId,
};
use ledger::{Disclosed, Entry};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    entity::{audit_disclosure as disclosure, audit_entry as entry},
    heads::damaged,
    outbox, pseudonym,
};
use crate::{
    DeploymentRead, Listed, Page, Read, Store, engine::Tx, entity::api_key, error::from_db,
    keyring::OrgKeys, repository, tenant,
};

/// Which entries are wanted; every field narrows.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub action: Option<Action>,
    /// The person who acted.
    pub user: Option<UserId>,
    /// The key that acted.
    pub key: Option<KeyId>,
    /// The person acted upon.
    pub subject: Option<UserId>,
    /// The id of the thing acted upon.
    pub target: Option<String>,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// A person, as far as the log still knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditPerson {
    /// `None` once they were forgotten.
    pub id: Option<UserId>,
    pub name: Option<String>,
    pub email: Option<String>,
    /// The name they have in the log itself.
    pub pseudonym: String,
}

/// One entry of a log, for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditRow {
    /// Its place in the log, from 0.
    pub seq: u64,
    pub id: EventId,
    pub time: Timestamp,
    /// Such as `key.create`.
    pub action: String,
    /// "created an API key"; the action's name when this version does not know it.
    pub says: String,
    pub outcome: Outcome,
    pub actor_kind: ActorKind,
    pub actor: Option<AuditPerson>,
    /// The key that acted, with its name.
    pub actor_key: Option<(KeyId, Option<String>)>,
    pub subject: Option<AuditPerson>,
    pub targets: Vec<Target>,
    pub facts: Map<String, Value>,
    /// Personal values that were not erased.
    pub personal: Map<String, Value>,
    /// How many were.
    pub erased: usize,
    pub request: Option<String>,
    /// Hex.
    pub leaf_hash: String,
}

impl Read {
    /// The organization's log, newest first. An event shows within a second of its commit.
    ///
    /// # Errors
    /// `Invalid` for a foreign cursor; `Unavailable` when the database is busy or cannot be reached.
    pub async fn audit_list(
        &mut self,
        filter: &AuditFilter,
        page: &Page,
    ) -> Result<Listed<AuditRow>> {
        list(&self.store, &self.tx, self.org(), &self.keys, filter, page).await
    }
}

impl DeploymentRead {
    /// The deployment's own log, the spine, newest first.
    ///
    /// # Errors
    /// As [`Read::audit_list`].
    pub async fn audit_list(
        &mut self,
        filter: &AuditFilter,
        page: &Page,
    ) -> Result<Listed<AuditRow>> {
        list(&self.store, &self.tx, OrgId::DEPLOYMENT, &self.keys, filter, page).await
    }
}

async fn list(
    store: &Store,
    tx: &Tx,
    org: OrgId,
    keys: &OrgKeys,
    filter: &AuditFilter,
    page: &Page,
) -> Result<Listed<AuditRow>> {
    let Some(mut select) = narrowed(tx, org, filter).await? else {
        return Ok(Listed { data: Vec::new(), next: None });
    };
    if let Some(before) = page.cursor::<i64>()? {
        select = select.filter(entry::Column::Seq.lt(before));
    }
    let rows = select
        .order_by_desc(entry::Column::Seq)
        .limit(page.rows() + 1)
        .all(tx.on())
        .await
        .map_err(from_db)?;
    let Listed { data: rows, next } = Listed::cut(rows, page, |row| row.seq.to_string());
    let data = resolve(store, tx, org, keys, rows).await?;
    Ok(Listed { data, next })
}

/// `None` when the filter names somebody the log does not know.
async fn narrowed(
    tx: &Tx,
    org: OrgId,
    filter: &AuditFilter,
) -> Result<Option<Select<entry::Entity>>> {
    let mut select = tenant::select::<entry::Entity>(org);
    if let Some(action) = filter.action {
        select = select.filter(entry::Column::Action.eq(action.as_str()));
    }
    for (user, column) in
        [(filter.user, entry::Column::Actor), (filter.subject, entry::Column::Subject)]
    {
        let Some(user) = user else { continue };
        let Some(pid) = pseudonym::find_one(tx, org, user).await? else { return Ok(None) };
        select = select.filter(column.eq(pid));
    }
    if let Some(key) = filter.key {
        select = select.filter(entry::Column::Actor.eq(key.to_string()));
    }
    if let Some(target) = &filter.target {
        select = select.filter(entry::Column::Target.eq(target.as_str()));
    }
    if let Some(since) = filter.since {
        select = select.filter(entry::Column::At.gte(since.as_millis()));
    }
    if let Some(until) = filter.until {
        select = select.filter(entry::Column::At.lt(until.as_millis()));
    }
    Ok(Some(select))
}

/// Who and what the entries speak of.
struct Known {
    people: BTreeMap<String, AuditPerson>,
    keys: BTreeMap<String, String>,
    personal: BTreeMap<Uuid, Vec<Disclosed>>,
}

async fn resolve(
    store: &Store,
    tx: &Tx,
    org: OrgId,
    keys: &OrgKeys,
    rows: Vec<entry::Model>,
) -> Result<Vec<AuditRow>> {
    let mut entries = Vec::new();
    for row in rows {
        let read = Entry::parse(&row.leaf)
            .map_err(|_| damaged("an entry cannot be read", &org.to_string()))?;
        entries.push((row.event_id, row.leaf_hash, read));
    }
    let events: Vec<Uuid> = entries.iter().map(|(event, ..)| *event).collect();
    let known = Known {
        people: people(store, tx, org, &entries).await?,
        keys: key_names(tx, org, &entries).await?,
        personal: personal(tx, org, keys, events).await?,
    };
    Ok(entries.into_iter().map(|(event, hash, entry)| row(event, &hash, entry, &known)).collect())
}

fn row(event: Uuid, hash: &[u8], entry: Entry, known: &Known) -> AuditRow {
    let disclosed = known.personal.get(&event).map(Vec::as_slice).unwrap_or_default();
    let says = Action::parse(&entry.action).map(|action| action.says().to_owned());
    let person = |pid: String| {
        let unknown = AuditPerson { id: None, name: None, email: None, pseudonym: pid.clone() };
        known.people.get(&pid).cloned().unwrap_or(unknown)
    };
    AuditRow {
        seq: entry.seq,
        id: EventId::from_uuid(event),
        time: entry.t,
        says: says.unwrap_or_else(|| entry.action.clone()),
        outcome: entry.outcome,
        actor_kind: entry.actor.kind,
        actor: entry.actor.pid.map(person),
        actor_key: entry
            .actor
            .id
            .and_then(|id| Some((id.parse().ok()?, known.keys.get(&id).cloned()))),
        subject: entry.subject.map(|subject| person(subject.pid)),
        targets: entry.targets,
        facts: entry.facts,
        personal: disclosed.iter().map(|one| (one.name.clone(), one.value.clone())).collect(),
        erased: entry.sd.len().saturating_sub(disclosed.len()),
        request: entry.req,
        action: entry.action,
        leaf_hash: hex::encode(hash),
    }
}

type Entries = [(Uuid, Vec<u8>, Entry)];

async fn people(
    store: &Store,
    tx: &Tx,
    org: OrgId,
    entries: &Entries,
) -> Result<BTreeMap<String, AuditPerson>> {
    let pids: BTreeSet<String> = entries
        .iter()
        .flat_map(|(.., entry)| {
            let subject = entry.subject.as_ref().map(|subject| subject.pid.clone());
            entry.actor.pid.clone().into_iter().chain(subject)
        })
        .collect();
    let pairs = pseudonym::people(tx, org, pids).await?;
    let ids: Vec<Uuid> = pairs.values().copied().collect();
    let users = repository::user::some(tx, store.deployment_keys()?, &ids).await?;
    Ok(pairs
        .into_iter()
        .map(|(pid, id)| {
            let user = users.iter().find(|user| user.id.uuid() == id);
            let person = AuditPerson {
                id: Some(UserId::from_uuid(id)),
                name: user.map(|user| user.name.clone()),
                email: user.map(|user| user.email.clone()),
                pseudonym: pid.clone(),
            };
            (pid, person)
        })
        .collect())
}

async fn key_names(tx: &Tx, org: OrgId, entries: &Entries) -> Result<BTreeMap<String, String>> {
    let ids: BTreeSet<KeyId> =
        entries.iter().filter_map(|(.., entry)| entry.actor.id.as_deref()?.parse().ok()).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = tenant::select::<api_key::Entity>(org)
        .filter(api_key::Column::Id.is_in(ids.into_iter().map(KeyId::uuid)))
        .all(tx.on())
        .await
        .map_err(from_db)?;
    Ok(rows.into_iter().map(|row| (KeyId::from_uuid(row.id).to_string(), row.name)).collect())
}

/// The values that are still there.
async fn personal(
    tx: &Tx,
    org: OrgId,
    keys: &OrgKeys,
    events: Vec<Uuid>,
) -> Result<BTreeMap<Uuid, Vec<Disclosed>>> {
    let rows = tenant::select::<disclosure::Entity>(org)
        .filter(disclosure::Column::EventId.is_in(events))
        .order_by_asc(disclosure::Column::Digest)
        .all(tx.on())
        .await
        .map_err(from_db)?;
    let mut found: BTreeMap<Uuid, Vec<Disclosed>> = BTreeMap::new();
    for row in rows {
        found.entry(row.event_id).or_default().push(outbox::open(keys, org, &row)?);
    }
    Ok(found)
}
