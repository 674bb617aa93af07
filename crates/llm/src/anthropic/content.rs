//! Reading content blocks of a Messages request.

use std::borrow::Cow;

use crate::{
    BadRequest,
    conversation::{Body, Losses, Part, Source},
    demand::{list, members, string},
    json::{self, Fields, Path, Raw},
};

pub(crate) struct Content<'l> {
    pub(crate) losses: &'l mut Losses,
}

impl Content<'_> {
    /// `content` or `system`: a string, or blocks.
    pub(crate) fn parts<'a>(
        &mut self,
        raw: Raw<'a>,
        path: &Path<'_>,
    ) -> Result<Vec<Part<'a>>, BadRequest> {
        if let Some(text) = json::text(raw) {
            return Ok(if text.is_empty() { Vec::new() } else { vec![Body::Text(text).into()] });
        }
        let mut parts = Vec::new();
        for (index, item) in list(raw, path)?.into_iter().enumerate() {
            self.block(item, &path.index(index), &mut parts)?;
        }
        Ok(parts)
    }

    fn block<'a>(
        &mut self,
        raw: Raw<'a>,
        path: &Path<'_>,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<(), BadRequest> {
        let mut fields = members(raw, path)?;
        let cache = fields.take("cache_control");
        let kind = string(&mut fields, "type", path)?;
        let body = match &*kind {
            "text" => Body::Text(string(&mut fields, "text", path)?),
            "image" => Body::Image { source: image(&mut fields, path)?, detail: None },
            "document" => return self.document(fields, cache, path, parts),
            "thinking" | "redacted_thinking" => thought(&mut fields, &kind)
                .ok_or_else(|| BadRequest::at(path, "The thinking block is not complete."))?,
            "tool_use" => Body::ToolCall {
                id: string(&mut fields, "id", path)?,
                name: string(&mut fields, "name", path)?,
                arguments: arguments(fields.take("input")),
            },
            "tool_result" => {
                let content = fields.take("content");
                let content_path = path.key("content");
                Body::ToolResult {
                    id: string(&mut fields, "tool_use_id", path)?,
                    parts: match content {
                        Some(raw) => self.parts(raw, &content_path)?,
                        None => Vec::new(),
                    },
                    failed: fields.take("is_error").and_then(json::boolean).unwrap_or(false),
                }
            }
            "search_result" | "container_upload" => {
                let why = "This kind of content cannot be translated for this model.";
                return Err(BadRequest::unsupported(path.key("type"), why));
            }
            _ => {
                // What a server-side tool did: only its own provider can read it.
                self.losses.add(&path.key("type"));
                return Ok(());
            }
        };
        // Who called the tool is always the model here.
        fields.take("caller");
        self.losses.rest(path, fields.rest());
        parts.push(Part { body, cache });
        Ok(())
    }

    /// PDF stays a document; plain text becomes text under its title.
    fn document<'a>(
        &mut self,
        mut fields: Fields<'a>,
        cache: Option<Raw<'a>>,
        path: &Path<'_>,
        parts: &mut Vec<Part<'a>>,
    ) -> Result<(), BadRequest> {
        let path_source = path.key("source");
        let missing = || BadRequest::at(path_source, "A source is required here.");
        let mut source = members(fields.take("source").ok_or_else(missing)?, &path_source)?;
        let title = fields.take_text("title");
        let citations = fields.take("citations").and_then(Fields::lenient);
        let cited =
            citations.and_then(|mut citations| citations.take("enabled")).and_then(json::boolean);
        if cited == Some(true) {
            self.losses.add(&path.key("citations"));
        }
        if let Some(context) = fields.take_text("context") {
            parts.push(Body::Text(context).into());
        }
        self.losses.rest(path, fields.rest());
        let body = match &*string(&mut source, "type", &path_source)? {
            "base64" => Body::Document { source: inline(&mut source, &path_source)?, title },
            "url" => {
                let url = Source::Url(string(&mut source, "url", &path_source)?);
                Body::Document { source: url, title }
            }
            "text" => {
                let data = string(&mut source, "data", &path_source)?;
                Body::Text(match title {
                    Some(title) => format!("{title}\n\n{data}").into(),
                    None => data,
                })
            }
            "content" => {
                let content_path = path_source.key("content");
                let raw = source.take("content").ok_or_else(missing)?;
                parts.extend(title.map(|title| Part::from(Body::Text(title))));
                parts.extend(self.parts(raw, &content_path)?);
                return Ok(());
            }
            _ => return Err(stored(&path_source)),
        };
        parts.push(Part { body, cache });
        Ok(())
    }
}

fn stored(path: &Path<'_>) -> BadRequest {
    let why = "A file that is stored at another provider cannot be sent to this model.";
    BadRequest::unsupported(path.key("type"), why)
}

fn inline<'a>(source: &mut Fields<'a>, path: &Path<'_>) -> Result<Source<'a>, BadRequest> {
    Ok(Source::Inline {
        media_type: string(source, "media_type", path)?,
        data: string(source, "data", path)?,
    })
}

fn image<'a>(fields: &mut Fields<'a>, path: &Path<'_>) -> Result<Source<'a>, BadRequest> {
    let path = path.key("source");
    let missing = || BadRequest::at(path, "A source is required here.");
    let mut source = members(fields.take("source").ok_or_else(missing)?, &path)?;
    match &*string(&mut source, "type", &path)? {
        "base64" => inline(&mut source, &path),
        "url" => Ok(Source::Url(string(&mut source, "url", &path)?)),
        _ => Err(stored(&path)),
    }
}

fn thought<'a>(fields: &mut Fields<'a>, kind: &str) -> Option<Body<'a>> {
    if kind == "redacted_thinking" {
        return Some(Body::RedactedThinking { data: fields.take_text("data")? });
    }
    Some(Body::Thinking {
        text: fields.take_text("thinking")?,
        signature: fields.take_text("signature"),
    })
}

/// Reads one thinking block that another gateway's extension carried.
pub(crate) fn read_thinking_block(raw: Raw<'_>) -> Option<Body<'_>> {
    let mut fields = Fields::lenient(raw)?;
    let kind = fields.take_text("type")?;
    match &*kind {
        "thinking" | "redacted_thinking" => thought(&mut fields, &kind),
        _ => None,
    }
}

/// `input` as the text it was written in; a wrapped invalid text is taken out of its wrapper again.
pub(crate) fn arguments(input: Option<Raw<'_>>) -> Cow<'_, str> {
    let Some(raw) = input else { return Cow::Borrowed("{}") };
    let wrapped = Fields::lenient(raw)
        .filter(|fields| fields.rest().eq([super::INVALID]))
        .and_then(|mut fields| fields.take_text(super::INVALID));
    wrapped.unwrap_or_else(|| raw.get().into())
}
