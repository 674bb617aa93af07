//! The control socket: how the command line reaches a server that already holds the database.
//!
//! One line of JSON in, one line of JSON out, over a Unix socket in the data directory that only its owner may open.
//! Whoever can open it could read the root key as well, so it asks for no further proof.

use std::{fmt, path::Path};

use domain::{Error, Result};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::import::Plan;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub(crate) enum Request {
    OperatorLink,
    ProbeRun { control: Option<String> },
    CatalogueReload,
    SecondFactorReset { email: String },
    SignInPolicyReset { organization: String },
    Servers,
    ServerForget { server: uuid::Uuid },
    Import(Box<Import>),
}

/// What is to be registered, with the admin key of whom.
#[derive(Serialize, Deserialize)]
pub(crate) struct Import {
    pub(crate) admin_key: String,
    pub(crate) plan: Plan,
}

impl fmt::Debug for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Import").finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reply {
    Text(String),
    Json(serde_json::Value),
    Error(String),
}

/// Answers requests until `stop`.
pub(crate) fn serve<F, Fut>(
    path: &Path,
    tasks: &TaskTracker,
    stop: CancellationToken,
    answer: F,
) -> Result<()>
where
    F: Fn(Request) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<Reply>> + Send,
{
    // The store's lock says that no other server uses this directory: a socket found here is a leftover.
    drop(std::fs::remove_file(path));
    let listener = UnixListener::bind(path).map_err(Error::internal)?;
    restrict(path)?;
    let path = path.to_owned();
    let inner = tasks.clone();
    tasks.spawn(async move {
        loop {
            let stream = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => match accepted { Ok((stream, _)) => stream, Err(_) => continue },
            };
            let answer = answer.clone();
            inner.spawn(async move {
                if let Err(error) = converse(stream, answer).await {
                    tracing::debug!(%error, "control connection ended");
                }
            });
        }
        drop(std::fs::remove_file(&path));
    });
    Ok(())
}

#[cfg(unix)]
fn restrict(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(Error::internal)
}

async fn converse<F, Fut>(stream: UnixStream, answer: F) -> Result<()>
where
    F: Fn(Request) -> Fut,
    Fut: Future<Output = Result<Reply>>,
{
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.map_err(Error::internal)?;
    let reply = match serde_json::from_str(&line) {
        Ok(request) => {
            answer(request).await.unwrap_or_else(|error| Reply::Error(error.to_string()))
        }
        Err(_) => Reply::Error("The request was not understood.".to_owned()),
    };
    let mut text = serde_json::to_string(&reply).map_err(Error::internal)?;
    text.push('\n');
    stream.get_mut().write_all(text.as_bytes()).await.map_err(Error::internal)
}

/// Asks the server behind `path`; `None` when no server listens there.
pub(crate) async fn ask(path: &Path, request: &Request) -> Result<Option<Reply>> {
    let Ok(stream) = UnixStream::connect(path).await else { return Ok(None) };
    let mut stream = BufReader::new(stream);
    let mut text = serde_json::to_string(request).map_err(Error::internal)?;
    text.push('\n');
    stream.get_mut().write_all(text.as_bytes()).await.map_err(Error::internal)?;
    let mut line = String::new();
    stream.read_line(&mut line).await.map_err(Error::internal)?;
    serde_json::from_str(&line)
        .map(Some)
        .map_err(|_| Error::unavailable("The server ended the conversation."))
}

/// Whether a server listens behind `path`.
pub(crate) async fn is_alive(path: &Path) -> bool {
    UnixStream::connect(path).await.is_ok()
}
