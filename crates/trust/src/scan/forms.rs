//! The shapes one string can take on its way to a disk.

use std::fmt::Write as _;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    Raw,
    Utf16,
    Base64,
    Hex,
    Percent,
}

/// Patterns shorter than this would be found by chance.
pub(super) const SHORTEST: usize = 10;

/// Every form of `needle`, in both cases where case is often changed.
pub(super) fn of(needle: &str) -> Vec<(Form, Vec<u8>)> {
    let mut all = Vec::new();
    let mut cased = vec![needle.to_owned(), needle.to_lowercase(), needle.to_uppercase()];
    cased.sort();
    cased.dedup();
    for text in &cased {
        let bytes = text.as_bytes();
        all.push((Form::Raw, bytes.to_vec()));
        all.push((Form::Utf16, text.encode_utf16().flat_map(u16::to_le_bytes).collect()));
        all.push((Form::Utf16, text.encode_utf16().flat_map(u16::to_be_bytes).collect()));
        all.push((Form::Hex, hex::encode(bytes).into_bytes()));
        all.push((Form::Hex, hex::encode_upper(bytes).into_bytes()));
        all.push((Form::Percent, percent(bytes, false)));
        all.push((Form::Percent, percent(bytes, true)));
        for skipped in 0..3 {
            all.extend(base64(bytes, skipped).map(|bytes| (Form::Base64, bytes)));
        }
    }
    all.retain(|(_, bytes)| bytes.len() >= SHORTEST);
    all.sort();
    all.dedup();
    all
}

/// The characters of base64 that depend on `bytes` alone when `before` bytes of a group come first: the
/// characters at both ends, which also hold bits of the neighbours, are left out.
fn base64(bytes: &[u8], before: usize) -> impl Iterator<Item = Vec<u8>> {
    // Bytes that complete the group of whatever stood before.
    let own = bytes.get((3 - before) % 3..).unwrap_or_default();
    let whole = own.get(..own.len() / 3 * 3).unwrap_or_default().to_vec();
    [STANDARD_NO_PAD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole)]
        .into_iter()
        .map(String::into_bytes)
}

fn percent(bytes: &[u8], upper: bool) -> Vec<u8> {
    let mut text = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        let written = if upper { write!(text, "%{byte:02X}") } else { write!(text, "%{byte:02x}") };
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
    text.into_bytes()
}
