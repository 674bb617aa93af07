//! Comma-separated values (RFC 4180), also with semicolons or tabs, as spreadsheets write them.

use std::borrow::Cow;

use crate::{Error, Result};

/// More columns no export has.
const COLUMNS: usize = 500;

pub(crate) struct Records<'a> {
    rest: &'a str,
    separator: u8,
    /// Of the line that the next record begins in, from one on.
    pub(crate) line: u64,
}

impl<'a> Records<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text, separator: separator(text), line: 1 }
    }

    /// Whether semicolons stand between cells, so that numbers may have a decimal comma.
    pub(crate) const fn has_semicolons(&self) -> bool {
        self.separator == b';'
    }

    /// Puts the cells of the next record into `cells`; false at the end.
    pub(crate) fn next(&mut self, cells: &mut Vec<Cow<'a, str>>) -> Result<bool> {
        cells.clear();
        if self.rest.is_empty() {
            return Ok(false);
        }
        loop {
            let (cell, end) = self.cell()?;
            if cells.len() == COLUMNS {
                return Err(Error::invalid(format!("Line {} has more than 500 cells.", self.line))
                    .with_code("unreadable_csv"));
            }
            cells.push(cell);
            match end {
                End::Cell => {}
                End::Record => return Ok(true),
            }
        }
    }

    fn cell(&mut self) -> Result<(Cow<'a, str>, End)> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let at = self.rest.bytes().position(|one| one == self.separator || one == b'\n');
            let (cell, rest) = self.rest.split_at(at.unwrap_or(self.rest.len()));
            self.rest = rest;
            return Ok((Cow::Borrowed(cell.strip_suffix('\r').unwrap_or(cell)), self.end()));
        };
        let (mut text, mut rest) = (Cow::Borrowed(""), quoted);
        loop {
            let at = rest.find('"').ok_or_else(|| {
                Error::invalid(format!("A quotation mark in line {} is never closed.", self.line))
                    .with_code("unreadable_csv")
            })?;
            let (piece, after) = rest.split_at(at);
            let after = after.strip_prefix('"').unwrap_or_default();
            if text.is_empty() {
                text = Cow::Borrowed(piece);
            } else {
                text.to_mut().push_str(piece);
            }
            match after.strip_prefix('"') {
                Some(more) => {
                    text.to_mut().push('"');
                    rest = more;
                }
                None => {
                    self.line += text.bytes().filter(|one| *one == b'\n').count() as u64;
                    self.rest = after.strip_prefix('\r').unwrap_or(after);
                    break;
                }
            }
        }
        let end = self.rest.as_bytes().first().copied();
        if !(end.is_none() || end == Some(b'\n') || end == Some(self.separator)) {
            return Err(Error::invalid(format!(
                "Line {}: something follows a closing quotation mark.",
                self.line
            ))
            .with_code("unreadable_csv"));
        }
        Ok((text, self.end()))
    }

    /// Passes what ends a cell.
    fn end(&mut self) -> End {
        let mut rest = self.rest.chars();
        let end = rest.next();
        self.rest = rest.as_str();
        if end.is_some_and(|end| end != '\n') {
            return End::Cell;
        }
        self.line += 1;
        End::Record
    }
}

enum End {
    Cell,
    Record,
}

/// The mark that stands most often in one of the first lines: a title may stand above the heading.
fn separator(text: &str) -> u8 {
    let often = |mark: u8| {
        let lines = text.lines().take(10);
        lines.map(|line| line.bytes().filter(|one| *one == mark).count()).max()
    };
    // Of marks that are equally frequent, the last is taken.
    [b';', b'\t', b','].into_iter().max_by_key(|mark| often(*mark)).unwrap_or(b',')
}
