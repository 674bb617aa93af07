//! A careless server: it looks rows up by id alone, whoever asks and from wherever, and says nothing about them that
//! would protect a browser. Probes that search for such a mistake must find it.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use domain::{Error, Result};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Listens on loopback until dropped.
pub(super) struct Shadow {
    address: SocketAddr,
    stop: CancellationToken,
}

/// What is served, and the headers with which it is.
type Rows = Arc<(BTreeMap<String, String>, &'static str)>;

impl Shadow {
    /// Serves `rows`, from id to JSON, under any path that ends in the id.
    pub(super) async fn serve(rows: BTreeMap<String, String>) -> Result<Self> {
        Self::serve_with("content-type: application/json", rows).await
    }

    /// The same with other headers, in one line or several.
    pub(super) async fn serve_with(
        headers: &'static str,
        rows: BTreeMap<String, String>,
    ) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?;
        let stop = CancellationToken::new();
        let (rows, stopped, tasks) = (Arc::new((rows, headers)), stop.clone(), TaskTracker::new());
        let inner = tasks.clone();
        tasks.spawn(async move {
            let accept = async {
                while let Ok((stream, _)) = listener.accept().await {
                    let rows = Arc::clone(&rows);
                    let stopped = stopped.clone();
                    inner.spawn(
                        async move { stopped.run_until_cancelled(answer(stream, rows)).await },
                    );
                }
            };
            stopped.run_until_cancelled(accept).await;
        });
        Ok(Self { address, stop })
    }

    pub(super) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// One request, one answer, and the connection is closed.
async fn answer(mut stream: TcpStream, rows: Rows) -> Option<()> {
    let mut head = Vec::new();
    let mut part = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") && head.len() < 16_384 {
        let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
        head.extend_from_slice(part.get(..count)?);
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split_whitespace().nth(1)?.split('?').next()?;
    let (status, body) = match rows.0.get(path.rsplit('/').next()?) {
        Some(row) => ("200 OK", row.as_str()),
        None => ("404 Not Found", "{\"code\":\"not_found\"}"),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\n{}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        rows.1,
        body.len()
    );
    stream.write_all(answer.as_bytes()).await.ok()
}
