//! People in the log: a random name per organization. When the pair is deleted, the name says nothing any more.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{OrgId, Result, UserId};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};
use uuid::Uuid;

use super::entity::audit_pseudonym as pseudonym;
use crate::{engine::Tx, error::from_db, tenant};

/// The pseudonyms of `people` in `org`; those who have none get one.
pub(super) async fn of(
    tx: &Tx,
    org: OrgId,
    people: impl IntoIterator<Item = UserId>,
) -> Result<BTreeMap<UserId, String>> {
    // Sorted: two transactions that name the same people take their locks in the same order.
    let people: BTreeSet<UserId> = people.into_iter().collect();
    if people.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut known = find(tx, org, &people).await?;
    let unknown: Vec<_> = people.iter().filter(|user| !known.contains_key(user)).collect();
    if !unknown.is_empty() {
        let mut rows = Vec::new();
        for user in unknown {
            rows.push(pseudonym::ActiveModel {
                user_id: Set(user.uuid()),
                pid: Set(format!("pid_{}", URL_SAFE_NO_PAD.encode(vault::random::<16>()?))),
                ..Default::default()
            });
        }
        // Another transaction may have been first: then its name counts.
        tenant::insert_new::<pseudonym::Entity>(tx, org, rows).await?;
        known = find(tx, org, &people).await?;
    }
    Ok(known)
}

async fn find(tx: &Tx, org: OrgId, people: &BTreeSet<UserId>) -> Result<BTreeMap<UserId, String>> {
    let rows = tenant::select::<pseudonym::Entity>(org)
        .filter(pseudonym::Column::UserId.is_in(people.iter().map(|user| user.uuid())))
        .all(tx.on())
        .await
        .map_err(from_db)?;
    Ok(rows.into_iter().map(|row| (UserId::from_uuid(row.user_id), row.pid)).collect())
}

/// The people behind pseudonyms, as far as they are still known.
pub(super) async fn people(
    tx: &Tx,
    org: OrgId,
    pids: BTreeSet<String>,
) -> Result<BTreeMap<String, Uuid>> {
    if pids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = tenant::select::<pseudonym::Entity>(org)
        .filter(pseudonym::Column::Pid.is_in(pids))
        .all(tx.on())
        .await
        .map_err(from_db)?;
    Ok(rows.into_iter().map(|row| (row.pid, row.user_id)).collect())
}

/// One person's pseudonym, if they have one.
pub(super) async fn find_one(tx: &Tx, org: OrgId, user: UserId) -> Result<Option<String>> {
    Ok(find(tx, org, &BTreeSet::from([user])).await?.remove(&user))
}

pub(super) async fn forget(tx: &Tx, org: OrgId, user: UserId) -> Result<()> {
    tenant::delete::<pseudonym::Entity>(org)
        .filter(pseudonym::Column::UserId.eq(user.uuid()))
        .exec(tx.on())
        .await
        .map_err(from_db)
        .map(drop)
}
