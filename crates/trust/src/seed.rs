//! Randomness that can be shown afterwards: everything random in a run comes from one committed seed.

use crate::Digest;

const LETTERS: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Derives values from a seed, each under a name of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seed(Digest);

impl Seed {
    pub(crate) const fn new(seed: Digest) -> Self {
        Self(seed)
    }

    fn block(&self, name: &str, counter: u32) -> [u8; 32] {
        let key = vault::Key::from_bytes(*self.0.as_bytes());
        vault::hmac(&key, format!("{name}|{counter}").as_bytes())
    }

    /// `length` letters and digits.
    pub(crate) fn text(&self, name: &str, length: usize) -> String {
        let mut text = String::with_capacity(length);
        let mut counter = 0;
        while text.len() < length {
            // Bytes that would favour the first letters are left out.
            let bytes = self.block(name, counter);
            let letters = bytes.iter().filter(|byte| **byte < 248);
            let letters = letters.filter_map(|byte| LETTERS.get(usize::from(byte % 62)));
            text.extend(letters.take(length - text.len()).map(|byte| char::from(*byte)));
            counter += 1;
        }
        text
    }

    /// A number below `bound`, or 0.
    pub(crate) fn below(&self, name: &str, bound: u64) -> u64 {
        let block = self.block(name, 0);
        let number = block.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        number.checked_rem(bound).unwrap_or(0)
    }

    /// Up to `count` different numbers below `bound`.
    pub(crate) fn sample(&self, name: &str, bound: u64, count: usize) -> Vec<u64> {
        if bound <= count as u64 {
            return (0..bound).collect();
        }
        let mut numbers = std::collections::BTreeSet::new();
        let mut round = 0u32;
        while numbers.len() < count {
            numbers.insert(self.below(&format!("{name}|{round}"), bound));
            round += 1;
        }
        numbers.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_repeat_for_the_same_seed_and_name_only() {
        let (one, two) = (Seed::new(Digest::of(b"1")), Seed::new(Digest::of(b"2")));
        assert_eq!(one.text("a", 40), one.text("a", 40));
        assert_eq!(one.text("a", 40).len(), 40);
        assert_ne!(one.text("a", 40), one.text("b", 40));
        assert_ne!(one.text("a", 40), two.text("a", 40));
        assert!(one.text("a", 200).bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }

    #[test]
    fn samples_are_different_and_within_bounds() {
        let seed = Seed::new(Digest::of(b"1"));
        let sample = seed.sample("s", 1_000, 16);
        assert_eq!(sample.len(), 16);
        assert!(sample.iter().all(|number| *number < 1_000));
        assert_eq!(seed.sample("s", 3, 16), [0, 1, 2]);
        assert!(seed.sample("s", 0, 16).is_empty());
    }
}
