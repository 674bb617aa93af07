//! Entries of `reasoning_details`.

use std::borrow::Cow;

use crate::{
    json::{self, Fields, Raw},
    write::{self, Object},
};

/// One entry of `reasoning_details`, whole or as put together from stream deltas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Detail<'a> {
    pub(crate) kind: Cow<'a, str>,
    pub(crate) index: Option<u64>,
    /// Where among the parts of the message it stood.
    pub(crate) position: Option<u64>,
    pub(crate) id: Option<Cow<'a, str>>,
    pub(crate) format: Option<Cow<'a, str>>,
    pub(crate) text: Option<Cow<'a, str>>,
    pub(crate) summary: Option<Cow<'a, str>>,
    pub(crate) signature: Option<Cow<'a, str>>,
    pub(crate) data: Option<Cow<'a, str>>,
}

impl<'a> Detail<'a> {
    fn read(raw: Raw<'a>) -> Option<Self> {
        let mut fields = Fields::lenient(raw)?;
        Some(Self {
            kind: fields.take_text("type")?,
            index: fields.take("index").and_then(json::whole),
            position: fields.take("position").and_then(json::whole),
            id: fields.take_text("id"),
            format: fields.take_text("format"),
            text: fields.take_text("text"),
            summary: fields.take_text("summary"),
            signature: fields.take_text("signature"),
            data: fields.take_text("data"),
        })
    }

    pub(crate) fn write(&self, out: &mut Object<'_>) {
        out.text("type", &self.kind);
        let mut some = |name: &str, value: &Option<Cow<'_, str>>| {
            if let Some(value) = value {
                out.text(name, value);
            }
        };
        some("id", &self.id);
        some("format", &self.format);
        some("text", &self.text);
        some("summary", &self.summary);
        some("signature", &self.signature);
        some("data", &self.data);
        if let Some(index) = self.index {
            out.number("index", index);
        }
        if let Some(position) = self.position {
            out.number("position", position);
        }
    }

    /// The deltas of one entry share its kind and index.
    fn continues(&self, before: &Detail<'_>) -> bool {
        self.index.is_some()
            && self.index == before.index
            && self.kind == before.kind
            && self.data.is_none()
    }

    fn join(&mut self, next: Self) {
        append(&mut self.text, next.text);
        append(&mut self.summary, next.summary);
        append(&mut self.signature, next.signature);
        self.format = self.format.take().or(next.format);
        self.id = self.id.take().or(next.id);
        self.position = self.position.or(next.position);
    }

    pub(crate) fn into_owned(self) -> Detail<'static> {
        let own = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Detail {
            kind: Cow::Owned(self.kind.into_owned()),
            index: self.index,
            position: self.position,
            id: own(self.id),
            format: own(self.format),
            text: own(self.text),
            summary: own(self.summary),
            signature: own(self.signature),
            data: own(self.data),
        }
    }
}

fn append<'a>(slot: &mut Option<Cow<'a, str>>, next: Option<Cow<'a, str>>) {
    match (slot.as_mut(), next) {
        (Some(before), Some(next)) => before.to_mut().push_str(&next),
        (None, Some(next)) => *slot = Some(next),
        (_, None) => {}
    }
}

/// Entries in order, deltas of one entry joined.
#[derive(Default)]
pub(crate) struct Details<'a>(pub(crate) Vec<Detail<'a>>);

impl<'a> Details<'a> {
    /// Reads an array of entries; what is no entry is skipped.
    pub(crate) fn read(raw: Raw<'a>) -> Self {
        let mut details = Self::default();
        for item in json::array(raw).unwrap_or_default() {
            if let Some(detail) = Detail::read(item) {
                details.push(detail);
            }
        }
        details
    }

    pub(crate) fn push(&mut self, next: Detail<'a>) {
        match self.0.last_mut() {
            Some(last) if next.continues(last) => last.join(next),
            _ => self.0.push(next),
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write::array(out, |list| {
            for detail in &self.0 {
                list.object(|item| detail.write(item));
            }
        });
    }
}
