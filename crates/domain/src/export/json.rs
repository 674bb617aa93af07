//! JSON: pages of buckets, as usage interfaces answer, or a list of flat objects. Read piece by piece, so that a large
//! file takes no more memory than its largest bucket.

use serde::{
    Deserializer as _,
    de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::sums::{Cell, Sums};
use crate::{Error, Result};

/// Members whose lists hold rows or buckets.
const LISTS: &[&str] =
    &["data", "results", "result", "rows", "items", "usage", "records", "costs", "value"];
/// Deeper than this no export has anything.
const DEPTH: usize = 6;

/// What an object says: its own cells, and those of the objects in its lists.
#[derive(Default)]
struct Object {
    cells: Vec<(usize, String)>,
    below: Vec<Object>,
}

pub(super) fn read(text: &str, sums: &mut Sums<'_>) -> Result<()> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let mut top = Top { sums, row: 0, failed: None };
    // Pages may stand one behind the other.
    loop {
        let read = reader.deserialize_any(Documents(&mut top));
        if let Some(failed) = top.failed.take() {
            return Err(failed);
        }
        read.map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            Error::invalid(format!("The export is not valid JSON ({place})."))
                .with_code("unreadable_export")
        })?;
        if reader.end().is_ok() {
            return Ok(());
        }
    }
}

struct Top<'a, 'r> {
    sums: &'a mut Sums<'r>,
    row: u64,
    /// Why reading stopped: an error that says more than the parser's.
    failed: Option<Error>,
}

impl Top<'_, '_> {
    fn count<E: serde::de::Error>(&mut self, object: &Object) -> std::result::Result<(), E> {
        self.take(object, &[]).map_err(|error| {
            self.failed = Some(error);
            E::custom("stopped")
        })
    }

    /// Counts an object: each of those in its lists with its own cells, or itself.
    fn take(&mut self, object: &Object, above: &[(usize, String)]) -> Result<()> {
        let mut cells = object.cells.clone();
        cells.extend_from_slice(above);
        if object.below.is_empty() {
            // A bucket in which nothing happened, or a page's own members.
            self.row += 1;
            let cells = cells.iter().map(|(head, text)| Cell { head: *head, text: text.trim() });
            return self.sums.row(self.row, None, cells.filter(|cell| !cell.text.is_empty()));
        }
        // Sums of the whole are not those of its parts.
        cells.retain(|(head, _)| self.sums.is_place(*head));
        object.below.iter().try_for_each(|below| self.take(below, &cells))
    }
}

/// A page, or a list of pages, buckets or rows.
struct Documents<'t, 'a, 'r>(&'t mut Top<'a, 'r>);

impl<'de> Visitor<'de> for Documents<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an object or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<(), A::Error> {
        while list.next_element_seed(Element(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<(), A::Error> {
        let (mut own, mut listed) = (Object::default(), false);
        while let Some(name) = map.next_key::<String>()? {
            if LISTS.contains(&name.as_str()) {
                map.next_value_seed(Element(&mut *self.0))?;
                listed = true;
            } else {
                let sums = &mut *self.0.sums;
                map.next_value_seed(Member { sums, path: &name, into: &mut own, depth: 0 })?;
            }
        }
        // Without a list the document is the only row.
        if listed { Ok(()) } else { self.0.count(&own) }
    }
}

/// One of the elements of a list: an object that is counted, or more of what documents are.
struct Element<'t, 'a, 'r>(&'t mut Top<'a, 'r>);

impl<'de> DeserializeSeed<'de> for Element<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        from: D,
    ) -> std::result::Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an object or a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<(), A::Error> {
        while list.next_element_seed(Element(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<(), A::Error> {
        let mut object = Object::default();
        members(map, self.0.sums, "", &mut object, 0)?;
        self.0.count(&object)
    }

    fn visit_unit<E>(self) -> std::result::Result<(), E> {
        Ok(())
    }
}

fn members<'de, A: MapAccess<'de>>(
    mut map: A,
    sums: &mut Sums<'_>,
    path: &str,
    into: &mut Object,
    depth: usize,
) -> std::result::Result<(), A::Error> {
    while let Some(name) = map.next_key::<String>()? {
        let path = if path.is_empty() { name } else { format!("{path}_{name}") };
        map.next_value_seed(Member { sums: &mut *sums, path: &path, into: &mut *into, depth })?;
    }
    Ok(())
}

/// The value of one member: a cell, an object whose members are cells, or a list of objects.
struct Member<'m, 'r> {
    sums: &'m mut Sums<'r>,
    path: &'m str,
    into: &'m mut Object,
    depth: usize,
}

impl Member<'_, '_> {
    fn keep(self, text: String) {
        if let Some(head) = self.sums.head(self.path) {
            self.into.cells.push((head, text));
        }
    }
}

impl<'de> DeserializeSeed<'de> for Member<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        from: D,
    ) -> std::result::Result<(), D::Error> {
        if self.depth == DEPTH {
            return from.deserialize_ignored_any(IgnoredAny).map(drop);
        }
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Member<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("any value")
    }

    fn visit_unit<E>(self) -> std::result::Result<(), E> {
        // What is empty here is a column all the same.
        self.sums.head(self.path);
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> std::result::Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> std::result::Result<(), E> {
        self.keep(number.to_string());
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> std::result::Result<(), E> {
        self.keep(number.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> std::result::Result<(), E> {
        self.keep(number.to_string());
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> std::result::Result<(), E> {
        self.keep(text.to_owned());
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<(), A::Error> {
        members(map, self.sums, self.path, self.into, self.depth + 1)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<(), A::Error> {
        let rows = LISTS.contains(&self.path);
        if !rows {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(());
        }
        loop {
            let mut below = Object::default();
            let row = Below { sums: &mut *self.sums, into: &mut below, depth: self.depth + 1 };
            if list.next_element_seed(row)?.is_none() {
                return Ok(());
            }
            if !below.cells.is_empty() || !below.below.is_empty() {
                self.into.below.push(below);
            }
        }
    }
}

/// An object in a bucket's list.
struct Below<'m, 'r> {
    sums: &'m mut Sums<'r>,
    into: &'m mut Object,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Below<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        from: D,
    ) -> std::result::Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Below<'_, '_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<(), A::Error> {
        members(map, self.sums, "", self.into, self.depth)
    }
}
