//! Rate limits of an organization and its keys.

use std::collections::HashMap;

use domain::{Error, KeyId, LimitOf, Limits, Result};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};
use uuid::Uuid;

use crate::{Read, Write, entity::rate_limit as table, error::from_db, tenant};

/// Every limit of one organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrgLimits {
    /// Of all keys together.
    pub whole: Limits,
    /// Of each key, where it has none of its own.
    pub each_key: Limits,
    /// Of keys by themselves.
    pub keys: HashMap<KeyId, Limits>,
}

fn limits(row: &table::Model) -> Limits {
    Limits {
        requests_per_minute: row.requests_per_minute.and_then(|most| u32::try_from(most).ok()),
        tokens_per_minute: row.tokens_per_minute.and_then(|most| u64::try_from(most).ok()),
        concurrent: row.concurrent.and_then(|most| u32::try_from(most).ok()),
    }
}

impl Read {
    pub async fn limits(&mut self) -> Result<OrgLimits> {
        let rows =
            tenant::select::<table::Entity>(self.org()).all(self.tx.on()).await.map_err(from_db)?;
        let mut all = OrgLimits::default();
        for row in rows {
            match row.key_id {
                Some(key) => drop(all.keys.insert(KeyId::from_uuid(key), limits(&row))),
                None if row.id.is_nil() => all.each_key = limits(&row),
                None => all.whole = limits(&row),
            }
        }
        Ok(all)
    }
}

impl Write {
    /// Puts limits in place of those that were.
    ///
    /// # Errors
    /// `NotFound` when the key is not one of this organization.
    pub async fn limits_set(&mut self, of: LimitOf, limits: Limits) -> Result<()> {
        let org = self.org();
        self.touched.routing = true;
        let (id, key) = match of {
            LimitOf::Organization => (org.uuid(), None),
            LimitOf::EachKey => (Uuid::nil(), None),
            LimitOf::Key(key) => (key.uuid(), Some(key.uuid())),
        };
        tenant::delete::<table::Entity>(org)
            .filter(table::Column::Id.eq(id))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        if limits == Limits::default() {
            return Ok(());
        }
        let tokens = limits.tokens_per_minute.map(i64::try_from).transpose();
        let row = table::ActiveModel {
            id: Set(id),
            key_id: Set(key),
            requests_per_minute: Set(limits.requests_per_minute.map(i64::from)),
            tokens_per_minute: Set(tokens.map_err(Error::internal)?),
            concurrent: Set(limits.concurrent.map(i64::from)),
            changed_at: Set(self.store.clock().now().as_millis()),
            ..Default::default()
        };
        tenant::insert::<table::Entity>(self.tx(), org, row).await.map_err(|error| {
            match error.code() {
                "reference_missing" => Error::not_found("key"),
                _ => error,
            }
        })
    }
}
