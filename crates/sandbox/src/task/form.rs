//! Forms, as a provider reads them.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::refusal::Refusal;

pub(crate) struct Form {
    parts: Vec<(String, Bytes, bool)>,
}

impl Form {
    pub(crate) fn read(content_type: &str, body: &Bytes) -> Result<Self, Refusal> {
        let wrong = || Refusal::invalid("body", "this is not a form");
        let boundary = content_type.split("boundary=").nth(1).ok_or_else(wrong)?;
        let boundary = boundary.trim_matches('"');
        let text = String::from_utf8_lossy(body);
        if !text.trim_end().ends_with(&format!("--{boundary}--")) {
            return Err(wrong());
        }
        let delimiter = [b"--", boundary.as_bytes()].concat();
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(start) = find(body, &delimiter, at).map(|at| at + delimiter.len()) {
            let Some(end) = find(body, &delimiter, start) else { break };
            let part = body.slice(start..end);
            let head = find(&part, b"\r\n\r\n", 0).ok_or_else(wrong)?;
            let said = String::from_utf8_lossy(part.get(..head).unwrap_or_default()).into_owned();
            let name = said.split("name=\"").nth(1).and_then(|rest| rest.split('"').next());
            let content = part.slice(head + 4..part.len().saturating_sub(2).max(head + 4));
            let file = said.contains("filename=");
            parts.push((name.ok_or_else(wrong)?.to_owned(), content, file));
            at = end;
        }
        Ok(Self { parts })
    }

    /// The parts that are no files, as a document; a list's name ends in `[]`.
    pub(crate) fn texts(&self) -> Value {
        let texts = self.parts.iter().filter(|(_, _, file)| !file);
        let one = |(name, content, _): &(String, Bytes, bool)| {
            (name.clone(), Value::from(String::from_utf8_lossy(content).into_owned()))
        };
        Value::Object(texts.map(one).collect::<Map<_, _>>())
    }

    pub(crate) fn file(&self, names: &[&str]) -> Option<&Bytes> {
        let found = self.parts.iter().find(|(name, _, _)| names.contains(&name.as_str()));
        found.map(|(_, content, _)| content)
    }
}

fn find(body: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let rest = body.get(from..)?;
    rest.windows(needle.len()).position(|window| window == needle).map(|at| at + from)
}
