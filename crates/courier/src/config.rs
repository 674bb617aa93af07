//! The `[mail]` section of the configuration. Off unless `url` is set.

use std::path::PathBuf;

use domain::{Error, Result, Secret};
use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use url::{Host, Url};

const EXAMPLE: &str = "smtps://user@mail.example.org:465";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `smtps://user:password@host:465`, or `smtp://user:password@host:587`, which goes over to TLS before anything is said.
    pub url: Option<Secret<String>>,
    /// A file with the password, in place of the one in `url`.
    pub password_file: Option<PathBuf>,
    /// The sender: `Probity <notices@example.org>`.
    pub from: Option<String>,
}

/// How the connection is made secure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// TLS from the first byte.
    Tls,
    /// STARTTLS, or nothing.
    Upgrade,
    /// None: only to this machine.
    Plain,
}

/// A mail server that letters are handed to.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Scheme, host and port.
    pub(crate) base: Url,
    pub(crate) security: Security,
    pub(crate) user: Option<(String, Secret<String>)>,
    pub(crate) from: Mailbox,
}

fn refuse(why: &'static str) -> Error {
    Error::invalid(format!("mail.url {why} It looks like {EXAMPLE}.")).with_code("invalid_mail")
}

impl Config {
    /// The server, checked; `None` when no mail is sent.
    ///
    /// # Errors
    /// `Invalid` with code `invalid_mail`. The message holds nothing of the address or the password.
    pub fn server(&self) -> Result<Option<MailServer>> {
        let Some(url) = self.url.as_ref().filter(|url| !url.expose().is_empty()) else {
            return Ok(None);
        };
        let url = Url::parse(url.expose()).map_err(|_| refuse("cannot be read."))?;
        let from = self.from.as_deref().unwrap_or_default().parse().map_err(|_| {
            let words = "mail.from must name the sender, such as Probity <notices@example.org>.";
            Error::invalid(words).with_code("invalid_mail")
        })?;
        let (security, port) = security(&url)?;
        let host = url.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| refuse("names no host."))?;
        if security == Security::Plain && !is_here(host) {
            return Err(refuse(
                "has tls=off, which is for a mail server on this machine only (127.0.0.1, ::1 or localhost).",
            ));
        }
        let base = format!("{}://{host}:{}", url.scheme(), url.port().unwrap_or(port));
        Ok(Some(MailServer {
            base: Url::parse(&base).map_err(|_| refuse("names no host."))?,
            security,
            user: self.user(&url)?,
            from,
        }))
    }

    fn user(&self, url: &Url) -> Result<Option<(String, Secret<String>)>> {
        let plain = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8();
            decoded.map(std::borrow::Cow::into_owned).map_err(|_| refuse("is not UTF-8."))
        };
        let password = match &self.password_file {
            None => url.password().map(plain).transpose()?,
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    let words = format!("mail.password_file {} cannot be read.", path.display());
                    Error::invalid(words).with_code("invalid_mail").with_source(error)
                })?;
                Some(text.trim_end_matches(['\r', '\n']).to_owned())
            }
        };
        match (url.username(), password) {
            ("", None) => Ok(None),
            (user, Some(password)) if !user.is_empty() => {
                Ok(Some((plain(user)?, Secret::new(password))))
            }
            _ => Err(refuse("needs a user and a password, or neither.")),
        }
    }
}

fn security(url: &Url) -> Result<(Security, u16)> {
    let mut asked = None;
    for (name, value) in url.query_pairs() {
        match (name.as_ref(), value.as_ref()) {
            ("tls", "required") => asked = Some(true),
            ("tls", "off") => asked = Some(false),
            _ => return Err(refuse("may only have ?tls=required or ?tls=off.")),
        }
    }
    match (url.scheme(), asked) {
        ("smtps", Some(true) | None) => Ok((Security::Tls, 465)),
        ("smtp", Some(true) | None) => Ok((Security::Upgrade, 587)),
        ("smtp", Some(false)) => Ok((Security::Plain, 25)),
        ("smtps", Some(false)) => Err(refuse("contradicts itself.")),
        _ => Err(refuse("begins with smtp:// or smtps://.")),
    }
}

fn is_here(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Ok(Host::Domain(name)) => name == "localhost",
        Err(_) => false,
    }
}

impl MailServer {
    /// Where letters leave to.
    #[must_use]
    pub fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// The address that letters come from, without a name.
    #[must_use]
    pub fn address(&self) -> String {
        self.from.email.to_string()
    }

    /// The name and address that letters come from.
    #[must_use]
    pub fn from(&self) -> String {
        self.from.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Result<Option<MailServer>> {
        let from = Some("Probity <notices@example.org>".to_owned());
        Config { url: Some(Secret::new(url.to_owned())), password_file: None, from }.server()
    }

    fn security_of(url: &str) -> Security {
        server(url).unwrap().unwrap().security
    }

    #[test]
    fn nothing_is_sent_unless_a_server_is_named() {
        assert!(Config::default().server().unwrap().is_none());
        assert!(server("").unwrap().is_none());
    }

    #[test]
    fn tls_is_the_rule_and_plain_is_for_this_machine() {
        assert_eq!(security_of("smtps://mail.example.org"), Security::Tls);
        assert_eq!(security_of("smtp://mail.example.org"), Security::Upgrade);
        assert_eq!(security_of("smtp://u:p@mail.example.org:2525?tls=required"), Security::Upgrade);
        assert_eq!(security_of("smtp://127.0.0.1:25?tls=off"), Security::Plain);
        assert_eq!(security_of("smtp://[::1]:25?tls=off"), Security::Plain);
        for bad in [
            "smtp://mail.example.org?tls=off",
            "smtp://10.0.0.1?tls=off",
            "smtps://localhost?tls=off",
            "http://mail.example.org",
            "smtp://mail.example.org?tls=maybe",
            "smtp://user@mail.example.org",
            "smtps://",
            "mail.example.org",
        ] {
            let error = server(bad).unwrap_err();
            assert_eq!(error.code(), "invalid_mail", "{bad}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_no_part_of_the_destination() {
        let server = server("smtps://a%40b.example:p%3Aw%2F@mail.example.org").unwrap().unwrap();
        let (user, password) = server.user.clone().unwrap();
        assert_eq!((user.as_str(), password.expose().as_str()), ("a@b.example", "p:w/"));
        assert_eq!(server.base.as_str(), "smtps://mail.example.org:465");
        let error = Config {
            url: Some(Secret::new("smtps://u:hunter2@mail.example.org".to_owned())),
            password_file: None,
            from: Some("nobody".to_owned()),
        };
        assert!(!error.server().unwrap_err().to_string().contains("hunter2"));
    }

    #[test]
    fn a_password_may_lie_in_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "quiet lantern\n").unwrap();
        let config = Config {
            url: Some(Secret::new("smtps://u@mail.example.org".to_owned())),
            password_file: Some(file.path().to_owned()),
            from: Some("notices@example.org".to_owned()),
        };
        let (_, password) = config.server().unwrap().unwrap().user.unwrap();
        assert_eq!(password.expose(), "quiet lantern");
    }
}
