//! One registered destination with its connections, and how new ones are opened.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper::{
    client::conn::{http1, http2},
    rt::{Read, Write},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_util::task::TaskTracker;

use crate::{
    Destination, Error, ErrorKind, Resolver,
    connect::{self, Guard},
    destination::{Counters, Target},
    pool::{Found, H1, H2, Lease, Pool},
    tls::Connectors,
};

/// How long a connection that is just finishing its last exchange is waited for.
const SETTLING: Duration = Duration::from_millis(2);
/// How long opening one more HTTP/2 connection in the background may take.
const GROWTH: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_ANSWER: Duration = Duration::from_secs(10);
/// Enough for a fast stream over a long line.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

pub(crate) struct Entry {
    pub(crate) destination: Destination,
    /// `None` for destinations that are not spoken to over HTTP.
    pub(crate) target: Option<Target>,
    pub(crate) counters: Counters,
    pub(crate) pool: Pool,
}

/// What opening a connection needs, shared by all destinations.
#[derive(Clone)]
pub(crate) struct Opener {
    pub(crate) resolver: Resolver,
    pub(crate) tls: Connectors,
    pub(crate) tasks: TaskTracker,
}

/// A connection for one request, and whether it has served others before.
pub(crate) struct Acquired {
    pub(crate) lease: Lease,
    pub(crate) reused: bool,
}

impl Opener {
    /// A connection from the pool.
    pub(crate) async fn pooled(&self, entry: &Arc<Entry>) -> Option<Acquired> {
        let lease = match entry.pool.find() {
            Found::Ready(lease) => lease,
            Found::Busy(lease) => {
                self.grow(entry);
                lease
            }
            Found::Settling(mut connection) => {
                timeout(SETTLING, connection.sender.ready()).await.ok()?.ok()?;
                Lease::H1(connection)
            }
            Found::Nothing => return None,
        };
        Some(Acquired { lease, reused: true })
    }

    /// A new connection, or a place on one that somebody else opened meanwhile.
    pub(crate) async fn open_or_share(
        &self,
        entry: &Arc<Entry>,
        fresh: bool,
    ) -> Result<Acquired, Error> {
        let mut gate = None;
        if !entry.pool.speaks_h1() {
            gate = Some(entry.pool.gate.lock().await);
            if !fresh && let Some(acquired) = self.pooled(entry).await {
                return Ok(acquired);
            }
            if entry.pool.speaks_h1() {
                gate = None;
            }
        }
        let lease = self.open(entry).await?;
        drop(gate);
        Ok(Acquired { lease, reused: false })
    }

    /// Opens one more HTTP/2 connection beside the busy ones, unless that is already happening.
    fn grow(&self, entry: &Arc<Entry>) {
        let Ok(gate) = Arc::clone(&entry.pool.gate).try_lock_owned() else { return };
        let (opener, entry) = (self.clone(), Arc::clone(entry));
        self.tasks.spawn(async move {
            // A failure shows in the next request that needs a connection of its own.
            let _ = timeout(GROWTH, opener.open(&entry)).await;
            drop(gate);
        });
    }

    async fn open(&self, entry: &Arc<Entry>) -> Result<Lease, Error> {
        let (stream, name) = self.dial(entry).await?;
        let Some(name) = name else {
            return self.start_h1(TokioIo::new(stream)).await;
        };
        let stream = connect::secure(stream, name, &self.tls.http).await?;
        let h1 = stream.get_ref().1.alpn_protocol() != Some(b"h2");
        entry.pool.learn(h1);
        if h1 {
            self.start_h1(TokioIo::new(stream)).await
        } else {
            Ok(entry.pool.share(self.start_h2(TokioIo::new(stream)).await?))
        }
    }

    /// A connection to an HTTP destination, and the name that it has to prove, where it goes through TLS.
    pub(crate) async fn dial(
        &self,
        entry: &Entry,
    ) -> Result<(TcpStream, Option<ServerName<'static>>), Error> {
        let outside = || Error::before(ErrorKind::Outside);
        let target = entry.target.as_ref().ok_or_else(outside)?;
        let (secure, allow_private) = (target.tls.is_some(), entry.destination.allow_private);
        let guard = Guard { secure, allow_private };
        let stream = connect::dial((&target.host, target.port), guard, &self.resolver).await?;
        Ok((stream, target.tls.clone()))
    }

    async fn start_h1<T>(&self, io: T) -> Result<Lease, Error>
    where
        T: Read + Write + Unpin + Send + 'static,
    {
        let (sender, connection) =
            http1::Builder::new().handshake(io).await.map_err(handshake_failed)?;
        let task = self.tasks.spawn(connection).abort_handle();
        Ok(Lease::H1(H1 { sender, task }))
    }

    async fn start_h2<T>(&self, io: T) -> Result<H2, Error>
    where
        T: Read + Write + Unpin + Send + 'static,
    {
        let (sender, mut connection) = http2::Builder::new(Tasks(self.tasks.clone()))
            .timer(TokioTimer::new())
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_ANSWER)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake(io)
            .await
            .map_err(handshake_failed)?;
        let allowed = Arc::new(AtomicUsize::new(connection.current_max_send_streams()));
        let seen = Arc::clone(&allowed);
        let driven = poll_fn(move |cx| {
            let done = Future::poll(Pin::new(&mut connection), cx);
            seen.store(connection.current_max_send_streams(), Ordering::Relaxed);
            done
        });
        let task = self.tasks.spawn(driven).abort_handle();
        Ok(H2::new(sender, task, allowed))
    }
}

pub(crate) fn handshake_failed(source: hyper::Error) -> Error {
    Error::before(ErrorKind::Protocol).because(source)
}

/// Lets hyper's own tasks be waited for.
#[derive(Clone)]
struct Tasks(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}
