//! TLS at the edge: the `[tls]` section, and the certificate that is served now.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use domain::{Error, Result};
use parking_lot::RwLock;
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    version::{TLS12, TLS13},
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// The `[tls]` section of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    pub mode: TlsMode,
    /// PEM file with the certificate and those between it and its root, for `files`.
    pub certificate: Option<PathBuf>,
    /// PEM file with the certificate's key, for `files`.
    pub key: Option<PathBuf>,
    /// Host names and addresses, for `self_signed`.
    pub names: Vec<String>,
    /// Whether clients that cannot do better may use TLS 1.2.
    pub allow_tls12: bool,
    /// Where plain HTTP is answered with the way to HTTPS, and with nothing else.
    pub http_redirect: Option<SocketAddr>,
}

/// Where the certificate comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    #[default]
    Off,
    Files,
    SelfSigned,
}

/// What a listener proves itself with; cloning it costs a counter. New connections see what was put in last.
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    config: RwLock<Arc<ServerConfig>>,
    /// The server's own certificate in DER.
    certificate: watch::Sender<Vec<u8>>,
}

impl Tls {
    /// Both in PEM. TLS 1.3 is spoken, and 1.2 only where `allow_tls12`; hybrid post-quantum key exchange is preferred.
    ///
    /// # Errors
    /// `Invalid` when they cannot be read or do not belong together.
    pub fn new(certificate: &[u8], key: &[u8], allow_tls12: bool) -> Result<Self> {
        let (config, own) = config(certificate, key, allow_tls12)?;
        let config = RwLock::new(Arc::new(config));
        Ok(Self(Arc::new(Inner { config, certificate: watch::Sender::new(own) })))
    }

    /// Puts others in the place of certificate and key. Connections that are open stay as they are.
    ///
    /// # Errors
    /// As [`Tls::new`]; what was there stays then.
    pub fn renew(&self, certificate: &[u8], key: &[u8], allow_tls12: bool) -> Result<()> {
        let (config, own) = config(certificate, key, allow_tls12)?;
        *self.0.config.write() = Arc::new(config);
        self.0.certificate.send_if_modified(|known| {
            let other = *known != own;
            *known = own;
            other
        });
        Ok(())
    }

    /// The server's own certificate in DER, now and whenever it changes.
    #[must_use]
    pub fn certificate(&self) -> watch::Receiver<Vec<u8>> {
        self.0.certificate.subscribe()
    }

    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.config.read())
    }
}

/// All suites of the provider are authenticated encryption over ephemeral keys; its first group is X25519MLKEM768.
fn config(certificate: &[u8], key: &[u8], allow_tls12: bool) -> Result<(ServerConfig, Vec<u8>)> {
    const MODERN: &[&SupportedProtocolVersion] = &[&TLS13];
    const BOTH: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| Error::invalid("The certificate is not in PEM.").with_source(error))?;
    let own = chain.first().map(|own| own.to_vec());
    let own = own.ok_or_else(|| Error::invalid("There is no certificate in the file."))?;
    // What the parser says of a key is not passed on: nothing of a key belongs into an error.
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| Error::invalid("The key of the certificate is not a private key in PEM."))?;
    let versions = if allow_tls12 { BOTH } else { MODERN };
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .map_err(Error::internal)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| {
            Error::invalid("Certificate and key do not belong together.").with_source(error)
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((config, own))
}
