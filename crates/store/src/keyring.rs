//! Keys of organizations: the root key wraps each organization's key, which wraps one data key per data class.
//!
//! All keys of an organization are created with it (and by `migrate` when a class is new), never on first use,
//! so that no cached key can belong to a transaction that was rolled back.

use std::{collections::HashMap, sync::Arc};

use domain::{DataClass, Error, OrgId, Result, Secret, Timestamp};
use parking_lot::RwLock;
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};
use uuid::Uuid;
use vault::{Aad, DataKey, Key, RootKey};
use zeroize::Zeroizing;

use crate::{
    engine::Tx,
    entity::{data_key, organization_key},
    error::from_db,
    tenant,
};

const DATA: &str = "data";
const INDEX: &str = "index";

/// Where a sealed value lives: table, column and the row's own key.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) class: DataClass,
    pub(crate) table: &'a str,
    pub(crate) column: &'a str,
    pub(crate) row: &'a [u8],
}

/// The open keys of one organization.
pub(crate) struct OrgKeys {
    org: OrgId,
    current: HashMap<DataClass, Arc<DataKey>>,
    by_id: HashMap<[u8; 16], Arc<DataKey>>,
    index: Key,
}

/// Opens and creates the keys of organizations; keeps the open ones in memory.
pub(crate) struct Keyring {
    root: RootKey,
    open: RwLock<HashMap<OrgId, Arc<OrgKeys>>>,
}

impl Keyring {
    pub(crate) fn new(root: RootKey) -> Self {
        Self { root, open: RwLock::new(HashMap::new()) }
    }

    pub(crate) const fn root(&self) -> &RootKey {
        &self.root
    }

    /// The keys of `org`; `tx` is bound to it.
    pub(crate) async fn of(&self, tx: &Tx, org: OrgId) -> Result<Arc<OrgKeys>> {
        if let Some(keys) = self.open.read().get(&org) {
            return Ok(Arc::clone(keys));
        }
        let keys = Arc::new(self.load(tx, org).await?);
        self.open.write().insert(org, Arc::clone(&keys));
        Ok(keys)
    }

    /// Reads and opens the keys of `org` without keeping them: for a transaction that may have created them.
    pub(crate) async fn load(&self, tx: &Tx, org: OrgId) -> Result<OrgKeys> {
        let outer =
            tenant::select::<organization_key::Entity>(org).all(tx.on()).await.map_err(from_db)?;
        let mut wrapping = HashMap::new();
        let mut index = None;
        for row in outer {
            let key = self.root.unwrap(&outer_context(org, row.id, &row.purpose), &row.wrapped)?;
            if row.purpose == INDEX {
                index = Some(key);
            } else {
                wrapping.insert(row.id, key);
            }
        }
        let rows = tenant::select::<data_key::Entity>(org).all(tx.on()).await.map_err(from_db)?;
        let mut keys = OrgKeys {
            org,
            current: HashMap::new(),
            by_id: HashMap::new(),
            index: index.ok_or_else(|| missing(org))?,
        };
        for row in rows {
            let outer = wrapping.get(&row.organization_key_id).ok_or_else(|| missing(org))?;
            let id = row.id.into_bytes();
            let context = inner_context(org, &row.class);
            let key = DataKey::unwrap(id, outer, &context, &row.wrapped, &row.commitment)?;
            keys.add(class_of(&row.class), row.retired_at.is_none(), Arc::new(key));
        }
        Ok(keys)
    }

    /// The keys of `org` for a transaction that may have created them: what is read here is not kept.
    pub(crate) async fn within(&self, tx: &Tx, org: OrgId) -> Result<Arc<OrgKeys>> {
        let kept = self.open.read().get(&org).map(Arc::clone);
        match kept {
            Some(keys) => Ok(keys),
            None => Ok(Arc::new(self.load(tx, org).await?)),
        }
    }

    /// Creates what `org` lacks: its own keys and a data key for every sealed class. Says how many data keys are new.
    pub(crate) async fn ensure(&self, tx: &Tx, org: OrgId, now: Timestamp) -> Result<u32> {
        let outer = match self.wrapping_key(tx, org, DATA).await? {
            Some(found) => found,
            None => self.create_outer(tx, org, DATA, now).await?,
        };
        if self.wrapping_key(tx, org, INDEX).await?.is_none() {
            self.create_outer(tx, org, INDEX, now).await?;
        }
        let present: Vec<String> = tenant::select::<data_key::Entity>(org)
            .filter(data_key::Column::RetiredAt.is_null())
            .all(tx.on())
            .await
            .map_err(from_db)?
            .into_iter()
            .map(|row| row.class)
            .collect();
        let mut rows = Vec::new();
        for class in DataClass::ALL.iter().filter(|class| class.sealed()) {
            if present.iter().any(|name| name == class.as_str()) {
                continue;
            }
            let id = Uuid::new_v4();
            let key = DataKey::generate(id.into_bytes())?;
            rows.push(data_key::ActiveModel {
                id: Set(id),
                organization_key_id: Set(outer.0),
                class: Set(class.as_str().to_owned()),
                wrapped: Set(key.wrap_with(&outer.1, &inner_context(org, class.as_str()))?),
                commitment: Set(key.commitment().to_vec()),
                created_at: Set(now.as_millis()),
                retired_at: Set(None),
                ..Default::default()
            });
        }
        let created = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        tenant::insert_all::<data_key::Entity>(tx, org, rows).await?;
        Ok(created)
    }

    /// Forgets the open keys of every organization, so that the next use reads them again.
    pub(crate) fn forget(&self) {
        self.open.write().clear();
    }

    pub(crate) async fn wrapping_key(
        &self,
        tx: &Tx,
        org: OrgId,
        purpose: &str,
    ) -> Result<Option<(Uuid, Key)>> {
        let row = tenant::select::<organization_key::Entity>(org)
            .filter(organization_key::Column::Purpose.eq(purpose))
            .filter(organization_key::Column::RetiredAt.is_null())
            .one(tx.on())
            .await
            .map_err(from_db)?;
        row.map(|row| {
            let key = self.root.unwrap(&outer_context(org, row.id, purpose), &row.wrapped)?;
            Ok((row.id, key))
        })
        .transpose()
    }

    /// The key of `org` with this id, retired or not.
    pub(crate) async fn outer(&self, tx: &Tx, org: OrgId, id: Uuid) -> Result<Key> {
        let row = tenant::select::<organization_key::Entity>(org)
            .filter(organization_key::Column::Id.eq(id))
            .one(tx.on())
            .await
            .map_err(from_db)?
            .ok_or_else(|| missing(org))?;
        self.root.unwrap(&outer_context(org, id, &row.purpose), &row.wrapped)
    }

    /// The key that wraps new data keys of `org`.
    pub(crate) async fn wrapping(&self, tx: &Tx, org: OrgId) -> Result<(Uuid, Key)> {
        self.wrapping_key(tx, org, DATA).await?.ok_or_else(|| missing(org))
    }

    pub(crate) async fn create_outer(
        &self,
        tx: &Tx,
        org: OrgId,
        purpose: &str,
        now: Timestamp,
    ) -> Result<(Uuid, Key)> {
        let id = Uuid::new_v4();
        let key = Key::generate()?;
        let row = organization_key::ActiveModel {
            id: Set(id),
            purpose: Set(purpose.to_owned()),
            wrapped: Set(self.root.wrap(&outer_context(org, id, purpose), &key)?),
            created_at: Set(now.as_millis()),
            retired_at: Set(None),
            ..Default::default()
        };
        tenant::insert::<organization_key::Entity>(tx, org, row).await?;
        Ok((id, key))
    }
}

impl OrgKeys {
    fn add(&mut self, class: Option<DataClass>, live: bool, key: Arc<DataKey>) {
        self.by_id.insert(key.id, Arc::clone(&key));
        if let (Some(class), true) = (class, live) {
            self.current.insert(class, key);
        }
    }

    fn key(&self, class: DataClass) -> Result<&Arc<DataKey>> {
        self.current.get(&class).ok_or_else(|| missing(self.org))
    }

    pub(crate) fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>> {
        vault::seal(self.key(place.class)?, &self.aad(place), plain)
    }

    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let key = vault::key_id_of(sealed)
            .and_then(|id| self.by_id.get(&id))
            .ok_or_else(|| missing(self.org))?;
        vault::open(key, &self.aad(place), sealed)
    }

    /// Opens a value that is text.
    pub(crate) fn open_text(&self, place: Place<'_>, sealed: &[u8]) -> Result<Secret<String>> {
        let plain = self.open(place, sealed)?;
        let text = std::str::from_utf8(&plain).map_err(Error::internal)?;
        Ok(Secret::new(text.to_owned()))
    }

    /// The keyed index of a normalised value.
    pub(crate) fn index(&self, column: &str, normalised: &str) -> Vec<u8> {
        vault::blind_index(&self.index, column, normalised).to_vec()
    }

    /// A key for `purpose` that stays with the organization. It comes from the index key, which is never replaced.
    pub(crate) fn derived(&self, purpose: &str) -> [u8; 32] {
        vault::blind_index(&self.index, "derived key", purpose)
    }

    /// A second owner of the current key of `class`, for those who seal by themselves (password hashes).
    pub(crate) fn duplicate(&self, class: DataClass) -> Result<DataKey> {
        self.key(class).map(|key| key.duplicate())
    }

    const fn aad<'a>(&self, place: Place<'a>) -> Aad<'a> {
        Aad { org: self.org, table: place.table, column: place.column, row: place.row }
    }
}

fn class_of(name: &str) -> Option<DataClass> {
    DataClass::ALL.iter().copied().find(|class| class.as_str() == name)
}

fn outer_context(org: OrgId, id: Uuid, purpose: &str) -> String {
    format!("organization key {org}|{id}|{purpose}")
}

fn inner_context(org: OrgId, class: &str) -> String {
    format!("{org}|{class}")
}

fn missing(org: OrgId) -> Error {
    Error::internal(format!("an encryption key of {org} is missing"))
}
