//! The address of a provider, checked before it is registered. The connector checks again, against the addresses
//! that the name resolves to at that moment.

use std::net::IpAddr;

use domain::{Error, Result};
use egress::{Reach, reach};
use url::{Host, Url};

/// An address that may become a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    /// Without a trailing slash.
    pub(crate) text: String,
    pub(crate) host: String,
    /// Whether it is on this machine or in its networks by the look of it; a name may still turn out to be.
    pub(crate) private: bool,
}

fn refuse(why: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid(why).with_code("invalid_base_url")
}

/// Checks an address. `allow_private` says that somebody entitled to it wants this destination to be reached inside
/// the own network; plain HTTP is for those only.
///
/// # Errors
/// `Invalid` with code `invalid_base_url` or `private_address`; the message says what to change.
pub(crate) fn check(text: &str, allow_private: bool) -> Result<BaseUrl> {
    let text = text.trim();
    if text.len() > 500 {
        return Err(refuse("The address is longer than 500 characters."));
    }
    let url = Url::parse(text)
        .map_err(|_| refuse("Enter the whole address, such as https://api.example.com/v1."))?;
    let unwanted = !url.username().is_empty() || url.password().is_some();
    if unwanted || url.query().is_some() || url.fragment().is_some() {
        return Err(refuse("The address must not hold a name, password, query or fragment."));
    }
    let host = url.host().ok_or_else(|| refuse("The address needs a host."))?;
    let private = match stands_for(&host) {
        Some(Reach::Forbidden) => {
            return Err(refuse("This address is reserved and is never connected to."));
        }
        Some(Reach::Private) => true,
        Some(Reach::Public) | None => false,
    };
    if private && !allow_private {
        return Err(Error::invalid(
            "This address is on this machine or in its own network. Confirm that the server is yours to allow it.",
        )
        .with_code("private_address"));
    }
    match url.scheme() {
        "https" => {}
        "http" if allow_private => {}
        "http" => {
            return Err(refuse(
                "Use https. Plain http is only for a server of your own in the same network, and has to be allowed.",
            ));
        }
        _ => {
            return Err(refuse(
                "The address has to begin with https://, or with http:// for a server of your own.",
            ));
        }
    }
    let host = host.to_string();
    Ok(BaseUrl { text: url.as_str().trim_end_matches('/').to_owned(), host, private })
}

/// Whether the text names an address of this machine or its networks without any look-up.
pub(crate) fn is_plainly_private(text: &str) -> bool {
    Url::parse(text.trim())
        .ok()
        .is_some_and(|url| url.host().and_then(|host| stands_for(&host)) == Some(Reach::Private))
}

/// Whether a server at this address is taken to be the organization's own: in its network by the look of it, or
/// allowed there and spoken to without TLS, which nobody else is. A public name may be anybody's.
pub(crate) fn is_own(text: &str, allow_private: bool) -> bool {
    allow_private && (is_plainly_private(text) || text.starts_with("http://"))
}

/// Whether `url` is at `host` or below it.
pub(crate) fn belongs_to(url: &BaseUrl, other: &str) -> bool {
    let Some(owner) = Url::parse(other).ok().and_then(|other| other.host_str().map(str::to_owned))
    else {
        return false;
    };
    url.host == owner || url.host.strip_suffix(&owner).is_some_and(|rest| rest.ends_with('.'))
}

/// How far the host reaches when that is known without a look-up. Names under `localhost` are this machine (RFC 6761).
fn stands_for(host: &Host<&str>) -> Option<Reach> {
    match host {
        Host::Ipv4(address) => Some(reach(IpAddr::V4(*address))),
        Host::Ipv6(address) => Some(reach(IpAddr::V6(*address))),
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            (name == "localhost" || name.ends_with(".localhost")).then_some(Reach::Private)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str, allow_private: bool) -> &'static str {
        check(text, allow_private).map_or_else(|error| error.code(), |_| "ok")
    }

    #[test]
    fn public_addresses_need_https() {
        assert_eq!(code("https://api.example.com/v1", false), "ok");
        assert_eq!(code("https://api.example.com:8443/v1", false), "ok");
        assert_eq!(code("http://api.example.com/v1", false), "invalid_base_url");
        let checked = check(" https://API.Example.com/v1/ ", false).unwrap();
        assert_eq!(
            (checked.text.as_str(), checked.host.as_str()),
            ("https://api.example.com/v1", "api.example.com")
        );
        assert!(!checked.private);
    }

    #[test]
    fn the_own_network_has_to_be_meant() {
        for text in [
            "http://localhost:11434/v1",
            "http://127.0.0.1:8000/v1",
            "http://[::1]:8000",
            "http://10.1.2.3",
            "http://192.168.1.5:1234/v1",
            "http://[fd12::1]/v1",
            "http://0x7f000001/",
            "http://2130706433/",
            "http://127.1/",
            "http://a.localhost./",
            "https://127.0.0.1/",
            "http://[::ffff:127.0.0.1]/",
        ] {
            assert_eq!(code(text, false), "private_address", "{text}");
            assert_eq!(code(text, true), "ok", "{text}");
            assert!(is_plainly_private(text), "{text}");
        }
        // A name says nothing by itself: plain HTTP is for those who mean the own network.
        assert_eq!(code("http://vllm.internal:8000/v1", true), "ok");
        assert_eq!(code("http://vllm.internal:8000/v1", false), "invalid_base_url");
        assert!(!is_plainly_private("http://vllm.internal:8000/v1"));
    }

    #[test]
    fn reserved_addresses_are_never_taken() {
        for text in [
            "http://169.254.169.254/latest/meta-data",
            "http://[fe80::1]/",
            "http://0.0.0.0:8000/",
            "http://[::]/",
            "http://224.0.0.1/",
            "https://255.255.255.255/",
            "http://[fd00:ec2::254]/",
        ] {
            assert_eq!(code(text, true), "invalid_base_url", "{text}");
        }
    }

    #[test]
    fn what_is_not_a_plain_address_is_refused() {
        for text in [
            "",
            "api.example.com",
            "ftp://api.example.com",
            "file:///etc/passwd",
            "https://",
            "https://user:pass@api.example.com",
            "https://key@api.example.com",
            "https://api.example.com/v1?key=1",
            "https://api.example.com/#x",
            "javascript:alert(1)",
            "gopher://127.0.0.1:6379/_",
            "data:text/plain,hi",
        ] {
            assert_eq!(code(text, true), "invalid_base_url", "{text}");
        }
        assert_eq!(
            code(&format!("https://a.example/{}", "a".repeat(500)), true),
            "invalid_base_url"
        );
    }

    #[test]
    fn a_host_belongs_to_itself_and_its_parents() {
        let own =
            |text: &str| belongs_to(&check(text, false).unwrap(), "https://api.openai.com/v1");
        assert!(own("https://api.openai.com/v1"));
        assert!(own("https://eu.api.openai.com/v1"));
        assert!(!own("https://openai.com/v1"));
        assert!(!own("https://evilapi.openai.com/v1"));
        assert!(!own("https://api.openai.com.evil.example/v1"));
    }
}
