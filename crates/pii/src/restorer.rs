//! Codes out, values in, in a stream that may be cut anywhere.

use crate::{Codes, codes::LENGTH};

/// What the values are written into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    Plain,
    /// Inside a string of JSON, as the arguments of a tool are.
    Json,
}

/// One channel of an answer: a choice, its reasoning, the arguments of one tool call.
///
/// Only exact codes of this conversation are restored, however they are capitalised. What merely looks like
/// one stays as it is. At most eight bytes are held back, and only while they may be the start of a code.
#[derive(Clone, Debug)]
pub struct Restorer {
    codes: Codes,
    held: String,
}

impl Restorer {
    pub fn new(codes: Codes) -> Self {
        Self { codes, held: String::new() }
    }

    /// Appends what can be said of the stream after this piece.
    pub fn push(&mut self, piece: &str, escape: Escape, out: &mut String) {
        if self.codes.is_empty() {
            out.push_str(piece);
            return;
        }
        if self.held.is_empty() {
            self.held = restore(&self.codes, piece, escape, out).to_owned();
        } else {
            let mut text = std::mem::take(&mut self.held);
            text.push_str(piece);
            self.held = restore(&self.codes, &text, escape, out).to_owned();
        }
    }

    /// Appends what was held back. To be called before the channel ends.
    pub fn finish(&mut self, out: &mut String) {
        out.push_str(&self.held);
        self.held.clear();
    }

    /// Restores a whole text at once.
    pub fn whole(codes: &Codes, text: &str, escape: Escape) -> String {
        let mut out = String::with_capacity(text.len());
        let mut restorer = Self::new(codes.clone());
        restorer.push(text, escape, &mut out);
        restorer.finish(&mut out);
        out
    }
}

/// Writes everything but the end that may begin a code, and returns that.
fn restore<'a>(codes: &Codes, text: &'a str, escape: Escape, out: &mut String) -> &'a str {
    let mut done = 0;
    for (place, value) in codes.each(text) {
        out.push_str(text.get(done..place.start).unwrap_or_default());
        match escape {
            Escape::Plain => out.push_str(value),
            Escape::Json => escape_json(value, out),
        }
        done = place.end;
    }
    let rest = text.get(done..).unwrap_or_default();
    let (say, hold) = rest.split_at_checked(hold_from(codes, rest)).unwrap_or((rest, ""));
    out.push_str(say);
    hold
}

/// The start of the longest end of the text that some code begins with.
fn hold_from(codes: &Codes, text: &str) -> usize {
    let longest = text.len().min(LENGTH - 1);
    let starts = (text.len() - longest..text.len()).filter(|start| text.is_char_boundary(*start));
    starts
        .into_iter()
        .find(|start| text.get(*start..).is_some_and(|end| codes.is_begun_by(end)))
        .unwrap_or(text.len())
}

fn escape_json(value: &str, out: &mut String) {
    for one in value.chars() {
        match one {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' => {
                out.push_str("\\u00");
                let byte = u32::from(one);
                out.extend(
                    [byte / 16, byte % 16]
                        .into_iter()
                        .filter_map(|half| char::from_digit(half, 16)),
                );
            }
            other => out.push(other),
        }
    }
}
