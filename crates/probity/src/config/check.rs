//! What settings must not say, each with what to do about it.

use domain::{Error, Result};
use web::TlsMode;

use super::{Config, absolute};

impl Config {
    pub(super) fn check(&self) -> Result<()> {
        self.check_listener()?;
        self.check_tls()?;
        if absolute(&self.root_key).starts_with(absolute(&self.data)) {
            return Err(Error::invalid(
                "root_key lies inside the data directory: a copy of the data would carry its own key. \
                 Choose a place outside it.",
            ));
        }
        for network in &self.storage.networks {
            network.parse::<trust::Network>().map_err(|error| {
                Error::invalid(format!("storage.networks: {}", error.message()))
            })?;
        }
        if !(1..=3_650).contains(&self.catalogue.notice_days) {
            return Err(Error::invalid(
                "catalogue.notice_days is a number of days from 1 to 3650: the database lets nothing new be used at once.",
            ));
        }
        self.mail.server().map(drop)
    }

    /// What other machines can reach is encrypted, here or by a proxy that is named.
    fn check_listener(&self) -> Result<()> {
        web::Proxies::parse(&self.web.trusted_proxies)
            .map_err(|error| Error::invalid(format!("web.trusted_proxies: {}", error.message())))?;
        if self.listen.ip().is_loopback() || self.tls.mode != TlsMode::Off {
            return Ok(());
        }
        let listen = self.listen;
        if self.web.trusted_proxies.is_empty() {
            return Err(Error::invalid(format!(
                "listen = {listen} can be reached from other machines, and nothing encrypts. Set tls.mode to \
                 self_signed or files (docs/tls.md); or listen on 127.0.0.1 or [::1] and put a TLS proxy on this \
                 machine in front; or name the addresses of the TLS proxy in web.trusted_proxies."
            )));
        }
        if !self.is_public_over("https://") {
            return Err(Error::invalid(format!(
                "listen = {listen} is for the proxies of web.trusted_proxies only: set public_url to the address \
                 that people reach them at, beginning with https://."
            )));
        }
        Ok(())
    }

    fn check_tls(&self) -> Result<()> {
        let tls = &self.tls;
        let wrong = |text: &'static str| Err(Error::invalid(text));
        let named = usize::from(tls.certificate.is_some()) + usize::from(tls.key.is_some());
        match (tls.mode, named) {
            (TlsMode::Files, 2) | (TlsMode::Off | TlsMode::SelfSigned, 0) => {}
            (TlsMode::Files, _) => {
                return wrong(
                    "tls.mode = files needs tls.certificate and tls.key, two files in PEM.",
                );
            }
            _ => {
                return wrong("tls.certificate and tls.key are not used: set tls.mode to files.");
            }
        }
        if tls.mode == TlsMode::Off {
            return match tls.http_redirect {
                Some(_) => wrong("tls.http_redirect leads nowhere while tls.mode is off."),
                None => Ok(()),
            };
        }
        if self.is_public_over("http://") {
            return wrong("public_url has to begin with https:// where tls.mode is not off.");
        }
        if tls.http_redirect.is_some()
            && !self.listen.ip().is_loopback()
            && self.public_url.is_none()
        {
            return wrong("tls.http_redirect needs public_url, the address that it leads to.");
        }
        Ok(())
    }

    fn is_public_over(&self, scheme: &str) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with(scheme))
    }
}
