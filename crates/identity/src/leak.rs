//! Keys that somebody found where they do not belong. Whoever can show a key could use it, so showing it is all the
//! proof that its end takes.

use std::net::IpAddr;

use domain::{Action, Error, Event, LeakedKey, Result, Secret, leak_news};
use vault::api_key;

use crate::{Identity, guessing::network};

/// What came of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leak {
    /// The key worked until now.
    Revoked,
    /// It had been revoked, or had expired, before.
    Harmless,
}

impl Identity {
    /// Revokes a key that somebody shows, and tells the administrators and webhooks of its organization.
    ///
    /// # Errors
    /// `NotFound` with code `invalid_key` when it is no key of this deployment.
    pub async fn key_report_leak(&self, found: &Secret<String>, address: IpAddr) -> Result<Leak> {
        let unknown = || Error::not_found("key").with_code("invalid_key");
        let prefix = &self.0.config.key_prefix;
        let presented = api_key::parse(prefix, found.expose()).ok_or_else(unknown)?;
        let scope = match self.store().api_key(&presented) {
            Ok(scope) => scope,
            Err(error) if error.code() == "invalid_key" => return Err(unknown()),
            Err(_) => return Ok(Leak::Harmless),
        };
        let id = scope.key().ok_or_else(unknown)?;
        let mut write = self.store().write(&scope).await?;
        let key = write.key_fetch(id).await?;
        if key.revoked.is_some() {
            return Ok(Leak::Harmless);
        }
        write.key_revoke(id).await?;
        let (slug, name) = (scope.org_slug(), key.name.as_str());
        let admin = key.project.is_none();
        write
            .tell(&leak_news(&LeakedKey { slug, id, name, last_four: &key.last_four, admin }))
            .await?;
        let event = match key.project {
            Some(project) => Event::new(Action::KeyRevoke).on("project", project),
            None => Event::new(Action::AdminKeyRevoke),
        };
        let event = event.on("key", id).fact("leaked", true).personal("address", network(address));
        write.commit(event).await?;
        Ok(Leak::Revoked)
    }
}
