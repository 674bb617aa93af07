//! The cookies: the session, a sign-in that waits for its second factor or is under way elsewhere, and the choice of theme.

use cookie::{Cookie, SameSite};
use domain::{Secret, Timestamp};
use http::{HeaderMap, HeaderValue, header};
use identity::SignedIn;

use crate::view::Theme;

/// Over TLS the prefix makes browsers refuse a cookie that another host or path could set.
const SECURE: &str = "__Host-probity";
/// The prefix needs `Secure`, which some browsers and most HTTP libraries do not grant plain HTTP, loopback included.
const PLAIN: &str = "probity-session";
const THEME: &str = "probity-theme";

/// A sign-in that is not done yet: each kind has a cookie of its own, so that none is taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// For a second factor.
    Half,
    /// For whoever is signing in at their organization to come back.
    Flow,
    /// For the code of a letter to be typed in this browser.
    Code,
}

impl Waiting {
    const fn name(self, secure: bool) -> &'static str {
        match (self, secure) {
            (Self::Half, true) => "__Host-probity-half",
            (Self::Half, false) => "probity-half",
            (Self::Flow, true) => "__Host-probity-sso",
            (Self::Flow, false) => "probity-sso",
            (Self::Code, true) => "__Host-probity-code",
            (Self::Code, false) => "probity-code",
        }
    }

    /// The token that came with a request.
    pub(crate) fn token(self, headers: &HeaderMap, secure: bool) -> Option<Secret<String>> {
        token(headers, self.name(secure))
    }

    /// Sets the cookie until `expires`.
    pub(crate) fn start(
        self,
        token: &Secret<String>,
        (now, expires): (Timestamp, Timestamp),
        secure: bool,
    ) -> Option<HeaderValue> {
        let seconds = i64::try_from(expires.since(now).as_secs()).unwrap_or(0);
        header(&build(self.name(secure), token.expose().clone(), secure, seconds))
    }

    /// Makes the browser forget it.
    pub(crate) fn end(self, secure: bool) -> Option<HeaderValue> {
        header(&build(self.name(secure), String::new(), secure, 0))
    }
}

fn name(secure: bool) -> &'static str {
    if secure { SECURE } else { PLAIN }
}

fn find(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| Cookie::split_parse(line.to_owned()).flatten());
    pairs.find(|cookie| cookie.name() == wanted).map(|cookie| cookie.value().to_owned())
}

fn token(headers: &HeaderMap, name: &str) -> Option<Secret<String>> {
    find(headers, name).filter(|token| !token.is_empty()).map(Secret::new)
}

/// The session token that came with a request.
pub(crate) fn session(headers: &HeaderMap, secure: bool) -> Option<Secret<String>> {
    token(headers, name(secure))
}

pub(crate) fn theme(headers: &HeaderMap) -> Theme {
    find(headers, THEME).map(|text| Theme::parse(&text)).unwrap_or_default()
}

fn header(cookie: &Cookie<'_>) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&cookie.to_string()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn build(name: &'static str, value: String, secure: bool, seconds: i64) -> Cookie<'static> {
    let mut cookie = of_browser(name, value, secure);
    cookie.set_max_age(cookie::time::Duration::seconds(seconds));
    cookie
}

/// Forgotten when the browser closes.
fn of_browser(name: &'static str, value: String, secure: bool) -> Cookie<'static> {
    let cookie = Cookie::build((name, value)).path("/").http_only(true);
    cookie.secure(secure).same_site(SameSite::Lax).build()
}

/// Sets the session cookie; one that does not last ends with the browser.
pub(crate) fn start(signed_in: &SignedIn, now: Timestamp, secure: bool) -> Option<HeaderValue> {
    let token = signed_in.token.expose().clone();
    if !signed_in.lasting {
        return header(&of_browser(name(secure), token, secure));
    }
    let seconds = i64::try_from(signed_in.expires.since(now).as_secs()).unwrap_or(0);
    header(&build(name(secure), token, secure, seconds))
}

/// Makes the browser forget the session.
pub(crate) fn end(secure: bool) -> Option<HeaderValue> {
    header(&build(name(secure), String::new(), secure, 0))
}

/// Keeps the theme for a year; the system's own choice needs no cookie.
pub(crate) fn keep_theme(theme: Theme, secure: bool) -> Option<HeaderValue> {
    let seconds = if theme == Theme::Auto { 0 } else { 31_536_000 };
    header(&build(THEME, theme.as_str().to_owned(), secure, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_cookie_is_out_of_reach() {
        let (now, later) = (Timestamp::from_millis(0), Timestamp::from_millis(60_000));
        let signed_in = |lasting| SignedIn {
            token: Secret::new("abc".to_owned()),
            user: domain::UserId::new(now),
            session: domain::SessionId::new(now),
            expires: later,
            lasting,
        };
        let text = |lasting, secure| {
            let value = start(&signed_in(lasting), now, secure).unwrap();
            value.to_str().unwrap().to_owned()
        };
        let guarded = "__Host-probity=abc; HttpOnly; SameSite=Lax; Secure; Path=/";
        assert_eq!(text(true, true), format!("{guarded}; Max-Age=60"));
        assert_eq!(text(false, true), guarded, "it ends with the browser");
        assert!(!text(true, false).contains("Secure"));
    }

    #[test]
    fn only_its_own_name_counts() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::COOKIE,
            HeaderValue::from_static("a=b; probity-session=t; __Host-probity=s"),
        );
        assert_eq!(session(&headers, false).unwrap().expose(), "t");
        assert_eq!(session(&headers, true).unwrap().expose(), "s");
    }
}
