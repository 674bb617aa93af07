//! Values out, codes in.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{
    Codes, Finding, Kind, bytes,
    codes::{self, LENGTH, LITERAL},
};

/// How many codes are tried for one value. They run out only when a million values of one kind are known.
const PROBES: u32 = 1 << 16;
/// Stands for a value that no code was left for. It cannot be restored, and it gives nothing away.
const REMOVED: &str = "REMOVED";

/// Replaces what was found in the texts of one conversation, under one key.
///
/// The same value of the same kind has the same code in all texts, and the same again in the next request
/// under the same key, so what a provider caches by its start stays valid. Give every text of a request
/// to [`Masker::mask`], also those in which nothing was found: a text may hold what looks like a code.
pub struct Masker {
    key: Hmac<Sha256>,
    by_value: HashMap<(&'static str, String), String>,
    by_code: HashMap<String, String>,
    /// What stands in the texts and looks like a code, in capitals.
    standing: HashSet<String>,
    counts: BTreeMap<Kind, usize>,
}

/// A part of the text that a code replaces.
struct Part {
    kind: Option<Kind>,
    start: usize,
    end: usize,
}

impl Masker {
    pub fn new(key: &[u8; 32]) -> Self {
        // A key of HMAC may have any length, so the other arm is never taken; an empty key would still hide.
        let key = Hmac::<Sha256>::new_from_slice(key)
            .unwrap_or_else(|_| Hmac::<Sha256>::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
        Self {
            key,
            by_value: HashMap::new(),
            by_code: HashMap::new(),
            standing: HashSet::new(),
            counts: BTreeMap::new(),
        }
    }

    /// The text with codes in place of what was found; nothing when there is nothing to replace.
    ///
    /// Findings that overlap or cut a character are widened, never dropped.
    pub fn mask(&mut self, text: &str, findings: &[Finding]) -> Option<String> {
        let shaped = shaped_words(text);
        for place in &shaped {
            self.standing.extend(word_at(text, *place));
        }
        let parts = self.parts(text, findings, &shaped);
        if parts.is_empty() {
            return None;
        }
        for kind in parts.iter().filter_map(|part| part.kind) {
            *self.counts.entry(kind).or_default() += 1;
        }
        let masked = self.replace(text, &parts);
        // A code beside the text around it could read as another code. It does not happen by chance.
        if self.restored(&masked) == text {
            return Some(masked);
        }
        Some(self.code(None, text))
    }

    /// How many values of each kind were replaced so far, for the receipt.
    pub fn counts(&self) -> &BTreeMap<Kind, usize> {
        &self.counts
    }

    /// What restores the answers.
    pub fn codes(&self) -> Codes {
        Codes::new(&self.by_code)
    }

    fn parts(&self, text: &str, findings: &[Finding], shaped: &[usize]) -> Vec<Part> {
        let found = findings.iter().map(|one| Part {
            kind: Some(one.kind),
            start: bytes::floor(text, one.start),
            end: ceiling(text, one.end),
        });
        let known = |place: &&usize| {
            word_at(text, **place).is_some_and(|word| self.by_code.contains_key(&word))
        };
        let literal = shaped.iter().filter(known).map(|place| Part {
            kind: None,
            start: *place,
            end: place + LENGTH,
        });
        let mut all: Vec<Part> =
            found.chain(literal).filter(|part| part.start < part.end).collect();
        all.sort_by_key(|part| (part.start, part.kind.is_none()));
        let mut merged: Vec<Part> = Vec::with_capacity(all.len());
        for part in all {
            match merged.last_mut() {
                Some(last) if part.start < last.end => {
                    last.end = last.end.max(part.end);
                    last.kind = last.kind.or(part.kind);
                }
                _ => merged.push(part),
            }
        }
        merged
    }

    fn replace(&mut self, text: &str, parts: &[Part]) -> String {
        let mut masked = String::with_capacity(text.len());
        let mut done = 0;
        for part in parts {
            masked.push_str(text.get(done..part.start).unwrap_or_default());
            let code = self.code(part.kind, text.get(part.start..part.end).unwrap_or_default());
            masked.push_str(&code);
            done = part.end;
        }
        masked.push_str(text.get(done..).unwrap_or_default());
        masked
    }

    /// The code for a value: the same again, or the first that is free and stands in no text.
    fn code(&mut self, kind: Option<Kind>, value: &str) -> String {
        let letters = kind.map_or(LITERAL, Kind::code);
        let entry = (letters, value.to_owned());
        if let Some(code) = self.by_value.get(&entry) {
            return code.clone();
        }
        for probe in 0..PROBES {
            let code = self.draw(letters, value, probe);
            if !self.by_code.contains_key(&code) && !self.standing.contains(&code) {
                self.by_code.insert(code.clone(), value.to_owned());
                self.by_value.insert(entry, code.clone());
                return code;
            }
        }
        REMOVED.to_owned()
    }

    fn draw(&self, letters: &str, value: &str, probe: u32) -> String {
        let mut mac = self.key.clone();
        mac.update(letters.as_bytes());
        mac.update(&probe.to_be_bytes());
        mac.update(value.as_bytes());
        let drawn = mac.finalize().into_bytes();
        let mut code = String::with_capacity(LENGTH);
        code.push_str(letters);
        // 256 is a multiple of 32: every character is as likely as the others.
        code.extend(
            drawn.iter().take(LENGTH - 1 - codes::TYPE).map(|byte| codes::letter(u32::from(*byte))),
        );
        code.push(codes::check(&code));
        code
    }

    /// Restores without the automaton: the check on what `mask` gives out.
    fn restored(&self, masked: &str) -> String {
        let mut text = String::with_capacity(masked.len());
        let mut done = 0;
        for place in shaped_words(masked) {
            let value = word_at(masked, place).and_then(|word| self.by_code.get(&word));
            if let (Some(value), true) = (value, place >= done) {
                text.push_str(masked.get(done..place).unwrap_or_default());
                text.push_str(value);
                done = place + LENGTH;
            }
        }
        text.push_str(masked.get(done..).unwrap_or_default());
        text
    }
}

/// Each place where something begins that looks like a code.
fn shaped_words(text: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let mut start = 0;
    for run in text.as_bytes().split(|byte| !byte.is_ascii_alphanumeric()) {
        if run.len() >= LENGTH {
            let shaped = run.windows(LENGTH).enumerate().filter(|(_, word)| codes::is_shaped(word));
            places.extend(shaped.map(|(offset, _)| start + offset));
        }
        start += run.len() + 1;
    }
    places
}

fn word_at(text: &str, place: usize) -> Option<String> {
    text.get(place..place + LENGTH).map(str::to_ascii_uppercase)
}

fn ceiling(text: &str, place: usize) -> usize {
    let mut place = place.min(text.len());
    while !text.is_char_boundary(place) {
        place += 1;
    }
    place
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masker").field("counts", &self.counts).finish_non_exhaustive()
    }
}
