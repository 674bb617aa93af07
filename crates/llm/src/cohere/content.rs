//! Reading what the messages of a Cohere chat request hold.

use std::borrow::Cow;

use super::{plan, thought};
use crate::{
    BadRequest, carrier,
    conversation::{Body, Losses, Part, Role, Turn},
    demand::{list, members, string},
    json::{self, Fields, Path, Raw},
    openai::source,
};

pub(super) struct Messages<'l> {
    pub(super) losses: &'l mut Losses,
}

impl Messages<'_> {
    pub(super) fn turn<'a>(
        &mut self,
        raw: Raw<'a>,
        path: &Path<'_>,
    ) -> Result<Turn<'a>, BadRequest> {
        let mut fields = members(raw, path)?;
        let role = string(&mut fields, "role", path)?;
        let content = self.parts(fields.take("content"), &path.key("content"))?;
        let (role, parts) = match &*role {
            "system" => (Role::System, content),
            "user" => (Role::User, content),
            "assistant" => (Role::Assistant, self.assistant(content, &mut fields, path)?),
            "tool" => {
                let id = string(&mut fields, "tool_call_id", path)?;
                let result = Body::ToolResult { id, parts: content, failed: false };
                (Role::User, vec![result.into()])
            }
            _ => return Err(BadRequest::at(path.key("role"), "This role is not known.")),
        };
        self.losses.rest(path, fields.rest());
        Ok(Turn { role, parts })
    }

    /// `content`: nothing, a string, or parts.
    fn parts<'a>(
        &mut self,
        content: Option<Raw<'a>>,
        path: &Path<'_>,
    ) -> Result<Vec<Part<'a>>, BadRequest> {
        let Some(raw) = content else { return Ok(Vec::new()) };
        if let Some(text) = json::text(raw) {
            return Ok(vec![Body::Text(text).into()]);
        }
        let mut parts = Vec::new();
        for (index, item) in list(raw, path)?.into_iter().enumerate() {
            let path = path.index(index);
            let mut fields = members(item, &path)?;
            let kind = string(&mut fields, "type", &path)?;
            match &*kind {
                "text" => parts.push(Body::Text(string(&mut fields, "text", &path)?).into()),
                "thinking" => match thinking(&mut fields) {
                    Some(body) => parts.push(body.into()),
                    None => self.losses.add(&path.key("signature")),
                },
                "image_url" => parts.push(self.image(&mut fields, &path)?.into()),
                "document" => {
                    let inner = path.key("document");
                    let missing = || BadRequest::at(inner, "A document is required here.");
                    let raw = fields.take("document").ok_or_else(missing)?;
                    parts.push(Body::Text(document_text(raw, &inner)?).into());
                }
                _ => {
                    let why = "This kind of content cannot be translated for this model.";
                    return Err(BadRequest::unsupported(path.key("type"), why));
                }
            }
            self.losses.rest(&path, fields.rest());
        }
        Ok(parts)
    }

    fn image<'a>(
        &mut self,
        fields: &mut Fields<'a>,
        path: &Path<'_>,
    ) -> Result<Body<'a>, BadRequest> {
        let path = path.key("image_url");
        let missing = || BadRequest::at(path, "An image is required here.");
        let mut image = members(fields.take("image_url").ok_or_else(missing)?, &path)?;
        let url = string(&mut image, "url", &path)?;
        let detail = image.take_text("detail").filter(|detail| detail != "auto");
        self.losses.rest(&path, image.rest());
        let wrong = || BadRequest::at(path.key("url"), "A data or http URL is required here.");
        Ok(Body::Image { source: source(url).ok_or_else(wrong)?, detail })
    }

    /// What was thought and said, what was planned, and the calls that were made.
    fn assistant<'a>(
        &mut self,
        mut parts: Vec<Part<'a>>,
        fields: &mut Fields<'a>,
        path: &Path<'_>,
    ) -> Result<Vec<Part<'a>>, BadRequest> {
        if let Some(text) = fields.take_text("tool_plan").filter(|text| !text.is_empty()) {
            parts.push(Body::Thinking { text, signature: Some(plan().into()) }.into());
        }
        let cited = fields.take("citations").and_then(json::array);
        if cited.is_some_and(|list| !list.is_empty()) {
            self.losses.add(&path.key("citations"));
        }
        if let Some(raw) = fields.take("tool_calls") {
            let path = path.key("tool_calls");
            for (index, item) in list(raw, &path)?.into_iter().enumerate() {
                parts.push(self.call(item, &path.index(index))?.into());
            }
        }
        Ok(parts)
    }

    fn call<'a>(&mut self, raw: Raw<'a>, path: &Path<'_>) -> Result<Body<'a>, BadRequest> {
        let mut call = members(raw, path)?;
        if call.take_text("type").is_some_and(|kind| kind != "function") {
            let why = "Only function calls can be translated for this model.";
            return Err(BadRequest::unsupported(path.key("type"), why));
        }
        let inner = path.key("function");
        let required = || BadRequest::at(inner, "An object is required here.");
        let mut function = members(call.take("function").ok_or_else(required)?, &inner)?;
        let body = Body::ToolCall {
            id: string(&mut call, "id", path)?,
            name: string(&mut function, "name", &inner)?,
            arguments: function.take_text("arguments").unwrap_or_default(),
        };
        self.losses.rest(path, call.rest());
        Ok(body)
    }
}

/// What was thought: a Cohere model's own, or another's under a signature of ours.
fn thinking<'a>(fields: &mut Fields<'a>) -> Option<Body<'a>> {
    let text = fields.take_text("thinking").unwrap_or_default();
    match fields.take_text("signature") {
        Some(signature) => carrier::decrypted(&signature, text),
        None => Some(Body::Thinking { text, signature: Some(thought().into()) }),
    }
}

/// A document as the model reads it: its data, with its id where it has one.
pub(super) fn document_text<'a>(raw: Raw<'a>, path: &Path<'_>) -> Result<Cow<'a, str>, BadRequest> {
    let mut document = members(raw, path)?;
    let data = document.take("data");
    let missing = || BadRequest::at(path.key("data"), "Data is required here.");
    let data = data.ok_or_else(missing)?;
    let text = json::text(data).unwrap_or(Cow::Borrowed(data.get()));
    Ok(if document.is_empty() { text } else { Cow::Borrowed(raw.get()) })
}
