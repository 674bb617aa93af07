//! The connections that a person signs in with: seen, begun and ended by themselves.

use std::net::IpAddr;

use domain::{Action, Actor, ConnectionId, Error, Event, Result, Secret, Timestamp};
use store::{Connection, Session};

use super::{Aim, Leaving, Onward, SingleSignOn};

/// A way to sign in that one of the person's organizations offers.
#[derive(Clone, Debug)]
pub struct Identities {
    pub connection: Connection,
    /// The name of the organization.
    pub organization: String,
    /// Since when the account is linked, and when it was last used; `None` when it is not.
    pub linked: Option<(Timestamp, Timestamp)>,
}

impl SingleSignOn {
    /// What the organizations that the session reaches offer, and what of it is linked to the account.
    pub async fn identities_list(&self, session: &Session) -> Result<Vec<Identities>> {
        let mut read = self.0.identity.as_self(session).await?.read().await?;
        let linked = read.sso_identities_list(session.user()).await?;
        let mut all = Vec::new();
        for (organization, _) in read.organizations_in_reach(session).await? {
            for connection in read.connections_of(&organization.slug).await? {
                let found = linked.iter().find(|one| one.connection == connection.id);
                all.push(Identities {
                    linked: found.map(|one| (one.created, one.used)),
                    organization: organization.name.clone(),
                    connection,
                });
            }
        }
        Ok(all)
    }

    /// Leaves to have the account linked. A session that somebody left open must not be enough for it: the password is
    /// asked for, or, of an account without one, something that was shown lately.
    ///
    /// # Errors
    /// `Invalid` with code `wrong_password`; `Conflict` with code `sign_in_again` or `sign_in_otherwise`; `NotFound` when no organization of
    /// theirs offers it; `Limited` after too many wrong passwords; otherwise as for [`SingleSignOn::leave`].
    pub async fn link_begin(
        &self,
        session: &Session,
        (id, password): (ConnectionId, Secret<String>),
        address: IpAddr,
    ) -> Result<Leaving> {
        let offered = self.identities_list(session).await?;
        if !offered.iter().any(|one| one.connection.id == id) {
            return Err(super::none());
        }
        self.proved(session, password, address).await?;
        let onward = Onward { next: "/account?done=identity-linked".to_owned(), stay: false };
        self.leave(id, (Aim::Link(session.user()), onward), address).await
    }

    async fn proved(
        &self,
        session: &Session,
        password: Secret<String>,
        address: IpAddr,
    ) -> Result<()> {
        let (identity, id) = (&self.0.identity, session.user());
        let deployment = identity.as_self(session).await?;
        let mut read = deployment.read().await?;
        let (user, stored) = (read.user_fetch(id).await?, read.user_password(id).await?);
        drop(read);
        if stored.is_none() {
            return identity.shown_lately(session);
        }
        let guess = identity.guess(&deployment, &user.email, address).await?;
        if identity.0.hashing.verify(id, password, stored).await? {
            return Ok(());
        }
        identity.refuse(&deployment, &guess, Actor::User(id)).await?;
        Err(Error::invalid("The password is wrong.").with_code("wrong_password"))
    }

    /// From now on the connection does not sign in to this account.
    ///
    /// # Errors
    /// `NotFound` when it did not; `Conflict` with code `only_way_in` when there would be no way left.
    pub async fn unlink(&self, session: &Session, id: ConnectionId) -> Result<()> {
        let user = session.user();
        let mut write = self.0.identity.as_self(session).await?.write().await?;
        let linked = write.sso_identities_list(user).await?;
        let codes = self.0.identity.offers_codes();
        if linked.len() <= 1 && !codes && write.user_password(user).await?.is_none() {
            return Err(Error::conflict("This is the only way to sign in to your account.")
                .with_code("only_way_in"));
        }
        write.sso_identity_remove(id, user).await?;
        let event = Event::new(Action::UserIdentityUnlink).on("connection", id).on_user(user);
        write.commit(event).await.map(drop)
    }
}
