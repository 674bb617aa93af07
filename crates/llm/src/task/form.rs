//! Forms with files (`multipart/form-data`, RFC 7578): where their parts stand. Nothing is copied.

use std::ops::Range;

use memchr::memmem;

use crate::BadRequest;

/// More parts than any of these endpoints knows.
const MOST_PARTS: usize = 200;
/// Headers of one part, in bytes.
const MOST_HEAD: usize = 8 << 10;

pub(crate) struct Part<'a> {
    pub(crate) name: &'a str,
    /// Where its content stands in the body.
    pub(crate) range: Range<usize>,
    /// What the file is called, as it was written, if it is one and has a name.
    pub(crate) file: Option<&'a str>,
}

/// The parts of a form, in order.
///
/// # Errors
/// When it is not one: a reader who sees other parts than this one must not exist.
pub(crate) fn parts<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, BadRequest> {
    let boundary = boundary(content_type).ok_or_else(malformed)?;
    let delimiter = format!("\r\n--{boundary}");
    let finder = memmem::Finder::new(delimiter.as_bytes());
    let mut parts = Vec::new();
    // The first delimiter may stand at the very beginning, without a line's end before it.
    let opening = delimiter.as_bytes().get(2..).unwrap_or_default();
    let mut at = if body.starts_with(opening) {
        opening.len()
    } else {
        return Err(malformed());
    };
    loop {
        let rest = body.get(at..).ok_or_else(malformed)?;
        if rest.starts_with(b"--") {
            return Ok(parts);
        }
        if parts.len() == MOST_PARTS || !rest.starts_with(b"\r\n") {
            return Err(malformed());
        }
        // A part without any header begins with an empty line; it has no name either.
        let head_end = memmem::find(rest, b"\r\n\r\n").filter(|end| *end <= MOST_HEAD);
        let head_end = head_end.ok_or_else(malformed)?;
        let head = rest.get(2..head_end).ok_or_else(malformed)?;
        let start = at + head_end + 4;
        // A part may be empty: then the end of its headers is the beginning of the delimiter.
        let content = body.get(start - 2..).ok_or_else(malformed)?;
        let length = finder.find(content).ok_or_else(malformed)?;
        let end = (start - 2 + length).max(start);
        let (name, file) = names(head).ok_or_else(malformed)?;
        parts.push(Part { name, range: start..end, file });
        at = start - 2 + length + delimiter.len();
    }
}

fn malformed() -> BadRequest {
    BadRequest::new("invalid_form", "The request body is not a valid multipart/form-data form.")
}

/// The value of `boundary` in the content type.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim();
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        name.trim().eq_ignore_ascii_case("boundary").then(|| quoted.unwrap_or(value))
    })?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    ((1..=70).contains(&boundary.len()) && boundary.bytes().all(plain)).then_some(boundary)
}

/// The name in a part's `Content-Disposition`, of which there has to be exactly one, and it has to be plain; and that
/// of its file.
fn names(head: &[u8]) -> Option<(&str, Option<&str>)> {
    let head = std::str::from_utf8(head).ok()?;
    let mut disposition = None;
    for line in head.split("\r\n") {
        let (header, value) = line.split_once(':')?;
        if header.eq_ignore_ascii_case("content-disposition")
            && disposition.replace(value.trim()).is_some()
        {
            return None;
        }
    }
    let mut rest = disposition?.strip_prefix("form-data")?;
    let (mut name, mut file) = (None, None);
    while let Some(parameter) = rest.trim_start().strip_prefix(';') {
        let (key, value) = parameter.split_once('=')?;
        let (value, after) = value_of(value)?;
        let key = key.trim();
        if key.eq_ignore_ascii_case("name*") {
            return None;
        }
        if key.eq_ignore_ascii_case("name") && name.replace(value).is_some() {
            return None;
        }
        if key.eq_ignore_ascii_case("filename") {
            file = Some(value);
        }
        rest = after;
    }
    let plain = name.filter(|name| rest.trim().is_empty() && !name.contains(['\\', '%', '"']));
    plain.map(|name| (name, file))
}

/// A parameter's value and what follows it. Quotes inside a file's name are escaped in one of two ways.
fn value_of(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        return Some((text.get(..end)?.trim(), text.get(end..)?));
    };
    let mut escaped = false;
    for (at, byte) in quoted.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some((quoted.get(..at)?, quoted.get(at + 1..)?)),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=xyz";

    fn read(kind: &str, body: &str) -> Option<Vec<(String, String)>> {
        let parts = parts(kind, body.as_bytes()).ok()?;
        let one = |part: Part<'_>| (part.name.to_owned(), body[part.range].to_owned());
        Some(parts.into_iter().map(one).collect())
    }

    #[test]
    fn parts_are_found_where_they_stand() {
        let body = "--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n--xyz\r\n\
            Content-Type: audio/wav\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".wav\"\
            \r\n\r\nRI--xyz\r\nFF\r\n--xyz\r\nContent-Disposition: form-data; name=empty\r\n\r\n\r\n--xyz--\r\n";
        let found = read(KIND, body).unwrap();
        let expected = [("model", "whisper"), ("file", "RI--xyz\r\nFF"), ("empty", "")];
        assert_eq!(found, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
        assert!(read("multipart/form-data; boundary=\"xyz\"", body).is_some());
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let part = |head: &str| format!("--xyz\r\n{head}\r\n\r\nx\r\n--xyz--");
        let good = "Content-Disposition: form-data; name=\"a\"";
        assert!(read(KIND, &part(good)).is_some());
        for head in [
            "Content-Disposition: form-data",
            "Content-Disposition: attachment; name=\"a\"",
            "Content-Disposition: form-data; name=\"a\"; name=\"b\"",
            "Content-Disposition: form-data; name=\"a\"; name*=utf-8''b",
            "Content-Disposition: form-data; name=\"a%22\"",
            "Content-Disposition: form-data; name=\"a",
            "Content-Type: text/plain",
            "no header",
        ] {
            assert_eq!(read(KIND, &part(head)), None, "{head}");
        }
        assert_eq!(read(KIND, &part(&format!("{good}\r\n{good}"))), None);
        for body in ["", "--xyz", "--xyz--", "--xyz\r\n", &part(good).replace("--xyz--", "")] {
            assert!(read(KIND, body).is_none_or(|parts| parts.is_empty()), "{body}");
        }
        for kind in
            ["multipart/form-data", "text/plain; boundary=xyz", "multipart/form-data; boundary="]
        {
            assert_eq!(read(kind, &part(good)), None, "{kind}");
        }
    }
}
