//! E-mail addresses, around each `@`.

use crate::{Finding, Kind, bytes, scanner::Scan};

const LOCAL: usize = 64;
const DOMAIN: usize = 253;

/// Ends of names that are files and not domains.
const FILES: &[&str] = &[
    "png", "jpg", "jpeg", "gif", "svg", "webp", "pdf", "css", "js", "ts", "html", "json", "md",
    "txt", "py", "rs",
];

pub(crate) fn at_sign(scan: &mut Scan<'_>, at: usize) -> usize {
    let text = scan.text;
    let mut start = bytes::run_start(text, at, LOCAL, is_local);
    start = bytes::floor(text, start);
    while start < at && matches!(bytes::at(text, start), b'.' | b'\'' | b'-' | b'+') {
        start += 1;
    }
    let end = domain_end(text, at + 1);
    let local = text.get(start..at).unwrap_or_default();
    let domain = text.get(at + 1..end).unwrap_or_default();
    let attached = matches!(bytes::before(text, start), b'/' | b'@' | b'$');
    if is_local_part(local) && is_domain(domain) && !attached && !is_remote_path(text, local, end) {
        scan.found.push(Finding::new(Kind::Email, start, end));
        return end;
    }
    at + 1
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || byte >= 0x80
        || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'')
}

fn is_local_part(local: &str) -> bool {
    let letters = |one: char| one.is_alphanumeric() || one.is_ascii_punctuation();
    !local.is_empty()
        && !local.ends_with('.')
        && !local.contains("..")
        && local.chars().all(letters)
}

/// The end of the domain, without the full stop of the sentence.
fn domain_end(text: &str, from: usize) -> usize {
    let keep =
        |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80 || matches!(byte, b'.' | b'-');
    let mut end = bytes::floor(text, bytes::run_end(text, from, DOMAIN, keep));
    if let Some(other) = text.get(from..end).and_then(|domain| {
        domain.char_indices().find(|(_, one)| !one.is_ascii() && !one.is_alphabetic())
    }) {
        end = from + other.0;
    }
    while end > from && matches!(bytes::before(text, end), b'.' | b'-') {
        end -= 1;
    }
    end
}

fn is_domain(domain: &str) -> bool {
    let Some((_, last)) = domain.rsplit_once('.') else { return false };
    let labels = domain.split('.').all(|label| {
        (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    });
    let known = last.starts_with("xn--") || last.chars().all(char::is_alphabetic);
    let file = FILES.iter().any(|end| last.eq_ignore_ascii_case(end));
    labels && known && (2..=24).contains(&last.chars().count()) && !file
}

/// `git@host.org:group/project` names a place and nobody.
fn is_remote_path(text: &str, local: &str, end: usize) -> bool {
    local == "git" && matches!(bytes::at(text, end), b':' | b'/')
}
