//! The channels of a Chat Completions stream.

use super::{End, Key, Look};
use crate::{
    json::{self, Fields, Raw, Shape},
    restore::Escape,
    write,
};

const THINKING: u8 = 0;
const TEXT: u8 = 1;
const TOOLS: u8 = 2;

/// Members of a delta that are a text, and what they are.
const TEXTS: [(&str, u8); 4] = [
    ("reasoning_content", THINKING),
    ("reasoning", THINKING),
    ("content", TEXT),
    ("refusal", TEXT),
];

pub(super) fn look(document: Raw<'_>, data: &str, text: Escape) -> Option<Look> {
    let mut look = Look::default();
    let choices = Fields::lenient(document)?.take("choices").and_then(json::array)?;
    for choice in choices.into_iter().filter_map(Fields::lenient) {
        one(choice, data, text, &mut look);
    }
    Some(look)
}

fn one(mut choice: Fields<'_>, data: &str, text: Escape, look: &mut Look) {
    let group = choice.take("index").and_then(json::whole).unwrap_or_default();
    if choice.take("finish_reason").is_some() {
        look.ends.push(End::Group(group));
    }
    let Some(mut delta) = choice.take("delta").and_then(Fields::lenient) else { return };
    let key = |what: &str, class, part| Key { group, class, what: what.to_owned(), part };
    for (name, class) in TEXTS {
        let escape = if name == "content" { text } else { Escape::Plain };
        look.piece(data, delta.take(name), key(name, class, 0), escape);
    }
    for (at, mut entry) in objects(delta.take("reasoning_details")) {
        let part = entry.take("index").and_then(json::whole).unwrap_or(at);
        for name in ["text", "summary"] {
            let key = key(&format!("reasoning_details.{name}"), THINKING, part);
            look.piece(data, entry.take(name), key, Escape::Plain);
        }
    }
    for (at, mut call) in objects(delta.take("tool_calls")) {
        let part = call.take("index").and_then(json::whole).unwrap_or(at);
        let function = call.take("function").and_then(Fields::lenient);
        let arguments = function.and_then(|mut function| function.take("arguments"));
        look.piece(data, arguments, key("tool_calls", TOOLS, part), Escape::Json);
        let custom = call.take("custom").and_then(Fields::lenient);
        let input = custom.and_then(|mut custom| custom.take("input"));
        look.piece(data, input, key("custom", TOOLS, part), Escape::Plain);
    }
    let function = delta.take("function_call").and_then(Fields::lenient);
    let arguments = function.and_then(|mut function| function.take("arguments"));
    look.piece(data, arguments, key("function_call", TOOLS, 0), Escape::Json);
    let audio = delta.take("audio").and_then(Fields::lenient);
    let transcript = audio.and_then(|mut audio| audio.take("transcript"));
    look.piece(data, transcript, key("audio", TEXT, 0), Escape::Plain);
}

fn objects(raw: Option<Raw<'_>>) -> impl Iterator<Item = (u64, Fields<'_>)> {
    let all = raw.filter(|raw| json::shape(raw) == Shape::Array).and_then(json::array);
    (0..).zip(all.unwrap_or_default().into_iter().filter_map(Fields::lenient))
}

pub(super) fn tell(key: &Key, base: &str, text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"data: {");
    out.extend_from_slice(base.as_bytes());
    out.extend_from_slice(b"\"choices\":[");
    write::object(out, |choice| {
        choice.number("index", key.group);
        choice.object("delta", |delta| match key.what.as_str() {
            "tool_calls" | "custom" => delta.array("tool_calls", |list| {
                list.object(|call| {
                    call.number("index", key.part);
                    let custom = key.what == "custom";
                    let (name, member) =
                        if custom { ("custom", "input") } else { ("function", "arguments") };
                    call.object(name, |inner| inner.text(member, text));
                });
            }),
            "function_call" => {
                delta.object("function_call", |call| call.text("arguments", text));
            }
            "audio" => delta.object("audio", |audio| audio.text("transcript", text)),
            what => match what.strip_prefix("reasoning_details.") {
                Some(name) => delta.array("reasoning_details", |list| {
                    list.object(|entry| {
                        entry.text("type", &format!("reasoning.{name}"));
                        entry.text(name, text);
                        entry.number("index", key.part);
                    });
                }),
                None => delta.text(what, text),
            },
        });
        choice.null("finish_reason");
    });
    out.extend_from_slice(b"]}\n\n");
}
