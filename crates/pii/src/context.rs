//! Words beside a number: what stands before or after it, or at the head of its column.

use crate::bytes;

const BEFORE: usize = 48;
const AFTER: usize = 24;
/// How far up a table its first line is looked for.
const TABLE: usize = 8 * 1024;
const ROW: usize = 1024;

/// Words that say the number names a thing: an order, a parcel, a product. A nearer cue overrules them.
const THINGS: &[&str] = &[
    "order",
    "ordre",
    "bestell",
    "bestil",
    "commande",
    "pedido",
    "ordine",
    "zamow",
    "objednav",
    "comand",
    "tilaus",
    "invoice",
    "faktur",
    "rechnung",
    "facture",
    "factura",
    "fattura",
    "lasku",
    "tracking",
    "parcel",
    "pakke",
    "paket",
    "colis",
    "sendung",
    "zending",
    "przesyl",
    "ean",
    "isbn",
    "gtin",
    "sku",
    "serial",
    "serien",
    "serie",
    "batch",
    "charge nr",
    "lot",
    "ticket",
    "artikel",
    "article",
    "articulo",
    "articolo",
    "varenr",
    "tuote",
    "product",
    "produkt",
    "transaction",
    "transakt",
    "timestamp",
    "build",
    "nummer der bestellung",
    "реф",
    "поръчка",
    "фактура",
    "παραγγελια",
    "τιμολογιο",
    "barcode",
    "stregkode",
    "streckkod",
    "kod kreskowy",
    "bon",
    "ref",
    "vorgang",
    "aktenzeichen",
    "sagsnr",
    "meter",
    "zaehler",
    "zahler",
    "imei",
];

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

/// Folded words around one place. Buffers are kept, so that a scan allocates once.
#[derive(Default)]
pub(crate) struct Surroundings {
    place: Option<(usize, usize)>,
    before: String,
    after: String,
}

impl Surroundings {
    pub(crate) fn look(&mut self, text: &str, start: usize, end: usize, cues: &[&str]) -> Context {
        self.read(text, start, end);
        let after = nearest_after(&self.after, cues);
        let cue = nearest_before(&self.before, cues).into_iter().chain(after).min();
        Context { cue, thing: nearest_before(&self.before, THINGS) }
    }

    fn read(&mut self, text: &str, start: usize, end: usize) {
        if self.place == Some((start, end)) {
            return;
        }
        self.place = Some((start, end));
        let from = bytes::floor(text, start.saturating_sub(BEFORE));
        match cell_of(text, start) {
            // In a table the neighbours are other columns: the head of its own is what speaks.
            Some(cell) => {
                fold_into(cell.header, &mut self.before);
                self.before.push(' ');
                let own = text.get(cell.start.max(from)..start).unwrap_or_default();
                own.chars().for_each(|one| fold_char(one, &mut self.before));
            }
            None => fold_into(text.get(from..start).unwrap_or_default(), &mut self.before),
        }
        let to = bytes::floor(text, end.saturating_add(AFTER));
        let after = text.get(end..to).unwrap_or_default();
        // What stands in the next line or the next column speaks of another number.
        let after = after.split(['\n', ';', '\t', '|', '"']).next().unwrap_or_default();
        fold_into(after, &mut self.after);
    }
}

/// A cell of a table: where it begins, and what heads its column.
struct Cell<'a> {
    start: usize,
    header: &'a str,
}

/// Lines with the same number of the same separators above each other are a table.
fn cell_of(text: &str, place: usize) -> Option<Cell<'_>> {
    let line_start = text.get(..place)?.rfind('\n')? + 1;
    let line = text.get(line_start..)?.lines().next().filter(|line| line.len() <= ROW)?;
    let separator = [';', '\t', '|', ','].into_iter().find(|mark| line.contains(*mark))?;
    let separators = line.matches(separator).count();
    let before = text.get(line_start..place)?;
    let column = before.matches(separator).count();
    let from = bytes::floor(text, line_start.saturating_sub(TABLE));
    let above = text.get(from..line_start - 1)?.rsplit('\n');
    let header = above.take_while(|line| line.matches(separator).count() == separators).last()?;
    // A first line that holds numbers itself is a row and not a header.
    let header = header.split(separator).nth(column)?;
    let start = before.rfind(separator).map_or(line_start, |mark| line_start + mark + 1);
    (header.len() <= BEFORE && !header.bytes().any(|byte| byte.is_ascii_digit()))
        .then_some(Cell { start, header })
}

fn nearest_before(folded: &str, cues: &[&str]) -> Option<usize> {
    cues.iter()
        .filter_map(|cue| {
            let places = folded.rmatch_indices(cue);
            let mut whole = places.filter(|(place, _)| stands_alone(folded, *place, cue));
            whole.next().map(|(place, _)| folded.len() - place - cue.len())
        })
        .min()
}

fn nearest_after(folded: &str, cues: &[&str]) -> Option<usize> {
    cues.iter()
        .filter_map(|cue| {
            let mut places = folded.match_indices(cue);
            places.find(|(place, _)| stands_alone(folded, *place, cue)).map(|(place, _)| place)
        })
        .min()
}

/// Long cues may be parts of longer words, short ones must be words: `bsn`, not `absnt`.
fn stands_alone(folded: &str, place: usize, cue: &str) -> bool {
    let letters = cue.chars().count();
    (letters > 6 || !bytes::word_before(folded, place))
        && (letters > 4 || !bytes::word_after(folded, place + cue.len()))
}

/// Lower case without diacritics, so that one spelling of a cue serves.
pub(crate) fn fold_into(text: &str, folded: &mut String) {
    folded.clear();
    for character in text.chars() {
        fold_char(character, folded);
    }
}

pub(crate) fn fold_char(character: char, folded: &mut String) {
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

    fn look(text: &str, cues: &[&str]) -> Context {
        let start = text.find('#').unwrap();
        Surroundings::default().look(text, start, start + 1, cues)
    }

    #[test]
    fn cues_are_words_and_the_nearest_counts() {
        assert!(look("CPR-nr.: #", &["cpr"]).speaks_for());
        assert!(look("Número de identificación: #", &["numero de identif"]).speaks_for());
        assert!(look("# (bsn)", &["bsn"]).speaks_for());
        assert!(!look("absnt #", &["bsn"]).speaks_for());
        assert!(
            !look("bsn of somebody else, as I said before; order number: #", &["bsn"]).speaks_for()
        );
        assert!(look("order 7, bsn #", &["bsn"]).speaks_for());
        assert!(look("Bestellnummer #", &["bsn"]).speaks_against());
        assert!(!look("#\nbsn", &["bsn"]).speaks_for());
    }

    #[test]
    fn a_column_has_the_words_of_its_head() {
        let table = "name;bsn;city\nA;1;Delft\nB;22;Gouda\nC;#;Leiden\n";
        assert!(look(table, &["bsn"]).speaks_for());
        assert!(!look(table, &["city"]).speaks_for());
        let other = "name;bsn\nA;1\n\nHere begins another table, which has no head at all.\nx;#\n";
        assert!(!look(other, &["bsn"]).speaks_for());
    }
}
