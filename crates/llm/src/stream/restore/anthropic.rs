//! The channels of a Messages stream: its blocks.

use super::{End, Key, Look};
use crate::{
    json::{self, Fields, Raw},
    restore::Escape,
    write,
};

/// Deltas that are pieces of a text, with the member that holds it.
const DELTAS: [(&str, &str); 3] =
    [("text_delta", "text"), ("thinking_delta", "thinking"), ("input_json_delta", "partial_json")];

pub(super) fn look(document: Raw<'_>, data: &str, text: Escape) -> Option<Look> {
    let mut look = Look::default();
    let mut event = Fields::lenient(document)?;
    let kind = event.take_text("type")?;
    let group = event.take("index").and_then(json::whole).unwrap_or_default();
    let key = |what: &str| Key { group, class: 0, what: what.to_owned(), part: 0 };
    let escape = |what: &str| match what {
        "text_delta" => text,
        "input_json_delta" => Escape::Json,
        _ => Escape::Plain,
    };
    match &*kind {
        "content_block_start" => {
            let mut block = event.take("content_block").and_then(Fields::lenient)?;
            for (what, member) in DELTAS.into_iter().take(2) {
                look.piece(data, block.take(member), key(what), escape(what));
            }
        }
        "content_block_delta" => {
            let mut delta = event.take("delta").and_then(Fields::lenient)?;
            let kind = delta.take_text("type")?;
            match DELTAS.into_iter().find(|(what, _)| *what == kind) {
                Some((what, member)) => {
                    look.piece(data, delta.take(member), key(what), escape(what));
                }
                // The signature of thinking follows all of it.
                None if kind == "signature_delta" => look.ends.push(End::Group(group)),
                None => {}
            }
        }
        "content_block_stop" => look.ends.push(End::Group(group)),
        "message_delta" | "message_stop" => look.ends.push(End::All),
        _ => {}
    }
    Some(look)
}

pub(super) fn tell(key: &Key, text: &str, out: &mut Vec<u8>) {
    let member = DELTAS.into_iter().find(|(what, _)| *what == key.what);
    out.extend_from_slice(b"event: content_block_delta\ndata: ");
    write::object(out, |root| {
        root.text("type", "content_block_delta");
        root.number("index", key.group);
        root.object("delta", |delta| {
            delta.text("type", &key.what);
            delta.text(member.map_or("text", |(_, member)| member), text);
        });
    });
    out.extend_from_slice(b"\n\n");
}
