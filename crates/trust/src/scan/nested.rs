//! Streams inside bytes: gzip and zlib wherever one may begin, and long stretches of base64.

use std::io::Read as _;

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use flate2::read::{MultiGzDecoder, ZlibDecoder};

/// What one stream may unfold to; a bomb is cut there.
const LARGEST: u64 = 16 << 20;

/// Shorter stretches of base64 are searched in encoded form only.
const RUN: usize = 64;

const FORGIVING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// Calls `visit` with the content of every stream that may begin somewhere in `bytes`.
pub(super) fn each(bytes: &[u8], mut visit: impl FnMut(&[u8])) {
    for at in memchr::memchr2_iter(0x1f, 0x78, bytes) {
        let rest = bytes.get(at..).unwrap_or_default();
        let inner = match rest {
            [0x1f, 0x8b, 0x08, ..] => unfold(MultiGzDecoder::new(rest)),
            // RFC 1950: the two bytes of the header are a multiple of 31.
            [0x78, flags, ..] if (0x7800 + u32::from(*flags)) % 31 == 0 => {
                unfold(ZlibDecoder::new(rest))
            }
            _ => continue,
        };
        if !inner.is_empty() {
            visit(&inner);
        }
    }
    let text = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    for run in bytes.split(|byte| !text(byte)).filter(|run| run.len() >= RUN) {
        let url = run.iter().any(|byte| matches!(byte, b'-' | b'_'));
        let engine = GeneralPurpose::new(if url { &URL_SAFE } else { &STANDARD }, FORGIVING);
        // A stretch may begin in the middle of a group: any of four starts is the right one.
        for skipped in 0..4 {
            let whole = run.get(skipped..).unwrap_or_default();
            let whole = whole.get(..whole.len() / 4 * 4).unwrap_or_default();
            if let Ok(inner) = engine.decode(whole)
                && worth_unfolding(&inner)
            {
                visit(&inner);
            }
        }
    }
}

/// Plain base64 is found by its own patterns; only what begins a compressed stream needs decoding.
fn worth_unfolding(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, &[0x1f, 0x8b, 0x08]).is_some()
        || memchr::memchr(0x78, bytes).is_some()
}

/// As much as can be read, also of a stream that breaks off.
fn unfold(stream: impl std::io::Read) -> Vec<u8> {
    let mut inner = Vec::new();
    let mut limited = stream.take(LARGEST);
    let mut part = [0; 8192];
    while let Ok(count) = limited.read(&mut part) {
        if count == 0 {
            break;
        }
        inner.extend_from_slice(part.get(..count).unwrap_or_default());
    }
    inner
}
