//! Borrowed JSON: objects are taken apart into raw values, so that numbers, order and spacing of whatever
//! is only passed on stay as they were written.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

pub(crate) type Raw<'a> = &'a RawValue;

/// A string that borrows when it holds no escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        from.deserialize_str(TextVisitor)
    }
}

/// What the first byte of a JSON value says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    Array,
    Text,
    Number,
    Bool,
    Null,
}

pub(crate) fn shape(raw: Raw<'_>) -> Shape {
    match raw.get().as_bytes().first() {
        Some(b'{') => Shape::Object,
        Some(b'[') => Shape::Array,
        Some(b'"') => Shape::Text,
        Some(b't' | b'f') => Shape::Bool,
        Some(b'n') | None => Shape::Null,
        Some(_) => Shape::Number,
    }
}

pub(crate) fn text(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0)
}

pub(crate) fn boolean(raw: Raw<'_>) -> Option<bool> {
    serde_json::from_str(raw.get()).ok()
}

/// A whole number, also when it is written as `100.0`.
pub(crate) fn whole(raw: Raw<'_>) -> Option<u64> {
    let text = raw.get();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let number: f64 = serde_json::from_str(text).ok()?;
    // Below 2^53 every whole number is exact.
    (number >= 0.0 && number.fract() == 0.0 && number < 9_007_199_254_740_992.0)
        .then_some(number as u64)
}

pub(crate) fn array(raw: Raw<'_>) -> Option<Vec<Raw<'_>>> {
    if shape(raw) != Shape::Array {
        return None;
    }
    serde_json::from_str(raw.get()).ok()
}

/// Borrows the JSON document in `bytes`, or says that it is none.
pub(crate) fn document(bytes: &[u8]) -> Option<Raw<'_>> {
    serde_json::from_str(std::str::from_utf8(bytes).ok()?).ok()
}

/// The members of an object, taken one by one; what is left was not understood.
pub(crate) struct Fields<'a> {
    entries: Vec<(Cow<'a, str>, Raw<'a>)>,
}

/// Why an object was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotFields {
    Shape,
    /// Two readers could pick different ones, so nobody picks.
    Duplicate,
}

impl<'a> Fields<'a> {
    /// For what clients send: a repeated key refuses the object.
    pub(crate) fn strict(raw: Raw<'a>) -> Result<Self, NotFields> {
        let fields = Self::lenient(raw).ok_or(NotFields::Shape)?;
        let mut names: Vec<&str> = fields.entries.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(NotFields::Duplicate);
        }
        Ok(fields)
    }

    /// For what providers send: of a repeated key, [`Self::take`] gives the last one, as most parsers do.
    pub(crate) fn lenient(raw: Raw<'a>) -> Option<Self> {
        if shape(raw) != Shape::Object {
            return None;
        }
        serde_json::from_str(raw.get()).ok()
    }

    /// Takes a member out. `null` counts as absent, as it does in both formats.
    pub(crate) fn take(&mut self, name: &str) -> Option<Raw<'a>> {
        let mut found = None;
        self.entries.retain(|(key, raw)| {
            let hit = key == name;
            if hit {
                found = Some(*raw);
            }
            !hit
        });
        found.filter(|raw| shape(raw) != Shape::Null)
    }

    /// Like [`Self::take`], but gives `null` back too.
    pub(crate) fn take_any(&mut self, name: &str) -> Option<Raw<'a>> {
        let place = self.entries.iter().rposition(|(key, _)| key == name)?;
        Some(self.entries.remove(place).1)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn take_text(&mut self, name: &str) -> Option<Cow<'a, str>> {
        self.take(name).and_then(text)
    }

    /// The members that nobody took, in order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, Raw<'a>)> {
        self.entries.iter().map(|(key, raw)| (&**key, *raw))
    }

    /// Names of the members that nobody took and that are not `null`.
    pub(crate) fn rest(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|(_, raw)| shape(raw) != Shape::Null).map(|(key, _)| &**key)
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;
        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(Text(key)) = map.next_key()? {
                    entries.push((key, map.next_value()?));
                }
                Ok(Fields { entries })
            }
        }
        from.deserialize_map(FieldsVisitor)
    }
}

/// Where in a request we are; becomes `messages[2].content` in errors.
#[derive(Clone, Copy)]
pub(crate) enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl<'p> Path<'p> {
    pub(crate) const fn key(&'p self, name: &'p str) -> Path<'p> {
        Path::Key(self, name)
    }

    pub(crate) const fn index(&'p self, index: usize) -> Path<'p> {
        Path::Index(self, index)
    }

    /// Without indices (`messages[].content`), so that a list of losses stays short.
    pub(crate) fn pattern(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, false);
        text
    }

    fn write(&self, out: &mut String, indices: bool) {
        match self {
            Self::Root => {}
            Self::Key(parent, name) => {
                parent.write(out, indices);
                if !out.is_empty() {
                    out.push('.');
                }
                out.push_str(printable(name));
            }
            Self::Index(parent, index) => {
                parent.write(out, indices);
                if indices {
                    out.push_str(&format!("[{index}]"));
                } else {
                    out.push_str("[]");
                }
            }
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text, true);
        out.write_str(&text)
    }
}

/// Keys are the client's: only plain ones are repeated in a header or an error.
pub(crate) fn printable(name: &str) -> &str {
    let plain = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if plain { name } else { "?" }
}
