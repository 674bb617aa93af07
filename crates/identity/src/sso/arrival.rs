//! What comes back from an identity provider, and what becomes of it.

use std::net::IpAddr;

use domain::{
    Action, Actor, ConnectionId, Error, Event, First, Kind, Proofs, Result, Secret, UserId,
};
use store::{Connection, Deployment, DeploymentWrite, NewUser, Organization, Session, User};

use super::{
    Flow, KeptAim, SignInStep, SignedIn, SingleSignOn,
    id_token::Told,
    problem::{CALLBACK_ISSUER, CONNECTION, OVER, PROVIDER_REFUSED, Problem, STATE},
};
use crate::guessing::network;

/// The parameters with which the browser came back.
#[derive(Debug, Default)]
pub struct Callback {
    pub state: Option<String>,
    pub code: Option<String>,
    pub issuer: Option<String>,
    /// Whether the provider says that it did not sign anybody in.
    pub refused: bool,
}

/// What came of a sign-in that was right, with where it goes on.
#[derive(Debug)]
pub enum Arrived {
    /// Signed in, or half way; and whether the session is to outlive the browser.
    In { step: SignInStep, next: String, stay: bool },
    /// The account is linked.
    Linked { next: String },
    /// A new account has joined the organization with this short name.
    Joined { signed_in: SignedIn, slug: String },
}

/// Everything that is known of a sign-in that came back.
struct Arrival<'a> {
    deployment: &'a Deployment,
    digest: [u8; 32],
    connection: &'a Connection,
    organization: &'a Organization,
    flow: Flow,
    address: IpAddr,
}

fn refused(code: &'static str, says: &'static str) -> Error {
    Error::unauthenticated(says).with_code(code)
}

impl Arrival<'_> {
    /// Uses the sign-in up: whatever it comes to, it comes to once.
    async fn take(&self, write: &mut DeploymentWrite) -> Result<()> {
        let taken = write.sso_flow_take(&self.digest).await?;
        write.connection_concerned(self.organization.id);
        if taken { Ok(()) } else { Err(OVER.refusal()) }
    }

    fn subject(&self, told: &Told) -> Result<Vec<u8>> {
        let Connection { id, issuer, .. } = self.connection;
        self.deployment.subject_index(*id, issuer, &told.subject)
    }

    fn about(&self, event: Event) -> Event {
        event
            .on("connection", self.connection.id)
            .fact("first", "sso")
            .personal("address", network(self.address))
    }

    /// Only members: a session opened here reaches nothing else.
    async fn is_member(&self, user: UserId) -> Result<()> {
        let all = self.deployment.read().await?.organizations_of(user).await?;
        if all.iter().any(|(one, _)| one.id == self.organization.id) {
            return Ok(());
        }
        Err(refused(
            "sso_not_member",
            "You are not a member of the organization that this way to sign in belongs to.",
        ))
    }

    /// What was refused is used up as well, and written down.
    async fn refuse(&self, error: &Error) -> Result<()> {
        let mut write = self.deployment.write().await?;
        self.take(&mut write).await?;
        let event = Event::new(Action::SessionRefuse).failed().by(Actor::Anonymous);
        write.commit(self.about(event.fact("code", error.code()))).await.map(drop)
    }
}

impl SingleSignOn {
    /// Takes what came back. `token` is of the cookie, `who` whoever is signed in.
    ///
    /// # Errors
    /// `Unauthenticated` with the code of a [`Problem`], `sso_unknown`, `sso_not_member` or `sso_disabled`; when somebody
    /// links their account `sso_other_account`, and `Conflict` with code `identity_taken`; when somebody joins
    /// `sso_other_organization`, `NotFound` with code `link_invalid` and `Conflict` with code `email_taken`.
    pub async fn arrive(
        &self,
        at: ConnectionId,
        token: Option<&Secret<String>>,
        back: Callback,
        (who, address): (Option<&Session>, IpAddr),
    ) -> Result<Arrived> {
        let token = token.ok_or_else(|| OVER.refusal())?;
        let deployment = self.0.identity.as_nobody().await?;
        let digest = vault::sha256(token.expose().as_bytes());
        let mut read = deployment.read().await?;
        let found = read.sso_flow_find(&digest).await?;
        let (left, body) = found.ok_or_else(|| OVER.refusal())?;
        let found = read.connection_find(left).await?;
        let (connection, organization) = found.ok_or_else(|| OVER.refusal())?;
        drop(read);
        let flow: Flow = serde_json::from_str(body.expose()).map_err(|_| OVER.refusal())?;
        let arrival = Arrival {
            deployment: &deployment,
            digest,
            connection: &connection,
            organization: &organization,
            flow,
            address,
        };
        let done = match self.told(at, &arrival, &back).await {
            Ok(told) => self.settle(&arrival, told, who).await,
            Err(problem) => Err(problem.refusal()),
        };
        if let Err(error) = &done
            && !matches!(error.kind(), Kind::Internal | Kind::Unavailable)
            && error.code() != OVER.code
        {
            arrival.refuse(error).await?;
        }
        done
    }

    /// Whom the provider signed in, if all of it belongs together.
    async fn told(
        &self,
        at: ConnectionId,
        arrival: &Arrival<'_>,
        back: &Callback,
    ) -> Result<Told, Problem> {
        let (connection, flow) = (arrival.connection, &arrival.flow);
        if at != connection.id {
            return Err(CONNECTION);
        }
        let state = back.state.as_deref().unwrap_or_default();
        if !vault::same(state.as_bytes(), flow.state.as_bytes()) {
            return Err(STATE);
        }
        match &back.issuer {
            Some(issuer) if *issuer != connection.issuer => return Err(CALLBACK_ISSUER),
            None if self.0.party.names_issuer(connection).await? => return Err(CALLBACK_ISSUER),
            _ => {}
        }
        if back.refused {
            return Err(PROVIDER_REFUSED);
        }
        let code = back.code.as_deref().ok_or(PROVIDER_REFUSED)?;
        let redirect = self.redirect_uri(connection.id);
        self.0.party.arrive(connection, &flow.way(&redirect), code).await
    }

    async fn settle(
        &self,
        arrival: &Arrival<'_>,
        told: Told,
        who: Option<&Session>,
    ) -> Result<Arrived> {
        match &arrival.flow.aim {
            KeptAim::SignIn => self.sign_in(arrival, &told).await,
            KeptAim::Link(user) => {
                let session = who.filter(|session| session.user().to_string() == *user);
                let session = session.ok_or_else(|| {
                    refused(
                        "sso_other_account",
                        "Somebody else is signed in than the one who wanted to link their account. Begin anew.",
                    )
                })?;
                self.link(arrival, &told, session).await
            }
            KeptAim::Join { token, name } => {
                let token = Secret::new(token.clone());
                self.join(arrival, &told, (&token, name)).await
            }
        }
    }

    async fn sign_in(&self, arrival: &Arrival<'_>, told: &Told) -> Result<Arrived> {
        let (connection, identity) = (arrival.connection, &self.0.identity);
        let (next, stay) = (arrival.flow.next.clone(), arrival.flow.stay);
        let mut read = arrival.deployment.read().await?;
        let found = read.sso_identity_find(connection.id, &arrival.subject(told)?).await?;
        let id = found.ok_or_else(|| {
            refused(
                "sso_unknown",
                "Your organization knows you, but no account here is linked to that yet.",
            )
        })?;
        let user = read.user_fetch(id).await?;
        let has_app = read.authenticator_find(id).await?.is_some();
        drop(read);
        if user.disabled.is_some() {
            return Err(refused("sso_disabled", "This account is switched off."));
        }
        arrival.is_member(id).await?;
        let first = First::Sso(connection.id);
        let proofs = self.proofs(arrival, told);
        if has_app && proofs.second.is_none() {
            let guess = identity.guess(arrival.deployment, &user.email, arrival.address).await?;
            let mut write = self.used(arrival, &user).await?;
            arrival.take(&mut write).await?;
            let half = identity.half_sign_in(write, (id, first), &guess).await?;
            return Ok(Arrived::In { step: SignInStep::SecondFactor(half), next, stay });
        }
        let mut write = self.used(arrival, &user).await?;
        arrival.take(&mut write).await?;
        let signed_in = identity.session_open(&mut write, id, (proofs, stay)).await?;
        let second = if proofs.second.is_some() { "identity_provider" } else { "none" };
        let event = Event::new(Action::SessionCreate)
            .by(Actor::User(id))
            .on_user(id)
            .on("session", signed_in.session)
            .fact("second_factor", second);
        write.commit(arrival.about(event)).await?;
        Ok(Arrived::In { step: SignInStep::Done(signed_in), next, stay })
    }

    /// What was shown at the provider, as far as its connection lets it count here.
    fn proofs(&self, arrival: &Arrival<'_>, told: &Told) -> Proofs {
        let connection = arrival.connection;
        let proofs = self.0.identity.shown(First::Sso(connection.id));
        if connection.trusts_second_factor && told.second_factor(connection.context.as_deref()) {
            return proofs.and_second(proofs.at);
        }
        proofs
    }

    async fn used(&self, arrival: &Arrival<'_>, user: &User) -> Result<DeploymentWrite> {
        let mut write = arrival.deployment.write().await?;
        write.sso_identity_used(arrival.connection.id, user.id).await?;
        Ok(write)
    }

    async fn link(&self, arrival: &Arrival<'_>, told: &Told, session: &Session) -> Result<Arrived> {
        arrival.is_member(session.user()).await?;
        let mut write = self.0.identity.as_self(session).await?.write().await?;
        arrival.take(&mut write).await?;
        let (id, subject) = (arrival.connection.id, arrival.subject(told)?);
        write.sso_identity_create(id, subject, session.user()).await?;
        let event = Event::new(Action::UserIdentityLink).on_user(session.user());
        write.commit(arrival.about(event)).await?;
        Ok(Arrived::Linked { next: arrival.flow.next.clone() })
    }

    /// The link of the invitation proves the address, and the provider who they are from now on.
    async fn join(
        &self,
        arrival: &Arrival<'_>,
        told: &Told,
        (token, name): (&Secret<String>, &str),
    ) -> Result<Arrived> {
        let identity = &self.0.identity;
        let (invitation, organization) = identity.invitation_show(token).await?;
        if organization.id != arrival.organization.id {
            return Err(refused(
                "sso_other_organization",
                "The invitation is to another organization than the one you signed in with.",
            ));
        }
        let id = UserId::new(identity.clock().now());
        let email = invitation.email;
        let user = NewUser {
            id,
            email: email.clone(),
            name: name.to_owned(),
            password: None,
            operator: false,
        };
        let digest = vault::sha256(token.expose().as_bytes());
        let mut write = arrival.deployment.write().await?;
        arrival.take(&mut write).await?;
        write.user_create(user).await?;
        write.sso_identity_create(arrival.connection.id, arrival.subject(told)?, id).await?;
        let accepted = write.invitation_accept(&digest, id).await?;
        let proofs = self.proofs(arrival, told);
        let signed_in = identity.session_open(&mut write, id, (proofs, false)).await?;
        let event = Event::new(Action::MemberJoin)
            .by(Actor::User(id))
            .on("organization", accepted.organization.id)
            .on_user(id)
            .fact("role", accepted.role.as_str())
            .fact("account", "created")
            .personal("email", email)
            .personal("name", name);
        write.commit(arrival.about(event)).await?;
        Ok(Arrived::Joined { signed_in, slug: accepted.organization.slug })
    }
}
