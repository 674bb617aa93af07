//! Whole handshakes, as an up-to-date client makes them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use egress::Pinned;
use rustls::{
    CipherSuite, ClientConfig, NamedGroup, SupportedCipherSuite,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::ServerName,
    version::TLS13,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

const PATIENCE: Duration = Duration::from_secs(10);

/// What may be agreed on.
const LISTED: [CipherSuite; 3] = [
    CipherSuite::TLS13_AES_128_GCM_SHA256,
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
];

/// What client and server agreed on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Agreed {
    suite: CipherSuite,
    group: NamedGroup,
}

impl Agreed {
    /// Whether the key exchange stays closed to whoever breaks one of its two halves.
    pub(super) fn is_hybrid(self) -> bool {
        self.group == NamedGroup::X25519MLKEM768
    }

    pub(super) fn is_listed(self) -> bool {
        LISTED.contains(&self.suite)
    }
}

/// Everything this program knows.
pub(super) fn everything() -> CryptoProvider {
    aws_lc_rs::default_provider()
}

/// The same with a single suite of TLS 1.3 each.
pub(super) fn one_suite_each() -> impl Iterator<Item = CryptoProvider> {
    let of =
        |suite: SupportedCipherSuite| CryptoProvider { cipher_suites: vec![suite], ..everything() };
    everything().cipher_suites.into_iter().filter(|suite| suite.tls13().is_some()).map(of)
}

/// A handshake of TLS 1.3 with the server that has this certificate, in DER; `None` when there was none.
pub(super) async fn agree(
    at: SocketAddr,
    certificate: &[u8],
    provider: &CryptoProvider,
) -> Option<Agreed> {
    let config = ClientConfig::builder_with_provider(Arc::new(provider.clone()))
        .with_protocol_versions(&[&TLS13])
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(Pinned::new(certificate))
        .with_no_client_auth();
    let handshake = async {
        let stream = TcpStream::connect(at).await.ok()?;
        let name = ServerName::from(at.ip());
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()
    };
    let stream = timeout(PATIENCE, handshake).await.ok()??;
    let session = stream.get_ref().1;
    let suite = session.negotiated_cipher_suite()?.suite();
    let group = session.negotiated_key_exchange_group()?.name();
    Some(Agreed { suite, group })
}
