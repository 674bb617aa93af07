//! Connections to engines that are not spoken to over HTTP.

use std::{
    io,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::client::TlsStream;

use crate::{Egress, Error, ErrorKind, connect, destination::Target, entry::Entry};

/// A connection to an engine of the deployment's own. What goes through it is on the record of its destination.
pub struct Line {
    wire: Wire,
    entry: Arc<Entry>,
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Egress {
    /// Opens a connection to a destination that is not spoken to over HTTP. `within` bounds name resolution, TCP and
    /// TLS together.
    ///
    /// # Errors
    /// [`ErrorKind`] says what.
    pub async fn open(&self, id: &str, within: Duration) -> Result<Line, Error> {
        let entry = self.entry(id).ok_or(Error::before(ErrorKind::Unknown))?;
        entry.counters.request(0, self.0.clock.now());
        let wire = timeout(within, self.wire(&entry))
            .await
            .unwrap_or(Err(Error::before(ErrorKind::ConnectTimeout)));
        match wire {
            Ok(wire) => Ok(Line { wire, entry }),
            Err(error) => {
                entry.counters.errors.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    async fn wire(&self, entry: &Entry) -> Result<Wire, Error> {
        let target = Target::engine(&entry.destination.base)
            .map_err(|_| Error::before(ErrorKind::Outside))?;
        let opener = &self.0.opener;
        let allow_private = entry.destination.allow_private;
        let stream = connect::dial(&target, allow_private, &opener.resolver).await?;
        let Some(name) = target.tls else { return Ok(Wire::Plain(stream)) };
        // What is offered to web servers means nothing here.
        let connector = opener.tls.with_alpn(Vec::new());
        let stream = connector
            .connect(name, stream)
            .await
            .map_err(|error| Error::before(ErrorKind::Tls).because(error))?;
        Ok(Wire::Tls(Box::new(stream)))
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_read(cx, into),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, into),
        };
        let bytes = u64::try_from(into.filled().len().saturating_sub(before)).unwrap_or(0);
        self.entry.counters.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, bytes),
        };
        if let Poll::Ready(Ok(bytes)) = &written {
            let bytes = u64::try_from(*bytes).unwrap_or(0);
            self.entry.counters.bytes_out.fetch_add(bytes, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.wire {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
