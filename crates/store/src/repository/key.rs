//! API keys of projects and admin keys of the organization. The secret itself is never here.

use domain::{Error, KeyId, ProjectId, Result, Timestamp, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect as _, sea_query::Expr,
};

use super::{at, maybe_at};
use crate::{
    Listed, Page, Principal, Read, Write,
    entity::{api_key, key_index},
    error::from_db,
    key_index::{self as index, words},
    tenant,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub id: KeyId,
    /// `None` for an admin key.
    pub project: Option<ProjectId>,
    pub name: String,
    pub handle: String,
    pub last_four: String,
    pub scopes: Vec<String>,
    pub requests_per_minute: Option<u32>,
    pub created_by: Option<UserId>,
    pub created: Timestamp,
    pub expires: Option<Timestamp>,
    pub revoked: Option<Timestamp>,
    /// Exact to some seconds.
    pub last_used: Option<Timestamp>,
}

/// A key to be created, as `vault::api_key::generate` made it.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// `None` for an admin key of the organization.
    pub project: Option<ProjectId>,
    pub name: String,
    /// SHA-256 of the key's text.
    pub digest: [u8; 32],
    pub handle: String,
    pub last_four: String,
    pub scopes: Vec<String>,
    pub requests_per_minute: Option<u32>,
    pub expires: Option<Timestamp>,
}

impl From<api_key::Model> for Key {
    fn from(row: api_key::Model) -> Self {
        Self {
            id: KeyId::from_uuid(row.id),
            project: row.project_id.map(ProjectId::from_uuid),
            name: row.name,
            handle: row.handle,
            last_four: row.last_four,
            scopes: words(&row.scopes),
            requests_per_minute: row.requests_per_minute.and_then(|most| u32::try_from(most).ok()),
            created_by: row.created_by.map(UserId::from_uuid),
            created: at(row.created_at),
            expires: maybe_at(row.expires_at),
            revoked: maybe_at(row.revoked_at),
            last_used: maybe_at(row.last_used_at),
        }
    }
}

fn none() -> Error {
    Error::not_found("key")
}

impl Read {
    /// Keys of a project, or the organization's admin keys for `None`; newest first, revoked ones included.
    pub async fn keys_list(
        &mut self,
        project: Option<ProjectId>,
        page: &Page,
    ) -> Result<Listed<Key>> {
        let whose = match project {
            Some(project) => api_key::Column::ProjectId.eq(project.uuid()),
            None => api_key::Column::ProjectId.is_null(),
        };
        let mut select = tenant::select::<api_key::Entity>(self.org())
            .filter(whose)
            .order_by_desc(api_key::Column::Id);
        if let Some(after) = page.cursor::<KeyId>()? {
            select = select.filter(api_key::Column::Id.lt(after.uuid()));
        }
        let rows = select.limit(page.rows() + 1).all(self.tx.on()).await.map_err(from_db)?;
        let rows = rows.into_iter().map(Key::from).collect();
        Ok(Listed::cut(rows, page, |row: &Key| row.id.to_string()))
    }

    pub async fn key_fetch(&mut self, id: KeyId) -> Result<Key> {
        tenant::select::<api_key::Entity>(self.org())
            .filter(api_key::Column::Id.eq(id.uuid()))
            .one(self.tx.on())
            .await
            .map_err(from_db)?
            .map(Key::from)
            .ok_or_else(none)
    }
}

impl Write {
    /// # Errors
    /// `NotFound` when the project is not one of this organization.
    pub async fn key_create(&mut self, new: NewKey) -> Result<Key> {
        let now = self.store.clock().now();
        let org = self.org();
        let created_by = match *self.scope.principal() {
            Principal::User { id, .. } => Some(id.uuid()),
            Principal::ApiKey { .. } | Principal::AdminKey { .. } => None,
        };
        let row = api_key::Model {
            org_id: org.uuid(),
            id: KeyId::new(now).uuid(),
            project_id: new.project.map(ProjectId::uuid),
            name: new.name,
            handle: new.handle,
            last_four: new.last_four,
            scopes: new.scopes.join(" "),
            requests_per_minute: new.requests_per_minute.map(i64::from),
            created_by,
            created_at: now.as_millis(),
            expires_at: new.expires.map(Timestamp::as_millis),
            revoked_at: None,
            last_used_at: None,
        };
        tenant::insert::<api_key::Entity>(self.tx(), org, row.clone().into()).await.map_err(
            |error| match error.code() {
                "reference_missing" => Error::not_found("project"),
                _ => error,
            },
        )?;
        let index = key_index::ActiveModel {
            digest: Set(new.digest.to_vec()),
            org_id: Set(org.uuid()),
            key_id: Set(row.id),
            project_id: Set(row.project_id),
            created_by: Set(row.created_by),
            scopes: Set(row.scopes.clone()),
            requests_per_minute: Set(row.requests_per_minute),
            expires_at: Set(row.expires_at),
            revoked_at: Set(None),
            version: Set(index::next_version(self.tx()).await?),
        };
        tenant::deployed_insert::<key_index::Entity>(self.tx(), index).await?;
        self.touched.keys = true;
        Ok(row.into())
    }

    /// Ends a key: here with the commit, on other nodes within half a second.
    ///
    /// # Errors
    /// `NotFound` when there is no such key or it was revoked before.
    pub async fn key_revoke(&mut self, id: KeyId) -> Result<()> {
        let now = self.store.clock().now();
        let org = self.org();
        let done = tenant::update::<api_key::Entity>(org)
            .filter(api_key::Column::Id.eq(id.uuid()))
            .filter(api_key::Column::RevokedAt.is_null())
            .col_expr(api_key::Column::RevokedAt, Expr::value(now.as_millis()))
            .exec(self.tx().on())
            .await
            .map_err(from_db)?;
        if done.rows_affected == 0 {
            return Err(none());
        }
        index::revoke(self.tx(), org, &[id], now).await?;
        self.touched.keys = true;
        Ok(())
    }
}
