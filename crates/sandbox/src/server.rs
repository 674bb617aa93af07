//! The socket: accepts connections, HTTP/1 and HTTP/2 (prior knowledge) alike.

use std::{
    convert::identity,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Inspector, Script, route::Twin};

/// Starts twins.
#[derive(Debug)]
pub struct Sandbox;

impl Sandbox {
    /// Listens on `addr` (port 0 is allowed) until the returned value is shut down or dropped.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start(addr: SocketAddr, script: Script) -> io::Result<Running> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let twin = Arc::new(Twin::new(script, (tasks.clone(), stop.clone())));
        let inspector = twin.inspector.clone();
        let serve = move |stream: TcpStream| {
            twin.inspector.connected();
            let _ = stream.set_nodelay(true);
            connection(stream, Arc::clone(&twin))
        };
        tasks.spawn(accept(listener, (stop.clone(), tasks.clone()), serve));
        Ok(Running { addr, inspector, stop, tasks })
    }
}

/// A listening twin.
#[derive(Debug)]
pub struct Running {
    pub addr: SocketAddr,
    inspector: Inspector,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    /// `http://HOST:PORT/v1`, the base URL of all protocols.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// `http://HOST:PORT/v2`, where it also stands for Cohere's embeddings and ranking.
    #[must_use]
    pub fn cohere_url(&self) -> String {
        format!("http://{}/v2", self.addr)
    }

    #[must_use]
    pub const fn inspector(&self) -> &Inspector {
        &self.inspector
    }

    /// Breaks all connections off and waits until nothing runs.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Serves every connection on a task of its own, until `stop`, which breaks them all off.
pub(crate) async fn accept<F>(
    listener: TcpListener,
    (stop, tasks): (CancellationToken, TaskTracker),
    serve: impl Fn(TcpStream) -> F,
) where
    F: Future<Output: Send> + Send + 'static,
{
    let all = async {
        loop {
            // An accept error is about one connection, or about descriptors that run out; both pass.
            let Ok((stream, _)) = listener.accept().await else {
                tokio::task::yield_now().await;
                continue;
            };
            let (stopped, connection) = (stop.clone(), serve(stream));
            tasks.spawn(async move { stopped.run_until_cancelled(connection).await });
        }
    };
    stop.run_until_cancelled(all).await.map_or((), identity)
}

async fn connection(stream: TcpStream, twin: Arc<Twin>) {
    let reset = Arc::new(AtomicBool::new(false));
    let wire = TokioIo::new(Wire { stream, reset: Arc::clone(&reset) });
    let service = service_fn(move |request| {
        let (twin, reset) = (Arc::clone(&twin), Arc::clone(&reset));
        async move { twin.handle(request, reset).await }
    });
    // Errors here are the scripted faults and clients that leave.
    let builder = auto::Builder::new(TokioExecutor::new());
    let _ = builder.serve_connection_with_upgrades(wire, service).await;
}

/// A connection that is closed by a TCP reset when the script says so.
struct Wire {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.reset.load(Ordering::SeqCst) {
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl AsyncWrite for Wire {
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
        if self.reset.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
