//! How a conversation begins: the part that every later request of it repeats, and that a provider's cache may know.

use serde::{
    Deserializer,
    de::{SeqAccess, Visitor},
};

use crate::{
    Format, Head,
    edit::span,
    json::{self, Fields, Raw},
};

/// How much of the system prompt, and of the turns, is looked at: enough to tell conversations apart.
const LOOKED_AT: usize = 8 << 10;

/// The system prompt and the turns up to the first one of a user, each cut off where it gets long. For hashing only:
/// it is content, and must be neither kept nor shown.
#[must_use]
pub fn beginning<'a>(format: Format, head: &Head, body: &'a [u8]) -> [&'a [u8]; 2] {
    let part = |range: &std::ops::Range<usize>| {
        let part = body.get(range.clone()).unwrap_or_default();
        part.get(..LOOKED_AT).unwrap_or(part)
    };
    let turns = part(&head.spots.turns);
    let end = first_turn(format, turns).unwrap_or(turns.len());
    [part(&head.spots.system), turns.get(..end).unwrap_or(turns)]
}

/// Where the first turn of a user ends; `None` when it is not reached, or the input is one text.
fn first_turn(format: Format, turns: &[u8]) -> Option<usize> {
    let mut end = None;
    let seek = Seek { format, turns, end: &mut end };
    // Stops at the turn, or where the text was cut off: neither is a fault here.
    drop(serde_json::Deserializer::from_slice(turns).deserialize_seq(seek));
    end
}

struct Seek<'a> {
    format: Format,
    turns: &'a [u8],
    end: &'a mut Option<usize>,
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("a list of turns")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<(), A::Error> {
        while let Some(turn) = all.next_element::<Raw<'de>>()? {
            if is_users(self.format, turn) {
                *self.end = span(self.turns, turn).map(|range| range.end);
                break;
            }
        }
        Ok(())
    }
}

fn is_users(format: Format, turn: Raw<'_>) -> bool {
    let role = Fields::lenient(turn).and_then(|mut fields| fields.take("role"));
    match role {
        Some(role) => json::text(role).as_deref() == Some("user"),
        // Gemini's turns are the user's unless they say otherwise.
        None => format == Format::Gemini,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{head, head_at};

    fn begins(format: Format, body: &str) -> [String; 2] {
        let head = if format == Format::Gemini {
            head_at("m", false, body.as_bytes()).unwrap()
        } else {
            head(format, body.as_bytes()).unwrap()
        };
        beginning(format, &head, body.as_bytes()).map(|part| String::from_utf8_lossy(part).into())
    }

    #[test]
    fn later_turns_change_nothing_and_earlier_ones_do() {
        for (format, one, later, other) in [
            (
                Format::OpenAiChat,
                r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"a"}]}"#,
                r#"{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}],"n":1}"#,
                r#"{"model":"m","messages":[{"role":"system","content":"t"},{"role":"user","content":"a"}]}"#,
            ),
            (
                Format::AnthropicMessages,
                r#"{"model":"m","messages":[{"role":"user","content":"a"}],"system":"s"}"#,
                r#"{"system":"s","model":"m","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}"#,
                r#"{"model":"m","messages":[{"role":"user","content":"a"}],"system":"t"}"#,
            ),
            (
                Format::OpenAiResponses,
                r#"{"model":"m","instructions":"s","input":[{"role":"user","content":"a"}]}"#,
                r#"{"model":"m","instructions":"s","input":[{"role":"user","content":"a"},{"type":"message","role":"assistant"}]}"#,
                r#"{"model":"m","instructions":"s","input":"a"}"#,
            ),
            (
                Format::Gemini,
                r#"{"contents":[{"parts":[{"text":"a"}]}]}"#,
                r#"{"contents":[{"parts":[{"text":"a"}]},{"role":"model","parts":[]}]}"#,
                r#"{"contents":[{"parts":[{"text":"b"}]}]}"#,
            ),
        ] {
            let began = begins(format, one);
            assert_eq!(began, begins(format, later), "{format:?}");
            assert_ne!(began, begins(format, other), "{format:?}");
        }
    }

    #[test]
    fn a_long_beginning_is_cut_off() {
        let long = "ü".repeat(LOOKED_AT);
        let body = |tail: &str| {
            format!(r#"{{"model":"m","messages":[{{"role":"user","content":"{long}"}}{tail}]}}"#)
        };
        let one = begins(Format::OpenAiChat, &body(""));
        assert!(one[1].len() <= LOOKED_AT + 8, "{}", one[1].len());
        assert_eq!(
            one,
            begins(Format::OpenAiChat, &body(r#",{"role":"assistant","content":"b"}"#))
        );
    }
}
