//! Lists by cursor.

use std::str::FromStr;

use domain::{Error, Result};
use serde::Serialize;

/// Which part of a list is wanted.
#[derive(Clone, Debug)]
pub struct Page {
    /// The `next` of the part before.
    pub after: Option<String>,
    /// Rows, at most [`Page::MOST`].
    pub limit: u32,
}

impl Page {
    pub const MOST: u32 = 500;

    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    pub(crate) fn rows(&self) -> u64 {
        u64::from(self.limit.clamp(1, Self::MOST))
    }

    /// The cursor as the id it was made of.
    pub(crate) fn cursor<T: FromStr>(&self) -> Result<Option<T>> {
        self.after
            .as_deref()
            .map(|text| {
                text.parse().map_err(|_| {
                    Error::invalid("The cursor is not one this list gave out.")
                        .with_code("invalid_cursor")
                })
            })
            .transpose()
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::first(50)
    }
}

/// Part of a list.
#[derive(Clone, Debug, Serialize)]
pub struct Listed<T> {
    pub data: Vec<T>,
    /// Give this as `after` for the next part; `None` at the end.
    pub next: Option<String>,
}

impl<T> Listed<T> {
    /// From `page.rows() + 1` rows, if there are that many.
    pub(crate) fn cut(mut data: Vec<T>, page: &Page, id: impl Fn(&T) -> String) -> Self {
        let rows = usize::try_from(page.rows()).unwrap_or(usize::MAX);
        let more = data.len() > rows;
        data.truncate(rows);
        let next = if more { data.last().map(id) } else { None };
        Self { data, next }
    }
}
