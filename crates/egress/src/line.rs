//! Connections for what is not spoken over HTTP, such as mail: the same registry, the same guard, the same record.
//!
//! What goes over a network goes through TLS here as well: a [`Line`] is secure, or it stays on this machine. A protocol
//! that begins in the clear gets a [`Greeting`], which becomes a line only through TLS.

use std::{
    io,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::either::Either;
use url::{Host, Url};

use crate::{
    Counted, Egress, Error, ErrorKind,
    connect::{self, Guard},
    destination::server_name,
    entry::Entry,
};

/// A connection over which anything may be said: to this machine in the clear, or through TLS.
pub type Line = Counted<Either<TcpStream, Box<TlsStream<TcpStream>>>>;

/// The beginning of a connection that is not secure yet, for what a protocol says before TLS (RFC 3207).
pub struct Greeting {
    stream: TcpStream,
    name: ServerName<'static>,
    tls: TlsConnector,
    entry: Arc<Entry>,
}

/// Where the destination is.
struct Spot {
    host: Host<String>,
    port: u16,
    name: ServerName<'static>,
}

impl Spot {
    fn of(base: &Url) -> Result<Self, Error> {
        let outside = || Error::before(ErrorKind::Outside);
        let port = base.port().ok_or_else(outside)?;
        // The host of a scheme that is not of the web is text; it is read again as one that is.
        let host = base.host_str().and_then(|text| Host::parse(text).ok()).ok_or_else(outside)?;
        let name = server_name(&host).ok_or_else(outside)?;
        Ok(Self { host, port, name })
    }
}

impl Egress {
    /// A connection that is secure from its first byte.
    ///
    /// # Errors
    /// [`ErrorKind`] says what; nothing has been said yet. The destination must name its port.
    pub async fn open(&self, id: &str, by: Duration) -> Result<Line, Error> {
        let greeting = self.dialled(id, by, true).await?;
        within(by, greeting.secure()).await
    }

    /// A connection to this machine, in the clear.
    ///
    /// # Errors
    /// [`ErrorKind::Plaintext`] when the destination is anywhere else.
    pub async fn open_here(&self, id: &str, by: Duration) -> Result<Line, Error> {
        let Greeting { stream, entry, .. } = self.dialled(id, by, false).await?;
        let here = stream.peer_addr().is_ok_and(|address| address.ip().is_loopback());
        if !here {
            return Err(Error::before(ErrorKind::Plaintext));
        }
        Ok(Counted::new(Either::Left(stream), entry))
    }

    /// A connection that becomes secure after a few words.
    ///
    /// # Errors
    /// [`ErrorKind`] says what; nothing has been said yet. The destination must name its port.
    pub async fn greet(&self, id: &str, by: Duration) -> Result<Greeting, Error> {
        self.dialled(id, by, true).await
    }

    async fn dialled(&self, id: &str, by: Duration, secure: bool) -> Result<Greeting, Error> {
        let entry = self.entry(id).ok_or(Error::before(ErrorKind::Unknown))?;
        entry.counters.request(0, self.0.clock.now());
        let opened = async {
            let Spot { host, port, name } = Spot::of(&entry.destination.base)?;
            let guard = Guard { secure, allow_private: entry.destination.allow_private };
            let stream = connect::dial((&host, port), guard, &self.0.opener.resolver).await?;
            Ok(Greeting {
                stream,
                name,
                tls: self.0.opener.tls.lines.clone(),
                entry: Arc::clone(&entry),
            })
        };
        let opened = within(by, opened).await;
        if opened.is_err() {
            entry.counters.errors.fetch_add(1, Ordering::Relaxed);
        }
        opened
    }
}

async fn within<T>(
    span: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    timeout(span, work).await.unwrap_or(Err(Error::before(ErrorKind::ConnectTimeout)))
}

impl Greeting {
    /// Goes on over TLS. Whoever calls this has read everything that came before it.
    ///
    /// # Errors
    /// [`ErrorKind::Tls`] when the other side is not who it should be.
    pub async fn secure(self) -> Result<Line, Error> {
        let Self { stream, name, tls, entry } = self;
        match connect::secure(stream, name, &tls).await {
            Ok(stream) => Ok(Counted::new(Either::Right(Box::new(stream)), entry)),
            Err(error) => {
                entry.counters.errors.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }
}

impl AsyncRead for Greeting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Greeting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
