//! A person's own account: who they are, their sessions, their password.

use std::{net::IpAddr, time::Duration};

use domain::{Action, Actor, Error, Event, First, Proofs, Result, Secret, SessionId, UserId};
use store::{DeploymentWrite, NewSession, NewUser, Session, SessionRow, User};

use crate::{Identity, SignedIn, guessing::network, names, password_policy};

/// A session ends then, however much it is used (24 hours): browsers bring sessions back that they closed.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);
/// The same of one that outlives the browser (30 days).
const LIFETIME_LASTING: Duration = Duration::from_secs(30 * 24 * 3600);

/// What stands in for a password that somebody does not have: a proof no older than this (15 minutes).
const LATELY: Duration = Duration::from_secs(15 * 60);

/// An account to be created.
#[derive(Debug)]
pub struct NewAccount {
    pub email: String,
    pub name: String,
    /// Without one, its person signs in with codes by e-mail.
    pub password: Option<Secret<String>>,
}

impl Identity {
    /// The signed-in person.
    pub async fn account(&self, session: &Session) -> Result<User> {
        self.as_self(session).await?.read().await?.user_fetch(session.user()).await
    }

    /// The person's live sessions, newest first.
    pub async fn sessions_list(&self, session: &Session) -> Result<Vec<SessionRow>> {
        self.as_self(session).await?.read().await?.sessions_list(session.user()).await
    }

    /// Ends this session.
    pub async fn sign_out(&self, session: &Session) -> Result<()> {
        self.session_end(session, session.id()).await
    }

    /// Ends one of the person's sessions.
    ///
    /// # Errors
    /// `NotFound` when it is not a live session of theirs.
    pub async fn session_end(&self, session: &Session, id: SessionId) -> Result<()> {
        let mut write = self.as_self(session).await?.write().await?;
        write.session_end(session.user(), id).await?;
        let event = Event::new(Action::SessionEnd).on("session", id);
        write.commit(event).await.map(drop)
    }

    /// Ends all of the person's sessions, this one included; says how many there were.
    pub async fn sign_out_everywhere(&self, session: &Session) -> Result<u64> {
        let mut write = self.as_self(session).await?.write().await?;
        let ended = write.sessions_end_all(session.user()).await?;
        let event = Event::new(Action::SessionEnd).fact("sessions", ended);
        write.commit(event).await?;
        Ok(ended)
    }

    /// Whether the person can sign in with a password.
    pub async fn has_password(&self, session: &Session) -> Result<bool> {
        let mut read = self.as_self(session).await?.read().await?;
        Ok(read.user_password(session.user()).await?.is_some())
    }

    /// Whoever has no password to show again has shown something lately. What an organization's identity provider said
    /// is not enough: whoever runs it could make the account their own, and reach what is not their organization's.
    pub(crate) fn shown_lately(&self, session: &Session) -> Result<()> {
        if session.proofs().first.connection().is_some() {
            let says = "You signed in with your organization, which is not enough for this. Sign in with a code, and this works.";
            return Err(Error::conflict(says).with_code("sign_in_otherwise"));
        }
        if self.clock().now().since(session.proofs().latest()) < LATELY {
            return Ok(());
        }
        let says = "You signed in a while ago. Sign out and in again, and this works.";
        Err(Error::conflict(says).with_code("sign_in_again"))
    }

    /// Sets another password, or a first one shortly after signing in, and ends every session; the answer is a new one for
    /// whoever is at the keyboard.
    ///
    /// # Errors
    /// `Invalid` with code `wrong_password` or `weak_password`; `Limited` after too many wrong ones; `Conflict` with code
    /// `sign_in_again` for a first one long after signing in.
    pub async fn password_change(
        &self,
        session: &Session,
        current: Secret<String>,
        new: Secret<String>,
        address: IpAddr,
    ) -> Result<SignedIn> {
        let (id, deployment) = (session.user(), self.as_self(session).await?);
        let mut read = deployment.read().await?;
        let (user, stored) = (read.user_fetch(id).await?, read.user_password(id).await?);
        drop(read);
        password_policy::check(&new, &[&user.email, &user.name])?;
        let guess = self.guess(&deployment, &user.email, address).await?;
        if stored.is_none() {
            self.shown_lately(session)?;
        } else if !self.0.hashing.verify(id, current, stored).await? {
            self.refuse(&deployment, &guess, Actor::User(id)).await?;
            return Err(
                Error::invalid("The current password is wrong.").with_code("wrong_password")
            );
        }
        let hash = self.0.hashing.hash(id, new).await?;
        let mut write = deployment.write().await?;
        write.user_password_set(id, hash).await?;
        let ended = write.sessions_end_all(id).await?;
        write.half_sign_ins_forget(id).await?;
        write.sign_in_codes_forget(id).await?;
        let signed_in =
            self.session_open(&mut write, id, (session.proofs(), session.lasting())).await?;
        let event = Event::new(Action::UserPasswordChange)
            .on("session", signed_in.session)
            .on_user(id)
            .fact("sessions_ended", ended)
            .personal("address", network(address));
        write.commit(event).await?;
        Ok(signed_in)
    }

    /// Checks a new account and hashes its password: the part that must not happen inside a transaction.
    pub(crate) async fn account_prepare(&self, new: NewAccount, operator: bool) -> Result<NewUser> {
        let email = vault::normalise_email(&new.email)?;
        let name = names::name("A person", &new.name)?;
        let id = UserId::new(self.clock().now());
        let password = match new.password {
            Some(password) => {
                password_policy::check(&password, &[&email, &name])?;
                Some(self.0.hashing.hash(id, password).await?)
            }
            None if self.offers_codes() && !operator => None,
            None => return Err(password_policy::missing()),
        };
        Ok(NewUser { id, email, name, password, operator })
    }

    /// What a session begins with whose person has just shown this.
    pub(crate) fn shown(&self, first: First) -> Proofs {
        Proofs::of(first, self.clock().now())
    }

    /// A new session in a transaction that is about to be committed; `lasting` says whether it outlives the browser.
    pub(crate) async fn session_open(
        &self,
        write: &mut DeploymentWrite,
        user: UserId,
        (proofs, lasting): (Proofs, bool),
    ) -> Result<SignedIn> {
        let token = vault::random_token()?;
        let lifetime = if lasting { LIFETIME_LASTING } else { LIFETIME };
        let expires = self.clock().now().plus(lifetime);
        let digest = vault::sha256(token.expose().as_bytes());
        let new = NewSession { user, digest, expires, proofs, lasting };
        let session = write.session_create(new).await?;
        Ok(SignedIn { token, user, session, expires, lasting })
    }
}
