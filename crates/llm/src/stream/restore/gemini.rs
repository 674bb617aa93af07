//! The channels of a Gemini stream: the thoughts and the text of each candidate. Calls come whole.

use super::{End, Key, Look};
use crate::{
    json::{self, Fields, Raw},
    restore::Escape,
    write,
};

const THOUGHT: &str = "thought";
const TEXT: &str = "text";

pub(super) fn look(document: Raw<'_>, data: &str, text: Escape) -> Option<Look> {
    let mut look = Look::default();
    let candidates = Fields::lenient(document)?.take("candidates").and_then(json::array)?;
    for mut candidate in candidates.into_iter().filter_map(Fields::lenient) {
        let group = candidate.take("index").and_then(json::whole).unwrap_or_default();
        if candidate.take("finishReason").is_some() {
            look.ends.push(End::Group(group));
        }
        let content = candidate.take("content").and_then(Fields::lenient);
        let parts = content.and_then(|mut content| content.take("parts")).and_then(json::array);
        for mut part in parts.into_iter().flatten().filter_map(Fields::lenient) {
            if part.take("functionCall").is_some() {
                look.ends.push(End::Group(group));
            }
            let thought = part.take("thought").and_then(json::boolean) == Some(true);
            let (class, what) = if thought { (0, THOUGHT) } else { (1, TEXT) };
            let escape = if thought { Escape::Plain } else { text };
            let key = Key { group, class, what: what.to_owned(), part: 0 };
            look.piece(data, part.take("text"), key, escape);
        }
    }
    Some(look)
}

pub(super) fn tell(key: &Key, base: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: {");
    out.extend_from_slice(base.as_bytes());
    out.extend_from_slice(b"\"candidates\":[");
    write::object(out, |candidate| {
        candidate.object("content", |content| {
            content.array("parts", |list| {
                list.object(|part| {
                    part.text("text", text);
                    if key.what == THOUGHT {
                        part.boolean("thought", true);
                    }
                });
            });
            content.text("role", "model");
        });
        candidate.number("index", key.group);
    });
    out.extend_from_slice(b"]}\n\n");
}
