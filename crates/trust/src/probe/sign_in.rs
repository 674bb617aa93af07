//! IDN-23 and IDN-25: a person signs in as everybody does, and every cookie that lets them in is looked at as it was set. IDN-01 and
//! IDN-02: so is what lies in the database of their password, and of all others.

mod code;
mod hashes;
pub(super) mod person;

use domain::Result;
use serde_json::Value;

use super::{Finding, Findings, Run, plainly::Door, shadow::Shadow};
use crate::{
    client::{Auth, Payload},
    evidence::{Reason, Verdict},
};
use person::Person;

const CONTROL: &str = "IDN-23";
const ENDING: &str = "IDN-25";
/// What only a host's own pages over TLS can set.
const PREFIX: &str = "__Host-";
/// Cookies as careless servers set them, each with one thing wrong.
const CARELESS: [&str; 4] = [
    "__Host-probity=x; SameSite=Lax; Secure; Path=/",
    "__Host-probity=x; HttpOnly; Secure; Path=/",
    "__Host-probity=x; HttpOnly; SameSite=None; Secure; Path=/",
    "__Host-probity=x; HttpOnly; SameSite=Lax; Path=/",
];

pub(super) async fn run(cx: Run<'_>) -> Result<Findings> {
    let neither = |verdict: Verdict| [(); 2].map(|()| Finding::new(verdict, false, (0, 0)));
    let [guarded, ending] = match Door::of(cx.site.client.base()) {
        Some(door) => cookies(cx, &door).await.unwrap_or_else(|error| {
            // Nobody can sign in: what is stored of passwords may say why.
            tracing::warn!(code = error.code(), causes = %error.causes(), "nobody was let in: {error}");
            neither(Verdict::Error(Reason::Unreachable))
        }),
        None => neither(Verdict::Inconclusive(Reason::Unreachable)),
    };
    let [hashes, sealed] = hashes::run(cx).await?;
    let code = code::run(cx).await;
    Ok(vec![
        (CONTROL, guarded),
        (ENDING, ending),
        ("IDN-01", hashes),
        ("IDN-02", sealed),
        ("IDN-15", code),
    ])
}

async fn cookies(cx: Run<'_>, door: &Door) -> Result<[Finding; 2]> {
    let tls = is_reached_over_tls(cx).await?;
    let person = Person::of(cx);
    let mut cookies = person.settle(cx, door).await?;
    cookies.extend(person.sign_in(door, false).await?);
    let (mut sessions, mut guarded, mut ending) = (0, 0, 0);
    for cookie in &cookies {
        if lets_in(door, cookie).await? {
            sessions += 1;
            guarded += u64::from(is_guarded(cookie, tls));
            ending += u64::from(!is_lasting(cookie));
            end(door, cookie).await?;
        }
    }
    let ending = of_ends(cx, (ending, sessions), stays(&person, door).await?);
    let planted = careless_cookies_are_caught(cx).await?;
    let verdict = if guarded < sessions {
        Verdict::Fail(Reason::CookieOpen)
    } else {
        Verdict::held(planted, guarded, sessions, cx.floor(CONTROL))
    };
    let plain = "the encrypted way: this installation is reached without TLS";
    let finding = Finding::new(verdict, planted, (guarded, sessions))
        .measure("cookies that were set", cookies.len() as u64, "cookies")
        .measure("of them for encrypted connections only", if tls { guarded } else { 0 }, "cookies")
        .uncovered((!tls).then(|| plain.to_owned()));
    Ok([finding, ending])
}

/// Whether a browser keeps the cookie when it closes.
fn is_lasting(cookie: &str) -> bool {
    let mut attributes = cookie.split(';').skip(1).map(|one| one.trim().to_ascii_lowercase());
    attributes.any(|one| one.starts_with("max-age=") || one.starts_with("expires="))
}

/// Whoever wants to stay signed in gets a cookie that lasts: that is what must be seen where nobody asked for it.
async fn stays(person: &Person, door: &Door) -> Result<bool> {
    let mut stays = false;
    for cookie in person.sign_in(door, true).await? {
        stays |= is_lasting(&cookie) && lets_in(door, &cookie).await?;
        end(door, &cookie).await?;
    }
    Ok(stays)
}

fn of_ends(cx: Run<'_>, (ending, sessions): (u64, u64), planted: bool) -> Finding {
    let verdict = if ending < sessions {
        Verdict::Fail(Reason::CookieLasts)
    } else {
        Verdict::held(planted, ending, sessions, cx.floor(ENDING))
    };
    Finding::new(verdict, planted, (ending, sessions))
}

/// Whether people reach this installation over TLS, by the address that it names itself.
async fn is_reached_over_tls(cx: Run<'_>) -> Result<bool> {
    let path = "/.well-known/trust.json";
    let answer = cx.site.client.send("GET", path, Auth::Nobody, Payload::Empty).await?.ok()?;
    let named: Value = answer.json()?;
    let page = named.get("page").and_then(Value::as_str).unwrap_or_default();
    Ok(page.starts_with("https://"))
}

/// `name=value`, as a browser sends it back.
pub(super) fn pair(cookie: &str) -> &str {
    cookie.split(';').next().unwrap_or_default()
}

/// Whether a browser that has this cookie is somebody.
async fn lets_in(door: &Door, cookie: &str) -> Result<bool> {
    let header = format!("cookie: {}\r\n", pair(cookie));
    let said = door.ask(None, ("GET", "/api/v1/organizations"), &header, "").await?;
    Ok(said.status == 200)
}

/// Nobody stays signed in.
pub(super) async fn end(door: &Door, cookie: &str) -> Result<()> {
    let header = format!("cookie: {}\r\n", pair(cookie));
    door.ask(None, ("POST", "/sign-out"), &header, "").await.map(drop)
}

/// Out of reach of scripts and of what other sites submit; over TLS bound to it and to this host.
fn is_guarded(cookie: &str, tls: bool) -> bool {
    let attributes = cookie.split(';').skip(1).map(str::trim);
    let has = |wanted: &str| attributes.clone().any(|one| one.eq_ignore_ascii_case(wanted));
    let kept = has("HttpOnly") && (has("SameSite=Lax") || has("SameSite=Strict"));
    let named =
        |name: &str| attributes.clone().any(|one| one.to_ascii_lowercase().starts_with(name));
    let bound = cookie.starts_with(PREFIX) && has("Secure") && has("Path=/") && !named("domain");
    kept && (bound || !tls)
}

/// A server that sets a cookie as many do, and every way in which one can be careless, must be noticed.
async fn careless_cookies_are_caught(cx: Run<'_>) -> Result<bool> {
    let headers = "content-type: text/html\r\nset-cookie: probity-session=x; Path=/";
    let page = [("sign-in".to_owned(), "<!doctype html>".to_owned())];
    let shadow = Shadow::serve_with(headers, page.into()).await?;
    let Some(door) = Door::of(&shadow.base_url()) else { return Ok(false) };
    let said = door.ask(None, ("POST", "/sign-in"), "", &cx.seed.text("form", 8)).await?;
    let caught = said.cookies.iter().any(|cookie| !is_guarded(cookie, false));
    Ok(caught && CARELESS.iter().all(|cookie| !is_guarded(cookie, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_guarded_or_not() {
        let good = "__Host-probity=abc; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60";
        assert!(is_guarded(good, true) && is_guarded(good, false));
        let plain = "probity-session=abc; HttpOnly; SameSite=Lax; Path=/; Max-Age=60";
        assert!(is_guarded(plain, false) && !is_guarded(plain, true));
        assert!(!is_guarded(&format!("{good}; Domain=example.org"), true));
        for careless in CARELESS {
            assert!(!is_guarded(careless, true), "{careless}");
        }
        assert_eq!(pair(good), "__Host-probity=abc");
    }
}
