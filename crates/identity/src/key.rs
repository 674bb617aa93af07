//! API keys of projects and admin keys of the organization.

use std::time::Duration;

use domain::{Action, Error, Event, KeyId, Permission, ProjectId, Result, Secret, Timestamp};
use store::{Key, Listed, NewKey, Page, Scope};
use vault::api_key;

use crate::{Identity, KeyScope, decide, names};

const DEFAULT_DAYS: u32 = 90;
const MOST_DAYS: u32 = 365;
const MOST_PER_MINUTE: u32 = 1_000_000;

/// A key for model calls.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    pub name: String,
    /// At least one.
    pub scopes: Vec<KeyScope>,
    /// Days until it expires, 1 to 365; 90 when not given.
    pub expires_in: Option<u32>,
    /// At most this many requests; the deployment's own limit when not given.
    pub requests_per_minute: Option<u32>,
}

/// A key for the control plane of the organization. Acts as an admin.
#[derive(Clone, Debug)]
pub struct NewAdminKey {
    pub name: String,
    /// Days until it expires, 1 to 365; 90 when not given.
    pub expires_in: Option<u32>,
}

/// A key at the only moment its text exists.
#[derive(Debug)]
pub struct CreatedKey {
    pub key: Key,
    /// Shown once.
    pub text: Secret<String>,
}

impl Identity {
    /// The keys of a project, newest first, revoked ones included.
    pub async fn keys_list(
        &self,
        scope: &Scope,
        project: ProjectId,
        page: &Page,
    ) -> Result<Listed<Key>> {
        decide(scope, Permission::KeysRead, Some(project))?;
        let mut read = self.store().read(scope).await?;
        read.project_fetch(project).await?;
        read.keys_list(Some(project), page).await
    }

    /// The organization's admin keys, newest first, revoked ones included.
    pub async fn admin_keys_list(&self, scope: &Scope, page: &Page) -> Result<Listed<Key>> {
        decide(scope, Permission::AdminKeysManage, None)?;
        self.store().read(scope).await?.keys_list(None, page).await
    }

    /// One key, of a project or of the organization.
    ///
    /// # Errors
    /// `NotFound` when there is no such key or the caller may not see it.
    pub async fn key_fetch(&self, scope: &Scope, id: KeyId) -> Result<Key> {
        let key = self.store().read(scope).await?.key_fetch(id).await?;
        may(scope, &key, Permission::KeysRead)?;
        Ok(key)
    }

    /// # Errors
    /// `NotFound` when there is no such live project; `Invalid` for what was entered.
    pub async fn key_create(
        &self,
        scope: &Scope,
        project: ProjectId,
        new: NewApiKey,
    ) -> Result<CreatedKey> {
        decide(scope, Permission::KeysManage, Some(project))?;
        let mut scopes = new.scopes;
        scopes.sort_unstable();
        scopes.dedup();
        if scopes.is_empty() {
            return Err(
                Error::invalid("Give the key at least one scope.").with_code("unknown_scope")
            );
        }
        if new.requests_per_minute.is_some_and(|most| !(1..=MOST_PER_MINUTE).contains(&most)) {
            return Err(Error::invalid(
                "A limit is a whole number of requests per minute, from 1 to 1,000,000.",
            )
            .with_code("invalid_limit"));
        }
        let scopes: Vec<String> = scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
        let made = api_key::generate(&self.0.config.key_prefix)?;
        let row = NewKey {
            project: Some(project),
            name: names::name("A key", &new.name)?,
            digest: made.digest,
            handle: made.handle,
            last_four: made.last_four,
            scopes: scopes.clone(),
            requests_per_minute: new.requests_per_minute,
            expires: Some(self.expiry(new.expires_in)?),
        };
        let name = row.name.clone();
        let mut write = self.store().write(scope).await?;
        if write.project_fetch(project).await?.archived.is_some() {
            return Err(Error::not_found("project"));
        }
        let key = write.key_create(row).await?;
        let event = described(Event::new(Action::KeyCreate), &key, name)
            .on("project", project)
            .fact("scopes", scopes);
        write.commit(event).await?;
        Ok(CreatedKey { key, text: made.text })
    }

    /// # Errors
    /// `Forbidden` for everybody but owners; `Invalid` for what was entered.
    pub async fn admin_key_create(&self, scope: &Scope, new: NewAdminKey) -> Result<CreatedKey> {
        decide(scope, Permission::AdminKeysManage, None)?;
        let made = api_key::generate(&self.0.config.key_prefix)?;
        let row = NewKey {
            project: None,
            name: names::name("A key", &new.name)?,
            digest: made.digest,
            handle: made.handle,
            last_four: made.last_four,
            scopes: Vec::new(),
            requests_per_minute: None,
            expires: Some(self.expiry(new.expires_in)?),
        };
        let name = row.name.clone();
        let mut write = self.store().write(scope).await?;
        let key = write.key_create(row).await?;
        let event = described(Event::new(Action::AdminKeyCreate), &key, name);
        write.commit(event).await?;
        Ok(CreatedKey { key, text: made.text })
    }

    /// Ends a key at once, here and within half a second on every other node.
    ///
    /// # Errors
    /// `NotFound` when there is no such key, the caller may not see it, or it was revoked before.
    pub async fn key_revoke(&self, scope: &Scope, id: KeyId) -> Result<()> {
        let mut write = self.store().write(scope).await?;
        let key = write.key_fetch(id).await?;
        may(scope, &key, Permission::KeysManage)?;
        write.key_revoke(id).await?;
        let event = match key.project {
            Some(project) => Event::new(Action::KeyRevoke).on("key", id).on("project", project),
            None => Event::new(Action::AdminKeyRevoke).on("key", id),
        };
        write.commit(event).await.map(drop)
    }

    fn expiry(&self, days: Option<u32>) -> Result<Timestamp> {
        let days = days.unwrap_or(DEFAULT_DAYS);
        if !(1..=MOST_DAYS).contains(&days) {
            return Err(
                Error::invalid("A key is valid for 1 to 365 days.").with_code("invalid_expiry")
            );
        }
        Ok(self.clock().now().plus(Duration::from_secs(u64::from(days) * 24 * 3600)))
    }
}

/// Whether the caller may do this to this key. One they may not see answers as if it did not exist.
fn may(scope: &Scope, key: &Key, permission: Permission) -> Result<()> {
    let (permission, project) = match key.project {
        Some(project) => (permission, Some(project)),
        None => (Permission::AdminKeysManage, None),
    };
    decide(scope, permission, project).map_err(|error| match error.kind() {
        domain::Kind::NotFound => Error::not_found("key"),
        _ if key.project.is_none() => Error::not_found("key"),
        _ => error,
    })
}

fn described(event: Event, key: &Key, name: String) -> Event {
    let expires = key.expires.map(Timestamp::as_millis);
    event
        .on("key", key.id)
        .fact("last_four", key.last_four.clone())
        .fact("expires", expires)
        .personal("name", name)
}
