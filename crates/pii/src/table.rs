//! Tables in plain text: lines with the same number of the same separators above each other.

use std::ops::Range;

/// A row that is longer is no row of a table for a person to read.
const ROW: usize = 1024;
const HEADER: usize = 48;
/// How far up the first line is looked for.
const HEIGHT: usize = 64 * 1024;
const SEPARATORS: [u8; 4] = *b";\t|,";

/// What is known about one line. The line below it asks here first, so that a table is walked through once.
pub(crate) struct Table {
    pub(crate) line: usize,
    separator: u8,
    /// The first line of the table, when that is another one.
    first: Option<Range<usize>>,
}

impl Table {
    pub(crate) fn at(text: &str, line: usize, above: Option<Self>) -> Self {
        let row = row_at(text, line);
        let separator = SEPARATORS.into_iter().find(|mark| row.contains(mark)).unwrap_or(0);
        let separators = count(row, separator);
        let mut new = Self { line, separator, first: None };
        if separators == 0 || row.len() > ROW {
            return new;
        }
        let mut start = line;
        while let Some(before) = start.checked_sub(1).filter(|_| line - start < HEIGHT) {
            let Some(next) = line_start(text, before) else { break };
            let row = text.as_bytes().get(next..before).unwrap_or_default();
            if row.len() > ROW || count(row, separator) != separators {
                break;
            }
            start = next;
            new.first = Some(next..before);
            let known =
                above.as_ref().filter(|above| above.line == next && above.separator == separator);
            if let Some(first) = known.and_then(|above| above.first.clone()) {
                new.first = Some(first);
                break;
            }
        }
        new
    }

    /// Where the cell at this place begins, and what heads its column. A head that holds digits is a row.
    pub(crate) fn cell(&self, text: &str, place: usize) -> Option<(usize, Range<usize>)> {
        let first = self.first.clone()?;
        let before = text.as_bytes().get(self.line..place)?;
        let column = count(before, self.separator);
        let own = before.iter().rposition(|byte| *byte == self.separator);
        let mut start = first.start;
        let head = text.as_bytes().get(first)?.split(|byte| *byte == self.separator);
        for (at, cell) in head.enumerate() {
            let end = start + cell.len();
            if at == column {
                let named = cell.len() <= HEADER && !cell.iter().any(u8::is_ascii_digit);
                return named
                    .then_some((own.map_or(self.line, |mark| self.line + mark + 1), start..end));
            }
            start = end + 1;
        }
        None
    }
}

fn row_at(text: &str, line: usize) -> &[u8] {
    let rest = text.as_bytes().get(line..).unwrap_or_default();
    let length = rest.iter().take(ROW + 1).position(|byte| *byte == b'\n');
    rest.get(..length.unwrap_or(rest.len().min(ROW + 1))).unwrap_or_default()
}

fn count(row: &[u8], separator: u8) -> usize {
    row.iter().filter(|byte| **byte == separator).count()
}

/// Where the line of this place begins, unless that is too far away for a row.
pub(crate) fn line_start(text: &str, place: usize) -> Option<usize> {
    let from = place.saturating_sub(ROW + 1);
    let near = text.as_bytes().get(from..place)?;
    match memchr::memrchr(b'\n', near) {
        Some(mark) => Some(from + mark + 1),
        None => (from == 0).then_some(0),
    }
}
