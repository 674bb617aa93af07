//! From a destination to a connected stream: resolve, check every address, connect to a checked one, TLS.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures::{
    StreamExt,
    future::BoxFuture,
    stream::{FuturesUnordered, Stream},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::Host;

use crate::{
    Error, ErrorKind,
    address::{Reach, reach},
};

/// Turns a host name and port into addresses.
pub type Resolver =
    Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// How long one address may hang before the next is tried beside it (RFC 8305).
const STAGGER: Duration = Duration::from_millis(250);

/// What a connection has to keep to.
#[derive(Clone, Copy)]
pub(crate) struct Guard {
    /// Whether it goes through TLS before anything of worth is said.
    pub(crate) secure: bool,
    pub(crate) allow_private: bool,
}

/// The operating system's resolver.
#[must_use]
pub fn system_resolver() -> Resolver {
    Arc::new(|host, port| {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    })
}

/// A TCP connection to an address that has just been checked.
///
/// The name is resolved once and the connection goes to that very answer, so that a second answer
/// of the name server cannot point elsewhere (DNS rebinding). One bad address refuses them all.
pub(crate) async fn dial(
    (host, port): (&Host<String>, u16),
    guard: Guard,
    resolver: &Resolver,
) -> Result<TcpStream, Error> {
    let addresses = match host {
        Host::Ipv4(address) => vec![SocketAddr::new(IpAddr::V4(*address), port)],
        Host::Ipv6(address) => vec![SocketAddr::new(IpAddr::V6(*address), port)],
        Host::Domain(name) => resolver(name.clone(), port)
            .await
            .map_err(|error| Error::before(ErrorKind::Connect).because(error))?,
    };
    for address in &addresses {
        match reach(address.ip()) {
            Reach::Public if !guard.secure => {
                return Err(Error::before(ErrorKind::Plaintext));
            }
            Reach::Public => {}
            Reach::Private if guard.allow_private => {}
            Reach::Private | Reach::Forbidden => {
                return Err(Error::before(ErrorKind::Refused(address.ip())));
            }
        }
    }
    let stream = first_of(addresses)
        .await
        .map_err(|error| Error::before(ErrorKind::Connect).because(error))?;
    // Failing to switch Nagle's algorithm off costs time, nothing else.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn first_of(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        match waiting.next() {
            Some(address) => attempts.push(TcpStream::connect(address)),
            None if attempts.is_empty() => return Err(failure),
            None => {}
        }
        match next_or_stagger(&mut attempts, waiting.len() > 0).await {
            Some(Ok(stream)) => return Ok(stream),
            Some(Err(error)) => failure = error,
            None => {}
        }
    }
}

/// The next finished attempt; `None` when none finished within the stagger and another address waits.
async fn next_or_stagger<T>(
    attempts: &mut (impl Stream<Item = T> + Unpin),
    more: bool,
) -> Option<T> {
    if more {
        tokio::time::timeout(STAGGER, attempts.next()).await.ok().flatten()
    } else {
        attempts.next().await
    }
}

pub(crate) async fn secure(
    stream: TcpStream,
    name: rustls::pki_types::ServerName<'static>,
    connector: &TlsConnector,
) -> Result<TlsStream<TcpStream>, Error> {
    connector
        .connect(name, stream)
        .await
        .map_err(|error| Error::before(ErrorKind::Tls).because(error))
}
