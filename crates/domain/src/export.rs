//! A provider's own account of what was used: its export as CSV or JSON, read into sums per UTC day and model.
//!
//! Columns are recognised by their names, or named by hand. Nothing of a file is repeated in an error but the
//! names of its columns and the numbers of its rows.

mod cell;
mod column;
mod csv;
mod json;
mod sums;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{Error, Result, Timestamp};

pub use column::Column;
pub(crate) use column::plain;
use sums::Sums;
pub(crate) use sums::compared;

/// Bytes of the largest file that is read.
pub const EXPORT_BYTES: usize = 32 << 20;

const DAY_MS: i64 = 86_400_000;

/// A calendar day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    #[must_use]
    pub const fn of(at: Timestamp) -> Self {
        Self(at.as_millis().div_euclid(DAY_MS))
    }

    /// Its first millisecond.
    #[must_use]
    pub const fn start(self) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_mul(DAY_MS))
    }

    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Days from the epoch on.
    #[must_use]
    pub const fn from_number(days: i64) -> Self {
        Self(days)
    }

    /// `2026-11-20`.
    #[must_use]
    pub fn iso(self) -> String {
        self.start().to_datetime().date().to_string()
    }
}

impl Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.serialize_str(&self.iso())
    }
}

/// Whether a provider's count of input tokens holds those that its cache served or kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cached {
    /// As OpenAI and Google count: cached tokens are a part of the input tokens.
    Included,
    /// As Anthropic and Bedrock count: they stand beside them.
    Apart,
}

impl Cached {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Included => "included",
            Self::Apart => "apart",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Included, Self::Apart].into_iter().find(|one| one.as_str() == text)
    }
}

/// What can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    Requests,
    /// All input tokens, cached or not.
    Input,
    /// Input tokens that no cache had a part in, where the file says nothing of the others.
    FreshInput,
    CacheRead,
    CacheWrite,
    Output,
    Cost,
}

impl Measure {
    #[must_use]
    pub const fn says(self) -> &'static str {
        match self {
            Self::Requests => "Requests",
            Self::Input => "Input tokens",
            Self::FreshInput => "Input tokens beside the cache",
            Self::CacheRead => "Read from a cache",
            Self::CacheWrite => "Written to a cache",
            Self::Output => "Output tokens",
            Self::Cost => "Cost",
        }
    }
}

/// Sums of one model on one day. What is not among the measures is zero and says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub requests: i64,
    /// All of it, or what [`Measure::FreshInput`] says.
    pub input: i64,
    pub cache_read: i64,
    pub cache_write: i64,
    pub output: i64,
    /// Nano-units of the currency; providers also write credits.
    pub cost_nano: i64,
}

impl Counts {
    #[must_use]
    pub const fn of(&self, measure: Measure) -> i64 {
        match measure {
            Measure::Requests => self.requests,
            Measure::Input | Measure::FreshInput => self.input,
            Measure::CacheRead => self.cache_read,
            Measure::CacheWrite => self.cache_write,
            Measure::Output => self.output,
            Measure::Cost => self.cost_nano,
        }
    }

    pub(crate) fn add(&mut self, more: &Self) {
        for (sum, more) in [
            (&mut self.requests, more.requests),
            (&mut self.input, more.input),
            (&mut self.cache_read, more.cache_read),
            (&mut self.cache_write, more.cache_write),
            (&mut self.output, more.output),
            (&mut self.cost_nano, more.cost_nano),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

/// What cannot be known from the file alone.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Names of columns given by hand.
    pub columns: BTreeMap<Column, String>,
    /// The file's names of models, and what they are called here.
    pub models: BTreeMap<String, String>,
    /// How cached tokens are counted, given by hand.
    pub cached: Option<Cached>,
    /// How this provider counts them, where the names of the columns do not say.
    pub usual: Cached,
}

impl Default for Reading {
    fn default() -> Self {
        let (columns, models) = (BTreeMap::new(), BTreeMap::new());
        Self { columns, models, cached: None, usual: Cached::Included }
    }
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Export {
    /// Rows that said something.
    pub rows: u64,
    /// By day and model; the model is empty in a file that names none.
    pub counts: BTreeMap<(Day, String), Counts>,
    /// What the file speaks of.
    pub measures: BTreeSet<Measure>,
    /// How it counts cached tokens.
    pub cached: Cached,
    /// The currency of its costs, such as `USD`; `None` when it names none.
    pub currency: Option<String>,
    /// Columns that were not used, at most fifty.
    pub unused: Vec<String>,
}

impl Export {
    /// Reads a file: CSV with a comma, a semicolon or a tab between its cells, or JSON as the usage interfaces of
    /// OpenAI and Anthropic answer, or a list of flat objects. Times without a zone are UTC.
    ///
    /// # Errors
    /// `TooLarge`; `Invalid` with code `unreadable_export` or `unreadable_csv` when it is neither, `missing_column` when it has no day or
    /// nothing to compare, `invalid_export` with row and column for a cell that cannot be read.
    pub fn read(file: &[u8], reading: &Reading) -> Result<Self> {
        if file.len() > EXPORT_BYTES {
            return Err(Error::too_large("The export is larger than 32 MiB. Divide it by months."));
        }
        let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        let text = std::str::from_utf8(file).map_err(|_| {
            unreadable("The export is not UTF-8 text. Save it as CSV (UTF-8) or JSON.")
        })?;
        let mut sums = Sums::new(reading);
        match text.trim_start().as_bytes().first() {
            None => return Err(unreadable("The export is empty.")),
            Some(b'{' | b'[') => json::read(text, &mut sums)?,
            Some(_) => csv::read(text, &mut sums)?,
        }
        sums.finish()
    }
}

fn unreadable(message: &'static str) -> Error {
    Error::invalid(message).with_code("unreadable_export")
}

/// A column's name as it may be repeated.
fn named(name: &str) -> String {
    name.chars().filter(|one| !one.is_control()).take(60).collect()
}
