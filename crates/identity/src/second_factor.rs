//! Second factors: an authenticator app, and recovery codes for the day it is lost.
//!
//! A code counts once. Wrong ones are counted together with wrong passwords, by account and by network address, so
//! that neither can be guessed behind the back of the other.

use std::{net::IpAddr, time::Duration};

use domain::{Action, Actor, Error, Event, First, Proofs, Result, Secret, Timestamp, UserId};
use store::{Authority, Deployment, DeploymentWrite, Session};
use vault::Totp;

use crate::{Half, Identity, SecondFactor, SignedIn, guessing::network, sign_in::Guess};

/// The name under which apps show the account.
const ISSUER: &str = "Probity";
const RECOVERY_CODES: usize = 10;
/// The time in which the second factor has to be shown after the password.
const HALF: Duration = Duration::from_secs(10 * 60);

/// What a person has.
#[derive(Clone, Copy, Debug)]
pub struct SecondFactorState {
    /// When the app was set up, if it was.
    pub since: Option<Timestamp>,
    pub recovery_codes_left: u64,
}

/// A seed that nothing knows yet but the page that offers it.
#[derive(Debug)]
pub struct NewAuthenticator {
    pub seed: Secret<String>,
    /// For the app to scan.
    pub address: Secret<String>,
}

/// What a right code was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    App,
    Recovery,
}

impl Shown {
    const fn as_str(self) -> &'static str {
        match self {
            Self::App => "authenticator",
            Self::Recovery => "recovery_code",
        }
    }
}

fn wrong() -> Error {
    Error::invalid("This code is wrong, or was used before. Wait for the next one and try again.")
        .with_code("wrong_code")
}

fn over() -> Error {
    Error::unauthenticated("That took too long. Sign in again.").with_code("half_sign_in_over")
}

fn none() -> Error {
    Error::conflict("No second factor is set up.").with_code("no_second_factor")
}

impl Identity {
    /// Whether rights of operators, admins and owners ask for a second factor here.
    #[must_use]
    pub fn asks_for_second_factor(&self) -> bool {
        self.0.config.second_factor == SecondFactor::Admins
    }

    /// What the person has.
    pub async fn second_factor(&self, session: &Session) -> Result<SecondFactorState> {
        let mut read = self.as_self(session).await?.read().await?;
        let since = read.authenticator_find(session.user()).await?.map(|one| one.created);
        let recovery_codes_left = read.recovery_codes_left(session.user()).await?;
        Ok(SecondFactorState { since, recovery_codes_left })
    }

    /// Offers a seed; nothing is kept until [`Identity::authenticator_set`] gets it back with a code.
    pub async fn authenticator_offer(&self, session: &Session) -> Result<NewAuthenticator> {
        let user = self.account(session).await?;
        offered(&Totp::generate(ISSUER, &user.email)?)
    }

    /// The same offer again, after a code that was wrong.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_seed`.
    pub async fn authenticator_offer_again(
        &self,
        session: &Session,
        seed: &Secret<String>,
    ) -> Result<NewAuthenticator> {
        let user = self.account(session).await?;
        offered(&Totp::parse(seed, ISSUER, &user.email)?)
    }

    /// Sets up an app that shows the codes of `seed`. The session goes on as a new one in which the second factor was
    /// shown; the recovery codes are shown this once.
    ///
    /// # Errors
    /// `Invalid` with code `wrong_password`, `wrong_code` or `invalid_seed`; `Conflict` with code
    /// `second_factor_exists`, or `sign_in_again` without a password and long after signing in; `Limited` after too many
    /// wrong guesses.
    pub async fn authenticator_set(
        &self,
        session: &Session,
        (seed, code): (&Secret<String>, &str),
        password: Secret<String>,
        address: IpAddr,
    ) -> Result<(SignedIn, Vec<Secret<String>>)> {
        let (id, deployment) = (session.user(), self.as_self(session).await?);
        let mut read = deployment.read().await?;
        let (user, stored) = (read.user_fetch(id).await?, read.user_password(id).await?);
        if read.authenticator_find(id).await?.is_some() {
            return Err(exists());
        }
        drop(read);
        let totp = Totp::parse(seed, ISSUER, &user.email)?;
        let guess = self.guess(&deployment, &user.email, address).await?;
        // A session that somebody left open must not be enough to lock its owner out.
        if stored.is_none() {
            self.shown_lately(session)?;
        } else if !self.0.hashing.verify(id, password, stored).await? {
            self.refuse(&deployment, &guess, Actor::User(id)).await?;
            return Err(Error::invalid("The password is wrong.").with_code("wrong_password"));
        }
        let Some(step) = totp.step_of(&digits(code), self.clock().now()) else {
            // Whoever sees the seed gains nothing by guessing.
            return Err(wrong());
        };
        let (codes, indexes) = recovery_codes(&deployment)?;
        let mut write = deployment.write().await?;
        if write.authenticator_find(id).await?.is_some() {
            return Err(exists());
        }
        write.authenticator_set(id, seed, step).await?;
        write.recovery_codes_set(id, &indexes).await?;
        let signed_in = self.session_go_on(&mut write, session).await?;
        let event = Event::new(Action::UserSecondFactorSet)
            .on("session", signed_in.session)
            .on_user(id)
            .fact("kind", Shown::App.as_str())
            .personal("address", network(address));
        write.commit(event).await?;
        Ok((signed_in, codes))
    }

    /// Shows the second factor in a session that began without it; it goes on as a new one.
    ///
    /// # Errors
    /// `Invalid` with code `wrong_code`; `Conflict` with code `no_second_factor`; `Limited` after too many.
    pub async fn second_factor_show(
        &self,
        session: &Session,
        code: &str,
        address: IpAddr,
    ) -> Result<SignedIn> {
        let id = session.user();
        let (mut write, shown, _) = self.show(session, code, address).await?;
        let signed_in = self.session_go_on(&mut write, session).await?;
        write.commit(signed_in_with(&signed_in, id, shown, network(address))).await?;
        Ok(signed_in)
    }

    /// Removes the app and the recovery codes. Every session ends; the answer is a new one for whoever is at the
    /// keyboard, without a second factor.
    ///
    /// # Errors
    /// As [`Identity::second_factor_show`].
    pub async fn authenticator_remove(
        &self,
        session: &Session,
        code: &str,
        address: IpAddr,
    ) -> Result<SignedIn> {
        let id = session.user();
        let (mut write, shown, _) = self.show(session, code, address).await?;
        let ended = factor_forget(&mut write, id).await?;
        let proofs = Proofs { second: None, ..session.proofs() };
        let signed_in = self.session_open(&mut write, id, (proofs, session.lasting())).await?;
        let event = Event::new(Action::UserSecondFactorRemove)
            .on("session", signed_in.session)
            .on_user(id)
            .fact("shown", shown.as_str())
            .fact("sessions_ended", ended)
            .personal("address", network(address));
        write.commit(event).await?;
        Ok(signed_in)
    }

    /// Ten new recovery codes in place of those that are left; shown this once.
    ///
    /// # Errors
    /// As [`Identity::second_factor_show`].
    pub async fn recovery_codes_renew(
        &self,
        session: &Session,
        code: &str,
        address: IpAddr,
    ) -> Result<Vec<Secret<String>>> {
        let id = session.user();
        let (mut write, shown, deployment) = self.show(session, code, address).await?;
        let (codes, indexes) = recovery_codes(&deployment)?;
        write.recovery_codes_set(id, &indexes).await?;
        let event = Event::new(Action::UserRecoveryCodesRenew)
            .on_user(id)
            .fact("shown", shown.as_str())
            .personal("address", network(address));
        write.commit(event).await?;
        Ok(codes)
    }

    /// Removes the second factor of somebody who lost app and recovery codes, and ends their sessions; says whether there
    /// was one. For the command line, after whoever runs the machine made sure who asks: nothing on the network reaches
    /// this.
    ///
    /// # Errors
    /// `NotFound` when nobody has this address.
    pub async fn second_factor_reset(&self, email: &str) -> Result<bool> {
        let email = vault::normalise_email(email)?;
        let mut write = self.store().deployment(Authority::Bootstrap).await?.write().await?;
        let user = write.user_find_by_email(&email).await?;
        let id = user.ok_or_else(|| Error::not_found("account"))?.id;
        if write.authenticator_find(id).await?.is_none() {
            return Ok(false);
        }
        let ended = factor_forget(&mut write, id).await?;
        let event = Event::new(Action::UserSecondFactorRemove)
            .on_user(id)
            .fact("reset", true)
            .fact("sessions_ended", ended);
        write.commit(event).await?;
        Ok(true)
    }

    /// Whether a sign-in waits for its second factor under this token.
    pub async fn half_sign_in_waits(&self, token: &Secret<String>) -> Result<bool> {
        let digest = vault::sha256(token.expose().as_bytes());
        Ok(self.as_nobody().await?.read().await?.half_sign_in_find(&digest).await?.is_some())
    }

    /// The second half of signing in; `stay` says whether the session is to outlive the browser.
    ///
    /// # Errors
    /// `Unauthenticated` with code `half_sign_in_over`; `Invalid` with code `wrong_code`; `Limited` after too many.
    pub async fn sign_in_finish(
        &self,
        token: &Secret<String>,
        (code, stay): (&str, bool),
        address: IpAddr,
    ) -> Result<SignedIn> {
        let deployment = self.as_nobody().await?;
        let digest = vault::sha256(token.expose().as_bytes());
        let mut read = deployment.read().await?;
        let waiting = read.half_sign_in_find(&digest).await?.ok_or_else(over)?;
        let id = waiting.user;
        let user = read.user_fetch(id).await?;
        drop(read);
        if user.disabled.is_some() {
            return Err(over());
        }
        let guess = self.guess(&deployment, &user.email, address).await?;
        let (mut write, shown) =
            self.take(&deployment, (id, &guess), Actor::Anonymous, code).await?;
        if !write.half_sign_in_take(&digest).await? {
            return Err(over());
        }
        let proofs = waiting.proofs.and_second(self.clock().now());
        let signed_in = self.session_open(&mut write, id, (proofs, stay)).await?;
        let event = signed_in_with(&signed_in, id, shown, guess.address.clone());
        write.commit(event.by(Actor::User(id))).await?;
        Ok(signed_in)
    }

    /// Ends a session in which the second factor was just shown; it goes on as another one.
    async fn session_go_on(
        &self,
        write: &mut DeploymentWrite,
        session: &Session,
    ) -> Result<SignedIn> {
        write.session_end(session.user(), session.id()).await?;
        let proofs = session.proofs().and_second(self.clock().now());
        self.session_open(write, session.user(), (proofs, session.lasting())).await
    }

    /// The first half: what was shown first was right.
    pub(crate) async fn half_sign_in(
        &self,
        mut write: DeploymentWrite,
        (user, first): (UserId, First),
        guess: &Guess,
    ) -> Result<Half> {
        let token = vault::random_token()?;
        let expires = self.clock().now().plus(HALF);
        let digest = vault::sha256(token.expose().as_bytes());
        write.half_sign_in_create((user, first), &digest, expires).await?;
        let event = Event::new(Action::SessionBegin)
            .by(Actor::User(user))
            .on_user(user)
            .fact("first", first.as_str())
            .personal("address", guess.address.clone());
        write.commit(event).await?;
        Ok(Half { token, expires })
    }

    /// The transaction of somebody who shows their second factor, in which it was taken.
    async fn show(
        &self,
        session: &Session,
        code: &str,
        address: IpAddr,
    ) -> Result<(DeploymentWrite, Shown, Deployment)> {
        let deployment = self.as_self(session).await?;
        let user = deployment.read().await?.user_fetch(session.user()).await?;
        let guess = self.guess(&deployment, &user.email, address).await?;
        let whose = (user.id, &guess);
        let (write, shown) = self.take(&deployment, whose, Actor::User(user.id), code).await?;
        Ok((write, shown, deployment))
    }

    /// Takes a code, in a transaction that is the caller's to commit; a wrong one is written down.
    async fn take(
        &self,
        deployment: &Deployment,
        (user, guess): (UserId, &Guess),
        actor: Actor,
        code: &str,
    ) -> Result<(DeploymentWrite, Shown)> {
        let mut write = deployment.write().await?;
        let app = write.authenticator_find(user).await?.ok_or_else(none)?;
        let plain = digits(code);
        let shown = if plain.len() == 6 && plain.bytes().all(|byte| byte.is_ascii_digit()) {
            let totp = Totp::parse(&app.seed, ISSUER, ISSUER)?;
            let step = totp.step_of(&plain, self.clock().now());
            let step = step.filter(|step| *step > app.last_step);
            match step {
                Some(step) => write.authenticator_take(user, step).await?.then_some(Shown::App),
                None => None,
            }
        } else {
            let index = deployment.recovery_index(&plain.to_ascii_lowercase())?;
            write.recovery_code_take(user, &index).await?.then_some(Shown::Recovery)
        };
        match shown {
            Some(shown) => Ok((write, shown)),
            None => {
                drop(write);
                self.refuse(deployment, guess, actor).await?;
                Err(wrong())
            }
        }
    }
}

/// Forgets app and recovery codes, and everything that was opened or begun with them; says how many sessions ended.
async fn factor_forget(write: &mut DeploymentWrite, user: UserId) -> Result<u64> {
    write.authenticator_remove(user).await?;
    write.half_sign_ins_forget(user).await?;
    write.sign_in_codes_forget(user).await?;
    write.sessions_end_all(user).await
}

fn exists() -> Error {
    Error::conflict("A second factor is set up already.").with_code("second_factor_exists")
}

fn offered(totp: &Totp) -> Result<NewAuthenticator> {
    Ok(NewAuthenticator { seed: totp.seed(), address: totp.address()? })
}

/// Apps show codes in groups, and paper has dashes.
fn digits(code: &str) -> String {
    code.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').take(32).collect()
}

/// What is kept of a recovery code.
type Index = Vec<u8>;

/// New codes, and what is kept of them.
fn recovery_codes(deployment: &Deployment) -> Result<(Vec<Secret<String>>, Vec<Index>)> {
    let mut codes = Vec::with_capacity(RECOVERY_CODES);
    let mut indexes = Vec::with_capacity(RECOVERY_CODES);
    for _ in 0..RECOVERY_CODES {
        let code = vault::random_recovery_code()?;
        indexes.push(deployment.recovery_index(&digits(code.expose()))?);
        codes.push(code);
    }
    Ok((codes, indexes))
}

fn signed_in_with(signed_in: &SignedIn, user: UserId, shown: Shown, address: String) -> Event {
    Event::new(Action::SessionCreate)
        .on("session", signed_in.session)
        .on_user(user)
        .fact("second_factor", shown.as_str())
        .personal("address", address)
}
