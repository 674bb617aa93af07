//! Rows of a table.

use super::{
    sums::{Cell, Sums},
    unreadable,
};
use crate::{Result, csv::Records};

pub(super) fn read(text: &str, sums: &mut Sums<'_>) -> Result<()> {
    let mut records = Records::new(text);
    let (mut cells, mut heads) = (Vec::new(), Vec::new());
    // A title or a blank line may stand above the heading.
    while records.next(&mut cells)? {
        let said = cells.iter().filter(|cell| !cell.trim().is_empty()).count();
        if said > 1 {
            heads = cells.iter().map(|cell| sums.head(cell)).collect();
            break;
        }
    }
    if heads.is_empty() {
        return Err(unreadable("The export has no line with the names of its columns."));
    }
    // With semicolons between cells, a comma may stand in numbers.
    sums.comma = records.has_semicolons();
    let mut row = 0;
    loop {
        let line = records.line;
        if !records.next(&mut cells)? {
            return Ok(());
        }
        row += 1;
        let known = heads.iter().zip(&cells).filter_map(|(head, text)| {
            head.map(|head| Cell { head, text: text.trim() }).filter(|cell| !cell.text.is_empty())
        });
        sums.row(row, Some(line), known)?;
    }
}
