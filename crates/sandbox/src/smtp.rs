//! A mail server's twin (RFC 5321, STARTTLS of RFC 3207, AUTH of RFC 4954): takes letters over a real socket, keeps them
//! in memory, and fails where its script says so.

mod session;

use std::{collections::VecDeque, io, net::SocketAddr, sync::Arc};

use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::server::accept;

/// What goes wrong with one letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `451` to the recipient.
    Later,
    /// `550` to the recipient.
    NoSuchRecipient,
    /// `554` to the letter, once it was read.
    Spam,
    /// The connection ends in the middle of the letter.
    CutInLetter,
    /// The letter is kept, and the connection ends before it is said so.
    CutAfterLetter,
    /// The letter is kept and taken, and the connection ends at the farewell.
    CutAtFarewell,
    /// A `220` to STARTTLS with words behind it that were said in the clear.
    Injected,
}

/// How the twin behaves.
#[derive(Clone, Default)]
pub struct MailScript {
    /// With these certificates, after STARTTLS.
    pub starttls: Option<Arc<ServerConfig>>,
    /// With these certificates, from the first byte.
    pub implicit: Option<Arc<ServerConfig>>,
    /// Nobody may send without signing in as this one.
    pub user: Option<(String, String)>,
    /// Whether the twin offers to be signed in to with `LOGIN` only.
    pub login_only: bool,
    /// One for each connection, in order; afterwards everything goes well.
    pub faults: Vec<Fault>,
}

/// A letter that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub from: String,
    pub to: String,
    /// Header and text, as the client meant them.
    pub letter: String,
    /// Whether it came through TLS.
    pub secure: bool,
    pub signed_in: bool,
}

struct Inner {
    script: MailScript,
    faults: Mutex<VecDeque<Fault>>,
    letters: Mutex<Vec<Received>>,
    /// Lines that came in the clear, for tests that look for what should not be among them.
    clear: Mutex<Vec<String>>,
    connections: Mutex<usize>,
    arrived: Notify,
}

/// A listening twin. Dropping it ends all connections.
pub struct Mailbox {
    pub addr: SocketAddr,
    inner: Arc<Inner>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Mailbox {
    /// Listens on `addr`; port 0 is allowed.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(addr: SocketAddr, script: MailScript) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let inner = Arc::new(Inner {
            faults: Mutex::new(script.faults.iter().copied().collect()),
            script,
            letters: Mutex::default(),
            clear: Mutex::default(),
            connections: Mutex::default(),
            arrived: Notify::new(),
        });
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let known = Arc::clone(&inner);
        let serve = move |stream| {
            *known.connections.lock() += 1;
            connection(stream, Arc::clone(&known))
        };
        tasks.spawn(accept(listener, (stop.clone(), tasks.clone()), serve));
        Ok(Self { addr, inner, stop, tasks })
    }

    /// Everything that arrived, in order.
    #[must_use]
    pub fn letters(&self) -> Vec<Received> {
        self.inner.letters.lock().clone()
    }

    /// Everything that was said in the clear.
    #[must_use]
    pub fn said_in_the_clear(&self) -> Vec<String> {
        self.inner.clear.lock().clone()
    }

    #[must_use]
    pub fn connections(&self) -> usize {
        *self.inner.connections.lock()
    }

    /// Waits until `count` letters have arrived.
    pub async fn arrived(&self, count: usize) {
        loop {
            let arrived = self.inner.arrived.notified();
            if self.inner.letters.lock().len() >= count {
                return;
            }
            arrived.await;
        }
    }

    /// Breaks all connections off and waits until nothing runs.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Errors are the scripted faults and clients that leave.
async fn connection(stream: TcpStream, inner: Arc<Inner>) -> io::Result<()> {
    match inner.script.implicit.clone() {
        None => session::begin(stream, &inner).await,
        Some(tls) => {
            let secure = TlsAcceptor::from(tls).accept(stream).await?;
            session::secure(secure, &inner).await
        }
    }
}
