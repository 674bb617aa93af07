//! The probes' own receiver of events: listens on loopback, keeps what it is sent, and answers that it took it.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc};

use domain::{Error, Result, Secret};
use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Events that are kept, and bytes of each.
const KEPT: usize = 64;
const LARGEST: usize = 64 << 10;

/// An event as it arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Event {
    /// The path it was sent to.
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) seconds: i64,
    pub(crate) signature: String,
    pub(crate) body: Vec<u8>,
}

impl Event {
    /// Whether whoever holds `secret` sent exactly this.
    pub(crate) fn is_signed(&self, secret: &str) -> bool {
        let secret = Secret::new(secret.to_owned());
        let right = vault::webhook_signature(&secret, (&self.id, self.seconds), &self.body);
        right.is_ok_and(|right| vault::same(right.as_bytes(), self.signature.as_bytes()))
    }
}

type Seen = Arc<Mutex<VecDeque<Event>>>;

/// Listens until dropped.
pub(crate) struct Inbox {
    address: SocketAddr,
    seen: Seen,
    stop: CancellationToken,
}

impl Inbox {
    pub(crate) async fn open() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?;
        let (seen, stop, tasks) = (Seen::default(), CancellationToken::new(), TaskTracker::new());
        let (kept, stopped, inner) = (Arc::clone(&seen), stop.clone(), tasks.clone());
        tasks.spawn(async move {
            let accept = async {
                while let Ok((stream, _)) = listener.accept().await {
                    let (kept, stopped) = (Arc::clone(&kept), stopped.clone());
                    inner.spawn(
                        async move { stopped.run_until_cancelled(take(stream, kept)).await },
                    );
                }
            };
            stopped.run_until_cancelled(accept).await;
        });
        Ok(Self { address, seen, stop })
    }

    /// Without a path; each organization has one of its own.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What arrived last.
    pub(crate) fn seen(&self) -> Vec<Event> {
        self.seen.lock().iter().cloned().collect()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// One request, one answer, and the connection is closed.
async fn take(mut stream: TcpStream, seen: Seen) -> Option<()> {
    let mut bytes = Vec::new();
    let mut part = [0; 4096];
    let (event, length, at) = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let (event, length) = head(&String::from_utf8_lossy(bytes.get(..at)?))?;
            break (event, length, at + 4);
        }
        more(&mut stream, &mut part, &mut bytes).await?;
    };
    while bytes.len() < at + length {
        more(&mut stream, &mut part, &mut bytes).await?;
    }
    let body = bytes.get(at..at + length)?.to_vec();
    {
        let mut seen = seen.lock();
        seen.push_back(Event { body, ..event });
        if seen.len() > KEPT {
            seen.pop_front();
        }
    }
    let answer = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    stream.write_all(answer.as_bytes()).await.ok()
}

async fn more(stream: &mut TcpStream, part: &mut [u8], bytes: &mut Vec<u8>) -> Option<()> {
    let count = stream.read(part).await.ok().filter(|count| *count > 0)?;
    bytes.extend_from_slice(part.get(..count)?);
    (bytes.len() <= LARGEST).then_some(())
}

/// What the head says, and how long the body is.
fn head(text: &str) -> Option<(Event, usize)> {
    let mut lines = text.lines();
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let mut event = Event { path, ..Event::default() };
    let mut length = 0;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "webhook-id" => value.clone_into(&mut event.id),
            "webhook-timestamp" => event.seconds = value.parse().ok()?,
            "webhook-signature" => value.clone_into(&mut event.signature),
            _ => {}
        }
    }
    (length <= LARGEST).then_some((event, length))
}
