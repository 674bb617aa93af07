//! An HTTP/1 server around one function.

use std::{convert::Infallible, io::Write, net::SocketAddr};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::Outcome;

/// Serves until the process ends; prints `ready http://ADDR` once it listens.
pub(crate) async fn serve<H, F, B>(listen: SocketAddr, handle: H) -> Outcome
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let listener = TcpListener::bind(listen).await?;
    writeln!(std::io::stdout(), "ready http://{}", listener.local_addr()?)?;
    let tasks = TaskTracker::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let handle = handle.clone();
        let service = service_fn(move |request| {
            let answer = handle(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new());
        tasks.spawn(server.serve_connection(TokioIo::new(stream), service));
    }
}
