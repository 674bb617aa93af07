//! The texts of a request or an answer: everything in it that people or models wrote, wherever its format puts it.
//!
//! The walk knows what is no text (ids, names of tools and models, schemas, signatures, encoded files) and takes every
//! other string for one, so that a kind of part that nobody has heard of is covered too. Texts are shown decoded;
//! those that change are written again, and everything else stays byte for byte.

mod rule;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, ops::Range};

use memchr::memchr2;
use serde::de::IgnoredAny;

use self::rule::{Context, Rule, Siblings};
use crate::{BadRequest, edit::Edits, json};

/// Deeper documents are refused: the walk follows every level.
const DEEPEST: usize = 128;

/// How a text stands in its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Plain,
    /// A part of a JSON text, such as the arguments of a tool so far.
    Fragment,
    /// A number in what is given to a tool; what replaces it becomes a string.
    Number,
}

/// One text.
#[derive(Clone, Debug)]
pub struct Found<'t> {
    /// Without the escapes of JSON.
    pub text: &'t str,
    /// The name under which it is given to a tool, which may say what it is.
    pub key: Option<&'t str>,
    pub form: Form,
    /// Where it stands in the document, with its quotes; empty inside of another text.
    pub(crate) place: Range<usize>,
}

/// What the walk has found besides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// The document with its changed texts; absent when none was changed.
    pub body: Option<Vec<u8>>,
    /// The request asks for an answer that is a JSON text.
    pub json_answer: bool,
}

/// Gives every text of the document to `each`, and puts what that returns in its place.
///
/// # Errors
/// With code `unreadable_text` when the document is no JSON, is nested too deeply, or holds a string that cannot be
/// decoded. Some texts may have been shown by then.
pub fn rewrite(
    document: &[u8],
    each: &mut dyn FnMut(&Found<'_>) -> Option<String>,
) -> Result<Rewritten, BadRequest> {
    let text = std::str::from_utf8(document).map_err(|_| unreadable())?;
    let (edits, json_answer) = walk(text, Context::Root, None, each)?;
    let body = (!edits.is_empty()).then(|| {
        let mut out = Vec::with_capacity(document.len());
        edits.write(document, &mut out);
        out
    });
    Ok(Rewritten { body, json_answer })
}

/// The changes of an answer, or of an event of one whose texts at `pieces` go on in the next. JSON texts in strings are
/// shown as they were written, whole ones too, so that a stream and what repeats it at its end stay the same.
pub(crate) fn edits(
    text: &str,
    pieces: &[Range<usize>],
    each: &mut dyn FnMut(&Found<'_>) -> Option<String>,
) -> Result<Edits, BadRequest> {
    walk(text, Context::Root, Some(pieces), each).map(|(edits, _)| edits)
}

fn walk(
    text: &str,
    context: Context,
    answer: Option<&[Range<usize>]>,
    each: &mut dyn FnMut(&Found<'_>) -> Option<String>,
) -> Result<(Edits, bool), BadRequest> {
    // From here on the text is known to be JSON.
    serde_json::from_str::<IgnoredAny>(text).map_err(|_| unreadable())?;
    let mut walk = Walk {
        text,
        at: 0,
        depth: 0,
        nested: context == Context::Free,
        answer,
        edits: Edits::default(),
        json_answer: false,
        each,
    };
    walk.value(context, None)?;
    Ok((walk.edits, walk.json_answer))
}

fn unreadable() -> BadRequest {
    BadRequest::new("unreadable_text", "A text of the request cannot be read.")
}

struct Walk<'w> {
    text: &'w str,
    at: usize,
    depth: usize,
    /// The text is itself a string of another document.
    nested: bool,
    /// An answer's own pieces; absent for a request.
    answer: Option<&'w [Range<usize>]>,
    edits: Edits,
    json_answer: bool,
    each: &'w mut dyn FnMut(&Found<'_>) -> Option<String>,
}

impl Walk<'_> {
    fn value(&mut self, context: Context, key: Option<&str>) -> Result<(), BadRequest> {
        match self.peek() {
            Some(b'{') => self.nest(|walk| walk.object(context)),
            Some(b'[') => self.nest(|walk| walk.array(context, key)),
            Some(b'"') => {
                let place = self.string();
                if context.holds_texts() { self.told(place, key, Form::Plain) } else { Ok(()) }
            }
            _ => {
                let place = self.bare();
                self.number(context, key, place);
                Ok(())
            }
        }
    }

    fn nest(
        &mut self,
        inside: impl FnOnce(&mut Self) -> Result<(), BadRequest>,
    ) -> Result<(), BadRequest> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(unreadable());
        }
        self.at += 1;
        inside(self)?;
        self.depth -= 1;
        Ok(())
    }

    fn array(&mut self, context: Context, key: Option<&str>) -> Result<(), BadRequest> {
        loop {
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') | None => break,
                Some(_) => self.value(context, key)?,
            }
        }
        self.at += 1;
        Ok(())
    }

    fn object(&mut self, context: Context) -> Result<(), BadRequest> {
        let mut siblings = Siblings::default();
        while let Some(byte) = self.peek().filter(|byte| *byte != b'}') {
            if byte == b',' {
                self.at += 1;
                continue;
            }
            let place = self.string();
            let text = self.text;
            let key = decoded(text, &place)?;
            if context == Context::Free {
                self.told(place, None, Form::Plain)?;
            }
            if self.peek() == Some(b':') {
                self.at += 1;
            }
            self.member(context, &key, &mut siblings)?;
        }
        self.at += 1;
        for (key, place) in std::mem::take(&mut siblings.waiting) {
            // What says that it is a file may still be none; and a code may stand where no text was expected.
            if self.answer.is_some()
                || siblings.is_text(key)
                || !rule::is_encoded(&decoded(self.text, &place)?)
            {
                self.told(place, None, Form::Plain)?;
            }
        }
        Ok(())
    }

    fn member(
        &mut self,
        context: Context,
        key: &str,
        siblings: &mut Siblings,
    ) -> Result<(), BadRequest> {
        let begins = self.peek();
        match rule::rule(context, key, begins) {
            Rule::Walk(inside) => {
                let named = (inside == Context::Free).then_some(key);
                self.value(inside, named)
            }
            Rule::Skip => self.skip(),
            Rule::Note => {
                let place = self.at;
                self.skip()?;
                let said = json_text(self.text.get(place..self.at));
                self.json_answer |= context == Context::Config && rule::asks_for_json(key, &said);
                siblings.note(key, said);
                Ok(())
            }
            Rule::Wait(key) => {
                let place = self.string();
                siblings.waiting.push((key, place));
                Ok(())
            }
            Rule::Arguments => {
                let place = self.string();
                self.arguments(place)
            }
        }
    }

    /// A JSON text in a string. Its texts are shown one by one; a part of one is shown as it is.
    fn arguments(&mut self, place: Range<usize>) -> Result<(), BadRequest> {
        let text = self.text;
        let inner = decoded(text, &place)?;
        let whole = self.answer.is_none()
            && inner.trim_start().starts_with(['{', '['])
            && json::document(inner.as_bytes()).is_some();
        if !whole {
            return self.told(place, None, Form::Fragment);
        }
        let (edits, _) = walk(&inner, Context::Free, None, self.each)?;
        if !edits.is_empty() {
            let mut out = Vec::with_capacity(inner.len());
            edits.write(inner.as_bytes(), &mut out);
            let out = String::from_utf8(out).map_err(|_| unreadable())?;
            self.edits.replace_text(place, &out);
        }
        Ok(())
    }

    fn told(
        &mut self,
        place: Range<usize>,
        key: Option<&str>,
        form: Form,
    ) -> Result<(), BadRequest> {
        let text = self.text;
        let decoded = decoded(text, &place)?;
        let piece = self.answer.is_some_and(|pieces| pieces.contains(&place));
        if rule::is_encoded_file(&decoded) && !piece {
            return Ok(());
        }
        let shown = if self.nested { 0..0 } else { place.clone() };
        let found = Found { text: &decoded, key, form, place: shown };
        if let Some(new) = (self.each)(&found) {
            self.edits.replace_text(place, &new);
        }
        Ok(())
    }

    fn number(&mut self, context: Context, key: Option<&str>, place: Range<usize>) {
        let Some(text) = self.text.get(place.clone()).filter(|_| context == Context::Free) else {
            return;
        };
        if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return;
        }
        let found = Found { text, key, form: Form::Number, place: 0..0 };
        if let Some(new) = (self.each)(&found) {
            self.edits.replace_text(place, &new);
        }
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        self.text.as_bytes().get(self.at).copied()
    }

    /// The string that begins here, with its quotes.
    fn string(&mut self) -> Range<usize> {
        let start = self.at;
        self.at += 1;
        let bytes = self.text.as_bytes();
        while let Some(step) = bytes.get(self.at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
            self.at += step;
            if bytes.get(self.at) == Some(&b'"') {
                self.at += 1;
                return start..self.at;
            }
            self.at += 2;
        }
        self.at = bytes.len();
        start..self.at
    }

    /// The number or word that begins here.
    fn bare(&mut self) -> Range<usize> {
        let start = self.at;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
        self.at += rest.iter().position(ends).unwrap_or(rest.len());
        start..self.at
    }

    /// Passes one value by.
    fn skip(&mut self) -> Result<(), BadRequest> {
        let mut open = 0_usize;
        loop {
            match self.peek() {
                Some(b'{' | b'[') => {
                    open += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') => {
                    open = open.saturating_sub(1);
                    self.at += 1;
                }
                Some(b',' | b':') => self.at += 1,
                Some(b'"') => drop(self.string()),
                Some(_) => drop(self.bare()),
                None => return Err(unreadable()),
            }
            if open == 0 {
                return Ok(());
            }
        }
    }
}

/// The text between two quotes.
fn decoded<'t>(text: &'t str, place: &Range<usize>) -> Result<Cow<'t, str>, BadRequest> {
    let quoted = text.get(place.clone()).ok_or_else(unreadable)?;
    if !quoted.contains('\\') {
        let inner = quoted.get(1..quoted.len().saturating_sub(1));
        return inner.map(Cow::Borrowed).ok_or_else(unreadable);
    }
    serde_json::from_str::<json::Text<'_>>(quoted).map(|text| text.0).map_err(|_| unreadable())
}

/// What a member says of its object; empty unless it is a string.
fn json_text(raw: Option<&str>) -> String {
    raw.and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default()
}
