//! Greetings of TLS made byte by byte, for what no library offers any more (RFC 8446, section 4.1.2; RFC 5246; RFC 6101).

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::seed::Seed;

const PATIENCE: Duration = Duration::from_secs(5);

pub(super) const TLS12: u16 = 0x0303;
/// SSL 3.0, TLS 1.0, 1.1 and 1.2.
pub(super) const OUTDATED: [u16; 4] = [0x0300, 0x0301, 0x0302, TLS12];

const HANDSHAKE: u8 = 0x16;
const SERVER_HELLO: u8 = 2;

/// Suites that servers of every age and with either kind of key would take.
const COMMON: [u16; 14] = [
    0xC02B, 0xC02C, 0xCCA9, 0xC02F, 0xC030, 0xCCA8, 0xC009, 0xC00A, 0xC013, 0xC014, 0x002F, 0x0035,
    0x000A, 0x0005,
];

/// No encryption, export, anonymous, RC4, 3DES, CBC, and keys that are not ephemeral.
const WEAK: [u16; 19] = [
    0x0001, 0x0003, 0x0004, 0x0005, 0x000A, 0x002F, 0x0035, 0x003C, 0x009C, 0x009D, 0xC007, 0xC008,
    0xC009, 0xC00A, 0xC013, 0xC014, 0xC018, 0xC023, 0xC027,
];
/// Of TLS 1.3: a short tag, and two without encryption.
const WEAK13: [u16; 3] = [0x1305, 0xC0B4, 0xC0B5];

/// What is offered to a server.
pub(super) struct Offer {
    version: u16,
    suites: Vec<u16>,
    modern: bool,
    random: String,
}

/// How a server took it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted,
    Refused,
    /// Nobody was there, or nobody said anything in time.
    Silent,
}

impl Answer {
    /// For offers that have to be refused.
    pub(super) fn bad(self) -> Option<bool> {
        (self != Self::Silent).then_some(self == Self::Accepted)
    }
}

impl Offer {
    pub(super) fn outdated(seed: Seed, version: u16) -> Self {
        let random = seed.text(&format!("version|{version}"), 32);
        Self { version, suites: COMMON.to_vec(), modern: false, random }
    }

    /// One weak suite at a time.
    pub(super) fn weak(seed: Seed) -> impl Iterator<Item = Self> {
        let of = move |suite: u16, modern| {
            let random = seed.text(&format!("suite|{suite}"), 32);
            Self { version: TLS12, suites: vec![suite], modern, random }
        };
        let old = WEAK.into_iter().map(move |suite| of(suite, false));
        old.chain(WEAK13.into_iter().map(move |suite| of(suite, true)))
    }

    fn bytes(&self) -> Vec<u8> {
        let mut body = self.version.to_be_bytes().to_vec();
        body.extend(self.random.as_bytes());
        // No session to go on with.
        body.push(0);
        body.extend(sized(self.suites.iter().flat_map(|suite| suite.to_be_bytes()).collect()));
        // No compression.
        body.extend([1, 0]);
        if self.version > 0x0300 {
            body.extend(sized(self.extensions()));
        }
        let mut message = vec![1, 0];
        message.extend(sized(body));
        let outer = self.version.min(0x0301).to_be_bytes();
        let mut record = vec![HANDSHAKE];
        record.extend(outer);
        record.extend(sized(message));
        record
    }

    fn extensions(&self) -> Vec<u8> {
        let numbers = |all: &[u16]| all.iter().flat_map(|one| one.to_be_bytes()).collect();
        let groups = sized(numbers(&[0x001D, 0x0017, 0x0018]));
        let signatures = sized(numbers(&[
            0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201,
        ]));
        let mut all = vec![
            (0x000A_u16, groups),
            (0x000B, vec![1, 0]),
            (0x000D, signatures),
            (0x0017, Vec::new()),
            (0xFF01, vec![0]),
        ];
        if self.modern {
            // TLS 1.3, and no share of a key yet: who takes the suite asks for one.
            all.extend([(0x002B, vec![2, 3, 4]), (0x0033, vec![0, 0])]);
        }
        let extension =
            |(kind, data): (u16, Vec<u8>)| [kind.to_be_bytes().to_vec(), sized(data)].concat();
        all.into_iter().flat_map(extension).collect()
    }
}

/// With its length before it, in two bytes.
fn sized(data: Vec<u8>) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap_or(u16::MAX);
    [length.to_be_bytes().to_vec(), data].concat()
}

/// Makes the offer.
pub(super) async fn greet(at: SocketAddr, offer: &Offer) -> Answer {
    let exchange = async {
        let mut stream = TcpStream::connect(at).await.ok()?;
        stream.write_all(&offer.bytes()).await.ok()?;
        let mut head = [0; 6];
        // An end without a word is a refusal as well.
        Some(stream.read_exact(&mut head).await.is_ok().then_some(head))
    };
    match timeout(PATIENCE, exchange).await {
        Ok(Some(Some([HANDSHAKE, 3, _, _, _, SERVER_HELLO]))) => Answer::Accepted,
        Ok(Some(_)) => Answer::Refused,
        Ok(None) | Err(_) => Answer::Silent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    #[test]
    fn a_greeting_is_as_long_as_it_says() {
        let seed = Seed::new(Digest::of(b"a seed"));
        let outdated = OUTDATED.into_iter().map(|version| Offer::outdated(seed, version));
        for offer in outdated.chain(Offer::weak(seed)) {
            let bytes = offer.bytes();
            let length = |at: usize| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
            assert_eq!(length(3), bytes.len() - 5);
            assert_eq!(length(7), bytes.len() - 9);
            assert_eq!(bytes[9..11], offer.version.to_be_bytes());
        }
    }
}
