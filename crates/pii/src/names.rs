//! Names of people: those that the organization knows, those behind a cue, and common first names with
//! another name after them.

mod cues;
mod directory;
mod words;

use cues::Cues;
pub use directory::Directory;
use words::{Word, words};

use crate::{Finding, Kind, Recogniser, context::fold_into};

/// The layer that finds names. Give it to [`crate::Scanner::with`].
pub struct Names {
    directory: Directory,
    cues: Option<Cues>,
}

impl Names {
    /// The organization's own people and contacts, and nobody else.
    pub fn of(directory: Directory) -> Self {
        Self { directory, cues: None }
    }

    /// Also names behind a cue (`Frau`, `my name is`) and after a common first name.
    #[must_use]
    pub fn and_strangers(mut self) -> Self {
        self.cues = Some(Cues::default());
        self
    }
}

impl Recogniser for Names {
    fn find(&self, text: &str, found: &mut Vec<Finding>) {
        let all: Vec<Word> = words(text).collect();
        let mut folded = String::new();
        let mut rest = all.as_slice();
        while let Some((first, after)) = rest.split_first() {
            let word = first.of(text);
            let known = self.directory.may_hold(word);
            let cues = self.cues.as_ref().filter(|cues| cues.may_hold(word));
            if !known && cues.is_none() {
                rest = after;
                continue;
            }
            fold_into(word, &mut folded);
            let end = self.directory.find(text, rest, &folded);
            let end = end.or_else(|| cues?.find(text, rest, &folded));
            match end {
                Some((start, end)) => {
                    found.push(Finding::new(Kind::Person, start, end));
                    let passed = after.iter().take_while(|word| word.start < end).count();
                    rest = after.get(passed..).unwrap_or_default();
                }
                None => rest = after,
            }
        }
    }
}
