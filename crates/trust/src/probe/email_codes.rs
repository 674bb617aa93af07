//! IDN-03: somebody asks for a code as everybody does. The letter to them is written for nobody, as they are made up; the
//! prober finds the code by trying all of them under the key of this installation, which nobody without the key can.

use std::{net::Ipv4Addr, time::Duration};

use domain::{Error, Result};

use super::{
    Finding, Findings, Run,
    plainly::{Door, Said},
    shadow::Shadow,
    sign_in::{end, pair, person::Person},
};
use crate::{
    evidence::{Reason, Verdict},
    registry::ParamValue,
};

const CONTROL: &str = "IDN-03";
/// What is typed where nothing may open: in another browser, once more, after too many tries, too late.
const REFUSED: u64 = 4;

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let nothing = |reason| Finding::new(Verdict::Inconclusive(reason), false, (0, 0));
    let finding = match Door::of(cx.site.client.base()) {
        None => nothing(Reason::Unreachable),
        Some(door) => {
            let person = Person::without_password(cx);
            for cookie in person.settle(cx, &door).await? {
                end(&door, &cookie).await?;
            }
            match Browser::ask(cx, &door, &person.email).await? {
                // No letters are sent here, so there are no codes either.
                None => nothing(Reason::NothingThere),
                Some(browser) => tried(cx, &door, browser).await?,
            }
        }
    };
    Ok(vec![(CONTROL, finding)])
}

async fn tried(cx: Run<'_>, door: &Door, browser: Browser) -> Result<Finding> {
    let gone = || Error::upstream("No code is stored for a browser that asked for one.");
    let digest = vault::sha256(browser.token().as_bytes());
    let stored = cx.site.inspector.stored_code(&digest).await?.ok_or_else(gone)?;
    let code = stored.digits.ok_or_else(|| Error::upstream("The code has not six digits."))?;
    let bare = vault::sha256(code.as_bytes()).as_slice() == stored.stored.as_slice();
    let long = stored.holds > Duration::from_secs_f64(number(cx, "validity_minutes") * 60.0);
    let readable = stored.stored.windows(code.len()).any(|part| part == code.as_bytes());

    let word = cx.seed.text("nobody", 14).to_lowercase();
    let nobody =
        Browser::ask(cx, door, &format!("{word}@nobody.example")).await?.ok_or_else(gone)?;
    let mut opened = u64::from(nobody.enters(door, &code).await?);
    let mut compared = 1_u64;
    while nobody.is_compared(door, "000000").await? && compared < 100 {
        compared += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "below 1000")]
    let endless = compared as f64 > number(cx, "attempts");
    let works = browser.enters(door, &code).await?;
    opened += u64::from(browser.enters(door, &code).await?);
    let late = &cx.houses.third.late;
    opened += u64::from(browser.keeping(&late.token).enters(door, &late.code).await?);

    let planted = works && careless_servers_are_caught(&browser, &code).await?;
    let verdict = if opened > 0 || endless || long {
        Verdict::Fail(Reason::CodeAccepted)
    } else if bare || readable {
        Verdict::Fail(Reason::HashMismatch)
    } else if !works {
        Verdict::Error(Reason::Unreachable)
    } else {
        Verdict::held(planted, REFUSED, REFUSED, cx.floor(CONTROL))
    };
    Ok(Finding::new(verdict, planted, (REFUSED, REFUSED))
        .measure("tries that were compared before a code was dead", compared, "tries")
        .measure("time for which a code holds", stored.holds.as_secs(), "seconds")
        .uncovered(["whether the letter arrives".to_owned()]))
}

/// A server that lets in whoever types anything.
async fn careless_servers_are_caught(browser: &Browser, code: &str) -> Result<bool> {
    let headers = "content-type: text/html\r\nset-cookie: probity-session=x; Path=/";
    let page = [("enter".to_owned(), "<!doctype html>".to_owned())];
    let shadow = Shadow::serve_with(headers, page.into()).await?;
    match Door::of(&shadow.base_url()) {
        Some(door) => browser.enters(&door, code).await,
        None => Ok(false),
    }
}

fn number(cx: Run<'_>, name: &str) -> f64 {
    match cx.param(CONTROL, name) {
        Some(ParamValue::Number(number)) => number.clamp(0.0, 1000.0),
        _ => 0.0,
    }
}

/// One in which a code was asked for.
struct Browser {
    /// `name=value`.
    cookie: String,
}

impl Browser {
    /// `None` where no codes are sent.
    async fn ask(cx: Run<'_>, door: &Door, email: &str) -> Result<Option<Self>> {
        // Each from an address of its own: letters at the request of one are few.
        let part = |what: &str| {
            let word = cx.seed.text(&format!("{email}|{what}"), 4);
            word.bytes().fold(1_u8, u8::wrapping_add).max(2)
        };
        let from = Ipv4Addr::new(127, part("second"), part("third"), part("fourth"));
        let form = format!("email={}", email.replace('@', "%40"));
        let said = door.ask(Some(from), ("POST", "/sign-in/code"), "", &form).await?;
        match said.status {
            303 => {
                let cookie = said.cookies.iter().map(|cookie| pair(cookie)).next();
                let none = || Error::upstream("Asking for a code set no cookie.");
                Ok(Some(Self { cookie: cookie.ok_or_else(none)?.to_owned() }))
            }
            503 => Ok(None),
            status => Err(Error::upstream(format!("No code was sent: status {status}."))),
        }
    }

    /// One like it that keeps this token.
    fn keeping(&self, token: &str) -> Self {
        let name = self.cookie.split('=').next().unwrap_or_default();
        Self { cookie: format!("{name}={token}") }
    }

    fn token(&self) -> &str {
        self.cookie.split_once('=').map_or("", |(_, token)| token)
    }

    async fn type_in(&self, door: &Door, code: &str) -> Result<Said> {
        let header = format!("cookie: {}\r\n", self.cookie);
        let form = format!("code={code}&next=%2Faccount");
        door.ask(None, ("POST", "/sign-in/code/enter"), &header, &form).await
    }

    /// Whether somebody is signed in by it; nobody stays so.
    async fn enters(&self, door: &Door, code: &str) -> Result<bool> {
        let said = self.type_in(door, code).await?;
        let opened = said.cookies.iter().map(|cookie| pair(cookie));
        let opened = opened.filter(|pair| !pair.ends_with('=')).map(str::to_owned).next();
        if let Some(session) = &opened {
            end(door, session).await?;
        }
        Ok(opened.is_some())
    }

    /// Whether the server looked at what was typed, which is wrong.
    async fn is_compared(&self, door: &Door, code: &str) -> Result<bool> {
        Ok(self.type_in(door, code).await?.status != 401)
    }
}
