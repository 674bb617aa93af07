//! The address guard: which IP addresses may be connected to at all.
//!
//! Sources: the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890) and the documented
//! metadata addresses of the large clouds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The public internet.
    Public,
    /// This machine or its own network: only where the destination allows it.
    Private,
    /// Link-local and metadata addresses, multicast, reserved and undefined ranges: never.
    Forbidden,
}

/// Classifies `address`. An IPv4 address inside an IPv6 one counts as that IPv4 address.
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    match address.octets() {
        // Alibaba's metadata service lives in the shared range, Azure's host agent in a public one.
        [100, 100, 100, 200] | [168, 63, 129, 16] => Reach::Forbidden,
        [10 | 127, ..] | [192, 168, ..] | [198, 18..=19, ..] => Reach::Private,
        [172, 16..=31, ..] | [100, 64..=127, ..] => Reach::Private,
        // "This network", link-local (most metadata services), protocol assignments, documentation,
        // 6to4 relays, multicast, reserved and broadcast.
        [0, ..] | [169, 254, ..] | [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => {
            Reach::Forbidden
        }
        [192, 88, 99, _] | [224..=255, ..] => Reach::Forbidden,
        _ => Reach::Public,
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    if address == Ipv6Addr::LOCALHOST {
        return Reach::Private;
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = || {
        let [[g1, g2], [h1, h2]] = [g.to_be_bytes(), h.to_be_bytes()];
        reach_v4(Ipv4Addr::new(g1, g2, h1, h2))
    };
    match [a, b, c, d, e, f] {
        // IPv4-mapped, and the well-known prefix of NAT64.
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => embedded(),
        // AWS and Google serve metadata inside the unique-local range.
        [0xfd00, 0xec2, ..] | [0xfd20, 0xce, ..] => Reach::Forbidden,
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Reach::Private,
        // Teredo and other protocol assignments, documentation, 6to4.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => {
            Reach::Forbidden
        }
        [0x2000..=0x3fff, ..] => Reach::Public,
        // Undefined, link-local, multicast, discard-only, IPv4-compatible and everything unassigned.
        _ => Reach::Forbidden,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Reach {
        reach(text.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_public() {
        for text in ["1.1.1.1", "104.18.7.192", "172.32.0.1", "100.128.0.1", "2606:4700::6812:7c0"]
        {
            assert_eq!(of(text), Reach::Public, "{text}");
        }
        assert_eq!(of("::ffff:8.8.8.8"), Reach::Public);
        assert_eq!(of("64:ff9b::808:808"), Reach::Public);
    }

    #[test]
    fn own_networks_are_private() {
        let own = [
            "127.0.0.1",
            "127.255.255.254",
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "198.18.0.1",
            "::1",
            "fd12:3456::1",
            "fec0::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
        ];
        for text in own {
            assert_eq!(of(text), Reach::Private, "{text}");
        }
    }

    #[test]
    fn metadata_link_local_multicast_and_nonsense_are_forbidden() {
        let never = [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "192.0.2.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::ffff:169.254.169.254",
            "::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "ff02::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "4000::1",
        ];
        for text in never {
            assert_eq!(of(text), Reach::Forbidden, "{text}");
        }
    }
}
