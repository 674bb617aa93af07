//! The first operator, and every further one: by a one-time link that only the machine's owner can make.

use std::time::Duration;

use domain::{Action, Actor, Error, Event, First, Result, Secret, Timestamp};
use store::Authority;

use crate::{Identity, NewAccount, SignedIn};

const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// The secret part of a link, shown once on the terminal.
#[derive(Debug)]
pub struct OperatorLink {
    pub token: Secret<String>,
    pub expires: Timestamp,
}

impl Identity {
    /// Makes a link that creates one operator within half an hour; links that were not used stop working.
    /// For the command line: nothing on the network reaches this.
    pub async fn operator_link_create(&self) -> Result<OperatorLink> {
        let token = vault::random_token()?;
        let expires = self.clock().now().plus(LIFETIME);
        let digest = vault::sha256(token.expose().as_bytes());
        let mut write = self.store().deployment(Authority::Bootstrap).await?.write().await?;
        write.operator_link_create(&digest, expires).await?;
        let event = Event::new(Action::OperatorLinkCreate).fact("expires", expires.as_millis());
        write.commit(event).await?;
        Ok(OperatorLink { token, expires })
    }

    /// Whether somebody runs this deployment already.
    pub async fn operator_exists(&self) -> Result<bool> {
        self.as_nobody().await?.read().await?.operator_exists().await
    }

    /// Whether the link can still be used, for the page behind it.
    pub async fn operator_link_is_live(&self, token: &Secret<String>) -> Result<bool> {
        let digest = vault::sha256(token.expose().as_bytes());
        self.as_nobody().await?.read().await?.operator_link_is_live(&digest).await
    }

    /// Uses the link up: creates the operator and signs them in.
    ///
    /// # Errors
    /// `NotFound` with code `link_invalid`; `Conflict` with code `email_taken`; `Invalid` for what was entered.
    pub async fn operator_link_redeem(
        &self,
        token: &Secret<String>,
        new: NewAccount,
    ) -> Result<SignedIn> {
        // Looked at first: only who holds a live link may make the server run Argon2.
        if !self.operator_link_is_live(token).await? {
            return Err(Error::not_found("link").with_code("link_invalid"));
        }
        let digest = vault::sha256(token.expose().as_bytes());
        let user = self.account_prepare(new, true).await?;
        let (id, email, name) = (user.id, user.email.clone(), user.name.clone());
        let mut write = self.as_nobody().await?.write().await?;
        write.operator_link_consume(&digest).await?;
        write.user_create(user).await?;
        let signed_in =
            self.session_open(&mut write, id, (self.shown(First::Password), false)).await?;
        let event = Event::new(Action::OperatorCreate)
            .by(Actor::Operator(id))
            .on("session", signed_in.session)
            .on_user(id)
            .personal("email", email)
            .personal("name", name);
        write.commit(event).await?;
        Ok(signed_in)
    }
}
