//! A connection that is taken over for another protocol than HTTP: WebSockets.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{client::conn::http1, upgrade::Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};

use crate::{
    Counted, Deadlines, Egress, Error, ErrorKind, connect,
    entry::{Entry, Opener, handshake_failed},
};

/// How much of a refusal is read, and for how long: only its codes are of interest.
const REFUSAL_BYTES: usize = 64 << 10;
const REFUSAL_TIME: Duration = Duration::from_secs(5);

/// The bytes of a connection after both sides agreed to speak WebSocket. Dropping it closes the connection.
pub type Socket = Counted<TokioIo<Upgraded>>;

/// What the other side said to the wish to speak WebSocket.
pub enum Answered {
    Open(Socket),
    /// A status of success or failure, but no agreement.
    Refused(Response<Bytes>),
}

impl Egress {
    /// Asks a destination to go on in WebSocket (RFC 6455), on a connection of its own. `request` brings the path, as in
    /// [`Egress::send`], and whatever headers are the caller's; those of the handshake are set here.
    ///
    /// # Errors
    /// As [`Egress::send`]; `Protocol` also when the agreement is not one.
    pub async fn open_socket(
        &self,
        id: &str,
        request: Request<()>,
        deadlines: Deadlines,
    ) -> Result<Answered, Error> {
        let entry = self.entry(id).ok_or(Error::before(ErrorKind::Unknown))?;
        entry.counters.request(0, self.0.clock.now());
        let answered = self.0.opener.agree(&entry, request, deadlines).await;
        if answered.is_err() {
            entry.counters.errors.fetch_add(1, Ordering::Relaxed);
        }
        answered
    }
}

impl Opener {
    async fn agree(
        &self,
        entry: &Arc<Entry>,
        request: Request<()>,
        deadlines: Deadlines,
    ) -> Result<Answered, Error> {
        let connect_by = Instant::now() + deadlines.connect;
        let mut sender = timeout_at(connect_by, Box::pin(self.line(entry)))
            .await
            .unwrap_or(Err(Error::before(ErrorKind::ConnectTimeout)))?;
        let (request, key) = handshake(entry, request)?;
        let response = timeout(deadlines.headers, sender.send_request(request))
            .await
            .map_err(|_| Error::after(ErrorKind::HeadersTimeout))?
            .map_err(Error::under_way)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return refusal(response).await.map(Answered::Refused);
        }
        let accepted = response.headers().get(header::SEC_WEBSOCKET_ACCEPT);
        if accepted.map(HeaderValue::as_bytes) != Some(derive_accept_key(key.as_bytes()).as_bytes())
        {
            return Err(Error::after(ErrorKind::Protocol));
        }
        let io = hyper::upgrade::on(response).await.map_err(Error::under_way)?;
        Ok(Answered::Open(Counted::new(TokioIo::new(io), Arc::clone(entry))))
    }

    /// A connection that no other request uses, in the version of HTTP that can be left.
    async fn line(&self, entry: &Arc<Entry>) -> Result<http1::SendRequest<Full<Bytes>>, Error> {
        let (stream, name) = self.dial(entry).await?;
        match name {
            None => self.start(TokioIo::new(stream)).await,
            Some(name) => {
                let stream = connect::secure(stream, name, &self.tls.sockets).await?;
                self.start(TokioIo::new(stream)).await
            }
        }
    }

    async fn start<T>(&self, io: T) -> Result<http1::SendRequest<Full<Bytes>>, Error>
    where
        T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (sender, connection) =
            http1::Builder::new().handshake(io).await.map_err(handshake_failed)?;
        self.tasks.spawn(connection.with_upgrades());
        Ok(sender)
    }
}

/// The request with the headers of the handshake, and the key that the answer has to fit.
fn handshake(entry: &Entry, request: Request<()>) -> Result<(Request<Full<Bytes>>, String), Error> {
    let outside = || Error::before(ErrorKind::Outside);
    let target = entry.target.as_ref().ok_or_else(outside)?;
    let path = target.path(request.uri())?;
    let mut request = request.map(|()| Full::new(Bytes::new()));
    *request.uri_mut() = path.into();
    let key = generate_key();
    let headers = request.headers_mut();
    headers.insert(header::HOST, target.host_header.clone());
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    let value = HeaderValue::from_str(&key).map_err(|_| outside())?;
    headers.insert(header::SEC_WEBSOCKET_KEY, value);
    Ok((request, key))
}

/// What of a refusal can be read is enough: an unreadable body is an error without codes.
async fn refusal(response: Response<hyper::body::Incoming>) -> Result<Response<Bytes>, Error> {
    if response.status().is_redirection() {
        return Err(Error::after(ErrorKind::Redirect));
    }
    let (head, body) = response.into_parts();
    let whole = timeout(REFUSAL_TIME, Limited::new(body, REFUSAL_BYTES).collect()).await;
    let body = whole.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes);
    Ok(Response::from_parts(head, body.unwrap_or_default()))
}
