//! Destinations: who may be reached, and what is remembered about it.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicI64, AtomicU64, Ordering},
};

use domain::Timestamp;
use http::{HeaderValue, Uri, uri};
use rustls::pki_types::ServerName;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::{Error, ErrorKind};

/// Why something is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A company that runs models.
    Provider,
    /// An engine of the deployment itself: database, objects, mail, a local model server.
    Own,
    /// A place that an organization's events are sent to.
    Receiver,
    /// Where an organization's people sign in.
    IdentityProvider,
    /// A probe's target.
    Probe,
}

/// One place that may be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Unique; for a provider its `ProviderId`.
    pub id: String,
    pub kind: Kind,
    /// Scheme, host, port and the path that every request stays under.
    pub base: Url,
    /// Whether addresses of this machine and its networks are acceptable.
    pub allow_private: bool,
}

/// What left for one destination, and what came back, since the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    pub id: String,
    pub kind: Kind,
    pub host: String,
    pub requests: u64,
    /// Body bytes of requests.
    pub bytes_out: u64,
    /// Body bytes of answers.
    pub bytes_in: u64,
    pub errors: u64,
    /// When the last request left.
    pub last: Option<Timestamp>,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) errors: AtomicU64,
    last: AtomicI64,
}

impl Counters {
    pub(crate) fn request(&self, bytes: u64, now: Timestamp) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
        self.last.store(now.as_millis(), Ordering::Relaxed);
    }

    pub(crate) fn record(&self, of: &Destination) -> Record {
        let requests = self.requests.load(Ordering::Relaxed);
        Record {
            id: of.id.clone(),
            kind: of.kind,
            host: of.base.host_str().unwrap_or_default().to_owned(),
            requests,
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            last: (requests > 0).then(|| Timestamp::from_millis(self.last.load(Ordering::Relaxed))),
        }
    }
}

/// The parts of an HTTP destination, taken apart once.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) tls: Option<ServerName<'static>>,
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
    pub(crate) host_header: HeaderValue,
    authority: uri::Authority,
    /// Without a trailing slash.
    path: String,
}

impl Target {
    /// `None` for destinations that are not spoken to over HTTP.
    ///
    /// # Errors
    /// A sentence when the URL cannot be a destination.
    pub(crate) fn parse(base: &Url) -> Result<Option<Self>, &'static str> {
        let secure = match base.scheme() {
            "https" => true,
            "http" => false,
            _ => return Ok(None),
        };
        if !base.username().is_empty() || base.password().is_some() {
            return Err("The address of a destination must not contain a user name or password.");
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err("The address of a destination must not contain a query or fragment.");
        }
        // `Url` has already turned odd spellings of IPv4 addresses (octal, hexadecimal, one number) into plain ones.
        let host = base.host().ok_or(NOT_A_HOST)?.to_owned();
        let port = base.port_or_known_default().ok_or(NOT_A_HOST)?;
        let name = server_name(&host).ok_or(NOT_A_HOST)?;
        let authority = match base.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        Ok(Some(Self {
            tls: secure.then_some(name),
            host,
            port,
            host_header: HeaderValue::from_str(&authority).map_err(|_| NOT_A_HOST)?,
            authority: authority.parse().map_err(|_| NOT_A_HOST)?,
            path: base.path().trim_end_matches('/').to_owned(),
        }))
    }

    /// The path and query a request goes to: a bare path is taken relative to the base,
    /// an absolute URI must lie within it.
    pub(crate) fn path(&self, uri: &Uri) -> Result<uri::PathAndQuery, Error> {
        let outside = || Error::before(ErrorKind::Outside);
        let asked = uri.path_and_query().ok_or_else(outside)?;
        if climbs(asked.path()) {
            return Err(outside());
        }
        let Some(authority) = uri.authority() else {
            if self.path.is_empty() {
                return Ok(asked.clone());
            }
            let mut path = String::with_capacity(self.path.len() + asked.as_str().len());
            path.push_str(&self.path);
            path.push_str(asked.as_str());
            return uri::PathAndQuery::from_maybe_shared(path).map_err(|_| outside());
        };
        let below = asked.path().strip_prefix(self.path.as_str());
        let within = below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if uri.scheme() != Some(self.scheme()) || !self.is_at(authority) || !within {
            return Err(outside());
        }
        Ok(asked.clone())
    }

    fn is_at(&self, authority: &uri::Authority) -> bool {
        let port = authority.port_u16().unwrap_or(if self.tls.is_some() { 443 } else { 80 });
        !authority.as_str().contains('@')
            && authority.host().eq_ignore_ascii_case(self.authority.host())
            && port == self.port
    }

    fn scheme(&self) -> &'static uri::Scheme {
        match self.tls {
            Some(_) => &uri::Scheme::HTTPS,
            None => &uri::Scheme::HTTP,
        }
    }

    /// The absolute form, which HTTP/2 needs.
    pub(crate) fn absolute(&self, path: uri::PathAndQuery) -> Uri {
        let mut parts = uri::Parts::default();
        parts.scheme = Some(self.scheme().clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path);
        Uri::from_parts(parts).unwrap_or_default()
    }
}

/// What a host has to prove that it is.
pub(crate) fn server_name(host: &Host<String>) -> Option<ServerName<'static>> {
    match host {
        Host::Domain(name) => ServerName::try_from(name.trim_end_matches('.').to_owned()).ok(),
        Host::Ipv4(address) => Some(ServerName::from(std::net::IpAddr::V4(*address))),
        Host::Ipv6(address) => Some(ServerName::from(std::net::IpAddr::V6(*address))),
    }
}

const NOT_A_HOST: &str = "The address of a destination must name a host.";

/// Whether a path has a segment that steps up, in any spelling.
fn climbs(path: &str) -> bool {
    if !path.contains(['.', '%', '\\']) {
        return false;
    }
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8();
    let plain = decoded.unwrap_or(Cow::Borrowed(".."));
    plain.split(['/', '\\']).any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(base: &str) -> Target {
        Target::parse(&Url::parse(base).unwrap()).unwrap().unwrap()
    }

    fn path(base: &str, uri: &str) -> Option<String> {
        target(base).path(&uri.parse().unwrap()).ok().map(|path| path.to_string())
    }

    #[test]
    fn a_path_is_joined_and_an_absolute_uri_must_lie_within() {
        let base = "https://api.example.com/v1/";
        assert_eq!(path(base, "/models?a=b").as_deref(), Some("/v1/models?a=b"));
        assert_eq!(path(base, "https://API.example.com:443/v1/x").as_deref(), Some("/v1/x"));
        for uri in [
            "https://api.example.com/v2/x",
            "https://api.example.com/v10",
            "http://api.example.com/v1/x",
            "https://api.example.com:8443/v1/x",
            "https://user@api.example.com/v1/x",
            "https://evil.example/v1/x",
            "/../admin",
            "/a/%2e%2E/b",
            "/a/..%2fb",
            "/a/.%5c",
        ] {
            assert_eq!(path(base, uri), None, "{uri}");
        }
    }

    #[test]
    fn odd_spellings_of_an_address_are_that_address() {
        for base in ["http://0x7f.1/", "http://2130706433/", "http://0177.0.0.1/", "http://127.1/"]
        {
            assert_eq!(target(base).host.to_string(), "127.0.0.1", "{base}");
        }
    }

    #[test]
    fn credentials_queries_and_empty_hosts_are_refused() {
        for base in
            ["https://a:b@example.com/", "https://example.com/?x=1", "https://example.com/#x"]
        {
            assert!(Target::parse(&Url::parse(base).unwrap()).is_err(), "{base}");
        }
        assert!(Target::parse(&Url::parse("postgres://db/x").unwrap()).unwrap().is_none());
    }
}
