//! Requests that another site makes a browser send.
//!
//! Browsers say where a request comes from in `Sec-Fetch-Site`, older ones in `Origin`. A change that carries
//! a session cookie and neither header is refused as well: no browser sends that, and a proxy that strips them
//! would switch the check off.

use domain::{Error, Result};
use http::{HeaderMap, Method, Uri, header};

/// Refuses a change that did not come from this server's own pages.
///
/// # Errors
/// `Forbidden` with code `cross_site`.
pub(crate) fn check(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    with_cookie: bool,
    public_url: &str,
) -> Result<()> {
    if method.is_safe() {
        return Ok(());
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return if matches!(site, "same-origin" | "none") { Ok(()) } else { Err(refused()) };
    }
    if let Some(origin) = text("origin") {
        let host = text(header::HOST.as_str())
            .or_else(|| uri.authority().map(http::uri::Authority::as_str))
            .unwrap_or_default();
        let own = origin.split_once("://").is_some_and(|(_, at)| !at.is_empty() && at == host);
        return if own || origin == public_url { Ok(()) } else { Err(refused()) };
    }
    if with_cookie { Err(refused()) } else { Ok(()) }
}

fn refused() -> Error {
    Error::forbidden(
        "This change did not come from a page of this server, so it was not carried out.",
    )
    .with_code("cross_site")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn post(pairs: &[(&'static str, &'static str)], with_cookie: bool) -> bool {
        let headers = pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        let uri = Uri::from_static("/o/acme/projects");
        check(&Method::POST, &uri, &headers, with_cookie, "https://ai.example").is_ok()
    }

    #[test]
    fn only_this_server_s_pages_may_change_things() {
        assert!(post(&[("sec-fetch-site", "same-origin")], true));
        assert!(!post(&[("sec-fetch-site", "cross-site")], true));
        assert!(!post(&[("sec-fetch-site", "same-site")], true));
        assert!(!post(&[("sec-fetch-site", "cross-site"), ("origin", "https://ai.example")], true));
        assert!(post(&[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")], true));
        assert!(post(&[("host", "inner:1"), ("origin", "https://ai.example")], true));
        assert!(!post(&[("host", "127.0.0.1:8080"), ("origin", "http://evil.example")], true));
        assert!(!post(&[("host", "127.0.0.1:8080"), ("origin", "null")], true));
        assert!(
            !post(&[("host", "127.0.0.1:8080")], true),
            "no browser sends a cookie and neither header"
        );
        assert!(post(&[], false), "a program without a cookie is no browser");
    }
}
