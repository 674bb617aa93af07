//! One JSON object per line, in both directions.

use domain::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, Lines},
    sync::mpsc,
};
use tokio_util::task::TaskTracker;

/// The code of an error that only says that nobody listens any more.
pub(crate) const GONE: &str = "other_side_gone";

/// What comes in. Reading a line is never interrupted half-way: a task of its own does it.
pub(crate) struct Incoming<T>(mpsc::Receiver<Result<T>>);

/// What goes out.
pub(crate) struct Outgoing<W>(W);

impl<T: DeserializeOwned + Send + 'static> Incoming<T> {
    pub(crate) fn new(input: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (sender, receiver) = mpsc::channel(16);
        let lines = BufReader::new(input).lines();
        TaskTracker::new().spawn(read(lines, sender));
        Self(receiver)
    }

    /// The next object; `None` once the other side has closed.
    pub(crate) async fn next(&mut self) -> Result<Option<T>> {
        self.0.recv().await.transpose()
    }
}

async fn read<T: DeserializeOwned>(
    mut lines: Lines<BufReader<impl AsyncRead + Unpin>>,
    to: mpsc::Sender<Result<T>>,
) {
    while let Ok(Some(line)) = lines.next_line().await {
        // The line itself is in no error: it may hold keys.
        let said = serde_json::from_str(&line).map_err(|error| {
            Error::invalid(format!("The other side cannot be understood: {:?}.", error.classify()))
        });
        let broken = said.is_err();
        if to.send(said).await.is_err() || broken {
            break;
        }
    }
}

impl<W: AsyncWrite + Unpin> Outgoing<W> {
    pub(crate) const fn new(output: W) -> Self {
        Self(output)
    }

    /// # Errors
    /// `Unavailable` with code [`GONE`] when the other side is gone.
    pub(crate) async fn send(&mut self, what: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(what).map_err(Error::internal)?;
        line.push(b'\n');
        let gone = |error| {
            Error::unavailable("The other side is gone.").with_code(GONE).with_source(error)
        };
        self.0.write_all(&line).await.map_err(gone)?;
        self.0.flush().await.map_err(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn objects_cross_and_garbage_is_an_error() {
        let (left, right) = tokio::io::duplex(64);
        let mut out = Outgoing::new(left);
        let mut incoming = Incoming::<Vec<u32>>::new(right);
        out.send(&vec![1, 2]).await.unwrap();
        assert_eq!(incoming.next().await.unwrap(), Some(vec![1, 2]));
        out.send(&"text").await.unwrap();
        assert!(incoming.next().await.is_err());
        drop(out);
        assert_eq!(incoming.next().await.unwrap(), None);
        let (left, right) = tokio::io::duplex(64);
        drop(right);
        assert_eq!(Outgoing::new(left).send(&1).await.unwrap_err().code(), GONE);
    }
}
