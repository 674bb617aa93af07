//! The codes of one conversation and what they stand for.

use std::{collections::HashMap, fmt, sync::Arc};

use aho_corasick::AhoCorasick;

use crate::Kind;

/// Four letters of the kind, four drawn by the key, one check character.
pub(crate) const LENGTH: usize = 9;
pub(crate) const TYPE: usize = 4;
/// No I, O, 0, 1: what reads alike is left out. Nothing here has a meaning in Markdown, HTML or JSON.
pub(crate) const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// The type of a code for text that is a code itself.
pub(crate) const LITERAL: &str = "TEXT";

pub(crate) fn letter(value: u32) -> char {
    ALPHABET.get((value % 32) as usize).copied().map_or('A', char::from)
}

/// The last character, from those before it.
pub(crate) fn check(body: &str) -> char {
    letter(body.bytes().zip(1u32..).map(|(byte, weight)| u32::from(byte) * weight).sum())
}

/// Whether these bytes look like a code, in either case.
pub(crate) fn is_shaped(word: &[u8]) -> bool {
    let (Some(kind), Some(body)) = (word.get(..TYPE), word.get(TYPE..LENGTH)) else { return false };
    body.iter().all(|byte| ALPHABET.contains(&byte.to_ascii_uppercase()))
        && (kind.eq_ignore_ascii_case(LITERAL.as_bytes())
            || Kind::ALL.iter().any(|one| kind.eq_ignore_ascii_case(one.code().as_bytes())))
}

/// Codes and their values, shared and never changed. Nothing of them is printed.
#[derive(Clone, Default)]
pub struct Codes(Arc<Inner>);

#[derive(Default)]
struct Inner {
    values: Vec<String>,
    /// In capitals and sorted, with the place of the value.
    codes: Vec<(String, usize)>,
    automaton: Option<AhoCorasick>,
}

impl Codes {
    pub(crate) fn new(by_code: &HashMap<String, String>) -> Self {
        if by_code.is_empty() {
            return Self::default();
        }
        let mut pairs: Vec<_> = by_code.iter().collect();
        pairs.sort_unstable();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(pairs.iter().map(|(code, _)| code.as_bytes()))
            .ok();
        let codes = pairs.iter().enumerate().map(|(at, (code, _))| ((*code).clone(), at)).collect();
        let values = pairs.into_iter().map(|(_, value)| value.clone()).collect();
        Self(Arc::new(Inner { values, codes, automaton }))
    }

    pub fn is_empty(&self) -> bool {
        self.0.codes.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.codes.len()
    }

    /// What a code stands for, however it is capitalised.
    pub fn get(&self, code: &str) -> Option<&str> {
        let code = code.to_ascii_uppercase();
        let place = self.0.codes.binary_search_by(|(one, _)| one.as_str().cmp(&code)).ok()?;
        let (_, value) = self.0.codes.get(place)?;
        self.0.values.get(*value).map(String::as_str)
    }

    /// Codes and values, in the order of the codes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .codes
            .iter()
            .filter_map(|(code, at)| Some((code.as_str(), self.0.values.get(*at)?.as_str())))
    }

    /// Every code in the text from left to right, with its value.
    pub(crate) fn each<'a>(
        &'a self,
        text: &'a str,
    ) -> impl Iterator<Item = (std::ops::Range<usize>, &'a str)> {
        let all = self.0.automaton.iter().flat_map(move |automaton| automaton.find_iter(text));
        all.filter_map(|one| {
            Some((one.range(), self.0.values.get(one.pattern().as_usize())?.as_str()))
        })
    }

    /// Whether some code is longer than this and begins with it.
    pub(crate) fn is_begun_by(&self, start: &str) -> bool {
        let start = start.to_ascii_uppercase();
        let place = self.0.codes.partition_point(|(code, _)| *code < start);
        let next = self.0.codes.get(place);
        next.is_some_and(|(code, _)| code.len() > start.len() && code.starts_with(&start))
    }
}

impl fmt::Debug for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Codes").field("count", &self.len()).finish_non_exhaustive()
    }
}
