//! Webhooks: where an organization's events are sent.

use domain::{Action, Error, Event, Permission, Result, Secret, WebhookId};
use store::{MessageRecord, NewWebhook, Scope, Webhook};
use url::Url;

use crate::{Identity, base_url, decide, names};

/// More than anybody needs; each event is sent to all of them.
const MOST: usize = 10;

/// A webhook as it is asked for.
#[derive(Clone, Debug)]
pub struct WebhookEntry {
    pub name: String,
    pub url: String,
    /// Whether it may be on this machine or in its network: for those who may register such a provider.
    pub allow_private: bool,
}

/// The only time that the secret is shown.
pub struct CreatedWebhook {
    pub webhook: Webhook,
    /// With which the receiver checks signatures: `whsec_` and Base64, as Standard Webhooks has it.
    pub secret: Secret<String>,
}

/// The address, whole, and its host. What stands behind a question mark is the receiver's own business.
fn checked(text: &str, allow_private: bool) -> Result<(Secret<String>, String)> {
    let text = text.trim();
    let (plain, query) = text.split_once('?').map_or((text, None), |(a, b)| (a, Some(b)));
    if text.len() > 1_000 {
        return Err(Error::invalid("The address is longer than 1,000 characters.")
            .with_code("invalid_base_url"));
    }
    let url = base_url::check(plain, allow_private)?;
    let mut whole = Url::parse(plain).map_err(Error::internal)?;
    whole.set_query(query);
    Ok((Secret::new(whole.into()), url.host))
}

impl Identity {
    /// The organization's webhooks, the oldest first.
    ///
    /// # Errors
    /// `Forbidden` unless the caller manages the organization.
    pub async fn webhooks_list(&self, scope: &Scope) -> Result<Vec<Webhook>> {
        decide(scope, Permission::OrganizationManage, None)?;
        self.store().read(scope).await?.webhooks_list().await
    }

    /// # Errors
    /// `NotFound` when there is no such webhook.
    pub async fn webhook_fetch(&self, scope: &Scope, id: WebhookId) -> Result<Webhook> {
        decide(scope, Permission::OrganizationManage, None)?;
        self.store().read(scope).await?.webhook_fetch(id).await
    }

    /// Adds a webhook; from now on it is told.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_name` or `invalid_base_url`, and `private_address` when it is inside the own network
    /// and that was not meant; `Forbidden` with that code when the caller may not; `Conflict` with code
    /// `too_many_webhooks`.
    pub async fn webhook_create(
        &self,
        scope: &Scope,
        entry: WebhookEntry,
    ) -> Result<CreatedWebhook> {
        decide(scope, Permission::OrganizationManage, None)?;
        let name = names::name("A webhook", &entry.name)?;
        let (url, host) = checked(&entry.url, entry.allow_private)?;
        if entry.allow_private {
            self.may_go_private(scope).await?;
        }
        let secret = vault::webhook_secret()?;
        let mut write = self.store().write(scope).await?;
        if write.webhooks_list().await?.len() >= MOST {
            return Err(Error::conflict("There are ten webhooks already. Remove one first.")
                .with_code("too_many_webhooks"));
        }
        let new = NewWebhook {
            name: name.clone(),
            url,
            host: host.clone(),
            secret: secret.clone(),
            allow_private: entry.allow_private,
        };
        let webhook = write.webhook_create(new).await?;
        let event = Event::new(Action::WebhookCreate)
            .on("webhook", webhook.id)
            .fact("host", host)
            .fact("allow_private", entry.allow_private)
            .personal("name", name);
        write.commit(event).await?;
        Ok(CreatedWebhook { webhook, secret })
    }

    /// What was sent to the organization's people and webhooks within thirty days, the newest first.
    ///
    /// # Errors
    /// `Forbidden` unless the caller manages the organization.
    pub async fn messages_list(&self, scope: &Scope) -> Result<Vec<MessageRecord>> {
        decide(scope, Permission::OrganizationManage, None)?;
        self.store().read(scope).await?.messages_list().await
    }

    /// Sends a test notice to everybody here who would be told of a change of sub-processors.
    ///
    /// # Errors
    /// `Limited` with code `too_many_requests`.
    pub async fn notice_test(&self, scope: &Scope) -> Result<()> {
        decide(scope, Permission::OrganizationManage, None)?;
        let mut write = self.store().write(scope).await?;
        write.notice_test().await?;
        write.commit(Event::new(Action::NoticeTest)).await.map(drop)
    }

    /// Sends a test. One that was switched off is on again when the test arrives.
    ///
    /// # Errors
    /// `NotFound` when there is no such webhook.
    pub async fn webhook_test(&self, scope: &Scope, id: WebhookId) -> Result<()> {
        decide(scope, Permission::OrganizationManage, None)?;
        let mut write = self.store().write(scope).await?;
        write.webhook_test(id).await?;
        write.commit(Event::new(Action::WebhookTest).on("webhook", id)).await.map(drop)
    }

    /// Removes a webhook. What is on its way there is dropped, its address and secret are wiped.
    ///
    /// # Errors
    /// `NotFound` when there is no such webhook.
    pub async fn webhook_remove(&self, scope: &Scope, id: WebhookId) -> Result<()> {
        decide(scope, Permission::OrganizationManage, None)?;
        let mut write = self.store().write(scope).await?;
        write.webhook_remove(id).await?;
        write.commit(Event::new(Action::WebhookRemove).on("webhook", id)).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_stays_and_the_guard_sees_the_rest() {
        let (url, host) = checked("https://hooks.example.com/a?token=1", false).unwrap();
        assert_eq!(
            (url.expose().as_str(), host.as_str()),
            ("https://hooks.example.com/a?token=1", "hooks.example.com")
        );
        for (text, code) in [
            ("http://hooks.example.com/a?x=https://y", "invalid_base_url"),
            ("http://127.0.0.1/?x", "private_address"),
            ("https://user:secret@hooks.example.com", "invalid_base_url"),
            ("https://169.254.169.254/latest?x", "invalid_base_url"),
        ] {
            assert_eq!(
                checked(text, false).map_or_else(|error| error.code(), |_| "ok"),
                code,
                "{text}"
            );
        }
    }
}
