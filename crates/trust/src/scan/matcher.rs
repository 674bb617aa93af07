//! Many patterns at once: a bitmap over the next four bytes tells where to look closer.

use std::collections::HashMap;

use super::forms::{Form, SHORTEST};

/// Bits of the filter: 32 KiB, small enough to stay in the cache.
const BITS: u32 = 18;

/// Bytes by which patterns are grouped.
const HEAD: usize = 8;

const _: () = assert!(HEAD <= SHORTEST, "every pattern must have a head");

struct Pattern {
    needle: usize,
    form: Form,
    bytes: Vec<u8>,
}

pub(super) struct Matcher {
    filter: Vec<u64>,
    by_head: HashMap<[u8; HEAD], Vec<Pattern>>,
}

fn place(window: [u8; 4]) -> (usize, u64) {
    // A multiplication by an odd constant spreads the bytes (Knuth, 6.4).
    let hash = u32::from_le_bytes(window).wrapping_mul(2_654_435_769) >> (32 - BITS);
    ((hash / 64) as usize, 1 << (hash % 64))
}

impl Matcher {
    pub(super) fn new(patterns: Vec<(usize, Form, Vec<u8>)>) -> Self {
        let mut filter = vec![0u64; 1 << (BITS - 6)];
        let mut by_head: HashMap<_, Vec<Pattern>> = HashMap::new();
        for (needle, form, bytes) in patterns {
            let (Some(window), Some(head)) = (bytes.first_chunk::<4>(), bytes.first_chunk()) else {
                continue;
            };
            let (word, bit) = place(*window);
            if let Some(word) = filter.get_mut(word) {
                *word |= bit;
            }
            by_head.entry(*head).or_default().push(Pattern { needle, form, bytes });
        }
        Self { filter, by_head }
    }

    /// Calls `found` for every place where a pattern stands.
    pub(super) fn each(&self, bytes: &[u8], mut found: impl FnMut(usize, Form)) {
        for (at, window) in bytes.windows(HEAD).enumerate() {
            let Some((first, _)) = window.split_first_chunk::<4>() else { continue };
            let (word, bit) = place(*first);
            if self.filter.get(word).is_none_or(|bits| bits & bit == 0) {
                continue;
            }
            let Some(patterns) = window.first_chunk().and_then(|head| self.by_head.get(head))
            else {
                continue;
            };
            let rest = bytes.get(at..).unwrap_or_default();
            for pattern in patterns.iter().filter(|pattern| rest.starts_with(&pattern.bytes)) {
                found(pattern.needle, pattern.form);
            }
        }
    }
}
