//! Servers of the prober's own that do what the real one must not.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use domain::{Error, Result};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Run, modern};

/// For one visitor.
const VISIT: Duration = Duration::from_secs(5);
const HOUR: Duration = Duration::from_secs(3_600);

/// Listens on this machine until it is dropped.
pub(super) struct Planted {
    pub(super) address: SocketAddr,
    /// What it proves itself with, in DER, where it can.
    pub(super) certificate: Vec<u8>,
    stop: CancellationToken,
}

impl Planted {
    /// Speaks TLS 1.2 only.
    pub(super) async fn speaking_tls12(cx: Run<'_>) -> Result<Self> {
        Self::with_tls(cx, modern::everything(), &TLS12).await
    }

    /// Speaks TLS 1.3 with nothing that resists quantum computers.
    pub(super) async fn without_hybrid(cx: Run<'_>) -> Result<Self> {
        let kx_groups = vec![aws_lc_rs::kx_group::X25519];
        let provider = CryptoProvider { kx_groups, ..modern::everything() };
        Self::with_tls(cx, provider, &TLS13).await
    }

    /// Says yes to the first suite of whatever is offered, in whatever version.
    pub(super) async fn agreeing() -> Result<Self> {
        Self::open(Vec::new(), async |mut stream: TcpStream| {
            let mut greeting = [0; 512];
            let count = stream.read(&mut greeting).await?;
            let greeting = greeting.get(..count).unwrap_or_default();
            stream.write_all(&yes(greeting).unwrap_or_default()).await
        })
        .await
    }

    /// Answers every request in clear.
    pub(super) async fn serving_plain_http() -> Result<Self> {
        Self::open(Vec::new(), async |mut stream: TcpStream| {
            // What is asked does not matter, only that something is.
            let mut asked = [0; 512];
            if stream.read(&mut asked).await? == 0 {
                return Ok(());
            }
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi";
            stream.write_all(answer).await
        })
        .await
    }

    async fn with_tls(
        cx: Run<'_>,
        provider: CryptoProvider,
        version: &'static SupportedProtocolVersion,
    ) -> Result<Self> {
        let (now, names) = (cx.site.clock.now(), [Ipv4Addr::LOCALHOST.to_string()]);
        let made = vault::self_signed(&names, now.minus(HOUR), now.plus(HOUR))?;
        let own = CertificateDer::from_pem_slice(made.certificate.as_bytes());
        let own = own.map_err(Error::internal)?;
        let key = PrivateKeyDer::from_pem_slice(made.key.expose().as_bytes());
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])
            .map_err(Error::internal)?
            .with_no_client_auth()
            .with_single_cert(vec![own.clone()], key.map_err(Error::internal)?)
            .map_err(Error::internal)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::open(own.to_vec(), move |stream| {
            let handshake = acceptor.accept(stream);
            async { handshake.await?.shutdown().await }
        })
        .await
    }

    /// `visit` is what is done with each visitor, one after another: it is here for a moment only.
    async fn open<V, F>(certificate: Vec<u8>, visit: V) -> Result<Self>
    where
        V: Fn(TcpStream) -> F + Send + Sync + 'static,
        F: Future<Output = std::io::Result<()>> + Send,
    {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(Error::internal)?;
        let address = listener.local_addr().map_err(Error::internal)?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        TaskTracker::new().spawn(async move {
            let accept = async {
                while let Ok((stream, _)) = listener.accept().await {
                    // A visitor that leaves is no failure.
                    drop(timeout(VISIT, visit(stream)).await);
                }
            };
            stopped.run_until_cancelled(accept).await;
        });
        Ok(Self { address, certificate, stop })
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// The answer of a server that takes the version and the first suite of a greeting without a session.
fn yes(greeting: &[u8]) -> Option<Vec<u8>> {
    const BEFORE_VERSION: usize = 9;
    const BEFORE_SUITES: usize = BEFORE_VERSION + 2 + 32 + 1 + 2;
    let version = greeting.get(BEFORE_VERSION..BEFORE_VERSION + 2)?;
    let suite = greeting.get(BEFORE_SUITES..BEFORE_SUITES + 2)?;
    // Record and message, with their lengths; then version, random, no session, suite, no compression.
    let head = [&[0x16], version, &[0, 42, 2, 0, 0, 38]].concat();
    Some([&head, version, &[0; 32], &[0], suite, &[0]].concat())
}
