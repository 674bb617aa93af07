//! The TLS side: rustls over aws-lc-rs, Mozilla's roots and, where configured, one more file of certificates.

use std::{path::Path, sync::Arc};

use domain::{Error, Result};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_rustls::TlsConnector;

use crate::Pinned;

/// One trust, with what is offered to be spoken above it.
#[derive(Clone)]
pub(crate) struct Connectors {
    pub(crate) http: TlsConnector,
    /// For connections that are taken over, which only the older version of HTTP allows.
    pub(crate) sockets: TlsConnector,
    /// For what is not HTTP: it agrees on no protocol.
    pub(crate) lines: TlsConnector,
}

/// # Errors
/// `Invalid` when the file of extra certificates cannot be read or holds none.
pub(crate) fn connectors(extra_ca: Option<&Path>) -> Result<Connectors> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = extra_ca {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|error| unusable(path).with_source(error))?;
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(offered(&config))
}

/// For a door that meets one server only, whose certificate is known.
pub(crate) fn pinned(certificate: &[u8]) -> Result<Connectors> {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(Error::internal)?
        .dangerous()
        .with_custom_certificate_verifier(Pinned::new(certificate))
        .with_no_client_auth();
    Ok(offered(&config))
}

fn offered(config: &ClientConfig) -> Connectors {
    let offering = |protocols: &[&[u8]]| {
        let mut config = config.clone();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    };
    Connectors {
        http: offering(&[b"h2", b"http/1.1"]),
        sockets: offering(&[b"http/1.1"]),
        lines: offering(&[]),
    }
}

/// The certificates of a PEM file, or the one of a DER file.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let bytes = std::fs::read(path).map_err(|error| unusable(path).with_source(error))?;
    if bytes.first() == Some(&0x30) {
        return Ok(vec![CertificateDer::from(bytes)]);
    }
    let found: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<std::result::Result<_, _>>()
        .map_err(|error| unusable(path).with_source(error))?;
    if found.is_empty() { Err(unusable(path)) } else { Ok(found) }
}

fn unusable(path: &Path) -> Error {
    Error::invalid(format!(
        "{} cannot be used as a file of extra certificates: give one in PEM or DER.",
        path.display()
    ))
}
