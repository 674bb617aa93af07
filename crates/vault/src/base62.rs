//! Base62 (`0-9A-Za-z`): survives double clicks, URLs and shells.

use domain::Result;
use zeroize::Zeroizing;

use crate::key;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `length` uniformly random characters, 5.95 bits each; 43 of them hold 256 bits.
pub(crate) fn random(length: usize) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut pool = Zeroizing::new([0u8; 64]);
    while text.len() < length {
        key::fill(pool.as_mut_slice())?;
        // 248 is the last multiple of 62 below 256: taking more would favour some letters.
        let fair = pool.iter().filter(|&&byte| byte < 248).map(|&byte| letter(u32::from(byte)));
        for character in fair.take(length - text.len()) {
            text.push(character);
        }
    }
    Ok(text)
}

/// `value` in six characters; 62⁶ exceeds 2³².
pub(crate) fn six(mut value: u32) -> [u8; 6] {
    let mut out = [b'0'; 6];
    for place in out.iter_mut().rev() {
        *place = letter(value) as u8;
        value /= 62;
    }
    out
}

pub(crate) fn all_letters(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn letter(value: u32) -> char {
    ALPHABET.get((value % 62) as usize).map_or('0', |&byte| char::from(byte))
}
