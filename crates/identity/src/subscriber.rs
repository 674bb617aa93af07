//! Whoever wants to be told of changes of sub-processors, with or without an account.

use std::net::IpAddr;

use domain::{Action, Error, Event, Result};
use store::Asked;

use crate::Identity;

impl Identity {
    /// Asks an address, by letter, whether it wants to be told. Says nothing about what is known of the address.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_email`; `Limited` with code `too_many_requests`; `Unavailable` with code `no_mail`
    /// when this deployment cannot send letters.
    pub async fn subscription_ask(&self, email: &str, from: IpAddr) -> Result<()> {
        if !self.store().has_mail() {
            return Err(Error::unavailable(
                "This server sends no e-mail. Follow the feed instead.",
            )
            .with_code("no_mail"));
        }
        let nobody = self.as_nobody().await?;
        let from = nobody.address_index(&from.to_string())?;
        let mut write = nobody.write().await?;
        match write.subscriber_ask(email, &from).await? {
            Asked::Now(id) => {
                let event = Event::new(Action::SubscriberAdd).on("subscriber", id);
                write.commit(event).await.map(drop)
            }
            Asked::Before => Ok(()),
        }
    }

    /// Whether a link of a letter still says something.
    ///
    /// # Errors
    /// `NotFound` with code `link_invalid` when it does not.
    pub async fn subscription_link(&self, token: &str, confirm: bool) -> Result<()> {
        let mut read = self.as_nobody().await?.read().await?;
        read.subscription_link(token, confirm).await.map(drop)
    }

    /// From now on the address is told.
    ///
    /// # Errors
    /// `NotFound` with code `link_invalid`.
    pub async fn subscription_confirm(&self, token: &str) -> Result<()> {
        let mut write = self.as_nobody().await?.write().await?;
        let id = write.subscriber_confirm(token).await?;
        let event = Event::new(Action::SubscriberConfirm).on("subscriber", id);
        write.commit(event).await.map(drop)
    }

    /// Forgets the address.
    ///
    /// # Errors
    /// `NotFound` with code `link_invalid`.
    pub async fn subscription_end(&self, token: &str) -> Result<()> {
        let mut write = self.as_nobody().await?.write().await?;
        let id = write.subscriber_remove(token).await?;
        let event = Event::new(Action::SubscriberRemove).on("subscriber", id);
        write.commit(event).await.map(drop)
    }
}
