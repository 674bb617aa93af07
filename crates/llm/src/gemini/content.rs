//! Reading what the contents of a Gemini request hold.

use std::{borrow::Cow, collections::VecDeque};

use super::{
    part::{Kind, read_part, thinking},
    take,
};
use crate::{
    BadRequest,
    conversation::{Body, Losses, Part, Source},
    demand::{list, members, string},
    json::{self, Fields, Path, Raw, Shape},
};

pub(super) struct Contents<'l> {
    pub(super) losses: &'l mut Losses,
    /// Calls that wait for their results, by name: the format need not give them ids.
    calls: VecDeque<(String, String)>,
    next_call: u64,
    /// What has come of a thought.
    thought: Option<String>,
}

impl<'l> Contents<'l> {
    pub(super) const fn new(losses: &'l mut Losses) -> Self {
        Self { losses, calls: VecDeque::new(), next_call: 0, thought: None }
    }

    pub(super) fn parts<'a>(
        &mut self,
        raw: Raw<'a>,
        path: &Path<'_>,
    ) -> Result<Vec<Part<'a>>, BadRequest> {
        let mut parts = Vec::new();
        for (index, item) in list(raw, path)?.into_iter().enumerate() {
            self.part(item, &path.index(index), &mut parts)?;
        }
        self.end_thought(&mut parts);
        Ok(parts)
    }

    fn part<'a>(
        &mut self,
        raw: Raw<'a>,
        path: &Path<'_>,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<(), BadRequest> {
        members(raw, path)?;
        let part = read_part(raw);
        let part = part.ok_or_else(|| BadRequest::at(path, "An object is expected here."))?;
        let signature = part.signature.as_deref();
        if let Kind::Thought(text) = part.kind {
            // A thought that was streamed comes in pieces, and its signature on the last.
            self.thought.get_or_insert_default().push_str(&text);
            if signature.is_some() {
                let text = self.thought.take().unwrap_or_default();
                match thinking(signature, text.into()) {
                    Some(body) => parts.push(body.into()),
                    None => self.losses.add(&path.key("thoughtSignature")),
                }
            }
            return Ok(());
        }
        self.end_thought(parts);
        if signature.is_some() {
            parts.extend(thinking(signature, Cow::Borrowed("")).map(Part::from));
        }
        match part.kind {
            Kind::Thought(_) => {}
            Kind::Text(text) => {
                if !text.is_empty() {
                    parts.push(Body::Text(text).into());
                }
            }
            Kind::Call { id, name, arguments } => {
                let id = id.unwrap_or_else(|| {
                    self.next_call += 1;
                    format!("call_{}", self.next_call - 1).into()
                });
                self.calls.push_back((name.to_string(), id.to_string()));
                parts.push(Body::ToolCall { id, name, arguments }.into());
            }
            Kind::Other(fields) => self.other(fields, path, parts)?,
        }
        Ok(())
    }

    /// A thought that nobody signed.
    fn end_thought(&mut self, parts: &mut Vec<Part<'_>>) {
        if let Some(text) = self.thought.take() {
            parts.extend(thinking(None, text.into()).map(Part::from));
        }
    }

    fn other<'a>(
        &mut self,
        mut fields: Fields<'a>,
        path: &Path<'_>,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<(), BadRequest> {
        if let Some(raw) = take(&mut fields, "inlineData") {
            parts.push(inline(raw, &path.key("inlineData"))?.into());
        } else if let Some(raw) = take(&mut fields, "fileData") {
            parts.push(file(raw, &path.key("fileData"))?.into());
        } else if let Some(raw) = take(&mut fields, "functionResponse") {
            parts.push(self.result(raw, &path.key("functionResponse"))?.into());
        } else {
            // Code that the provider ran, and its outcome: nobody else can read it.
            self.losses.rest(path, fields.rest());
            return Ok(());
        }
        self.losses.rest(path, fields.rest());
        Ok(())
    }

    /// A result, which says by name which call it answers, and by id only if the call had one.
    fn result<'a>(&mut self, raw: Raw<'a>, path: &Path<'_>) -> Result<Body<'a>, BadRequest> {
        let mut fields = members(raw, path)?;
        let name = string(&mut fields, "name", path)?;
        let id = fields.take_text("id").filter(|id| !id.is_empty());
        let place = self.calls.iter().position(|(known, known_id)| match &id {
            Some(id) => known_id == id,
            None => *known == name,
        });
        let call = place.and_then(|place| self.calls.remove(place)).map(|(_, id)| id);
        let id = id.or(call.map(Cow::Owned));
        let (text, failed) = outcome(fields.take("response"));
        for name in ["willContinue", "scheduling"] {
            take(&mut fields, name);
        }
        self.losses.rest(path, fields.rest());
        Ok(Body::ToolResult {
            id: id.unwrap_or(name),
            parts: vec![Body::Text(text).into()],
            failed,
        })
    }
}

/// What a function gave: the documented `output` or `error`, or the whole object as it is.
fn outcome(response: Option<Raw<'_>>) -> (Cow<'_, str>, bool) {
    let Some(raw) = response else { return (Cow::Borrowed(""), false) };
    let said = |raw: Raw<'_>| match json::shape(raw) {
        Shape::Text => json::text(raw).map(|text| text.into_owned()),
        _ => None,
    };
    let Some(mut fields) = Fields::lenient(raw) else { return (raw.get().into(), false) };
    let mut names: Vec<&str> = fields.rest().collect();
    let only = if names.len() == 1 { names.pop().map(str::to_owned) } else { None };
    match only.as_deref() {
        Some(name @ ("output" | "result" | "error")) => {
            let failed = name == "error";
            let value = fields.take(name);
            let text = value.and_then(said);
            let text = text.or_else(|| value.map(|raw| raw.get().to_owned()));
            (text.unwrap_or_default().into(), failed)
        }
        _ => (raw.get().into(), false),
    }
}

fn inline<'a>(raw: Raw<'a>, path: &Path<'_>) -> Result<Body<'a>, BadRequest> {
    let mut blob = members(raw, path)?;
    let kind = take(&mut blob, "mimeType").and_then(json::text);
    let media_type =
        kind.ok_or_else(|| BadRequest::at(path.key("mimeType"), "A string is required here."))?;
    let title = take(&mut blob, "displayName").and_then(json::text);
    let data = string(&mut blob, "data", path)?;
    if media_type.starts_with("image/") {
        return Ok(Body::Image { source: Source::Inline { media_type, data }, detail: None });
    }
    if media_type == "application/pdf" || media_type.starts_with("text/") {
        return Ok(Body::Document { source: Source::Inline { media_type, data }, title });
    }
    let why = "This kind of content cannot be translated for this model.";
    Err(BadRequest::unsupported(path.key("mimeType"), why))
}

fn file<'a>(raw: Raw<'a>, path: &Path<'_>) -> Result<Body<'a>, BadRequest> {
    let mut file = members(raw, path)?;
    let uri = take(&mut file, "fileUri").and_then(json::text);
    let uri = uri.ok_or_else(|| BadRequest::at(path.key("fileUri"), "A string is required."))?;
    let kind = take(&mut file, "mimeType").and_then(json::text).unwrap_or_default();
    let stored = !uri.starts_with("https://") || uri.contains("generativelanguage.googleapis.com");
    if stored {
        let why = "A file that is stored at another provider cannot be sent to this model.";
        return Err(BadRequest::unsupported(path.key("fileUri"), why));
    }
    let source = Source::Url(uri);
    match &*kind {
        "application/pdf" => Ok(Body::Document { source, title: None }),
        kind if kind.starts_with("image/") => Ok(Body::Image { source, detail: None }),
        _ => {
            let why = "This kind of content cannot be translated for this model.";
            Err(BadRequest::unsupported(path.key("mimeType"), why))
        }
    }
}
