//! Files of requests, one a line, in the form of OpenAI's batches: reading them, and writing what came of each.

use std::{borrow::Cow, ops::Range};

use crate::{
    BadRequest,
    edit::span,
    head::repeated,
    json::{self, Fields, NotFields, Shape},
    task::form,
    write,
};

/// Characters of a `custom_id`, as OpenAI allows.
const LONGEST_ID: usize = 512;

/// A file that is stored by a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload<'a> {
    /// As its sender calls it.
    pub name: Cow<'a, str>,
    pub purpose: &'a str,
    /// How long it is to be kept.
    pub keep_seconds: Option<u64>,
    /// Where the content stands in the body.
    pub content: Range<usize>,
}

/// Reads the form of `POST /v1/files`.
///
/// # Errors
/// When it is none, lacks what is needed, or says something twice.
pub fn upload<'a>(content_type: Option<&str>, body: &'a [u8]) -> Result<Upload<'a>, BadRequest> {
    let kind = content_type.filter(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("multipart/form-data")
    });
    let kind = kind.ok_or_else(|| {
        BadRequest::new("wrong_content_type", "Send the file as multipart/form-data.")
    })?;
    let parts = form::parts(kind, body)?;
    let find = |name: &'static str| {
        let mut all = parts.iter().filter(|part| part.name == name);
        let found = all.next();
        if all.next().is_some() { Err(repeated(Some(name))) } else { Ok(found) }
    };
    let text = |name: &'static str| -> Result<Option<&'a str>, BadRequest> {
        let Some(part) = find(name)? else { return Ok(None) };
        let bytes = body.get(part.range.clone()).unwrap_or_default();
        let wrong = |_| BadRequest::at(name, "The value must be text.");
        std::str::from_utf8(bytes).map(Some).map_err(wrong)
    };
    let file = find("file")?.ok_or_else(|| crate::head::missing("file"))?;
    let purpose = text("purpose")?.ok_or_else(|| crate::head::missing("purpose"))?.trim();
    let name = file.file.map_or(Cow::Borrowed("file.jsonl"), unescaped);
    if text("expires_after[anchor]")?.is_some_and(|anchor| anchor.trim() != "created_at") {
        let says = "`anchor` is always `created_at`.";
        return Err(BadRequest::at("expires_after[anchor]", says));
    }
    let wrong = |_| BadRequest::at("expires_after[seconds]", "`seconds` must be a whole number.");
    let keep_seconds = text("expires_after[seconds]")?.map(|text| text.trim().parse());
    Ok(Upload {
        name,
        purpose,
        keep_seconds: keep_seconds.transpose().map_err(wrong)?,
        content: file.range.clone(),
    })
}

/// The name of a file without what stands for quotes in it; browsers and programs do that in two ways.
fn unescaped(name: &str) -> Cow<'_, str> {
    if name.contains(['\\', '%']) {
        let text = name.replace("%22", "\"").replace("\\\"", "\"").replace("\\\\", "\\");
        Cow::Owned(text)
    } else {
        Cow::Borrowed(name)
    }
}

/// The lines of a file, but for empty ones. They are counted in this order.
pub fn batch_lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
}

/// The file in pieces of about `size` bytes, each of whole lines.
#[must_use]
pub fn batch_pieces(content: &[u8], size: usize) -> Vec<&[u8]> {
    let (mut pieces, mut rest) = (Vec::new(), content);
    while !rest.is_empty() {
        let least = size.min(rest.len()).saturating_sub(1);
        let after = rest.get(least..).unwrap_or_default();
        let end = memchr::memchr(b'\n', after).map_or(rest.len(), |at| least + at + 1);
        let (piece, left) = rest.split_at(end);
        pieces.push(piece);
        rest = left;
    }
    pieces
}

/// One request of a file.
#[derive(Debug)]
pub struct BatchLine<'a> {
    pub custom_id: Cow<'a, str>,
    pub url: Cow<'a, str>,
    /// A JSON object, as it was written.
    pub body: &'a str,
}

/// Reads one line.
///
/// # Errors
/// When it is no request: not JSON, without one of its members, of another method, or for an answer in pieces.
pub fn batch_line(line: &[u8]) -> Result<BatchLine<'_>, BadRequest> {
    const JSON: &str = "This line is not a JSON object.";
    let raw = json::document(line).ok_or(BadRequest::new("invalid_json_line", JSON))?;
    let mut fields = Fields::strict(raw).map_err(|why| match why {
        NotFields::Shape => BadRequest::new("invalid_json_line", JSON),
        NotFields::Duplicate => repeated(None),
    })?;
    let mut text = |name: &'static str| {
        let raw = fields.take(name).ok_or_else(|| crate::head::missing(name))?;
        json::text(raw).ok_or_else(|| BadRequest::at(name, "The value must be a string."))
    };
    let custom_id = text("custom_id")?;
    if custom_id.is_empty() || custom_id.chars().count() > LONGEST_ID {
        return Err(BadRequest::at("custom_id", "`custom_id` has 1 to 512 characters."));
    }
    if text("method")? != "POST" {
        return Err(BadRequest::at("method", "The method is always POST."));
    }
    let url = text("url")?;
    let raw = fields.take("body").ok_or_else(|| crate::head::missing("body"))?;
    let mut body = Fields::strict(raw).map_err(|why| match why {
        NotFields::Shape => BadRequest::at("body", "`body` must be an object."),
        NotFields::Duplicate => repeated(None),
    })?;
    if body.take("stream").and_then(json::boolean).unwrap_or(false) {
        return Err(BadRequest::unsupported("body.stream", "A batch gives whole answers only."));
    }
    if !fields.is_empty() {
        return Err(BadRequest::unsupported("", "A line has custom_id, method, url and body."));
    }
    debug_assert!(span(line, raw).is_some(), "it was taken from the line");
    Ok(BatchLine { custom_id, url, body: raw.get() })
}

/// What a request was answered with, as a line. `id` and `request` are the house's own.
#[must_use]
pub fn batch_answer(
    (id, custom_id): (&str, &str),
    (status, request): (u16, &str),
    body: &[u8],
) -> Option<Vec<u8>> {
    let body = json::document(body).filter(|raw| json::shape(raw) == Shape::Object)?;
    let mut out = Vec::with_capacity(body.get().len() + 192);
    write::object(&mut out, |root| {
        root.text("id", id);
        root.text("custom_id", custom_id);
        root.object("response", |response| {
            response.number("status_code", status.into());
            response.text("request_id", request);
            response.raw("body", body.get());
        });
        root.null("error");
    });
    // Inside of texts there is none: what was written over several lines becomes one.
    for byte in &mut out {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    out.push(b'\n');
    Some(out)
}

/// That a request was not answered, as a line.
#[must_use]
pub fn batch_refusal((id, custom_id): (&str, &str), (code, message): (&str, &str)) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    write::object(&mut out, |root| {
        root.text("id", id);
        root.text("custom_id", custom_id);
        root.null("response");
        root.object("error", |error| {
            error.text("code", code);
            error.text("message", message);
        });
    });
    out.push(b'\n');
    out
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const KIND: Option<&str> = Some("multipart/form-data; boundary=xyz");

    fn form(parts: &[(&str, &str)]) -> Vec<u8> {
        let part = |(head, text): &(&str, &str)| {
            format!("--xyz\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n")
        };
        format!("{}--xyz--", parts.iter().map(part).collect::<String>()).into_bytes()
    }

    #[test]
    fn a_form_is_read_and_what_is_missing_or_doubled_is_refused() {
        let file = ("name=\"file\"; filename=\"my \\\"own\\\".jsonl\"", "{}\n");
        let purpose = ("name=\"purpose\"", "batch");
        let anchor = ("name=\"expires_after[anchor]\"", "created_at");
        let seconds = ("name=\"expires_after[seconds]\"", "3600");
        let body = form(&[purpose, anchor, seconds, file]);
        let read = upload(KIND, &body).unwrap();
        assert_eq!((&*read.name, read.purpose), ("my \"own\".jsonl", "batch"));
        assert_eq!(read.keep_seconds, Some(3600));
        assert_eq!(&body[read.content], b"{}\n");
        let code = |parts: &[(&str, &str)]| upload(KIND, &form(parts)).unwrap_err().code;
        assert_eq!(code(&[purpose]), "missing_required_parameter");
        assert_eq!(code(&[file]), "missing_required_parameter");
        assert_eq!(code(&[file, purpose, purpose]), "duplicate_key");
        let odd = ("name=\"expires_after[seconds]\"", "soon");
        assert_eq!(code(&[file, purpose, odd]), "invalid_value");
        let odd = ("name=\"expires_after[anchor]\"", "last_active_at");
        assert_eq!(code(&[file, purpose, odd]), "invalid_value");
        assert_eq!(upload(Some("application/json"), b"{}").unwrap_err().code, "wrong_content_type");
    }

    #[test]
    fn lines_are_read_strictly() {
        let good = br#"{"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{"n":1.50}}"#;
        let line = batch_line(good).unwrap();
        assert_eq!(
            (&*line.custom_id, &*line.url, line.body),
            ("a", "/v1/embeddings", "{\"n\":1.50}")
        );
        for (line, code) in [
            ("nothing", "invalid_json_line"),
            ("[]", "invalid_json_line"),
            (r#"{"method":"POST","url":"/v1/x","body":{}}"#, "missing_required_parameter"),
            (r#"{"custom_id":"","method":"POST","url":"/v1/x","body":{}}"#, "invalid_value"),
            (r#"{"custom_id":1,"method":"POST","url":"/v1/x","body":{}}"#, "invalid_value"),
            (r#"{"custom_id":"a","method":"GET","url":"/v1/x","body":{}}"#, "invalid_value"),
            (r#"{"custom_id":"a","method":"POST","url":"/v1/x","body":[]}"#, "invalid_value"),
            (r#"{"custom_id":"a","method":"POST","url":"/v1/x"}"#, "missing_required_parameter"),
            (
                r#"{"custom_id":"a","method":"POST","url":"/v1/x","body":{"stream":true}}"#,
                "unsupported_parameter",
            ),
            (
                r#"{"custom_id":"a","method":"POST","url":"/v1/x","body":{},"more":1}"#,
                "unsupported_parameter",
            ),
            (r#"{"custom_id":"a","custom_id":"b","method":"POST"}"#, "duplicate_key"),
            (
                r#"{"custom_id":"a","method":"POST","url":"/","body":{"m":1,"m":2}}"#,
                "duplicate_key",
            ),
        ] {
            assert_eq!(batch_line(line.as_bytes()).unwrap_err().code, code, "{line}");
        }
    }

    #[test]
    fn pieces_are_whole_lines_and_all_of_the_file() {
        let file = b"one\n\n  \r\ntwo and more\nthree";
        assert_eq!(batch_lines(file).collect::<Vec<_>>(), [&b"one"[..], b"two and more", b"three"]);
        for size in [0, 1, 4, 5, 12, 100] {
            let pieces = batch_pieces(file, size);
            assert_eq!(pieces.concat(), file, "{size}");
            let lines: usize = pieces.iter().map(|piece| batch_lines(piece).count()).sum();
            assert_eq!(lines, 3, "{size}");
        }
        assert_eq!(batch_pieces(file, 4).len(), 4);
        assert!(batch_pieces(b"", 9).is_empty());
    }

    #[test]
    fn results_are_one_line_each() {
        let ids = ("batch_req_1", "my \"own\" id\n");
        let line = batch_answer(ids, (200, "req_1"), b"{\n \"a\": \"b\\n\"\r\n}").unwrap();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let read: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(read["custom_id"], ids.1);
        assert_eq!(read["response"]["status_code"], 200);
        assert_eq!(read["response"]["body"]["a"], "b\n");
        assert!(read["error"].is_null());
        assert_eq!(batch_answer(ids, (200, "req_1"), b"no JSON"), None);
        let read: Value =
            serde_json::from_slice(&batch_refusal(ids, ("unknown_outcome", "?"))).unwrap();
        assert_eq!(
            (read["error"]["code"].as_str(), &read["response"]),
            (Some("unknown_outcome"), &Value::Null)
        );
    }
}
