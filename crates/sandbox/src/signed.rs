//! Checking Amazon's signature of a request, from what arrived.

use aws_lc_rs::{digest, hmac};
use http::request::Parts;

/// Whether `head` and `body` were signed with `key`, which is `ACCESS_KEY_ID:SECRET_ACCESS_KEY`.
pub(crate) fn is_signed(head: &Parts, body: &[u8], key: &str) -> bool {
    verified(head, body, key).unwrap_or(false)
}

fn verified(head: &Parts, body: &[u8], key: &str) -> Option<bool> {
    let (access, secret) = key.split_once(':')?;
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let said = header("authorization")?.strip_prefix("AWS4-HMAC-SHA256 ")?;
    let part = |name: &str| said.split(", ").find_map(|part| part.strip_prefix(name));
    let (credential, names, signature) =
        (part("Credential=")?, part("SignedHeaders=")?, part("Signature=")?);
    let (who, scope) = credential.split_once('/')?;
    let mut places = scope.split('/');
    let (day, region, service, end) =
        (places.next()?, places.next()?, places.next()?, places.next()?);
    let moment = header("x-amz-date")?;
    let listed: Vec<&str> = names.split(';').collect();
    let needed = ["content-type", "host", "x-amz-date"].iter().all(|name| listed.contains(name));
    if who != access
        || service != "bedrock"
        || end != "aws4_request"
        || !moment.starts_with(day)
        || !needed
    {
        return Some(false);
    }
    let mut text = format!("{}\n{}\n\n", head.method, twice(head.uri.path()));
    for name in &listed {
        text.push_str(&format!("{name}:{}\n", header(name)?.trim()));
    }
    text.push_str(&format!("\n{names}\n{}", hash(body)));
    let to_sign = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hash(text.as_bytes()));
    let mut made = format!("AWS4{secret}").into_bytes();
    for part in [day, region, service, end] {
        made = mac(&made, part.as_bytes());
    }
    Some(hex::encode(mac(&made, to_sign.as_bytes())) == signature)
}

/// The path as it was sent, with its percent signs and all else written once more.
fn twice(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let each = |byte: u8| {
        if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    path.bytes().map(each).collect()
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}
