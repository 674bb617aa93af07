//! Strangers: who is called Mrs, who says a name, who signs, and whose first name is a common one.

use std::collections::{HashMap, HashSet};

use super::words::{Starts, Word, are_joined};
use crate::context::fold_into;

/// One first name per word, in lower case and without diacritics.
const FIRST_NAMES: &str = include_str!("first.txt");

const TITLES: &str = "hr herr herrn frau fru mr mrs ms miss mister dhr mevr mevrouw meneer heer m mme mlle monsieur \
    madame pan pani pana panu panem sr sra senor senora senhor senhora dott dottor dottoressa signor signora sig \
    herra rouva domnul doamna gospodin gospozha господин госпожа κυριος κυρια κυριε dr prof";

const SAYINGS: &[&str] = &[
    "mit navn er",
    "jeg hedder",
    "mitt namn ar",
    "jag heter",
    "navnet mitt er",
    "mein name ist",
    "ich heisse",
    "ik heet",
    "mijn naam is",
    "my name is",
    "this is",
    "speaking with",
    "je m appelle",
    "mon nom est",
    "me llamo",
    "mi nombre es",
    "mi chiamo",
    "il mio nome e",
    "nazywam sie",
    "mam na imie",
    "jmenuji se",
    "ma numesc",
    "numele meu este",
    "chamo me",
    "o meu nome e",
    "nimeni on",
    "minun nimeni on",
    "a nevem",
    "zovem se",
    "казвам се",
    "името ми е",
    "με λενε",
    "ονομαζομαι",
    "med venlig hilsen",
    "venlig hilsen",
    "mvh",
    "med vanliga halsningar",
    "mit freundlichen grussen",
    "met vriendelijke groet",
    "kind regards",
    "best regards",
    "cordialement",
    "saludos",
    "cordiali saluti",
    "z powazaniem",
    "s pozdravem",
    "cu stima",
    "ystavallisin terveisin",
    "с уважение",
    "attn",
    "att",
    "z hd",
    "z hd v",
    "t a v",
    "contact",
    "contactpersoon",
    "kontaktperson",
    "ansprechpartner",
    "kunde",
    "kundin",
    "klant",
    "cliente",
    "klient",
    "asiakas",
    "customer",
    "patient",
    "patientin",
    "caller",
];

/// Small words that stand inside a name.
const PARTICLES: &[&str] = &[
    "van", "de", "der", "den", "von", "af", "zu", "da", "di", "del", "della", "la", "le", "ter",
    "ten", "dos", "y",
];

/// Written with a capital and no name: offices, greetings, days.
const OTHERS: &[&str] = &[
    "none",
    "some",
    "order",
    "direktor",
    "director",
    "president",
    "minister",
    "doktor",
    "professor",
    "chef",
    "manager",
    "team",
    "support",
    "kunde",
    "customer",
    "service",
    "nummer",
    "number",
    "email",
    "mail",
    "telefon",
    "phone",
    "the",
    "das",
    "die",
    "der",
    "den",
    "det",
    "monday",
    "montag",
    "mandag",
    "january",
    "januar",
    "europe",
    "bank",
    "you",
    "not",
    "what",
];

const MOST: usize = 3;

pub(super) struct Cues {
    /// First word of a cue to the words after it.
    cues: HashMap<&'static str, Vec<Vec<&'static str>>>,
    first_names: HashSet<&'static str>,
    said: Starts,
    called: Starts,
}

impl Default for Cues {
    fn default() -> Self {
        let mut cues: HashMap<_, Vec<Vec<_>>> = HashMap::new();
        for cue in TITLES.split_whitespace().chain(SAYINGS.iter().copied()) {
            let mut parts = cue.split(' ');
            if let Some(first) = parts.next() {
                cues.entry(first).or_default().push(parts.collect());
            }
        }
        for lists in cues.values_mut() {
            lists.sort_by_key(|rest| usize::MAX - rest.len());
        }
        let first_names: HashSet<_> = FIRST_NAMES.split_whitespace().collect();
        let (mut said, mut called) = (Starts::default(), Starts::default());
        cues.keys().for_each(|word| said.insert(word));
        first_names.iter().for_each(|word| called.insert(word));
        Self { cues, first_names, said, called }
    }
}

impl Cues {
    pub(super) fn may_hold(&self, word: &str) -> bool {
        let small = word.starts_with(|one: char| one.is_ascii_lowercase());
        self.said.may_hold(word) || !small && self.called.may_hold(word)
    }

    pub(super) fn find(&self, text: &str, words: &[Word], first: &str) -> Option<(usize, usize)> {
        if let Some(lists) = self.cues.get(first) {
            let said = lists.iter().find(|rest| is_said(text, words, rest));
            if let Some(name) = said.and_then(|rest| words.get(rest.len() + 1..))
                && let Some(last) = words.get(said.map_or(0, Vec::len))
                && let Some(found) =
                    name.first().filter(|word| is_near(text, *last, **word, is_title(first)))
            {
                return name_end(text, name).map(|end| (found.start, end));
            }
        }
        let head = words.first()?;
        let common = head.is_capital(text) && self.first_names.contains(first);
        let next = words.get(1)?;
        let plain = text.get(head.end..next.start).is_some_and(|gap| matches!(gap, " " | "-"));
        if !common || !(plain && is_name(text, *next) || is_particle(text, *next)) {
            return None;
        }
        let end = name_end(text, words)?;
        (end > head.end).then_some((head.start, end))
    }
}

fn is_said(text: &str, words: &[Word], rest: &[&str]) -> bool {
    let mut folded = String::new();
    rest.iter().enumerate().all(|(at, part)| {
        words.get(at + 1).is_some_and(|word| {
            fold_into(word.of(text), &mut folded);
            folded == *part
        })
    })
}

fn is_title(word: &str) -> bool {
    TITLES.split_whitespace().any(|title| title == word)
}

/// Behind a title a space or a full stop; behind a phrase also a colon, a comma, a line's end.
fn is_near(text: &str, cue: Word, name: Word, title: bool) -> bool {
    let Some(gap) = text.get(cue.end..name.start) else { return false };
    if title {
        // A single letter is a title with its full stop only.
        return gap == ". " || gap == " " && cue.end - cue.start > 1;
    }
    let marks =
        gap.chars().all(|one| matches!(one, ' ' | '.' | ':' | ',' | '\n' | '\r' | ';' | '\t'));
    (1..=4).contains(&gap.len()) && marks
}

fn is_name(text: &str, word: Word) -> bool {
    let mut folded = String::new();
    fold_into(word.of(text), &mut folded);
    // Short words in capitals are abbreviations.
    let short = folded.len() < 4 && !word.of(text).chars().any(char::is_lowercase);
    word.is_capital(text) && !short && !OTHERS.contains(&folded.as_str())
}

fn is_particle(text: &str, word: Word) -> bool {
    PARTICLES.contains(&word.of(text))
}

/// The end of up to three names with the small words between them.
fn name_end(text: &str, words: &[Word]) -> Option<usize> {
    let (mut end, mut taken, mut last): (_, _, Option<Word>) = (None, 0, None);
    for word in words.iter().take(2 * MOST) {
        if last.is_some_and(|last| !are_joined(text, last, *word)) || taken == MOST {
            break;
        }
        if is_name(text, *word) {
            (end, taken) = (Some(word.end), taken + 1);
        } else if taken == 0 || !is_particle(text, *word) {
            break;
        }
        last = Some(*word);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::words::words;

    #[test]
    fn first_names_are_folded_and_no_everyday_words() {
        for name in FIRST_NAMES.split_whitespace() {
            let mut folded = String::new();
            fold_into(name, &mut folded);
            assert_eq!(folded, name);
            assert_eq!(words(name).count(), 1);
        }
    }
}
