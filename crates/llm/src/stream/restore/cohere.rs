//! The channels of a Cohere stream: its contents, the plan, and the arguments of each call.

use super::{End, Key, Look};
use crate::{
    cohere,
    json::{self, Fields, Raw},
    restore::Escape,
};

const TEXT: &str = "text";
const THINKING: &str = "thinking";
const PLAN: &str = "tool_plan";
const CALL: &str = "tool_calls";

/// Contents and calls are counted apart: nothing of the one ends anything of the other.
const CALLS: u64 = 1 << 40;
const PLANS: u64 = 1 << 41;

pub(super) fn look(document: Raw<'_>, data: &str, text: Escape) -> Option<Look> {
    let mut look = Look::default();
    let mut event = Fields::lenient(document)?;
    let kind = event.take_text("type")?;
    let index = event.take("index").and_then(json::whole).unwrap_or_default();
    let mut message = || {
        let mut delta = event.take("delta").and_then(Fields::lenient)?;
        delta.take("message").and_then(Fields::lenient)
    };
    let key = |group: u64, what: &str| Key { group, class: 0, what: what.to_owned(), part: 0 };
    match &*kind {
        "content-start" | "content-delta" => {
            let mut content = message()?.take("content").and_then(Fields::lenient)?;
            look.piece(data, content.take(TEXT), key(index, TEXT), text);
            look.piece(data, content.take(THINKING), key(index, THINKING), Escape::Plain);
            if kind == "content-start" || content.take("signature").is_some() {
                // A signature follows all of what was thought; what starts ends the plan before it.
                look.ends.push(End::Group(PLANS));
                if kind == "content-delta" {
                    look.ends.push(End::Group(index));
                }
            }
        }
        "content-end" => look.ends.push(End::Group(index)),
        "tool-plan-delta" => {
            look.piece(data, message()?.take(PLAN), key(PLANS, PLAN), Escape::Plain);
        }
        "tool-call-start" | "tool-call-delta" => {
            let mut call = message()?.take(CALL).and_then(Fields::lenient)?;
            let mut function = call.take("function").and_then(Fields::lenient)?;
            let arguments = function.take("arguments");
            look.piece(data, arguments, key(CALLS | index, CALL), Escape::Json);
            if kind == "tool-call-start" {
                look.ends.push(End::Group(PLANS));
            }
        }
        "tool-call-end" => look.ends.push(End::Group(CALLS | index)),
        "message-end" => look.ends.push(End::All),
        _ => {}
    }
    Some(look)
}

pub(super) fn tell(key: &Key, text: &str, out: &mut Vec<u8>) {
    let index = key.group & !CALLS;
    match key.what.as_str() {
        PLAN => cohere::part(out, "tool-plan-delta", None, |message| message.text(PLAN, text)),
        CALL => cohere::part(out, "tool-call-delta", Some(index), |message| {
            message.object(CALL, |call| {
                call.object("function", |function| function.text("arguments", text));
            });
        }),
        what => cohere::part(out, "content-delta", Some(index), |message| {
            message.object("content", |content| content.text(what, text));
        }),
    }
}
