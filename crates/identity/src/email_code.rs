//! Signing in with a code that is sent by letter.
//!
//! A code holds for ten minutes, once, and only in the browser in which it was asked for; a link in the letter only fills
//! it in, so that programs that follow links use nothing up. Whether or not somebody has the address, the same is looked
//! up, the same is written and the answer is the same.

use std::{net::IpAddr, time::Duration};

use domain::{
    Action, Actor, Error, Event, First, Result, Secret, Timestamp, Topic, UserId, sign_in_letter,
};
use store::{CodesAsked, NewSignInCode, Tried};

use crate::{Identity, SignInStep, guessing::network, sign_in::hex};

/// How long a code holds (ten minutes).
const HOLDS: Duration = Duration::from_secs(10 * 60);
/// Between two letters to one address at the request of one network.
const PAUSE: Duration = Duration::from_secs(30);
/// Letters to one address: in a quarter of an hour at the request of one network, and in an hour at that of all.
const HERE: u64 = 3;
const ANYWHERE: u64 = 12;
/// Letters to any address in a quarter of an hour at the request of one network: a whole office begins its day behind one.
const FROM_HERE: u64 = 300;

/// What the browser keeps of having asked for a code.
#[derive(Debug)]
pub struct CodeAsked {
    pub token: Secret<String>,
    pub expires: Timestamp,
}

fn no_codes() -> Error {
    Error::unavailable("This server sends no codes by e-mail. Sign in another way.")
        .with_code("no_codes")
}

fn over() -> Error {
    Error::unauthenticated("No code waits to be typed in this browser. Ask for a new one.")
        .with_code("code_over")
}

fn wrong() -> Error {
    Error::invalid("This code is wrong. Look at the newest letter, or ask for another code.")
        .with_code("wrong_code")
}

fn too_many() -> Error {
    Error::limited(
        "Too many codes were asked for. Wait a few minutes; the last one may still come.",
    )
    .with_code("too_many_codes")
}

impl Identity {
    /// Whether people can sign in with a code that is sent to them.
    #[must_use]
    pub fn offers_codes(&self) -> bool {
        self.0.config.email_codes && self.store().has_mail()
    }

    /// Sends a code to whoever has this address, if that is somebody; the answer is for the browser to keep.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_email`; `Limited` with code `too_many_codes`; `Unavailable` with code `no_codes`.
    pub async fn code_ask(&self, email: &str, address: IpAddr) -> Result<CodeAsked> {
        if !self.offers_codes() {
            return Err(no_codes());
        }
        let email = vault::normalise_email(email)?;
        let deployment = self.as_nobody().await?;
        let address = network(address);
        let email_index = deployment.email_index(&email)?;
        let address_index = deployment.address_index(&address)?;
        let token = vault::random_token()?;
        let browser = vault::sha256(token.expose().as_bytes());
        let expires = self.clock().now().plus(HOLDS);
        // Begun before counting: of many at once, no more letters leave than may.
        let (_under_way, at_once) = self.0.under_way.begin(&[&email_index, &b"code"[..]].concat());
        let mut write = deployment.write().await?;
        let asked = write.sign_in_codes_asked(&email_index, &address_index).await?;
        self.not_too_many(&asked, at_once)?;
        let user = write.user_find_by_email(&email).await?.filter(|user| user.disabled.is_none());
        let id = user.as_ref().map_or_else(|| UserId::new(self.clock().now()), |user| user.id);
        let of_probes = write.user_is_of_probes(id).await?;
        let code = vault::random_sign_in_code(asked.guessed)?;
        let new = NewSignInCode {
            browser: &browser,
            user: user.map(|user| user.id),
            email_index: &email_index,
            address_index: &address_index,
            code: &typed(code.expose()),
            long: asked.guessed,
            expires,
        };
        write.sign_in_code_create(new).await?;
        let letter = (Topic::SignInCode, &sign_in_letter(code.expose()));
        if new.user.is_some() && !of_probes {
            write.letter_post(&email, letter, Some(HOLDS)).await?;
        } else {
            write.letter_post_to_nobody(&email, letter, Some(HOLDS)).await?;
        }
        let event = Event::new(Action::SessionCode)
            .personal("email_index", hex(&email_index))
            .personal("address", address);
        write.commit(event).await?;
        Ok(CodeAsked { token, expires })
    }

    /// `at_once` is how many codes are being asked for this address right now, this one included.
    fn not_too_many(&self, asked: &CodesAsked, at_once: u32) -> Result<()> {
        let recent = asked.last.is_some_and(|last| self.clock().now().since(last) < PAUSE);
        let soon = recent || at_once > 1;
        let many = asked.here >= HERE || asked.anywhere >= ANYWHERE || asked.from_here >= FROM_HERE;
        if soon || many { Err(too_many()) } else { Ok(()) }
    }

    /// Whether a code waits to be typed in the browser that keeps this.
    pub async fn code_waits(&self, token: &Secret<String>) -> Result<bool> {
        let browser = vault::sha256(token.expose().as_bytes());
        Ok(self.as_nobody().await?.read().await?.sign_in_code_waits(&browser).await?.is_some())
    }

    /// Signs in with a code, or half way where the account has a second factor; `stay` says whether the session is to
    /// outlive the browser.
    ///
    /// # Errors
    /// `Invalid` with code `wrong_code`; `Unauthenticated` with code `code_over` when it was used, is too old, was tried
    /// too often or was asked for in another browser; `Limited` with code `too_many_attempts`.
    pub async fn code_enter(
        &self,
        token: &Secret<String>,
        (code, stay): (&str, bool),
        address: IpAddr,
    ) -> Result<SignInStep> {
        if !self.offers_codes() {
            return Err(no_codes());
        }
        let deployment = self.as_nobody().await?;
        let browser = vault::sha256(token.expose().as_bytes());
        let waits = deployment.read().await?.sign_in_code_waits(&browser).await?;
        let guess = self.guess_at(&deployment, waits.ok_or_else(over)?, address).await?;
        let mut write = deployment.write().await?;
        let user = match write.sign_in_code_try(&browser, &typed(code)).await? {
            Tried::Right(user) => user,
            Tried::Over => return Err(over()),
            Tried::Wrong => {
                self.refuse_in(write, &guess, Actor::Anonymous).await?;
                return Err(wrong());
            }
        };
        if write.user_fetch(user).await?.disabled.is_some() {
            return Err(over());
        }
        self.let_in(write, (user, First::Email, stay), &guess).await
    }
}

/// As it is compared: letters show codes in groups, and people type them as they like.
fn typed(code: &str) -> String {
    let letters = code.chars().filter(char::is_ascii_alphanumeric).take(32);
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}
