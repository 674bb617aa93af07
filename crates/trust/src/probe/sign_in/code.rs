//! IDN-15: somebody sets up an authenticator app, signs in with its codes, and tries one of them twice and one too early.

use std::time::Duration;

use domain::{Error, Result, Secret};
use vault::Totp;

use super::{end, pair, person::Person};
use crate::{
    evidence::{Reason, Verdict},
    probe::{Finding, Run, plainly::Door, shadow::Shadow},
};

const CONTROL: &str = "IDN-15";
const STEP: Duration = Duration::from_secs(30);
/// Steps ahead of the clock: more than clocks differ.
const EARLY: u32 = 3;

pub(super) async fn run(cx: Run<'_>) -> Finding {
    let Some(door) = Door::of(cx.site.client.base()) else {
        return Finding::new(Verdict::Inconclusive(Reason::Unreachable), false, (0, 0));
    };
    tried(cx, &door).await.unwrap_or_else(|error| {
        tracing::warn!(code = error.code(), causes = %error.causes(), "a second factor did not work: {error}");
        Finding::new(Verdict::Error(Reason::Unreachable), false, (0, 0))
    })
}

async fn tried(cx: Run<'_>, door: &Door) -> Result<Finding> {
    let careful = Careful::of(cx, door)?;
    for cookie in careful.person.settle(cx, door).await? {
        end(door, &cookie).await?;
    }
    careful.begin_anew().await?;
    careful.set_up().await?;
    let waiting = careful.half().await?;
    let early = careful.opens(&waiting, &careful.later(EARLY)).await?.is_some();
    let code = careful.code();
    let first = careful.opens(&waiting, &code).await?;
    let again = careful.half().await?;
    let second = careful.opens(&again, &code).await?.is_some();
    // The planted violation: a server that lets in whoever sends anything.
    let headers = "content-type: text/html\r\nset-cookie: probity-session=x; Path=/";
    let page = [("second-factor".to_owned(), "<!doctype html>".to_owned())];
    let shadow = Shadow::serve_with(headers, page.into()).await?;
    let caught = match Door::of(&shadow.base_url()) {
        Some(careless) => Careful::of(cx, &careless)?.opens(&again, &code).await?.is_some(),
        None => false,
    };
    let works = match &first {
        Some(session) => careful.remove(session).await?,
        None => false,
    };
    let planted = caught && works;
    let verdict = if early || second {
        Verdict::Fail(Reason::CodeAccepted)
    } else if !works {
        Verdict::Error(Reason::Unreachable)
    } else {
        Verdict::held(planted, 5, 5, cx.floor(CONTROL))
    };
    Ok(Finding::new(verdict, planted, (5, 5))
        .measure("right codes that were taken", if works { 3 } else { 0 }, "codes")
        .measure("codes that were tried a second time or too early", 2, "codes"))
}

/// Somebody with an app, whose seed follows from the prober's own key: what an earlier run left behind can be removed.
struct Careful<'a> {
    cx: Run<'a>,
    door: &'a Door,
    person: Person,
    app: Totp,
}

impl<'a> Careful<'a> {
    fn of(cx: Run<'a>, door: &'a Door) -> Result<Self> {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let word = cx.site.person.text("the seed of an app", 32);
        let letter = |byte: u8| LETTERS.get(usize::from(byte) % 32).copied().unwrap_or(b'A');
        let seed = word.bytes().map(|byte| char::from(letter(byte))).collect();
        let app = Totp::parse(&Secret::new(seed), "Probity", "somebody")?;
        Ok(Self { cx, door, person: Person::careful(cx), app })
    }

    fn code(&self) -> String {
        self.later(0)
    }

    fn later(&self, steps: u32) -> String {
        self.app.code(self.cx.site.clock.now().plus(STEP * steps)).expose().clone()
    }

    /// The code of the step before, which still counts.
    fn before(&self) -> String {
        self.app.code(self.cx.site.clock.now().minus(STEP)).expose().clone()
    }

    /// The cookie of a sign-in, and whether it waits for the second factor.
    async fn sign_in(&self) -> Result<(String, bool)> {
        let cookies = self.person.sign_in(self.door, false).await?;
        let cookie = cookies.iter().map(|cookie| pair(cookie)).find(|pair| !pair.ends_with('='));
        let cookie = cookie.ok_or_else(|| Error::upstream("Signing in set no cookie."))?;
        Ok((cookie.to_owned(), is_half(cookie)))
    }

    async fn half(&self) -> Result<String> {
        match self.sign_in().await? {
            (cookie, true) => Ok(cookie),
            (_, false) => Err(Error::upstream("No second factor was asked for.")),
        }
    }

    /// Sends a form; the session that came of it, if one did.
    async fn send(&self, cookie: &str, path: &str, form: &str) -> Result<(u16, Option<String>)> {
        let header = format!("cookie: {cookie}\r\n");
        let said = self.door.ask(None, ("POST", path), &header, form).await?;
        let sessions = said.cookies.iter().map(|cookie| pair(cookie));
        let session = sessions.filter(|pair| !is_half(pair)).find(|pair| !pair.ends_with('='));
        Ok((said.status, session.map(str::to_owned)))
    }

    /// The session that a code opened.
    async fn opens(&self, waiting: &str, code: &str) -> Result<Option<String>> {
        let form = format!("code={code}&next=%2Faccount");
        Ok(self.send(waiting, "/sign-in/second-factor", &form).await?.1)
    }

    /// Removes what a run that was broken off left behind.
    async fn begin_anew(&self) -> Result<()> {
        let (cookie, half) = self.sign_in().await?;
        if !half {
            return end(self.door, &cookie).await;
        }
        let session = self.opens(&cookie, &self.code()).await?;
        let removed = match session {
            Some(session) => self.remove(&session).await?,
            None => false,
        };
        if removed { Ok(()) } else { Err(Error::upstream("An earlier run left its app behind.")) }
    }

    async fn set_up(&self) -> Result<()> {
        let (cookie, _) = self.sign_in().await?;
        let form = format!(
            "seed={}&code={}&password={}&next=%2Faccount",
            self.app.seed().expose(),
            self.before(),
            self.person.password
        );
        match self.send(&cookie, "/account/second-factor", &form).await? {
            (200, Some(session)) => end(self.door, &session).await,
            (status, _) => {
                Err(Error::upstream(format!("No app was set up: the answer had status {status}.")))
            }
        }
    }

    /// Removes the app by its next code; whether that went well.
    async fn remove(&self, session: &str) -> Result<bool> {
        let form = format!("code={}", self.later(1));
        let (status, after) = self.send(session, "/account/second-factor/remove", &form).await?;
        if let Some(after) = &after {
            end(self.door, after).await?;
        }
        Ok(status == 303 && after.is_some())
    }
}

fn is_half(pair: &str) -> bool {
    pair.split('=').next().is_some_and(|name| name.ends_with("-half"))
}
