//! Single sign-on: people sign in where their organization does, by OpenID Connect.
//!
//! Somebody is known by the connection they come from and the subject that its issuer names, never by an address: whoever
//! runs a provider says who comes from it, so a session that it opened reaches its own organization and nothing else.

mod arrival;
mod id_token;
mod identities;
mod metadata;
mod problem;
mod relying_party;
mod wire;

use std::{net::IpAddr, sync::Arc, time::Duration};

use domain::{Action, ConnectionId, Error, Event, Permission, Result, Secret, Timestamp, UserId};
use egress::Egress;
use serde::{Deserialize, Serialize};
use store::{Connection, NewFlow, Organization, Scope};

pub use arrival::{Arrived, Callback};
pub use identities::Identities;
pub use problem::Problem;

use crate::{Identity, SignInStep, SignedIn, decide, guessing::network, names};
use relying_party::{RelyingParty, Way};

/// The time in which a sign-in has to come back.
const FLOW: Duration = Duration::from_secs(10 * 60);

/// The use-cases that reach out. Cheap to clone.
#[derive(Clone)]
pub struct SingleSignOn(Arc<Inner>);

struct Inner {
    identity: Identity,
    party: RelyingParty,
    public_url: String,
}

/// What somebody leaves for.
#[derive(Clone, Debug)]
pub enum Aim {
    SignIn,
    /// Being known by the connection from now on; see [`SingleSignOn::link_begin`].
    Link(UserId),
    /// Accepting an invitation with a new account.
    Join {
        token: Secret<String>,
        name: String,
    },
}

/// Where a sign-in goes on after it came back.
#[derive(Clone, Debug, Default)]
pub struct Onward {
    /// A path of this server.
    pub next: String,
    /// Whether the session is to outlive the browser.
    pub stay: bool,
}

/// A sign-in that leaves. The token goes into a cookie of its own.
#[derive(Debug)]
pub struct Leaving {
    /// Where the browser goes.
    pub url: String,
    /// The name of the host there, for people.
    pub host: String,
    pub token: Secret<String>,
    /// It has to come back until then.
    pub expires: Timestamp,
}

/// What is kept, sealed, until it comes back. Secrets among it are plain here, so it is never shown.
#[derive(Serialize, Deserialize)]
struct Flow {
    state: String,
    nonce: String,
    verifier: String,
    next: String,
    stay: bool,
    aim: KeptAim,
}

#[derive(Serialize, Deserialize)]
enum KeptAim {
    SignIn,
    Link(String),
    Join { token: String, name: String },
}

impl Flow {
    fn new(aim: Aim, onward: Onward) -> Result<Self> {
        let random = || vault::random_token().map(|token| token.expose().clone());
        let aim = match aim {
            Aim::SignIn => KeptAim::SignIn,
            Aim::Link(user) => KeptAim::Link(user.to_string()),
            Aim::Join { token, name } => {
                let token = token.expose().clone();
                KeptAim::Join { token, name: names::name("A person", &name)? }
            }
        };
        Ok(Self {
            state: random()?,
            nonce: random()?,
            verifier: random()?,
            next: onward.next,
            stay: onward.stay,
            aim,
        })
    }

    fn way<'a>(&'a self, redirect: &'a str) -> Way<'a> {
        Way { redirect, state: &self.state, nonce: &self.nonce, verifier: &self.verifier }
    }

    fn sealed(&self) -> Result<Secret<String>> {
        serde_json::to_string(self).map(Secret::new).map_err(Error::internal)
    }
}

fn none() -> Error {
    Error::not_found("connection")
}

impl SingleSignOn {
    /// `public_url` is how people reach this server, without a trailing slash.
    #[must_use]
    pub fn new(identity: Identity, egress: Egress, public_url: String) -> Self {
        let party = RelyingParty::new(egress, identity.clock().clone());
        Self(Arc::new(Inner { identity, party, public_url }))
    }

    /// What the identity provider has to be told: where it may send people back to. One for each connection, so that no
    /// provider can answer for another (RFC 9700, section 4.4).
    #[must_use]
    pub fn redirect_uri(&self, id: ConnectionId) -> String {
        format!("{}/sign-in/sso/{id}/callback", self.0.public_url)
    }

    /// The ways to sign in that an organization offers; none when there is no such organization.
    pub async fn connections_of(&self, slug: &str) -> Result<Vec<Connection>> {
        self.0.identity.as_nobody().await?.read().await?.connections_of(slug).await
    }

    /// A way to sign in, with the organization that offers it.
    ///
    /// # Errors
    /// `NotFound` when there is none, it is switched off, or the organization is archived.
    pub async fn connection(&self, id: ConnectionId) -> Result<(Connection, Organization)> {
        let mut read = self.0.identity.as_nobody().await?.read().await?;
        read.connection_find(id).await?.ok_or_else(none)
    }

    /// Leaves for an identity provider.
    ///
    /// # Errors
    /// `NotFound` when there is no such connection; `Unauthenticated` with the code of a [`Problem`] when the provider
    /// cannot be asked; `Limited` with code `too_many_attempts`; `Invalid` for a name that is none.
    pub async fn leave(
        &self,
        id: ConnectionId,
        (aim, onward): (Aim, Onward),
        address: IpAddr,
    ) -> Result<Leaving> {
        let (connection, _) = self.connection(id).await?;
        let flow = Flow::new(aim, onward)?;
        let redirect = self.redirect_uri(id);
        let left = self.0.party.leave(&connection, &flow.way(&redirect)).await;
        let url = left.map_err(Problem::refusal)?;
        let identity = &self.0.identity;
        let deployment = identity.as_nobody().await?;
        let token = vault::random_token()?;
        let expires = identity.clock().now().plus(FLOW);
        let address = network(address);
        let new = NewFlow {
            digest: vault::sha256(token.expose().as_bytes()),
            connection: id,
            body: flow.sealed()?,
            address_index: deployment.address_index(&address)?,
            expires,
        };
        let mut write = deployment.write().await?;
        write.sso_flow_create(new).await?;
        let event =
            Event::new(Action::SessionSsoBegin).on("connection", id).personal("address", address);
        write.commit(event).await?;
        let host = url.host_str().unwrap_or_default().to_owned();
        Ok(Leaving { url: url.into(), host, token, expires })
    }

    /// Tries a connection without anybody signing in: whether the provider can be reached, is who it should be, gives
    /// keys, and takes the client id with the secret.
    ///
    /// # Errors
    /// `NotFound` when there is no such connection. What the provider does wrong is the inner error.
    pub async fn test(&self, scope: &Scope, id: ConnectionId) -> Result<Result<(), Problem>> {
        decide(scope, Permission::OrganizationManage, None)?;
        let connection = self.0.identity.connection_fetch(scope, id).await?;
        Ok(self.0.party.test(&connection, &self.redirect_uri(id)).await)
    }
}
