//! The only door out: every connection to another machine is made here, to a registered destination.
//!
//! Invariants: an id that is not registered is refused; a name is resolved once per connection, every
//! address of the answer is checked, and the connection goes to a checked one; redirects are not followed;
//! what goes over the internet goes through TLS; dropping an answer's body cancels the exchange at once;
//! errors hold no header, body or URL.

mod address;
mod body;
mod connect;
mod counted;
mod destination;
mod entry;
mod error;
mod line;
mod pinned;
mod pool;
mod socket;
mod tls;

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use domain::{Clock, Result as DomainResult};
use http::{HeaderMap, HeaderName, Request, Response, StatusCode, Version, header};
use http_body::Body as _;
use http_body_util::Full;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::TaskTracker;

pub use address::{Reach, reach};
pub use body::Body;
pub use connect::{Resolver, system_resolver};
pub use counted::Counted;
pub use destination::{Destination, Kind, Record};
pub use error::{Error, ErrorKind};
pub use line::{Greeting, Line};
pub use pinned::Pinned;
pub use socket::{Answered, Socket};

use destination::{Counters, Target};
use entry::{Acquired, Entry, Opener};
use pool::{Limits, Pool};

/// How often a request that never left is tried on another pooled connection before a new one is opened.
const STALE_RETRIES: usize = 2;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Idle HTTP/1 connections kept per destination.
    pub idle_connections: usize,
    /// How long an HTTP/1 connection may lie idle before it is closed, in seconds.
    pub idle_seconds: u64,
    /// HTTP/2 connections per destination.
    pub h2_connections: usize,
    /// Concurrent requests on one HTTP/2 connection before another is opened.
    pub h2_streams: usize,
    /// A PEM or DER file of certificates trusted besides Mozilla's roots.
    pub extra_ca: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            idle_connections: 128,
            idle_seconds: 45,
            h2_connections: 8,
            h2_streams: 64,
            extra_ca: None,
        }
    }
}

/// How long the phases before the answer's body may take. The body itself is the caller's to watch.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Name resolution, TCP and TLS together.
    pub connect: Duration,
    /// From the first byte of the request to the answer's headers.
    pub headers: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), headers: Duration::from_secs(60) }
    }
}

/// The door. Cheap to clone.
#[derive(Clone)]
pub struct Egress(Arc<Inner>);

struct Inner {
    limits: Limits,
    clock: Clock,
    opener: Opener,
    destinations: RwLock<HashMap<String, Arc<Entry>>>,
}

impl Egress {
    /// # Errors
    /// `Invalid` when the file of extra certificates is unusable.
    pub fn new(config: &Config, clock: Clock) -> DomainResult<Self> {
        Self::with_resolver(config, clock, system_resolver())
    }

    /// The same with another way to resolve names.
    ///
    /// # Errors
    /// `Invalid` when the file of extra certificates is unusable.
    pub fn with_resolver(config: &Config, clock: Clock, resolver: Resolver) -> DomainResult<Self> {
        Ok(Self::over(tls::connectors(config.extra_ca.as_deref())?, config, clock, resolver))
    }

    /// A door that trusts the server with this certificate, in DER, and no other.
    ///
    /// # Errors
    /// `Internal`, never in practice.
    pub fn pinned(certificate: &[u8], clock: Clock) -> DomainResult<Self> {
        let tls = tls::pinned(certificate)?;
        Ok(Self::over(tls, &Config::default(), clock, system_resolver()))
    }

    fn over(tls: tls::Connectors, config: &Config, clock: Clock, resolver: Resolver) -> Self {
        let limits = Limits {
            idle: config.idle_connections,
            idle_for: Duration::from_secs(config.idle_seconds),
            h2_connections: config.h2_connections.max(1),
            h2_streams: config.h2_streams.max(1),
        };
        let opener = Opener { resolver, tls, tasks: TaskTracker::new() };
        Self(Arc::new(Inner { limits, clock, opener, destinations: RwLock::default() }))
    }

    /// Adds or changes a destination. Registering the same again keeps its connections and its record.
    ///
    /// # Errors
    /// `Invalid` when the address cannot be one.
    pub fn register(&self, destination: Destination) -> DomainResult<()> {
        if self.entry(&destination.id).is_some_and(|entry| entry.destination == destination) {
            return Ok(());
        }
        let target = Target::parse(&destination.base).map_err(domain::Error::invalid)?;
        let plain = target.as_ref().is_some_and(|target| target.tls.is_none());
        let entry = Arc::new(Entry {
            target,
            counters: Counters::default(),
            pool: Pool::new(self.0.limits, plain),
            destination,
        });
        let id = entry.destination.id.clone();
        if let Some(replaced) = self.0.destinations.write().insert(id, entry) {
            replaced.pool.close();
        }
        Ok(())
    }

    /// Forgets a destination. What is under way finishes; nothing new leaves.
    pub fn unregister(&self, id: &str) {
        if let Some(removed) = self.0.destinations.write().remove(id) {
            removed.pool.close();
        }
    }

    /// Everything that may be reached at this moment.
    #[must_use]
    pub fn destinations(&self) -> Vec<Destination> {
        let entries = self.0.destinations.read();
        let mut all: Vec<_> = entries.values().map(|entry| entry.destination.clone()).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// What left for each destination since it was registered.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let entries = self.0.destinations.read();
        let mut all: Vec<_> =
            entries.values().map(|entry| entry.counters.record(&entry.destination)).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Sends one request and returns the answer as soon as its headers are here.
    ///
    /// The URI is a path below the destination's base, or an absolute URI within it. `Host`, `Content-Length`
    /// and the headers that concern one connection only are set here and dropped from `request`.
    /// Nothing is sent twice: a request is repeated only if not a byte of it left.
    ///
    /// # Errors
    /// [`ErrorKind`] says what; [`Error::sent`] whether the other side may have seen the request.
    pub async fn send(
        &self,
        id: &str,
        request: Request<Full<Bytes>>,
        deadlines: Deadlines,
    ) -> Result<Response<Body>, Error> {
        let entry = self.entry(id).ok_or(Error::before(ErrorKind::Unknown))?;
        let bytes = request.body().size_hint().exact().unwrap_or_default();
        entry.counters.request(bytes, self.0.clock.now());
        let result = self.exchange(&entry, request, deadlines).await;
        if result.is_err() {
            entry.counters.errors.fetch_add(1, Ordering::Relaxed);
        }
        result
    }

    async fn exchange(
        &self,
        entry: &Arc<Entry>,
        mut request: Request<Full<Bytes>>,
        deadlines: Deadlines,
    ) -> Result<Response<Body>, Error> {
        let target = entry.target.as_ref().ok_or(Error::before(ErrorKind::Outside))?;
        let path = target.path(request.uri())?;
        drop_connection_headers(request.headers_mut());
        let mut connect_by = None;
        for attempt in 0.. {
            let fresh = attempt >= STALE_RETRIES;
            let connect_by = *connect_by.get_or_insert_with(|| Instant::now() + deadlines.connect);
            let Acquired { mut lease, reused } = self.acquire(entry, fresh, connect_by).await?;
            address(&mut request, target, path.clone(), lease.is_h2());
            let Ok(answer) = timeout(deadlines.headers, lease.send(request)).await else {
                return Err(Error::after(ErrorKind::HeadersTimeout));
            };
            match answer {
                Ok(response) => return accept(response, lease, entry),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) if reused => request = unsent,
                    Some(_) => {
                        return Err(Error::before(ErrorKind::Reset).because(failed.into_error()));
                    }
                    None => return Err(Error::under_way(failed.into_error())),
                },
            }
        }
        Err(Error::before(ErrorKind::Reset))
    }

    async fn acquire(
        &self,
        entry: &Arc<Entry>,
        fresh: bool,
        connect_by: Instant,
    ) -> Result<Acquired, Error> {
        let opener = &self.0.opener;
        if !fresh && let Some(acquired) = opener.pooled(entry).await {
            return Ok(acquired);
        }
        // Boxed: it is large, and every request would carry it, though few open a connection.
        timeout_at(connect_by, Box::pin(opener.open_or_share(entry, fresh)))
            .await
            .unwrap_or(Err(Error::before(ErrorKind::ConnectTimeout)))
    }

    fn entry(&self, id: &str) -> Option<Arc<Entry>> {
        self.0.destinations.read().get(id).cloned()
    }

    /// Forgets all destinations and waits until the last connection is gone.
    /// Answers that are still being read keep theirs: finish or drop them first.
    pub async fn close(&self) {
        let entries = std::mem::take(&mut *self.0.destinations.write());
        for entry in entries.values() {
            entry.pool.close();
        }
        self.0.opener.tasks.close();
        self.0.opener.tasks.wait().await;
    }
}

/// Gives the request the form that the connection's protocol wants.
fn address(
    request: &mut Request<Full<Bytes>>,
    target: &Target,
    path: http::uri::PathAndQuery,
    h2: bool,
) {
    if h2 {
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = target.absolute(path);
        request.headers_mut().remove(header::HOST);
    } else {
        *request.version_mut() = Version::HTTP_11;
        *request.uri_mut() = path.into();
        request.headers_mut().insert(header::HOST, target.host_header.clone());
    }
}

/// Headers that concern a single connection (RFC 9110, section 7.6.1), and the length, which hyper knows better.
fn drop_connection_headers(headers: &mut HeaderMap) {
    const DROPPED: [HeaderName; 8] = [
        header::HOST,
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::TE,
        header::TRAILER,
        header::UPGRADE,
        HeaderName::from_static("keep-alive"),
    ];
    for name in &DROPPED {
        headers.remove(name);
    }
}

fn accept(
    response: Response<hyper::body::Incoming>,
    lease: pool::Lease,
    entry: &Arc<Entry>,
) -> Result<Response<Body>, Error> {
    if response.status().is_redirection() && response.status() != StatusCode::NOT_MODIFIED {
        return Err(Error::after(ErrorKind::Redirect));
    }
    Ok(response.map(|incoming| Body::new(incoming, lease, Arc::clone(entry))))
}
