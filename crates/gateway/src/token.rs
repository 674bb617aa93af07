//! Tokens that a credential is exchanged for: kept in memory, renewed by one request at a time before they end, and at
//! once when a provider no longer takes them.

mod grant;

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use bytes::Bytes;
use domain::{Clock, Secret, Timestamp, TokenEndpoint};
use egress::{Deadlines, Egress};
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use llm::{UpstreamError, UpstreamKind};
use parking_lot::RwLock;
use serde::Deserialize;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout_at},
};

pub(crate) use grant::Grant;

use crate::{attempt::collect, failure::Failure};

/// How long one exchange may take, and how much of its answer is read.
const PATIENCE: Duration = Duration::from_secs(10);
const BYTES: usize = 64 << 10;
/// How long before its end a token is renewed, at most.
const AHEAD: Duration = Duration::from_secs(300);
/// How long nobody asks again after a renewal that failed while the old token was still good, and
/// after a refusal; and how old a token must be to be replaced because it is not taken.
const PAUSE: Duration = Duration::from_secs(5);
/// Of a token that does not say how long it is good.
const USUAL_SECONDS: u64 = 300;

/// Where tokens for one provider come from.
pub(crate) struct TokenSource {
    grant: Grant,
    /// The destination's id at the door out.
    pub(crate) destination: String,
    url: String,
    scope: String,
    /// What it was made of: the same again is no reason for another token.
    digest: [u8; 32],
    current: RwLock<Option<Token>>,
    /// Held by the one that asks.
    flight: Mutex<Flight>,
    /// Exchanges that ended.
    flights: AtomicU64,
}

#[derive(Clone)]
struct Token {
    header: HeaderValue,
    given: Timestamp,
    renew: Timestamp,
    until: Timestamp,
}

/// How the last exchange went, for those who waited for it.
#[derive(Default)]
struct Flight {
    failed: Option<Problem>,
    /// Nobody asks before that.
    not_before: Option<Timestamp>,
}

/// Why there is no token. Holds nothing of the credential or the answer.
#[derive(Clone, Debug)]
pub(crate) enum Problem {
    Refused(UpstreamError),
    /// The door's own code and words.
    Unreachable(egress::ErrorKind),
    Malformed,
    Late,
}

/// What an exchange is made with.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub egress: &'a Egress,
    pub clock: &'a Clock,
    pub connect: Duration,
    /// When the request at hand gives up.
    pub by: Instant,
}

#[derive(Deserialize)]
struct Answer {
    access_token: Secret<String>,
    #[serde(default)]
    expires_in: Option<Seconds>,
}

/// A number, which some write as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    error: Option<String>,
}

impl TokenSource {
    pub(crate) fn new(grant: Grant, destination: String, endpoint: &TokenEndpoint) -> Self {
        let (url, digest) = (grant.url(endpoint), grant.digest(endpoint));
        Self {
            grant,
            destination,
            url,
            scope: endpoint.scope.clone().unwrap_or_default(),
            digest,
            current: RwLock::default(),
            flight: Mutex::default(),
            flights: AtomicU64::new(0),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is for the same credential at the same place.
    pub(crate) fn is(&self, other: &Self) -> bool {
        vault::same(&self.digest, &other.digest)
    }

    /// A token that is good for a while: the one at hand, or a new one. Of many requests one asks; the others go on with
    /// the old token, or wait where there is none.
    ///
    /// # Errors
    /// Why there is none. Who waited for somebody's exchange is given its failure.
    pub(crate) async fn token(&self, asking: Asking<'_>) -> Result<HeaderValue, Problem> {
        let now = asking.clock.now();
        let before = self.flights.load(Ordering::Acquire);
        if let Some(token) = self.good(now) {
            if now < token.renew {
                return Ok(token.header);
            }
            let Ok(mut flight) = self.flight.try_lock() else { return Ok(token.header) };
            // Somebody may have been quicker.
            return Ok(match self.good(now).filter(|token| now < token.renew) {
                Some(token) => token.header,
                None => self.renewed(&mut flight, asking).await.unwrap_or(token.header),
            });
        }
        let Ok(mut flight) = timeout_at(asking.by, self.flight.lock()).await else {
            return Err(Problem::Late);
        };
        if let Some(token) = self.good(now) {
            return Ok(token.header);
        }
        let shared = self.flights.load(Ordering::Acquire) != before;
        let resting = flight.not_before.is_some_and(|until| now < until);
        match &flight.failed {
            Some(problem) if shared || resting => Err(problem.clone()),
            _ => self.renewed(&mut flight, asking).await,
        }
    }

    /// The provider did not take this token: it is not used again, unless it was just given. Then another one would
    /// be refused as well. Gives whether another one is worth a try.
    pub(crate) fn disown(&self, header: &HeaderValue, now: Timestamp) -> bool {
        let mut current = self.current.write();
        match current.as_ref().filter(|token| token.header == *header) {
            Some(token) if now < token.given.plus(PAUSE) => false,
            Some(_) => {
                *current = None;
                true
            }
            // Somebody was quicker.
            None => true,
        }
    }

    fn good(&self, now: Timestamp) -> Option<Token> {
        self.current.read().clone().filter(|token| now < token.until)
    }

    async fn renewed(
        &self,
        flight: &mut Flight,
        asking: Asking<'_>,
    ) -> Result<HeaderValue, Problem> {
        let began = asking.clock.now();
        let by = asking.by.min(Instant::now() + PATIENCE);
        let result = match timeout_at(by, self.exchange(asking, by)).await {
            Ok(result) => result,
            Err(_) => Err(Problem::Late),
        };
        *flight = Flight::default();
        let result = match result {
            Ok((header, seconds)) => {
                let lives = Duration::from_secs(seconds);
                let token = Token {
                    header: header.clone(),
                    given: began,
                    renew: began.plus(lives - AHEAD.min(lives / 5)),
                    until: began.plus(lives - (lives / 20).min(PAUSE)),
                };
                *self.current.write() = Some(token);
                Ok(header)
            }
            Err(problem) => {
                tracing::warn!(
                    destination = self.destination,
                    code = problem.code(),
                    "no token was given"
                );
                if let Some(token) = self.current.write().as_mut() {
                    token.renew = began.plus(PAUSE);
                }
                if matches!(&problem, Problem::Refused(error) if !error.retryable) {
                    flight.not_before = Some(began.plus(PAUSE));
                }
                flight.failed = Some(problem.clone());
                Err(problem)
            }
        };
        self.flights.fetch_add(1, Ordering::AcqRel);
        result
    }

    /// Asks for a token; gives it with the seconds it is good for.
    async fn exchange(
        &self,
        asking: Asking<'_>,
        by: Instant,
    ) -> Result<(HeaderValue, u64), Problem> {
        let form = self.grant.form(&self.url, &self.scope, asking.clock.now())?;
        let mut request = Request::new(Full::new(Bytes::from(form)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::try_from(&self.url).map_err(|_| Problem::Malformed)?;
        let headers = request.headers_mut();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static("probity"));
        let wait = by.saturating_duration_since(Instant::now());
        let deadlines = Deadlines { connect: asking.connect.min(wait), headers: wait };
        let answered = asking.egress.send(&self.destination, request, deadlines).await;
        let response = answered.map_err(|error| match error.kind() {
            egress::ErrorKind::HeadersTimeout => Problem::Late,
            kind => Problem::Unreachable(kind),
        })?;
        let status = response.status().as_u16();
        let body = collect(response.into_body(), BYTES, None).await;
        if !(200..300).contains(&status) {
            return Err(Problem::Refused(refusal(status, &body.unwrap_or_default())));
        }
        let body = body.map_err(|_| Problem::Malformed)?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| Problem::Malformed)?;
        let seconds = match answer.expires_in {
            Some(Seconds::Number(seconds)) => Some(seconds),
            Some(Seconds::Text(text)) => text.parse().ok(),
            None => None,
        };
        let text = format!("Bearer {}", answer.access_token.expose());
        let mut header =
            HeaderValue::from_maybe_shared(Bytes::from(text)).map_err(|_| Problem::Malformed)?;
        header.set_sensitive(true);
        Ok((header, seconds.unwrap_or(USUAL_SECONDS).min(86_400)))
    }
}

/// What a refusal means for the provider. A wrong credential is also refused as a wrong request (RFC 6749, 5.2).
fn refusal(status: u16, body: &[u8]) -> UpstreamError {
    const KNOWN: [&str; 6] = [
        "invalid_grant",
        "invalid_client",
        "unauthorized_client",
        "invalid_request",
        "invalid_scope",
        "unsupported_grant_type",
    ];
    if !matches!(status, 400..=407) {
        return llm::upstream_error(llm::Format::OpenAiChat, status, b"");
    }
    let said = serde_json::from_slice::<Said>(body).ok().and_then(|said| said.error);
    UpstreamError {
        status: 401,
        kind: UpstreamKind::Authentication,
        code: said.filter(|code| KNOWN.contains(&code.as_str())),
        param: None,
        retryable: false,
    }
}

impl Problem {
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Refused(error) if error.retryable => "token_unavailable",
            Self::Refused(_) => "token_refused",
            Self::Unreachable(_) => "token_unreachable",
            Self::Malformed => "token_malformed",
            Self::Late => "token_timeout",
        }
    }

    /// The failure of the route that needs the token.
    pub(crate) fn failure(&self, inbound: llm::Format) -> Failure {
        let failure = match self {
            Self::Refused(error) => Failure::upstream(inbound, error),
            Self::Unreachable(kind) => Failure::unreachable(*kind),
            Self::Malformed => Failure::malformed("token_malformed"),
            Self::Late => Failure::timeout("token_timeout", "The provider gave no token in time."),
        };
        Failure { code: self.code(), status: None, ..failure }
    }
}
