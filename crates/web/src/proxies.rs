//! The proxies whose word counts: who may connect in clear, and on whose behalf.

use std::{net::IpAddr, sync::Arc};

use domain::{Error, Result};
use http::HeaderMap;
use trust::Network;

const FORWARDED: &str = "x-forwarded-for";

/// Networks in which trusted proxies stand; none by default.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<[Network]>);

impl Proxies {
    /// Networks such as `10.20.0.7/32`.
    ///
    /// # Errors
    /// `Invalid` when one is no network, or is everything.
    pub fn parse(networks: &[String]) -> Result<Self> {
        let network = |text: &String| {
            if text.ends_with("/0") {
                return Err(Error::invalid(format!(
                    "{text} is everybody. Name the addresses of the proxies."
                )));
            }
            text.parse::<Network>()
        };
        networks.iter().map(network).collect::<Result<Vec<_>>>().map(|all| Self(all.into()))
    }

    pub(crate) fn contain(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(ip))
    }

    /// Who is behind a connection from `peer`. Each proxy adds the address it saw at the end of the header, so what
    /// stands left of the last address that is no trusted proxy's may have been made up, and is not looked at.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let lines = headers.get_all(FORWARDED).iter().rev();
        let mut named = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        while self.contain(client) {
            let Some(Ok(ip)) = named.next().map(|text| text.trim().parse::<IpAddr>()) else {
                break;
            };
            client = ip.to_canonical();
        }
        client
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, lines: &[&str]) -> String {
        let proxies = Proxies::parse(&["10.0.0.0/8".to_owned(), "fd00::/8".to_owned()]).unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED, line.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_last_address_that_is_no_proxy_s_counts() {
        assert_eq!(client("10.0.0.7", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.0.0.7", &["1.1.1.1, 203.0.113.9, 10.0.0.8"]), "203.0.113.9");
        assert_eq!(client("10.0.0.7", &["1.1.1.1, 203.0.113.9", "fd00::1"]), "203.0.113.9");
        assert_eq!(client("::ffff:10.0.0.7", &["::ffff:203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.0.0.7", &["10.0.0.9"]), "10.0.0.9", "a proxy asks for itself");
        assert_eq!(client("10.0.0.7", &[]), "10.0.0.7");
    }

    #[test]
    fn nobody_else_is_believed() {
        assert_eq!(client("203.0.113.5", &["198.51.100.1"]), "203.0.113.5");
        assert_eq!(client("10.0.0.7", &["203.0.113.9, nonsense"]), "10.0.0.7");
        assert_eq!(client("10.0.0.7", &["203.0.113.9, unknown, 10.0.0.8"]), "10.0.0.8");
    }

    #[test]
    fn everybody_is_no_network_of_proxies() {
        for wrong in ["0.0.0.0/0", "::/0", "proxy.example", "10.0.0.0/33"] {
            assert!(Proxies::parse(&[wrong.to_owned()]).is_err(), "{wrong}");
        }
    }
}
