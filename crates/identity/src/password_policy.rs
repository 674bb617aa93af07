//! What may be a password: long, and not one of the first things anybody would try.
//!
//! Length is what counts when a password is the only factor (NIST SP 800-63B-4: at least 15, no composition rules);
//! blocking the common ones is what remains. With this length a plain list of the most common passwords would
//! match almost nothing, so the list holds the pieces long common passwords are made of.

use std::{collections::HashSet, sync::LazyLock};

use domain::{Error, Result, Secret};
use vault::MAX_PASSWORD_BYTES;

/// The least length of a password, in characters. Forms say it, so that nobody has to find out.
pub const PASSWORD_LEAST: usize = 15;

/// A password made of this many common pieces or fewer is guessed by trying combinations.
const GUESSABLE_PIECES: usize = 3;

static COMMON: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").split_ascii_whitespace().collect());

/// Rows along which fingers slide.
const WALKS: &[&str] = &[
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "azertyuiopqsdfghjklmwxcvbn",
    "qwertzuiopasdfghjklyxcvbnm",
    "!@#$%^&*()",
];

/// Refuses what is too short, too long, common, or made of what is known about the person.
///
/// # Errors
/// `Invalid` with code `weak_password`; the message says what to do.
pub(crate) fn check(password: &Secret<String>, known: &[&str]) -> Result<()> {
    let text = password.expose();
    let refuse = |why: &str| Err(Error::invalid(why.to_owned()).with_code("weak_password"));
    if text.len() > MAX_PASSWORD_BYTES {
        return refuse("A password may have at most 256 bytes.");
    }
    if text.chars().count() < PASSWORD_LEAST {
        return refuse(&format!(
            "Use at least {PASSWORD_LEAST} characters. Several unrelated words are easy to remember."
        ));
    }
    let plain = plain(text);
    let known: Vec<String> = known.iter().flat_map(|text| pieces_of(text)).collect();
    if pieces(&plain, &known).is_some_and(|count| count <= GUESSABLE_PIECES) {
        return refuse("This password is easy to guess. Use several unrelated words.");
    }
    Ok(())
}

/// Where there has to be a password and none was given.
pub(crate) fn missing() -> Error {
    let says = format!("Choose a password of at least {PASSWORD_LEAST} characters.");
    Error::invalid(says).with_code("weak_password")
}

/// Lower case, the usual substitutions undone, separators dropped.
fn plain(text: &str) -> Vec<char> {
    text.chars()
        .flat_map(char::to_lowercase)
        .filter(|character| !matches!(character, ' ' | '-' | '_' | '.' | ',' | '/' | '+'))
        .collect()
}

/// The words of an e-mail address or a name, long enough to mean something.
fn pieces_of(known: &str) -> Vec<String> {
    known
        .to_lowercase()
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| word.chars().count() >= 3)
        .map(str::to_owned)
        .collect()
}

/// What the beginning of a password is made of.
#[derive(Clone, Default)]
struct Made {
    /// Different common words; `abcabcabcabcabc` is one idea, not five.
    words: Vec<String>,
    /// Digits and signs in between.
    filling: usize,
}

impl Made {
    /// The guesses it takes, in pieces; everybody appends a digit or a sign or two.
    const fn cost(&self) -> usize {
        self.words.len() + self.filling.saturating_sub(2)
    }

    fn with(&self, piece: Piece) -> Self {
        let mut made = self.clone();
        match piece {
            Piece::Filling => made.filling += 1,
            Piece::Word(word) if made.words.contains(&word) => {}
            Piece::Word(word) => made.words.push(word),
        }
        made
    }
}

enum Piece {
    Word(String),
    Filling,
}

/// The smallest number of common pieces that the whole text is made of; `None` if it is not.
fn pieces(text: &[char], known: &[String]) -> Option<usize> {
    // What each prefix can be made of, best first; texts are short, so a plain table does.
    let mut best: Vec<Option<Made>> = vec![Some(Made::default())];
    for end in 1..=text.len() {
        let mut cheapest: Option<Made> = None;
        for (start, made) in best.iter().enumerate().skip(end.saturating_sub(40)) {
            let (Some(made), Some(part)) = (made, text.get(start..end)) else { continue };
            let Some(piece) = common_piece(part, known) else { continue };
            let made = made.with(piece);
            if cheapest.as_ref().is_none_or(|cheapest| made.cost() < cheapest.cost()) {
                cheapest = Some(made);
            }
        }
        best.push(cheapest);
    }
    best.pop().flatten().map(|made| made.cost())
}

/// What a part counts as, if it is common.
fn common_piece(part: &[char], known: &[String]) -> Option<Piece> {
    let word: String = part.iter().collect();
    if part.len() <= 2 && part.iter().all(|character| !character.is_alphabetic()) {
        return Some(Piece::Filling);
    }
    let listed = |word: &str| COMMON.contains(word) || known.iter().any(|known| known == word);
    if listed(&word) || is_year(&word) {
        return Some(Piece::Word(word));
    }
    let read: String = part.iter().map(|&character| unleet(character)).collect();
    if listed(&read) {
        return Some(Piece::Word(read));
    }
    let first = part.first()?;
    if part.len() >= 3 && part.iter().all(|character| character == first) {
        return Some(Piece::Word(first.to_string()));
    }
    is_walk(&word).then(|| Piece::Word("walk".to_owned()))
}

fn is_year(word: &str) -> bool {
    word.len() == 4 && word.parse().is_ok_and(|year: u32| (1930..=2039).contains(&year))
}

fn is_walk(word: &str) -> bool {
    let backwards: String = word.chars().rev().collect();
    word.chars().count() >= 3
        && WALKS.iter().any(|walk| walk.contains(word) || walk.contains(&backwards))
}

const fn unleet(character: char) -> char {
    match character {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Option<&'static str> {
        let known = ["ada.lovelace@example.org", "Ada Lovelace", "Probity"];
        check(&Secret::new(text.to_owned()), &known).err().map(|error| error.code())
    }

    #[test]
    fn long_uncommon_passwords_pass() {
        for good in [
            "lantern ferry cobalt nine",
            "Tr0ub4dor&3 but longer",
            "zkq7hw2mvx9trp4",
            "вода камень точит долго",
            "ein Pferd frisst keinen Salat",
            "dragon sunshine monkey football hockey",
            "83 61 40 27 59 16 38 05",
            "836140275916380",
            &"é".repeat(7).chars().chain("xkqvzjwt".chars()).collect::<String>(),
        ] {
            assert_eq!(verdict(good), None, "{good}");
        }
    }

    #[test]
    fn short_and_endless_ones_do_not() {
        assert_eq!(verdict("zkq7hw2mvx9trp"), Some("weak_password"));
        assert_eq!(verdict(""), Some("weak_password"));
        assert_eq!(verdict(&"é".repeat(14)), Some("weak_password"), "characters, not bytes");
        let unique: String = (0..90).filter_map(|at| char::from_u32(0x4E00 + at)).collect();
        assert_eq!(verdict(&unique), Some("weak_password"), "270 bytes");
    }

    #[test]
    fn common_ones_do_not_whatever_their_length() {
        for bad in [
            "passwordpassword",
            "Password12345678",
            "P@ssw0rdP@ssw0rd",
            "aaaaaaaaaaaaaaaaaaaa",
            "123456789012345",
            "1234567890123456",
            "qwertyuiopasdfgh",
            "1qaz2wsx3edc4rfv",
            "iloveyouiloveyou",
            "abcabcabcabcabc",
            "correcthorsebatterystaple",
            "correct horse battery staple",
            "letmeinletmein!!",
            "administrator123",
            "Welcome2026Welcome",
            "adalovelace2026!",
            "lovelacelovelace",
            "probityprobity1",
            "987654321987654321",
        ] {
            assert_eq!(verdict(bad), Some("weak_password"), "{bad}");
        }
    }

    #[test]
    fn the_list_is_lower_case_and_without_doubles() {
        let words: Vec<_> = include_str!("common_passwords.txt").split_ascii_whitespace().collect();
        assert!(words.len() > 300);
        assert_eq!(words.len(), COMMON.len(), "no doubles");
        assert!(words.iter().all(|word| word.len() >= 3 && *word == word.to_lowercase()));
    }
}
