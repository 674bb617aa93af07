//! API keys by digest, in memory: the hot path's only look-up. A key that was revoked stays, to say so.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use arc_swap::ArcSwap;
use domain::{Error, KeyId, OrgId, OrgRole, ProjectId, Result, Timestamp, UserId};
use sea_orm::{
    ColumnTrait, QueryFilter, QueryOrder,
    sea_query::{Expr, ExprTrait as _},
};
use tokio::sync::Mutex;
use vault::api_key::PresentedKey;

use crate::{
    Scope, Store,
    engine::Tx,
    entity::{api_key, change, key_index, organization},
    error::from_db,
    scope::{Principal, ScopeParts},
    tenant,
};

const CHANGES: &str = "keys";

type Map = HashMap<[u8; 32], Arc<Entry>>;

/// A random SHA-256 is the map's key, so that the time of a look-up tells nothing about any other key.
#[derive(Default)]
pub(crate) struct KeyIndex {
    map: ArcSwap<Map>,
    /// The version that `map` shows; held while it is brought up to date.
    seen: Mutex<i64>,
}

struct Entry {
    scope: Scope,
    expires: Option<i64>,
    revoked: bool,
    used: AtomicI64,
    flushed: AtomicI64,
}

impl Store {
    /// The scope of a presented key. Answers from memory and waits for nothing.
    ///
    /// # Errors
    /// `Unauthenticated` with code `invalid_key`, `key_revoked` or `key_expired`.
    pub fn api_key(&self, presented: &PresentedKey) -> Result<Scope> {
        let map = self.inner().key_index.map.load();
        let Some(entry) = map.get(&presented.digest) else {
            return Err(refused("This API key does not exist.", "invalid_key"));
        };
        let now = self.clock().now().as_millis();
        entry.usable(now)?;
        entry.used.store(now, Ordering::Relaxed);
        Ok(entry.scope.clone())
    }
}

impl Store {
    /// Whether a key still stands that something goes on with.
    ///
    /// # Errors
    /// As [`Store::api_key`]; also for whoever is no key.
    pub fn key_stands(&self, scope: &Scope) -> Result<()> {
        let key = scope.key().ok_or_else(|| refused("This is no API key.", "invalid_key"))?;
        self.scope_of_key(scope.org(), key).map(drop)
    }

    /// The scope of a key as it would be presented now; for work that a key began and that goes on without it.
    ///
    /// # Errors
    /// As [`Store::api_key`].
    pub(crate) fn scope_of_key(&self, org: OrgId, id: KeyId) -> Result<Scope> {
        let map = self.inner().key_index.map.load();
        let entry = map.values().find(|one| one.scope.org() == org && one.scope.key() == Some(id));
        let Some(entry) = entry else {
            return Err(refused("This API key does not exist.", "invalid_key"));
        };
        entry.usable(self.clock().now().as_millis())?;
        Ok(entry.scope.clone())
    }
}

impl Store {
    /// Who made the keys of an organization that models are called with, as far as a person did. Every key that was
    /// presented here is known.
    pub(crate) fn key_makers(&self, org: OrgId) -> HashMap<KeyId, UserId> {
        let map = self.inner().key_index.map.load();
        let theirs = map.values().filter(|entry| entry.scope.org() == org);
        theirs
            .filter_map(|entry| {
                entry.scope.payer().and_then(|payer| Some((payer.key, payer.user?)))
            })
            .collect()
    }
}

impl Entry {
    fn usable(&self, now: i64) -> Result<()> {
        if self.revoked {
            return Err(refused("This API key was revoked.", "key_revoked"));
        }
        if self.expires.is_some_and(|expires| expires <= now) {
            return Err(refused("This API key has expired.", "key_expired"));
        }
        Ok(())
    }
}

fn refused(message: &'static str, code: &'static str) -> Error {
    Error::unauthenticated(message).with_code(code)
}

/// The next version for rows of the index that this transaction changes. Its row lock makes versions
/// visible in their order, so that reading "all after the last seen" misses none.
pub(crate) async fn next_version(tx: &Tx) -> Result<i64> {
    bump(tx, CHANGES).await
}

pub(crate) async fn bump(tx: &Tx, name: &str) -> Result<i64> {
    tenant::deployed_update::<change::Entity>()
        .filter(change::Column::Name.eq(name))
        .col_expr(change::Column::Version, Expr::col(change::Column::Version).add(1))
        .exec(tx.on())
        .await
        .map_err(from_db)?;
    version(tx, name).await
}

pub(crate) async fn version(tx: &Tx, name: &str) -> Result<i64> {
    let row = tenant::deployed::<change::Entity>()
        .filter(change::Column::Name.eq(name))
        .one(tx.on())
        .await
        .map_err(from_db)?;
    Ok(row.map_or(0, |row| row.version))
}

/// Takes in what changed since the last time, on this node or another.
pub(crate) async fn refresh(store: &Store) -> Result<()> {
    let index = &store.inner().key_index;
    let mut seen = index.seen.lock().await;
    let tx = store.engine().read(OrgId::DEPLOYMENT).await?;
    let latest = version(&tx, CHANGES).await?;
    if latest == *seen {
        return Ok(());
    }
    let rows = tenant::deployed::<key_index::Entity>()
        .filter(key_index::Column::Version.gt(*seen))
        .order_by_asc(key_index::Column::Version)
        .all(tx.on())
        .await
        .map_err(from_db)?;
    let slugs: HashMap<uuid::Uuid, String> = tenant::deployed::<organization::Entity>()
        .all(tx.on())
        .await
        .map_err(from_db)?
        .into_iter()
        .map(|row| (row.id, row.slug))
        .collect();
    drop(tx);
    let mut map = Map::clone(&index.map.load());
    let mut newest = *seen;
    for row in rows {
        newest = Ord::max(newest, row.version);
        let Ok(digest) = <[u8; 32]>::try_from(row.digest.as_slice()) else { continue };
        let slug = slugs.get(&row.org_id).cloned().unwrap_or_default();
        let used = map.get(&digest).map_or(0, |entry| entry.used.load(Ordering::Relaxed));
        map.insert(digest, Arc::new(entry(row, slug, used)));
    }
    index.map.store(Arc::new(map));
    *seen = Ord::max(newest, latest);
    Ok(())
}

fn entry(row: key_index::Model, slug: String, used: i64) -> Entry {
    let id = KeyId::from_uuid(row.key_id);
    let (principal, org_role) = match row.project_id {
        Some(project) => (Principal::ApiKey { id, project: ProjectId::from_uuid(project) }, None),
        None => (Principal::AdminKey { id }, Some(OrgRole::Admin)),
    };
    let scope = Scope::mint(ScopeParts {
        org: OrgId::from_uuid(row.org_id),
        slug,
        principal,
        org_role,
        strong: true,
        projects: Vec::new(),
        key_scopes: words(&row.scopes),
        key_maker: row.created_by.map(UserId::from_uuid),
        requests_per_minute: row.requests_per_minute.and_then(|limit| u32::try_from(limit).ok()),
    });
    Entry {
        scope,
        expires: row.expires_at,
        revoked: row.revoked_at.is_some(),
        used: AtomicI64::new(used),
        flushed: AtomicI64::new(used),
    }
}

/// Scopes are stored as words with single spaces between.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Writes down when keys were last used. Bookkeeping without an event.
pub(crate) async fn flush_used(store: &Store) -> Result<()> {
    let map = store.inner().key_index.map.load_full();
    let fresh: Vec<(&Arc<Entry>, i64)> = map
        .values()
        .map(|entry| (entry, entry.used.load(Ordering::Relaxed)))
        .filter(|(entry, used)| *used > entry.flushed.load(Ordering::Relaxed))
        .collect();
    if fresh.is_empty() {
        return Ok(());
    }
    let tx = store.engine().write(OrgId::DEPLOYMENT).await?;
    for (entry, used) in &fresh {
        let Some(key) = entry.scope.key() else { continue };
        let org = entry.scope.org();
        tx.bind(org).await?;
        tenant::update::<api_key::Entity>(org)
            .filter(api_key::Column::Id.eq(key.uuid()))
            .col_expr(api_key::Column::LastUsedAt, Expr::value(*used))
            .exec(tx.on())
            .await
            .map_err(from_db)?;
    }
    tx.commit().await?;
    for (entry, used) in fresh {
        entry.flushed.store(used, Ordering::Relaxed);
    }
    Ok(())
}

/// Ends a key in the index; the tenant's own row is ended by the caller.
pub(crate) async fn revoke(tx: &Tx, org: OrgId, keys: &[KeyId], now: Timestamp) -> Result<()> {
    let version = next_version(tx).await?;
    tenant::deployed_update::<key_index::Entity>()
        .filter(key_index::Column::OrgId.eq(org.uuid()))
        .filter(key_index::Column::KeyId.is_in(keys.iter().map(|key| key.uuid())))
        .filter(key_index::Column::RevokedAt.is_null())
        .col_expr(key_index::Column::RevokedAt, Expr::value(now.as_millis()))
        .col_expr(key_index::Column::Version, Expr::value(version))
        .exec(tx.on())
        .await
        .map_err(from_db)
        .map(drop)
}
