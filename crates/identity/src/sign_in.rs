//! Signing in with e-mail and password.

use std::net::IpAddr;

use domain::{Action, Actor, Error, Event, First, Result, Secret, SessionId, Timestamp, UserId};
use store::{Deployment, DeploymentWrite};

use crate::{
    Identity,
    guessing::{Attempt, network},
    optional,
};

/// One attempt.
#[derive(Debug)]
pub struct SignIn {
    pub email: String,
    pub password: Secret<String>,
    /// Where the attempt comes from, for the budget of guesses.
    pub address: IpAddr,
    /// Whether the session is to outlive the browser.
    pub stay: bool,
}

/// A new session. The token goes into the cookie and exists nowhere else.
#[derive(Debug)]
pub struct SignedIn {
    pub token: Secret<String>,
    pub user: UserId,
    pub session: SessionId,
    /// However much the session is used.
    pub expires: Timestamp,
    /// Whether it outlives the browser.
    pub lasting: bool,
}

/// Whoever knows the password of an account with a second factor. The token goes into a cookie of its own.
#[derive(Debug)]
pub struct Half {
    pub token: Secret<String>,
    /// The second factor has to be shown until then.
    pub expires: Timestamp,
}

/// What came of an attempt that was right.
#[derive(Debug)]
pub enum SignInStep {
    Done(SignedIn),
    /// The account has a second factor, which is to be shown next.
    SecondFactor(Half),
}

/// A guess that is within its budgets, for as long as it lasts.
pub(crate) struct Guess {
    pub(crate) address: String,
    email_index: Vec<u8>,
    address_index: Vec<u8>,
    _under_way: [Attempt; 2],
}

fn refused() -> Error {
    Error::unauthenticated("The e-mail address or the password is wrong.")
        .with_code("sign_in_refused")
}

impl Identity {
    /// Signs in, or half way where the account has a second factor. Whether or not there is such an account, the same is
    /// looked up, Argon2 runs once, the same is written and the answer is the same.
    ///
    /// # Errors
    /// `Unauthenticated` with code `sign_in_refused`; `Limited` with code `too_many_attempts`; `Unavailable` with
    /// code `busy` when the queue for Argon2 is full.
    pub async fn sign_in(&self, attempt: SignIn) -> Result<SignInStep> {
        // What cannot be an address belongs to nobody, and says nothing about anybody.
        let email = vault::normalise_email(&attempt.email).map_err(|_| refused())?;
        let deployment = self.as_nobody().await?;
        let guess = self.guess(&deployment, &email, attempt.address).await?;
        let mut read = deployment.read().await?;
        let user = read.user_find_by_email(&email).await?;
        let id = user.as_ref().map_or_else(|| UserId::new(self.clock().now()), |user| user.id);
        let stored = optional(read.user_password(id).await)?.flatten();
        drop(read);
        let enabled = user.is_some_and(|user| user.disabled.is_none());
        let stored = if enabled { stored } else { None };
        if !self.0.hashing.verify(id, attempt.password, stored).await? {
            self.refuse(&deployment, &guess, Actor::Anonymous).await?;
            return Err(refused());
        }
        let write = deployment.write().await?;
        self.let_in(write, (id, First::Password, attempt.stay), &guess).await
    }

    /// Opens a session for whoever has just shown `first`, or lets them wait for their second factor.
    pub(crate) async fn let_in(
        &self,
        mut write: DeploymentWrite,
        (user, first, stay): (UserId, First, bool),
        guess: &Guess,
    ) -> Result<SignInStep> {
        if write.authenticator_find(user).await?.is_some() {
            let half = self.half_sign_in(write, (user, first), guess).await?;
            return Ok(SignInStep::SecondFactor(half));
        }
        let signed_in = self.session_open(&mut write, user, (self.shown(first), stay)).await?;
        let event = Event::new(Action::SessionCreate)
            .by(Actor::User(user))
            .on("session", signed_in.session)
            .fact("first", first.as_str())
            .personal("address", guess.address.clone());
        write.commit(event).await?;
        Ok(SignInStep::Done(signed_in))
    }

    /// Begins a guess at a password if its budgets allow one more.
    ///
    /// # Errors
    /// `Limited` with code `too_many_attempts`.
    pub(crate) async fn guess(
        &self,
        deployment: &Deployment,
        email: &str,
        address: IpAddr,
    ) -> Result<Guess> {
        self.guess_at(deployment, deployment.email_index(email)?, address).await
    }

    /// The same for whoever is known by the index of their address.
    pub(crate) async fn guess_at(
        &self,
        deployment: &Deployment,
        email_index: Vec<u8>,
        address: IpAddr,
    ) -> Result<Guess> {
        let address = network(address);
        let address_index = deployment.address_index(&address)?;
        // Begun before counting: of many at once, no more get through than the budget has left.
        let (by_email, emails) = self.0.under_way.begin(&email_index);
        let (by_address, addresses) = self.0.under_way.begin(&address_index);
        let since = self.clock().now().minus(self.0.config.window());
        let (email_failures, address_failures) =
            deployment.read().await?.sign_in_failures(&email_index, &address_index, since).await?;
        let spent = |failures: u64, under_way: u32, most: u32| {
            failures.saturating_add(u64::from(under_way)) > u64::from(most)
        };
        let config = &self.0.config;
        if spent(email_failures, emails, config.failures_per_account)
            || spent(address_failures, addresses, config.failures_per_address)
        {
            return Err(Error::limited(format!(
                "Too many attempts. Try again in {} minutes.",
                config.failure_window
            ))
            .with_code("too_many_attempts"));
        }
        let under_way = [by_email, by_address];
        Ok(Guess { address, email_index, address_index, _under_way: under_way })
    }

    /// Writes a wrong guess down, with its event; forgets those that no budget counts any more. The address that was
    /// tried enters as its keyed index: it may be nobody's, or belong to somebody who has nothing to do with it.
    pub(crate) async fn refuse(
        &self,
        deployment: &Deployment,
        guess: &Guess,
        actor: Actor,
    ) -> Result<()> {
        self.refuse_in(deployment.write().await?, guess, actor).await
    }

    /// The same as the end of a transaction in which more was written.
    pub(crate) async fn refuse_in(
        &self,
        mut write: DeploymentWrite,
        guess: &Guess,
        actor: Actor,
    ) -> Result<()> {
        write.sign_in_record(&guess.email_index, &guess.address_index, false).await?;
        write.sign_in_attempts_forget(self.clock().now().minus(self.0.config.window())).await?;
        let event = Event::new(Action::SessionRefuse)
            .failed()
            .by(actor)
            .personal("email_index", hex(&guess.email_index))
            .personal("address", guess.address.clone());
        write.commit(event).await.map(drop)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
