//! Addresses of machines, and URLs that carry a password.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{Finding, Kind, bytes, scanner::Scan, secret};

/// Four numbers with dots are a version as often as an address: the words for one, so near, decide.
const NEAR: usize = 6;

pub(crate) fn ip_v4(scan: &mut Scan<'_>, start: usize, end: usize) {
    let text = scan.text;
    if end - start > 3 || bytes::at(text, end) != b'.' {
        return;
    }
    if bytes::word_before(text, start) || matches!(bytes::before(text, start), b'.' | b'-') {
        return;
    }
    let after = bytes::run_end(text, start, 16, |byte| byte.is_ascii_digit() || byte == b'.');
    let after = if bytes::before(text, after) == b'.' { after - 1 } else { after };
    let Some(Ok(address)) = text.get(start..after).map(str::parse::<Ipv4Addr>) else { return };
    let dash = bytes::at(text, after) == b'-' && bytes::at(text, after + 1).is_ascii_alphanumeric();
    let special = address.is_loopback() || matches!(address.octets(), [0, ..] | [255, 255, ..]);
    // Six digits or fewer number the parts of standards; hardly any address is so short.
    let short = after - start <= 9 && matches!(address.octets(), [..10, ..]);
    if special || short || dash || bytes::word_after(text, after) {
        return;
    }
    let version = scan.around.look(text, start, after, Kind::IpAddress);
    if version.cue.is_none_or(|distance| distance > NEAR) {
        scan.found.push(Finding::new(Kind::IpAddress, start, after));
    }
}

/// `://` with a password, an IPv6 or MAC address, or the name of a secret before its value.
pub(crate) fn colon(scan: &mut Scan<'_>, at: usize) -> usize {
    let text = scan.text;
    if text.as_bytes().get(at..at + 3) == Some(b"://") {
        return url(scan, at + 3);
    }
    let start = bytes::run_start(text, at, 5, bytes::is_hex);
    let hex = at - start < 5 && (at > start || bytes::at(text, at + 1) == b':');
    if hex && !bytes::word_before(text, start) && bytes::before(text, start) != b':' {
        let end = hex_address(scan, start);
        if end > at {
            return end;
        }
    }
    secret::assignment(scan, at)
}

/// The authority of a URL counts whole, so that no part of a password is left beside an address.
fn url(scan: &mut Scan<'_>, from: usize) -> usize {
    let text = scan.text;
    let end = bytes::run_end(text, from, 512, |byte| {
        !byte.is_ascii_whitespace()
            && !matches!(byte, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'\\')
    });
    let end = bytes::floor(text, end);
    let Some((user, _)) = text.get(from..end).and_then(|authority| authority.rsplit_once('@'))
    else {
        return from;
    };
    let secret = match user.split_once(':') {
        Some((_, password)) => {
            !password.is_empty()
                && !user.contains(['[', '{', '<'])
                && !secret::is_placeholder(password)
        }
        None => user.len() >= 16 && user.bytes().any(|byte| byte.is_ascii_digit()),
    };
    if !secret {
        return from;
    }
    scan.found.push(Finding::new(Kind::UrlCredential, from, end));
    end
}

/// Returns where the address ends, or 0.
fn hex_address(scan: &mut Scan<'_>, start: usize) -> usize {
    let text = scan.text;
    let mut end =
        bytes::run_end(text, start, 46, |byte| bytes::is_hex(byte) || matches!(byte, b':' | b'.'));
    while end > start && bytes::before(text, end) == b'.' {
        end -= 1;
    }
    if bytes::before(text, end) == b':' && bytes::before(text, end - 1) != b':' {
        end -= 1;
    }
    let word = text.get(start..end).unwrap_or_default();
    if bytes::word_after(text, end) {
        return 0;
    }
    let kind = if is_mac(word, ':') {
        Kind::MacAddress
    } else if is_v6(word) {
        Kind::IpAddress
    } else {
        return 0;
    };
    scan.found.push(Finding::new(kind, start, end));
    end
}

/// `a::b` is a path in a program: short forms need a full first group, and a digit.
fn is_v6(word: &str) -> bool {
    let groups = word.split(':').filter(|group| !group.is_empty()).count();
    let first = word.split(':').next().unwrap_or_default().len();
    groups >= 2
        && (groups >= 4 || first == 4)
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.parse::<Ipv6Addr>().is_ok_and(|address| !address.is_loopback())
}

pub(crate) fn is_mac(word: &str, mark: char) -> bool {
    let pairs = word.split(mark).filter(|pair| pair.len() == 2 && pair.bytes().all(bytes::is_hex));
    word.len() == 17
        && pairs.count() == 6
        && word.bytes().any(|byte| byte != b'0' && byte != mark as u8)
}
