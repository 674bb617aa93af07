//! Thinking on its way through the other format.
//!
//! A provider checks its own signature, so thinking must come back exactly as it was given, and only to the
//! provider family that gave it. An OpenAI-format client carries Anthropic's thinking in `reasoning_details`
//! (the shape that `OpenRouter` documents), tagged with [`TAG`]. An Anthropic-format client carries an
//! OpenAI-format provider's reasoning in a `thinking` block whose signature starts with [`SEAL`].

use std::borrow::Cow;

use crate::{
    conversation::Body,
    json::{self, Fields, Raw},
    write::{self, Object},
};

/// Marks details that hold Anthropic's thinking.
pub(crate) const TAG: &str = "probity/anthropic-v1";

/// The same, as another host marks it.
const FOREIGN_TAG: &str = "anthropic-claude-v1";

/// Marks signatures that are ours; the name of the provider's field and its details follow.
pub(crate) const SEAL: &str = "probity.openai.v1/";

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

    fn write(&self, out: &mut Vec<u8>) {
        write::array(out, |list| {
            for detail in &self.0 {
                list.object(|item| detail.write(item));
            }
        });
    }
}

/// Anthropic's thinking out of what an OpenAI-format client sent back, each with its place.
/// `None` for entries that some other provider made.
pub(crate) fn thinking_of(detail: Detail<'_>) -> Option<(Option<u64>, Body<'_>)> {
    let ours = matches!(detail.format.as_deref(), Some(TAG | FOREIGN_TAG));
    match (ours, &*detail.kind) {
        (true, "reasoning.text") => {
            let text = detail.text.unwrap_or_default();
            let signature = Some(detail.signature?);
            Some((detail.position, Body::Thinking { text, signature }))
        }
        (true, "reasoning.encrypted") => {
            Some((detail.position, Body::RedactedThinking { data: detail.data? }))
        }
        _ => None,
    }
}

/// The entry that carries an Anthropic thinking block.
pub(crate) fn detail_of<'b>(body: &'b Body<'_>, index: u64, position: u64) -> Option<Detail<'b>> {
    let mut detail = Detail {
        index: Some(index),
        position: Some(position),
        format: Some(TAG.into()),
        ..Detail::default()
    };
    match body {
        Body::Thinking { text, signature } => {
            detail.kind = "reasoning.text".into();
            detail.text = Some(Cow::Borrowed(text));
            detail.signature = signature.as_deref().map(Cow::Borrowed);
        }
        Body::RedactedThinking { data } => {
            detail.kind = "reasoning.encrypted".into();
            detail.data = Some(Cow::Borrowed(data));
        }
        _ => return None,
    }
    Some(detail)
}

/// A signature for reasoning that an OpenAI-format provider gave in `field`.
pub(crate) fn seal(field: &str, details: &Details<'_>) -> String {
    let mut text = format!("{SEAL}{field}/").into_bytes();
    if !details.0.is_empty() {
        details.write(&mut text);
    }
    // Built from strings and JSON, so it is text.
    String::from_utf8(text).unwrap_or_default()
}

/// What [`seal`] put in: the field's name and the details, as JSON.
pub(crate) fn unseal(signature: &str) -> Option<(&str, Option<&str>)> {
    let (field, details) = signature.strip_prefix(SEAL)?.split_once('/')?;
    let known = matches!(field, "reasoning_content" | "reasoning");
    let details = (!details.is_empty()).then_some(details);
    // It comes back from a client, so it is checked before it is written into a request.
    let valid = details.is_none_or(|text| {
        json::document(text.as_bytes()).is_some_and(|raw| json::shape(raw) == json::Shape::Array)
    });
    (known && valid).then_some((field, details))
}

/// Puts thinking back among the other parts, at the places it came from.
pub(crate) fn interleave<T>(thinking: Vec<(Option<u64>, T)>, others: Vec<T>) -> Vec<T> {
    let mut parts = Vec::with_capacity(thinking.len() + others.len());
    let mut others = others.into_iter();
    for (position, body) in thinking {
        let position = position.unwrap_or(0);
        while (parts.len() as u64) < position {
            let Some(other) = others.next() else { break };
            parts.push(other);
        }
        parts.push(body);
    }
    parts.extend(others);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_of_one_entry_join_and_others_do_not() {
        let raw = r#"[{"type":"reasoning.text","index":0,"format":"probity/anthropic-v1","position":0,"text":"a"},
            {"type":"reasoning.text","index":0,"text":"b"},{"type":"reasoning.text","index":0,"signature":"s"},
            {"type":"reasoning.encrypted","index":1,"format":"probity/anthropic-v1","data":"x"},
            {"type":"reasoning.encrypted","index":1,"data":"y"}]"#;
        let details = Details::read(json::document(raw.as_bytes()).unwrap());
        assert_eq!(details.0.len(), 3);
        assert_eq!(details.0[0].text.as_deref(), Some("ab"));
        assert_eq!(details.0[0].signature.as_deref(), Some("s"));
    }

    #[test]
    fn a_seal_opens_again_and_a_forged_one_does_not() {
        let details = Details(vec![Detail { kind: "reasoning.text".into(), ..Detail::default() }]);
        let sealed = seal("reasoning", &details);
        assert_eq!(unseal(&sealed), Some(("reasoning", Some(r#"[{"type":"reasoning.text"}]"#))));
        assert_eq!(unseal("probity.openai.v1/reasoning/[],\"model\":\"x\""), None);
        assert_eq!(unseal("probity.openai.v1/messages/"), None);
        assert_eq!(unseal("EqMBCkYI"), None);
    }
}
