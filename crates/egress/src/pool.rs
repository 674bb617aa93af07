//! The connections of one destination: idle HTTP/1 ones and a few shared HTTP/2 ones.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
};
use parking_lot::Mutex;
use tokio::{task::AbortHandle, time::Instant};

pub(crate) type Failed = TrySendError<Request<Full<Bytes>>>;

/// How much one destination may hold open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Idle HTTP/1 connections kept.
    pub(crate) idle: usize,
    /// How long an HTTP/1 connection may lie idle.
    pub(crate) idle_for: Duration,
    pub(crate) h2_connections: usize,
    /// Concurrent streams on one HTTP/2 connection; the other side may allow fewer.
    pub(crate) h2_streams: usize,
}

/// One HTTP/1 connection. Unless it is put back into the pool it is cut when dropped.
pub(crate) struct H1 {
    pub(crate) sender: http1::SendRequest<Full<Bytes>>,
    pub(crate) task: AbortHandle,
}

impl Drop for H1 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One HTTP/2 connection, shared by many streams.
pub(crate) struct H2 {
    pub(crate) sender: http2::SendRequest<Full<Bytes>>,
    pub(crate) task: AbortHandle,
    /// Streams the other side allows, as of its last settings.
    pub(crate) allowed: Arc<AtomicUsize>,
    streams: AtomicUsize,
}

impl H2 {
    pub(crate) fn new(
        sender: http2::SendRequest<Full<Bytes>>,
        task: AbortHandle,
        allowed: Arc<AtomicUsize>,
    ) -> Self {
        Self { sender, task, allowed, streams: AtomicUsize::new(0) }
    }

    fn load(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }
}

impl Drop for H2 {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A place on an HTTP/2 connection.
pub(crate) struct Stream(Arc<H2>);

impl Stream {
    fn on(connection: &Arc<H2>) -> Self {
        connection.streams.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(connection))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The right to use a connection for one request.
pub(crate) enum Lease {
    H1(H1),
    H2(Stream),
}

impl Lease {
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failed> {
        match self {
            Self::H1(connection) => connection.sender.try_send_request(request).await,
            Self::H2(Stream(connection)) => {
                connection.sender.clone().try_send_request(request).await
            }
        }
    }

    pub(crate) const fn is_h2(&self) -> bool {
        matches!(self, Self::H2(_))
    }
}

/// What the pool has at this moment.
pub(crate) enum Found {
    Ready(Lease),
    /// The only idle connection has not quite finished its last exchange.
    Settling(H1),
    /// A place on a busy HTTP/2 connection: usable, but another connection would help.
    Busy(Lease),
    Nothing,
}

struct Idle {
    connection: H1,
    since: Instant,
}

#[derive(Default)]
struct State {
    idle: VecDeque<Idle>,
    h2: Vec<Arc<H2>>,
    closed: bool,
}

pub(crate) struct Pool {
    limits: Limits,
    state: Mutex<State>,
    /// Held while a connection is opened whose protocol is not known or is HTTP/2,
    /// so that a burst of requests shares one handshake.
    pub(crate) gate: Arc<tokio::sync::Mutex<()>>,
    /// Whether the destination is known to speak HTTP/1 only.
    h1: AtomicBool,
}

impl Pool {
    pub(crate) fn new(limits: Limits, h1: bool) -> Self {
        Self { limits, state: Mutex::default(), gate: Arc::default(), h1: AtomicBool::new(h1) }
    }

    pub(crate) fn speaks_h1(&self) -> bool {
        self.h1.load(Ordering::Relaxed)
    }

    pub(crate) fn learn(&self, h1: bool) {
        self.h1.store(h1, Ordering::Relaxed);
    }

    pub(crate) fn find(&self) -> Found {
        let mut state = self.state.lock();
        match self.find_h2(&mut state) {
            Found::Nothing => self.find_h1(&mut state),
            found => found,
        }
    }

    fn find_h2(&self, state: &mut State) -> Found {
        state.h2.retain(|connection| !connection.sender.is_closed());
        let Some(least) = state.h2.iter().min_by_key(|connection| connection.load()) else {
            return Found::Nothing;
        };
        let allowed = least.allowed.load(Ordering::Relaxed).min(self.limits.h2_streams);
        let lease = Lease::H2(Stream::on(least));
        if least.load() > allowed && state.h2.len() < self.limits.h2_connections {
            Found::Busy(lease)
        } else {
            Found::Ready(lease)
        }
    }

    fn find_h1(&self, state: &mut State) -> Found {
        if state.idle.is_empty() {
            return Found::Nothing;
        }
        self.expire(state);
        let mut settling = None;
        while let Some(last) = state.idle.pop_back() {
            if last.connection.sender.is_closed() {
                continue;
            }
            if last.connection.sender.is_ready() {
                state.idle.extend(settling);
                return Found::Ready(Lease::H1(last.connection));
            }
            if let Some(earlier) = settling.replace(last) {
                state.idle.push_front(earlier);
                break;
            }
        }
        settling.map_or(Found::Nothing, |idle| Found::Settling(idle.connection))
    }

    fn expire(&self, state: &mut State) {
        let now = Instant::now();
        while state.idle.front().is_some_and(|idle| now - idle.since > self.limits.idle_for) {
            state.idle.pop_front();
        }
    }

    /// Takes back a connection whose exchange is over.
    pub(crate) fn put_back(&self, lease: Lease) {
        let Lease::H1(connection) = lease else { return };
        if connection.sender.is_closed() {
            return;
        }
        let mut state = self.state.lock();
        self.expire(&mut state);
        if !state.closed && state.idle.len() < self.limits.idle {
            state.idle.push_back(Idle { connection, since: Instant::now() });
        }
    }

    /// Shares a new HTTP/2 connection and takes the first place on it.
    pub(crate) fn share(&self, connection: H2) -> Lease {
        let connection = Arc::new(connection);
        let lease = Lease::H2(Stream::on(&connection));
        let mut state = self.state.lock();
        if !state.closed {
            state.h2.push(connection);
        }
        lease
    }

    /// Drops everything idle; what is under way finishes and is not kept.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        state.idle.clear();
        state.h2.clear();
    }
}
