//! The listening side: connections, their limits, and a stop that lets running requests end.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body};
use http::Request;
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use crate::{Proxies, Tls};

/// A client must have sent its headers within this time.
const HEADERS: Duration = Duration::from_secs(30);
/// A handshake of TLS must be over by then.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Pause after the system refused a connection, for want of file descriptors as a rule.
const BREATH: Duration = Duration::from_millis(50);

/// On whose behalf a request comes: the other end of the connection, or whom a trusted proxy names.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// A listener and what it asks of those who connect.
pub struct Door {
    listener: TcpListener,
    tls: Option<Tls>,
    proxies: Proxies,
    open: bool,
}

impl From<TcpListener> for Door {
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None, proxies: Proxies::default(), open: false }
    }
}

impl Door {
    /// Speaks nothing but TLS.
    #[must_use]
    pub fn with_tls(self, tls: Option<Tls>) -> Self {
        Self { tls, ..self }
    }

    /// Believes these proxies. In clear nobody else on another machine is served.
    #[must_use]
    pub fn behind(self, proxies: Proxies) -> Self {
        Self { proxies, ..self }
    }

    /// Lets everybody in, in clear: for what has nothing to hide.
    #[must_use]
    pub fn open(self) -> Self {
        Self { open: true, ..self }
    }

    /// What is said in clear stays on this machine, or comes from a proxy that was named.
    fn lets_in(&self, peer: IpAddr) -> bool {
        self.open
            || self.tls.is_some()
            || peer.to_canonical().is_loopback()
            || self.proxies.contain(peer)
    }
}

/// Serves `router` until `stop`; then accepts nothing new and lets running requests end, for `drain` at most.
///
/// # Errors
/// When the listener cannot say where it listens.
pub async fn serve(
    door: impl Into<Door>,
    router: Router,
    stop: CancellationToken,
    drain: Duration,
) -> std::io::Result<()> {
    let door = door.into();
    let (tasks, graceful) = (TaskTracker::new(), GracefulShutdown::new());
    let builder = Arc::new(builder());
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = door.listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) if door.lets_in(peer.ip()) => {
                let connection = Connection {
                    peer,
                    router: router.clone(),
                    proxies: door.proxies.clone(),
                    builder: Arc::clone(&builder),
                    watcher: graceful.watcher(),
                };
                let (tls, stop) = (door.tls.clone(), stop.clone());
                tasks.spawn(async move { connection.begin(stream, tls, &stop).await });
            }
            Ok(_) => tracing::debug!("refused somebody who is no proxy of web.trusted_proxies"),
            Err(error) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    drop(door);
    tasks.close();
    let ended = async {
        graceful.shutdown().await;
        tasks.wait().await;
    };
    if timeout(drain, ended).await.is_err() {
        tracing::warn!(connections = tasks.len(), "stopped before every request had ended");
    }
    Ok(())
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(256)
        .keep_alive_interval(HEADERS)
        .keep_alive_timeout(HEADERS);
    builder
}

/// One connection, with all it needs to go on by itself.
struct Connection {
    peer: SocketAddr,
    router: Router,
    proxies: Proxies,
    builder: Arc<auto::Builder<TokioExecutor>>,
    watcher: Watcher,
}

impl Connection {
    async fn begin(self, stream: TcpStream, tls: Option<Tls>, stop: &CancellationToken) {
        // Small frames of a stream must not wait for one another.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no delay could not be switched off");
        }
        let Some(tls) = tls else { return self.serve(stream).await };
        let handshake = timeout(HANDSHAKE, TlsAcceptor::from(tls.config()).accept(stream));
        match stop.run_until_cancelled(handshake).await {
            Some(Ok(Ok(stream))) => self.serve(stream).await,
            Some(Ok(Err(error))) => tracing::debug!(%error, "a handshake failed"),
            Some(Err(_)) => tracing::debug!("a handshake took too long"),
            None => {}
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
        let Self { peer, router, proxies, builder, watcher } = self;
        let service = router.map_request(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            let client = proxies.client(peer.ip(), request.headers());
            request.extensions_mut().insert(Peer(client));
            request
        });
        let connection = builder
            .serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(service))
            .into_owned();
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn in_clear_only_this_machine_and_named_proxies_are_served() {
        let door = || async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let proxies = Proxies::parse(&["10.0.0.7".to_owned()]).unwrap();
            Door::from(listener).behind(proxies)
        };
        let in_clear = door().await;
        let lets_in = |peer: &str| in_clear.lets_in(peer.parse().unwrap());
        assert!(lets_in("127.0.0.1") && lets_in("::1") && lets_in("::ffff:127.0.0.1"));
        assert!(lets_in("10.0.0.7") && lets_in("::ffff:10.0.0.7"));
        assert!(!lets_in("10.0.0.8") && !lets_in("203.0.113.5") && !lets_in("2001:db8::1"));
        assert!(door().await.open().lets_in("203.0.113.5".parse().unwrap()));
    }
}
