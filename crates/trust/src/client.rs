//! How the prober calls the installation: over a socket, through the same door as everything that leaves.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use domain::{Clock, Error, Result};
use egress::{Deadlines, Destination, Egress, ErrorKind, Kind};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use parking_lot::RwLock;

const SITE: &str = "site";
const BOUNDARY: &str = "probity-probe";

/// Larger answers are cut: no page of this installation comes near.
const LARGEST: usize = 256 << 20;

/// The whole answer must be there by then.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the caller has in hand.
#[derive(Clone, Copy)]
pub(crate) enum Auth<'a> {
    Nobody,
    /// An API key or an admin key.
    Key(&'a str),
    /// The session token of a person.
    Session(&'a str),
    /// The same, in a browser that was sent here from somewhere.
    Sent(&'a str, Sender),
    /// A key, shown by a program that says a word about itself wherever programs do.
    Talkative(&'a str, &'a str),
}

/// What a browser says about the page that made it send a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// Another site, as browsers of today say it.
    OtherSite,
    /// Another host of the same site.
    Sibling,
    /// Another site, as older browsers say it.
    OtherOrigin,
    /// Nothing at all.
    Silent,
}

impl Sender {
    const fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::OtherSite => {
                &[("sec-fetch-site", "cross-site"), ("origin", "https://elsewhere.example")]
            }
            Self::Sibling => &[("sec-fetch-site", "same-site")],
            Self::OtherOrigin => &[("origin", "https://elsewhere.example")],
            Self::Silent => &[],
        }
    }
}

/// What is sent.
#[derive(Clone, Debug, Default)]
pub(crate) enum Payload {
    #[default]
    Empty,
    Json(serde_json::Value),
    Form(Cow<'static, str>),
    /// A file, as a form of several parts carries it.
    File(Cow<'static, str>),
    Raw(Bytes),
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body).map_err(|_| unexpected(self.status))
    }

    /// The body of an answer with a status of success.
    pub(crate) fn ok(self) -> Result<Self> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(unexpected(self.status)) }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

fn unexpected(status: u16) -> Error {
    Error::upstream(format!("The installation answered with status {status}."))
}

pub(crate) struct Client {
    egress: RwLock<Egress>,
    clock: Clock,
    base: String,
}

impl Client {
    pub(crate) fn new(base_url: &str, clock: Clock) -> Result<Self> {
        Self::trusting(base_url, None, clock)
    }

    /// `certificate` is the one that the installation proves itself with, in DER; none where it does not speak TLS.
    pub(crate) fn trusting(
        base_url: &str,
        certificate: Option<&[u8]>,
        clock: Clock,
    ) -> Result<Self> {
        let egress = RwLock::new(door(base_url, certificate, &clock)?);
        Ok(Self { egress, clock, base: base_url.to_owned() })
    }

    /// From now on the installation proves itself with another certificate.
    pub(crate) fn renew(&self, certificate: &[u8]) -> Result<()> {
        let door = door(&self.base, Some(certificate), &self.clock)?;
        std::mem::replace(&mut *self.egress.write(), door).unregister(SITE);
        Ok(())
    }

    /// How the installation is reached.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// `Upstream` when no answer came.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        auth: Auth<'_>,
        payload: Payload,
    ) -> Result<Answer> {
        let response = match self.open(method, path, auth, payload).await {
            Ok(response) => response,
            // The door does not follow redirects, and says no more about them.
            Err(error) if error.kind() == ErrorKind::Redirect => {
                return Ok(Answer { status: 303, headers: HeaderMap::new(), body: Bytes::new() });
            }
            Err(error) => return Err(silent(error)),
        };
        let (parts, body) = response.into_parts();
        let read = http_body_util::Limited::new(body, LARGEST).collect();
        let body = tokio::time::timeout(PATIENCE, read)
            .await
            .map_err(|_| Error::upstream("The installation did not finish its answer."))?
            .map_err(|_| Error::upstream("The installation broke off its answer."))?
            .to_bytes();
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    /// Sends a request and returns as soon as the headers of the answer are here.
    pub(crate) async fn open(
        &self,
        method: &str,
        path: &str,
        auth: Auth<'_>,
        payload: Payload,
    ) -> Result<Response<egress::Body>, egress::Error> {
        let request = request(method, path, auth, payload)
            .map_err(|_| egress::Error::before(ErrorKind::Outside))?;
        let deadlines = Deadlines { connect: Duration::from_secs(10), headers: PATIENCE };
        let egress = self.egress.read().clone();
        egress.send(SITE, request, deadlines).await
    }
}

fn door(base_url: &str, certificate: Option<&[u8]>, clock: &Clock) -> Result<Egress> {
    let egress = match certificate {
        Some(certificate) => Egress::pinned(certificate, clock.clone())?,
        None => Egress::new(&egress::Config::default(), clock.clone())?,
    };
    let base = url::Url::parse(base_url)
        .map_err(|_| Error::invalid("The address of the installation cannot be read."))?;
    let id = SITE.to_owned();
    egress.register(Destination { id, kind: Kind::Probe, base, allow_private: true })?;
    Ok(egress)
}

fn silent(error: egress::Error) -> Error {
    Error::upstream("The installation did not answer.").with_source(error)
}

/// One of the two names is the one in use, depending on TLS.
fn cookie(token: &str) -> String {
    format!("probity-session={token}; __Host-probity={token}")
}

fn request(
    method: &str,
    path: &str,
    auth: Auth<'_>,
    payload: Payload,
) -> Result<Request<Full<Bytes>>> {
    let (kind, body) = match payload {
        Payload::Empty => (None, Bytes::new()),
        Payload::Json(value) => (Some("application/json"), Bytes::from(value.to_string())),
        Payload::Form(text) => {
            (Some("application/x-www-form-urlencoded"), Bytes::from(text.into_owned()))
        }
        Payload::File(text) => {
            let body = format!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n\
                 --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"expires_after[seconds]\"\r\n\r\n3600\r\n\
                 --{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"probe.jsonl\"\r\n\r\n\
                 {text}\r\n--{BOUNDARY}--\r\n"
            );
            (Some("multipart/form-data; boundary=probity-probe"), Bytes::from(body))
        }
        Payload::Raw(bytes) => (Some("application/json"), bytes),
    };
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .body(Full::new(body))
        .map_err(Error::internal)?;
    let headers = request.headers_mut();
    let mut set = |name: HeaderName, text: String| -> Result<()> {
        headers.insert(name, HeaderValue::from_str(&text).map_err(Error::internal)?);
        Ok(())
    };
    if let Some(kind) = kind {
        set(header::CONTENT_TYPE, kind.to_owned())?;
    }
    match auth {
        Auth::Nobody => {}
        Auth::Key(key) => set(header::AUTHORIZATION, format!("Bearer {key}"))?,
        Auth::Session(token) => {
            set(header::COOKIE, cookie(token))?;
            set(HeaderName::from_static("sec-fetch-site"), "same-origin".to_owned())?;
        }
        Auth::Sent(token, sender) => {
            set(header::COOKIE, cookie(token))?;
            for (name, value) in sender.headers() {
                set(HeaderName::from_static(name), (*value).to_owned())?;
            }
        }
        Auth::Talkative(key, word) => {
            set(header::AUTHORIZATION, format!("Bearer {key}"))?;
            set(header::USER_AGENT, format!("program/1.0 ({word})"))?;
            set(header::REFERER, format!("https://intranet.example/{word}"))?;
            set(header::COOKIE, format!("remembered={word}"))?;
            set(header::FROM, format!("{word}@example.org"))?;
            set(HeaderName::from_static("x-forwarded-for"), "203.0.113.7".to_owned())?;
            set(HeaderName::from_static("x-user-name"), word.to_owned())?;
        }
    }
    Ok(request)
}
