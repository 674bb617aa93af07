//! Words beside a number: what stands before or after it, or at the head of its column.

use std::ops::Range;

use crate::{
    Kind, bytes,
    cues::{Cues, SLOTS, THING},
    table::{Table, line_start},
};

const BEFORE: usize = 48;
const AFTER: usize = 24;

/// How near the best cue stands. `None` of a distance means that there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Context {
    pub(crate) cue: Option<usize>,
    pub(crate) thing: Option<usize>,
}

impl Context {
    /// A cue that no word for a thing stands closer than.
    pub(crate) fn speaks_for(self) -> bool {
        match (self.cue, self.thing) {
            (Some(cue), Some(thing)) => cue <= thing,
            (cue, _) => cue.is_some(),
        }
    }

    /// A word for a thing that no cue stands closer than.
    pub(crate) fn speaks_against(self) -> bool {
        self.thing.is_some() && !self.speaks_for()
    }
}

/// Folded words around one place, and what they are near to. Buffers are kept, so that a scan allocates once.
pub(crate) struct Surroundings<'a> {
    cues: &'a Cues,
    place: Option<(usize, usize)>,
    folded: String,
    /// The distance of the nearest word for each slot.
    nearest: [usize; SLOTS],
    table: Option<Table>,
}

const FAR: usize = usize::MAX;

impl<'a> Surroundings<'a> {
    pub(crate) fn new(cues: &'a Cues) -> Self {
        let (folded, nearest) = (String::new(), [FAR; SLOTS]);
        Self { cues, place: None, folded, nearest, table: None }
    }

    pub(crate) fn look(&mut self, text: &str, start: usize, end: usize, kind: Kind) -> Context {
        if self.place != Some((start, end)) {
            self.place = Some((start, end));
            self.nearest = [FAR; SLOTS];
            self.read_before(text, start);
            self.read_after(text, end);
        }
        let at = |slot: usize| self.nearest.get(slot).copied().filter(|near| *near != FAR);
        Context { cue: at(kind as usize), thing: at(THING) }
    }

    /// The nearest cue at the place that was looked at last, for any kind but this one.
    pub(crate) fn nearest_other(&self, kind: Kind) -> Option<usize> {
        let others = self.nearest.iter().take(THING).enumerate();
        others
            .filter(|(slot, near)| *slot != kind as usize && **near != FAR)
            .map(|(_, near)| *near)
            .min()
    }

    fn read_before(&mut self, text: &str, start: usize) {
        let from = bytes::floor(text, start.saturating_sub(BEFORE));
        self.folded.clear();
        let from = match self.cell_of(text, start) {
            // In a table the neighbours are other columns: the head of its own is what speaks.
            Some((cell, header)) => {
                fold_onto(text.get(header).unwrap_or_default(), &mut self.folded);
                self.folded.push(' ');
                cell.max(from)
            }
            None => from,
        };
        fold_onto(text.get(from..start).unwrap_or_default(), &mut self.folded);
        let length = self.folded.len();
        let nearest = &mut self.nearest;
        let digits = self.folded.rfind(|one: char| one.is_ascii_digit());
        self.cues.each(&self.folded, |slot, _, end| {
            // These words speak of the next number, and not of the one after it.
            let taken = digits.is_some_and(|digits| digits >= end);
            if !(taken && (slot == THING || slot == Kind::Phone as usize)) {
                note(nearest, slot, length - end);
            }
        });
    }

    fn read_after(&mut self, text: &str, end: usize) {
        let to = bytes::floor(text, end.saturating_add(AFTER));
        let after = text.get(end..to).unwrap_or_default();
        // What stands in the next line, column or sentence speaks of another number.
        let after = after.split(['\n', ';', '\t', '|', '"', '.']).next().unwrap_or_default();
        let bracket = after.trim_start().starts_with('(');
        fold_into(after, &mut self.folded);
        let nearest = &mut self.nearest;
        self.cues.each(&self.folded, |slot, start, _| {
            // `call me` may already begin the next thought, `(mobile)` does not.
            if slot != THING && (slot != Kind::Phone as usize || bracket) {
                note(nearest, slot, start);
            }
        });
    }

    /// Where the cell begins, and what heads its column.
    fn cell_of(&mut self, text: &str, place: usize) -> Option<(usize, Range<usize>)> {
        let line = line_start(text, place)?;
        if self.table.as_ref().is_none_or(|table| table.line != line) {
            self.table = Some(Table::at(text, line, self.table.take()));
        }
        self.table.as_ref()?.cell(text, place)
    }
}

fn note(nearest: &mut [usize; SLOTS], slot: usize, distance: usize) {
    if let Some(near) = nearest.get_mut(slot) {
        *near = distance.min(*near);
    }
}

/// Lower case without diacritics, so that one spelling of a cue serves.
pub(crate) fn fold_into(text: &str, folded: &mut String) {
    folded.clear();
    fold_onto(text, folded);
}

fn fold_onto(text: &str, folded: &mut String) {
    for character in text.chars() {
        fold_char(character, folded);
    }
}

fn fold_char(character: char, folded: &mut String) {
    if character.is_ascii() {
        folded.push(character.to_ascii_lowercase());
        return;
    }
    for lower in character.to_lowercase() {
        match lower {
            'à'..='å' | 'ā' | 'ă' | 'ą' => folded.push('a'),
            'æ' => folded.push_str("ae"),
            'ç' | 'ć' | 'č' | 'ĉ' | 'ċ' => folded.push('c'),
            'ď' | 'đ' => folded.push('d'),
            'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => folded.push('e'),
            'ğ' | 'ģ' => folded.push('g'),
            'ì'..='ï' | 'ī' | 'į' | 'ı' => folded.push('i'),
            'ķ' => folded.push('k'),
            'ĺ' | 'ļ' | 'ľ' | 'ł' => folded.push('l'),
            'ñ' | 'ń' | 'ņ' | 'ň' => folded.push('n'),
            'ò'..='ö' | 'ø' | 'ō' | 'ő' => folded.push('o'),
            'ŕ' | 'ř' => folded.push('r'),
            'ś' | 'ş' | 'š' | 'ș' => folded.push('s'),
            'ß' => folded.push_str("ss"),
            'ţ' | 'ť' | 'ț' => folded.push('t'),
            'ù'..='ü' | 'ū' | 'ů' | 'ű' | 'ų' => folded.push('u'),
            'ý' | 'ÿ' => folded.push('y'),
            'ź' | 'ż' | 'ž' => folded.push('z'),
            'ά' => folded.push('α'),
            'έ' => folded.push('ε'),
            'ή' => folded.push('η'),
            'ί' | 'ϊ' | 'ΐ' => folded.push('ι'),
            'ό' => folded.push('ο'),
            'ύ' | 'ϋ' | 'ΰ' => folded.push('υ'),
            'ώ' => folded.push('ω'),
            '\u{300}'..='\u{36f}' => {}
            '\u{a0}' | '\u{202f}' => folded.push(' '),
            other => folded.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str, kind: Kind) -> Context {
        let start = text.find('#').unwrap();
        Surroundings::new(&Cues::default()).look(text, start, start + 1, kind)
    }

    #[test]
    fn cues_are_words_and_the_nearest_counts() {
        assert!(look("CPR-nr.: #", Kind::DkCpr).speaks_for());
        assert!(look("Numéro de sécurité sociale : #", Kind::FrNir).speaks_for());
        assert!(look("# (bsn)", Kind::NlBsn).speaks_for());
        assert!(!look("absnt #", Kind::NlBsn).speaks_for());
        assert!(
            !look("bsn of somebody else, as I said before; order number: #", Kind::NlBsn)
                .speaks_for()
        );
        assert!(look("order 7, bsn #", Kind::NlBsn).speaks_for());
        assert!(look("Bestellnummer #", Kind::NlBsn).speaks_against());
        assert!(!look("#\nbsn", Kind::NlBsn).speaks_for());
    }

    #[test]
    fn a_column_has_the_words_of_its_head() {
        let table = "name;bsn;cpr\nA;1;Delft\nB;22;Gouda\nC;#;Leiden\n";
        assert!(look(table, Kind::NlBsn).speaks_for());
        assert!(!look(table, Kind::DkCpr).speaks_for());
        let other = "name;bsn\nA;1\n\nHere begins another table, which has no head at all.\nx;#\n";
        assert!(!look(other, Kind::NlBsn).speaks_for());
    }
}
