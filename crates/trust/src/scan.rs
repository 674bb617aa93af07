//! Looking for strings that must not be there: in bytes, in files, in what either of them hides.
//!
//! A needle is searched as it is, in UTF-16, base64 at any alignment, hex and percent-encoding, in either case,
//! and inside gzip and zlib streams and long base64 texts, nested a few times. What cannot be found this way:
//! a copy encrypted by somebody else, a hash, a paraphrase. The trust page says so.

mod files;
mod forms;
mod matcher;
mod nested;

use std::collections::BTreeSet;

pub use files::{FilesReport, Place, scan_files};
pub use forms::Form;

use matcher::Matcher;

/// How deep streams inside streams are followed.
const DEPTH: u8 = 3;

/// Strings to look for, each in all of its forms.
pub struct Needles {
    count: usize,
    matcher: Matcher,
}

/// One needle found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// The index of the needle.
    pub needle: usize,
    pub form: Form,
    /// Through how many compressed or encoded streams it was reached.
    pub depth: u8,
}

impl Needles {
    /// `needles` should be random and at least twelve characters long: a shorter one has forms too short to tell
    /// from chance and is left out of them.
    pub fn new<S: AsRef<str>>(needles: impl IntoIterator<Item = S>) -> Self {
        let mut count = 0;
        let mut patterns = Vec::new();
        for (index, needle) in needles.into_iter().enumerate() {
            count = index + 1;
            for (form, bytes) in forms::of(needle.as_ref()) {
                patterns.push((index, form, bytes));
            }
        }
        Self { count, matcher: Matcher::new(patterns) }
    }

    /// The number of needles.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Everything found in `bytes`, each needle and form once.
    #[must_use]
    pub fn search(&self, bytes: &[u8]) -> BTreeSet<Hit> {
        let mut hits = BTreeSet::new();
        self.descend(bytes, 0, &mut hits);
        hits
    }

    fn descend(&self, bytes: &[u8], depth: u8, hits: &mut BTreeSet<Hit>) {
        self.matcher.each(bytes, |needle, form| {
            hits.insert(Hit { needle, form, depth });
        });
        if depth < DEPTH {
            nested::each(bytes, |inner| self.descend(inner, depth + 1, hits));
        }
    }
}

#[cfg(test)]
mod tests;
