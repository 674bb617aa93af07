//! The names that an organization knows: its people, its contacts.

use std::collections::HashMap;

use super::words::{Starts, Word, are_joined, words};
use crate::context::fold_into;

/// Names to look for. Spelling with or without diacritics is the same, and common endings are forgiven.
///
/// A name of two words or more is found in any case and also as `Jensen, Anna`. A single word is found with
/// a capital only, and not at all when it is also an everyday word.
#[derive(Default)]
pub struct Directory {
    by_first: HashMap<String, Vec<Vec<String>>>,
    starts: Starts,
}

/// Endings that languages put behind a name.
const ENDINGS: &[&str] = &[
    "s", "es", "en", "et", "n", "in", "a", "e", "u", "y", "i", "o", "ovi", "em", "om", "ou", "owi",
    "iem", "iej", "ich", "ie", "ja", "lle", "lla", "lta", "ssa", "sta", "an", "nak", "nek", "val",
    "vel", "ul", "ului", "m", "ei", "ej", "ego", "emu", "ova", "ove", "та", "а", "у", "ом", "ου",
    "ς",
];

/// First names that are words of their own: alone they are not taken for a person.
const WORDS: &[&str] = &[
    "mark",
    "will",
    "may",
    "rose",
    "hope",
    "art",
    "bill",
    "grant",
    "max",
    "grace",
    "faith",
    "joy",
    "dawn",
    "june",
    "april",
    "august",
    "sky",
    "bo",
    "per",
    "kim",
    "bent",
    "storm",
    "sommer",
    "ernst",
    "wolf",
    "frank",
    "christian",
    "paris",
    "rene",
    "luz",
    "sol",
    "mar",
    "vera",
    "nova",
    "victor",
    "major",
    "page",
    "young",
    "long",
    "king",
];

const SHORTEST: usize = 3;
const STEM: usize = 3;

impl Directory {
    pub fn new<I>(names: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let mut new = Self { by_first: HashMap::new(), starts: Starts::default() };
        for name in names {
            new.add(name.as_ref());
        }
        for lists in new.by_first.values_mut() {
            // The longest name first: `Anna Maria Jensen` before `Anna`.
            lists
                .sort_unstable_by(|left, right| right.len().cmp(&left.len()).then(left.cmp(right)));
            lists.dedup();
        }
        new
    }

    pub fn is_empty(&self) -> bool {
        self.by_first.is_empty()
    }

    fn add(&mut self, name: &str) {
        let blocks = blocks(name);
        let parts = blocks.concat();
        if parts.len() > 1 {
            self.insert(&parts);
        }
        if let Some((last, before)) = blocks.split_last()
            && !before.is_empty()
        {
            self.insert(&[last.clone(), before.concat()].concat());
        }
        // `Lind-Holt` is a name by itself.
        blocks.iter().filter(|block| block.len() > 1).for_each(|block| self.insert(block));
        for part in parts {
            if part.chars().count() >= SHORTEST && !WORDS.contains(&part.as_str()) {
                self.insert(&[part]);
            }
        }
    }

    fn insert(&mut self, parts: &[String]) {
        if let Some((first, rest)) = parts.split_first() {
            self.starts.insert(first);
            self.by_first.entry(first.clone()).or_default().push(rest.to_vec());
        }
    }

    pub(super) fn may_hold(&self, word: &str) -> bool {
        self.starts.may_hold(word)
    }

    /// The span of the longest name that begins with the first of these words.
    pub(super) fn find(&self, text: &str, words: &[Word], first: &str) -> Option<(usize, usize)> {
        let head = words.first()?;
        let capital = head.is_capital(text);
        let exact = self.by_first.get(first).into_iter().map(|lists| (lists, true));
        let stems = capital.then(|| stems(first)).into_iter().flatten();
        let stems = stems.filter_map(|stem| self.by_first.get(&stem)).map(|lists| (lists, false));
        exact
            .chain(stems)
            .flat_map(|(lists, exact)| lists.iter().map(move |rest| (rest, exact)))
            .filter(|(rest, exact)| {
                let alone = capital && (*exact || first.chars().count() > STEM + 1);
                if rest.is_empty() { alone } else { follows(text, words, rest) }
            })
            .map(|(rest, _)| rest.len())
            .max()
            .and_then(|more| words.get(more))
            .map(|last| (head.start, last.end))
    }
}

/// The words of a name, folded; those with a hyphen between them stay together.
fn blocks(name: &str) -> Vec<Vec<String>> {
    let (mut blocks, mut end): (Vec<Vec<String>>, usize) = (Vec::new(), 0);
    for word in words(name) {
        let mut folded = String::new();
        fold_into(word.of(name), &mut folded);
        let hyphen = name.get(end..word.start) == Some("-");
        end = word.end;
        match blocks.last_mut().filter(|_| hyphen) {
            Some(block) => block.push(folded),
            None => blocks.push(vec![folded]),
        }
    }
    blocks
}

fn follows(text: &str, words: &[Word], rest: &[String]) -> bool {
    let mut folded = String::new();
    let mut last = match words.first() {
        Some(first) => *first,
        None => return false,
    };
    let mut next = words.iter().skip(1);
    for (at, part) in rest.iter().enumerate() {
        let Some(word) = next.next() else { return false };
        let comma = text.get(last.end..word.start) == Some(", ");
        fold_into(word.of(text), &mut folded);
        let is_last = at + 1 == rest.len();
        let same = folded == *part || is_last && stems(&folded).any(|stem| stem == *part);
        if !(same && (comma || are_joined(text, last, *word))) {
            return false;
        }
        last = *word;
    }
    true
}

/// What a word may be an inflected form of: without its ending, and with the `a` that an ending replaced.
fn stems(word: &str) -> impl Iterator<Item = String> {
    ENDINGS.iter().filter_map(|ending| word.strip_suffix(ending)).flat_map(|stem| {
        let long = stem.chars().count() >= STEM;
        [long.then(|| stem.to_owned()), long.then(|| format!("{stem}a"))].into_iter().flatten()
    })
}
