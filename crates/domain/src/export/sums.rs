//! Rows added up by day and model. Which convention a file has is known only when all of its columns are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    Cached, Column, Counts, Day, Export, Measure, Reading,
    cell::{self, Kind},
    column::{Known, known},
    named,
};
use crate::{CURRENCY, Error, Result};

const NANO: i128 = 1_000_000_000;
/// Columns that are named as unused.
const UNUSED: usize = 50;
/// Longer names no model has.
const NAME: usize = 200;
/// Columns that are told apart: more no export has.
const HEADS: usize = 2_000;

/// A cell of a recognised column; never empty.
#[derive(Clone, Copy)]
pub(super) struct Cell<'c> {
    pub head: usize,
    pub text: &'c str,
}

struct Head {
    name: String,
    known: Known,
}

/// What a file says of a model on a day, before its convention is known.
#[derive(Clone, Copy, Default)]
struct Raw {
    /// With or without cached ones, as the file has it.
    input: i64,
    all: i64,
    fresh: i64,
    /// Costs under the bare name `amount`, which one provider writes in hundredths.
    amount_nano: i64,
    counts: Counts,
}

pub(super) struct Sums<'r> {
    reading: &'r Reading,
    /// Whether a comma is the decimal mark.
    pub comma: bool,
    heads: Vec<Head>,
    by_name: HashMap<String, Option<usize>>,
    unused: Vec<String>,
    raw: HashMap<(Day, String), Raw>,
    /// What any row had.
    seen: BTreeSet<Column>,
    /// What names of columns said about cached tokens.
    cached: Option<Cached>,
    currencies: BTreeSet<String>,
    rows: u64,
}

/// Where something is wrong.
#[derive(Clone, Copy)]
struct At {
    row: u64,
    line: Option<u64>,
}

impl At {
    fn text(self) -> String {
        match self.line {
            Some(line) => format!("Row {} (line {line})", self.row),
            None => format!("Row {}", self.row),
        }
    }
}

fn invalid(message: String) -> Error {
    Error::invalid(message).with_code("invalid_export")
}

impl<'r> Sums<'r> {
    pub(super) fn new(reading: &'r Reading) -> Self {
        Self {
            reading,
            comma: false,
            heads: Vec::new(),
            by_name: HashMap::new(),
            unused: Vec::new(),
            raw: HashMap::new(),
            seen: BTreeSet::new(),
            cached: None,
            currencies: BTreeSet::new(),
            rows: 0,
        }
    }

    /// The number of a column that is recognised by its name.
    pub(super) fn head(&mut self, name: &str) -> Option<usize> {
        if let Some(head) = self.by_name.get(name) {
            return *head;
        }
        if self.by_name.len() == HEADS {
            return None;
        }
        let head = known(name, &self.reading.columns).map(|known| {
            self.heads.push(Head { name: named(name), known });
            self.heads.len() - 1
        });
        if head.is_none() && self.unused.len() < UNUSED && !name.trim().is_empty() {
            self.unused.push(named(name));
        }
        self.by_name.insert(name.to_owned(), head);
        head
    }

    /// Whether a cell says where a row belongs, so that what stands below it says so too.
    pub(super) fn is_place(&self, head: usize) -> bool {
        let column = self.heads.get(head).map(|head| head.known.column);
        matches!(column, Some(Column::Day | Column::End | Column::Model | Column::Currency))
    }

    /// Adds a row. One that has nothing to compare is passed over.
    pub(super) fn row<'c>(
        &mut self,
        row: u64,
        line: Option<u64>,
        cells: impl Iterator<Item = Cell<'c>>,
    ) -> Result<()> {
        let at = At { row, line };
        let cells: Vec<(usize, &'c str)> = cells.map(|cell| (cell.head, cell.text)).collect();
        let row = Row { heads: &self.heads, cells: &cells, comma: self.comma, at };
        let (mut raw, mut seen) = row.raw()?;
        let long = row.long(&mut raw, &mut seen)?;
        if seen.is_empty() {
            return Ok(());
        }
        let day = row.day()?;
        let model = row.model(long, &self.reading.models)?;
        if let Some(cost) = row.find(Column::Cost) {
            let written = row.find(Column::Currency).map(|(_, text)| text.to_ascii_uppercase());
            let written = written.filter(|text| text.len() == 3).or(cost.0.known.currency.clone());
            if self.currencies.len() < 10 {
                self.currencies.extend(written);
            }
        }
        if let Some(cached) = row.find(Column::CacheRead).and_then(|(head, _)| head.known.cached) {
            self.cached.get_or_insert(cached);
        }
        self.seen.extend(seen);
        self.rows += 1;
        let sum = self.raw.entry((day, model)).or_default();
        sum.input = sum.input.saturating_add(raw.input);
        sum.all = sum.all.saturating_add(raw.all);
        sum.fresh = sum.fresh.saturating_add(raw.fresh);
        sum.amount_nano = sum.amount_nano.saturating_add(raw.amount_nano);
        sum.counts.add(&raw.counts);
        Ok(())
    }

    /// How cached tokens are counted: as told by hand, as the columns of the file say, as the provider usually does.
    fn convention(&self) -> Cached {
        let has = |column| self.seen.contains(&column);
        let by_columns = match () {
            () if has(Column::AllInput) || (has(Column::Input) && has(Column::FreshInput)) => {
                Some(Cached::Included)
            }
            () if has(Column::FreshInput) => Some(Cached::Apart),
            () => self.cached,
        };
        self.reading.cached.or(by_columns).unwrap_or(self.reading.usual)
    }

    pub(super) fn finish(self) -> Result<Export> {
        if self.raw.is_empty() {
            return Err(Error::invalid(format!(
                "No row of the export has anything to compare. It needs a day and tokens, requests or a cost. Columns \
                 that were not recognised: {}. Name them by hand.",
                if self.unused.is_empty() { "none".to_owned() } else { self.unused.join(", ") }
            ))
            .with_code("missing_column"));
        }
        let cached = self.convention();
        let has = |column| self.seen.contains(&column);
        let (reads, writes) = (has(Column::CacheRead), has(Column::CacheWrite));
        let inputs = has(Column::Input) || has(Column::AllInput) || has(Column::FreshInput);
        // Without a word about the cache, tokens that exclude it can only be compared with such.
        let fresh = cached == Cached::Apart && !reads && !writes;
        let mut measures: BTreeSet<_> = [
            (has(Column::Requests), Measure::Requests),
            (inputs, if fresh { Measure::FreshInput } else { Measure::Input }),
            (reads, Measure::CacheRead),
            (writes, Measure::CacheWrite),
            (has(Column::Output), Measure::Output),
            (has(Column::Cost), Measure::Cost),
        ]
        .into_iter()
        .filter_map(|(has, measure)| has.then_some(measure))
        .collect();
        let mut currencies = self.currencies.into_iter();
        let currency = currencies.next();
        if currencies.next().is_some() {
            return Err(invalid(
                "The export has costs in several currencies. Divide it.".to_owned(),
            ));
        }
        if currency.as_deref().is_some_and(|currency| currency != CURRENCY) {
            measures.remove(&Measure::Cost);
        }
        // Anthropic's cost report writes hundredths, and says of each amount what it is for.
        let hundredths =
            ["token_type", "cost_type"].iter().any(|name| self.by_name.contains_key(*name));
        let parts = if hundredths { 100 } else { 1 };
        let mut counts = BTreeMap::new();
        for ((day, model), raw) in self.raw {
            let given = match () {
                () if raw.all != 0 => raw.all,
                () if raw.input != 0 => raw.input,
                () => raw.fresh,
            };
            let beside = raw.counts.cache_read.saturating_add(raw.counts.cache_write);
            let input = match cached {
                Cached::Included if beside > given && inputs => {
                    return Err(invalid(format!(
                        "On {} there are more cached tokens than input tokens, so they cannot be a part of them: say \
                         that this export counts them apart.",
                        day.iso()
                    )));
                }
                Cached::Included => given,
                Cached::Apart => given.saturating_add(beside),
            };
            let cost_nano = raw.counts.cost_nano.saturating_add(raw.amount_nano / parts);
            counts.insert((day, model), Counts { input, cost_nano, ..raw.counts });
        }
        let (rows, unused) = (self.rows, self.unused);
        Ok(Export { rows, counts, measures, cached, currency, unused })
    }
}

/// One row by its columns.
struct Row<'s, 'c> {
    heads: &'s [Head],
    cells: &'s [(usize, &'c str)],
    comma: bool,
    at: At,
}

impl<'s, 'c> Row<'s, 'c> {
    /// The cells of a column: the surest, or all the parts of a sum.
    fn all(&self, column: Column) -> impl Iterator<Item = (&'s Head, &'c str)> + '_ {
        let of = move |(head, text): &(usize, &'c str)| {
            self.heads
                .get(*head)
                .filter(|head| head.known.column == column)
                .map(|head| (head, *text))
        };
        let best = self.cells.iter().filter_map(of).map(|(head, _)| head.known.rank).min();
        self.cells.iter().filter_map(of).filter(move |(head, _)| Some(head.known.rank) == best)
    }

    fn find(&self, column: Column) -> Option<(&'s Head, &'c str)> {
        self.all(column).next()
    }

    fn wrong(&self, head: &Head, why: &str) -> Error {
        invalid(format!("{}, column {}: {why}", self.at.text(), head.name))
    }

    fn whole(&self, column: Column) -> Result<Option<i64>> {
        let mut sum = None;
        for (head, text) in self.all(column) {
            let number = cell::whole(text, self.comma).filter(|number| *number >= 0);
            let number = number.ok_or_else(|| self.wrong(head, "this is not a whole number."))?;
            sum = Some(number.saturating_add(sum.unwrap_or(0)));
            // Only the parts of a sum stand side by side.
            if head.known.rank != usize::MAX {
                break;
            }
        }
        Ok(sum)
    }

    fn raw(&self) -> Result<(Raw, BTreeSet<Column>)> {
        let (mut raw, mut seen) = (Raw::default(), BTreeSet::new());
        for (column, into) in [
            (Column::Input, &mut raw.input),
            (Column::AllInput, &mut raw.all),
            (Column::FreshInput, &mut raw.fresh),
            (Column::CacheRead, &mut raw.counts.cache_read),
            (Column::CacheWrite, &mut raw.counts.cache_write),
            (Column::Output, &mut raw.counts.output),
            (Column::Requests, &mut raw.counts.requests),
        ] {
            if let Some(number) = self.whole(column)? {
                *into = number;
                seen.insert(column);
            }
        }
        if let Some((head, text)) = self.find(Column::Cost) {
            let nano = cell::nano(text, self.comma);
            let nano = nano.ok_or_else(|| self.wrong(head, "this is not an amount."))?;
            let bare = head.name == "amount" && head.known.rank > 0;
            let into = if bare { &mut raw.amount_nano } else { &mut raw.counts.cost_nano };
            *into =
                i64::try_from(nano).map_err(|_| self.wrong(head, "this amount is too large."))?;
            seen.insert(Column::Cost);
        }
        Ok((raw, seen))
    }

    /// The quantity of a row that has one kind of tokens only; what says which.
    fn long(&self, raw: &mut Raw, seen: &mut BTreeSet<Column>) -> Result<Option<&'c str>> {
        let kind = self.find(Column::Kind).map(|(_, text)| text);
        let (Some((head, text)), Some(said)) = (self.find(Column::Quantity), kind) else {
            return Ok(None);
        };
        let Some(kind) = cell::kind(said) else { return Ok(Some(said)) };
        let unit = match self.find(Column::Unit) {
            Some((unit, text)) => {
                let why = "this is not a unit such as 1K or tokens.";
                cell::unit(text).ok_or_else(|| self.wrong(unit, why))?
            }
            None => 1,
        };
        let number = cell::nano(text, self.comma)
            .filter(|number| *number >= 0)
            .and_then(|number| number.checked_mul(unit))
            .and_then(|number| number.checked_add(NANO / 2))
            .and_then(|number| i64::try_from(number / NANO).ok())
            .ok_or_else(|| self.wrong(head, "this is not a quantity."))?;
        let (column, into) = match kind {
            Kind::Input => (Column::FreshInput, &mut raw.fresh),
            Kind::CacheRead => (Column::CacheRead, &mut raw.counts.cache_read),
            Kind::CacheWrite => (Column::CacheWrite, &mut raw.counts.cache_write),
            Kind::Output => (Column::Output, &mut raw.counts.output),
            Kind::Requests => (Column::Requests, &mut raw.counts.requests),
        };
        *into = number;
        seen.insert(column);
        Ok(Some(said))
    }

    fn day(&self) -> Result<Day> {
        let Some((head, text)) = self.find(Column::Day) else {
            return Err(Error::invalid(format!(
                "{} has no day. Name the column that holds it by hand.",
                self.at.text()
            ))
            .with_code("missing_column"));
        };
        let seconds = cell::seconds(text);
        let day = seconds.and_then(cell::day);
        let day = day.ok_or_else(|| {
            self.wrong(head, "this is not a day between 2015 and 2100 such as 2026-11-20.")
        })?;
        let end = self.find(Column::End).and_then(|(_, text)| cell::seconds(text));
        match (seconds, end) {
            (Some(start), Some(end)) if end.saturating_sub(start) > 86_400 => {
                Err(self.wrong(head, "this row covers more than one day. Export it by day."))
            }
            _ => Ok(day),
        }
    }

    /// The model as it is compared; empty when the row names none.
    fn model(&self, kind: Option<&str>, by_hand: &BTreeMap<String, String>) -> Result<String> {
        let (head, name) = match (self.find(Column::Model), kind) {
            (Some((head, text)), _) if head.known.list => {
                (Some(head), text.split(',').next().unwrap_or(text))
            }
            (Some((head, text)), _) => (Some(head), text),
            (None, Some(kind)) => (None, kind),
            (None, None) => return Ok(String::new()),
        };
        if name.len() > NAME {
            return Err(match head {
                Some(head) => self.wrong(head, "this is too long for the name of a model."),
                None => invalid(format!("{}: the name of the model is too long.", self.at.text())),
            });
        }
        let given = by_hand.get(name.trim()).map(String::as_str);
        Ok(cell::model(given.unwrap_or(name)))
    }
}

/// A model's name as it is compared with those of exports.
pub(crate) fn compared(name: &str) -> String {
    cell::model(name)
}
