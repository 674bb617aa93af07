//! The channels of a Responses stream: whatever its events of the kind `….delta` carry.

use super::{End, Key, Look, members};
use crate::{
    Format,
    json::{self, Fields, Raw},
    restore::Escape,
    write::quote,
};

/// Members of a delta that its end does not repeat.
const OWN: [&str; 5] = ["type", "sequence_number", "delta", "logprobs", "obfuscation"];
/// Sound, which holds no text.
const SOUND: &str = "response.audio.delta";

pub(super) fn look(document: Raw<'_>, data: &str, text: Escape) -> Option<Look> {
    let mut look = Look::default();
    let mut event = Fields::lenient(document)?;
    let kind = event.take_text("type")?;
    let mut number = |name: &str| event.take(name).and_then(json::whole);
    let group = number("output_index").unwrap_or_default();
    let part = number("content_index").or_else(|| number("summary_index")).unwrap_or_default();
    let key = |what: &str| Key { group, class: 0, what: what.to_owned(), part };
    if let Some(name) = kind.strip_suffix(".delta") {
        let escape = if name.ends_with("_arguments") {
            Escape::Json
        } else if name == "response.output_text" {
            text
        } else {
            Escape::Plain
        };
        let delta = event.take("delta").filter(|_| kind != SOUND);
        look.piece(data, delta, key(&kind), escape);
        return Some(look);
    }
    match &*kind {
        "response.output_item.done"
        | "response.content_part.done"
        | "response.reasoning_summary_part.done" => look.ends.push(End::Group(group)),
        "response.completed" | "response.incomplete" | "response.failed" | "error" => {
            look.ends.push(End::All);
        }
        done => {
            if let Some(name) = done.strip_suffix(".done") {
                look.ends.push(End::One(key(&format!("{name}.delta"))));
            }
        }
    }
    Some(look)
}

/// What the events of a channel say besides their text.
pub(super) fn shell(format: Format, data: &str) -> String {
    let document = json::document(data.as_bytes()).filter(|_| format == Format::OpenAiResponses);
    document.map(|document| members(document, &OWN)).unwrap_or_default()
}

pub(super) fn number(data: &str) -> Option<u64> {
    Fields::lenient(json::document(data.as_bytes())?)?.take("sequence_number").and_then(json::whole)
}

pub(super) fn tell(key: &Key, (shell, number): (&str, u64), text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(key.what.as_bytes());
    out.extend_from_slice(b"\ndata: {\"type\":");
    quote(out, &key.what);
    out.extend_from_slice(format!(",\"sequence_number\":{number},{shell}").as_bytes());
    if key.what == "response.output_text.delta" {
        out.extend_from_slice(b"\"logprobs\":[],");
    }
    out.extend_from_slice(b"\"delta\":");
    quote(out, text);
    out.extend_from_slice(b"}\n\n");
}
