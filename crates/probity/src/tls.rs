//! The certificate that the server proves itself with: read from files, or made here and kept in the data directory.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    net::IpAddr,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use domain::{Clock, Error, Result, Timestamp};
use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio_util::sync::CancellationToken;
use web::{Tls, TlsConfig, TlsMode};

use crate::config::Config;

const DAY: Duration = Duration::from_secs(86_400);
/// What browsers accept at most, and then some room.
const VALID: Duration = Duration::from_secs(390 * 86_400);
/// How long before its end a certificate of our own is replaced.
const AHEAD: Duration = Duration::from_secs(30 * 86_400);
/// Clocks of clients may be behind.
const BEFORE: Duration = Duration::from_secs(3_600);

/// Keeps what is served up to date. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Keeper {
    tls: Tls,
    source: Source,
}

/// Where certificate and key come from.
#[derive(Clone)]
struct Source {
    config: TlsConfig,
    names: Vec<String>,
    kept: PathBuf,
    clock: Clock,
}

/// A certificate, with those that lead to its root, and its key: both in PEM.
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Keeper {
    /// `None` where TLS is off. The data directory has to be there.
    ///
    /// # Errors
    /// `Invalid` when the files cannot be used, or others may read the key.
    pub(crate) fn open(config: &Config, clock: &Clock) -> Result<Option<Self>> {
        if config.tls.mode == TlsMode::Off {
            return Ok(None);
        }
        let source = Source {
            names: names(config),
            kept: config.data.join("tls.pem"),
            config: config.tls.clone(),
            clock: clock.clone(),
        };
        let pair = source.pair()?;
        let tls = Tls::new(&pair.certificate, &pair.key, config.tls.allow_tls12)?;
        Ok(Some(Self { tls, source }))
    }

    pub(crate) const fn tls(&self) -> &Tls {
        &self.tls
    }

    /// Reads or makes the certificate again. When that fails, what was there stays.
    ///
    /// # Errors
    /// As [`Keeper::open`].
    pub(crate) fn reload(&self) -> Result<()> {
        let pair = self.source.pair()?;
        self.tls.renew(&pair.certificate, &pair.key, self.source.config.allow_tls12)
    }

    /// Replaces a certificate of our own in time, until `stop`.
    pub(crate) async fn watch(self, stop: CancellationToken) {
        if self.source.config.mode != TlsMode::SelfSigned {
            return;
        }
        while stop.run_until_cancelled(tokio::time::sleep(DAY)).await.is_some() {
            let before = self.fingerprint();
            match self.reload() {
                Ok(()) if self.fingerprint() != before => {
                    tracing::info!(fingerprint = self.fingerprint(), "a new certificate was made");
                }
                Ok(()) => {}
                Err(error) => tracing::warn!("the certificate cannot be renewed: {error}"),
            }
        }
    }

    /// For the person at the terminal.
    pub(crate) fn says(&self) -> String {
        let whose = match self.source.config.mode {
            TlsMode::SelfSigned => "self-signed",
            TlsMode::Files | TlsMode::Off => "certificate",
        };
        format!("{whose}, SHA-256 {}", self.fingerprint())
    }

    /// SHA-256 of the certificate, as browsers write it.
    fn fingerprint(&self) -> String {
        let hash = vault::sha256(&self.tls.certificate().borrow());
        let pairs: Vec<_> = hash.iter().map(|byte| format!("{byte:02X}")).collect();
        pairs.join(":")
    }
}

/// What `probity doctor` says of it; makes nothing.
///
/// # Errors
/// As [`Keeper::open`].
pub(crate) fn check(config: &Config) -> Result<String> {
    match config.tls.mode {
        TlsMode::Off => Ok("off: what encrypts stands in front".to_owned()),
        TlsMode::Files => Ok(Keeper::open(config, &Clock::system())?
            .map(|keeper| keeper.says())
            .unwrap_or_default()),
        TlsMode::SelfSigned => Ok(format!("self-signed for {}", names(config).join(", "))),
    }
}

/// Those of the settings; without them those of this machine, of the listener and of the public address.
fn names(config: &Config) -> Vec<String> {
    if !config.tls.names.is_empty() {
        return config.tls.names.clone();
    }
    let mut names: Vec<_> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    let ip: IpAddr = config.listen.ip();
    let public = config.public_url.as_deref().and_then(|url| url::Url::parse(url).ok());
    let public = public.and_then(|url| url.host_str().map(str::to_owned));
    let public = public.map(|host| host.trim_matches(['[', ']']).to_owned());
    for name in (!ip.is_unspecified()).then(|| ip.to_string()).into_iter().chain(public) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

impl Source {
    fn pair(&self) -> Result<Pair> {
        match (&self.config.certificate, &self.config.key) {
            (Some(certificate), Some(key)) => {
                Ok(Pair { certificate: read(certificate)?, key: guarded(key)? })
            }
            _ => self.own(),
        }
    }

    /// Ours, as long as it fits; otherwise another one.
    fn own(&self) -> Result<Pair> {
        let now = self.clock.now();
        if self.kept.exists() {
            let kept = guarded(&self.kept)?;
            if fits(&kept, &self.names, now) && fits(&kept, &self.names, now.plus(AHEAD)) {
                return Ok(Pair { certificate: kept.clone(), key: kept });
            }
        }
        let made = vault::self_signed(&self.names, now.minus(BEFORE), now.plus(VALID))?;
        let both = format!("{}{}", made.certificate, made.key.expose());
        keep(&self.kept, both.as_bytes())?;
        Ok(Pair { certificate: both.clone().into_bytes(), key: both.into_bytes() })
    }
}

/// Whether a certificate that signed itself would be believed under all these names at that time.
fn fits(pem: &[u8], names: &[String], at: Timestamp) -> bool {
    let believed = || -> Option<()> {
        let certificate = CertificateDer::from_pem_slice(pem).ok()?;
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).ok()?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().ok()?;
        let millis = u64::try_from(at.as_millis()).ok()?;
        let at = UnixTime::since_unix_epoch(Duration::from_millis(millis));
        for name in names {
            let name = ServerName::try_from(name.as_str()).ok()?;
            verifier.verify_server_cert(&certificate, &[], &name, &[], at).ok()?;
        }
        Some(())
    };
    believed().is_some()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| {
        Error::invalid(format!("{} cannot be read.", path.display())).with_source(error)
    })
}

/// A file with a key, which nobody but its owner may read.
fn guarded(path: &Path) -> Result<Vec<u8>> {
    let bytes = read(path)?;
    let mode = fs::metadata(path).map_err(Error::internal)?.mode();
    if mode & 0o077 == 0 {
        return Ok(bytes);
    }
    let path = path.display();
    Err(Error::invalid(format!(
        "Others may read the key of the certificate, {path}. Run: chmod 600 {path}"
    )))
}

/// Puts a file in the place of another, whole or not at all.
fn keep(path: &Path, bytes: &[u8]) -> Result<()> {
    let made = path.with_extension("new");
    match fs::remove_file(&made) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(Error::internal(error)),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&made)
        .map_err(Error::internal)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Error::internal)?;
    fs::rename(&made, path).map_err(Error::internal)
}

#[cfg(test)]
mod tests;
