//! Reading what the messages of a Chat Completions request hold.

use std::borrow::Cow;

use crate::{
    BadRequest,
    carrier::{self, Details},
    conversation::{Body, Losses, Part, Source},
    demand::{list, members, string},
    json::{self, Fields, Path, Raw},
};

/// `content`: nothing, a string, or parts.
pub(super) fn parts<'a>(
    content: Option<Raw<'a>>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Result<Vec<Part<'a>>, BadRequest> {
    let Some(raw) = content else { return Ok(Vec::new()) };
    if let Some(text) = json::text(raw) {
        return Ok(vec![Body::Text(text).into()]);
    }
    let items = list(raw, path)?.into_iter().enumerate();
    items.map(|(index, item)| part(item, &path.index(index), losses)).collect()
}

fn part<'a>(raw: Raw<'a>, path: &Path<'_>, losses: &mut Losses) -> Result<Part<'a>, BadRequest> {
    let mut fields = members(raw, path)?;
    let body = match &*string(&mut fields, "type", path)? {
        "text" => Body::Text(string(&mut fields, "text", path)?),
        "refusal" => Body::Refusal(string(&mut fields, "refusal", path)?),
        "image_url" => image(&mut fields, path, losses)?,
        "file" => file(&mut fields, path, losses)?,
        _ => {
            let why = "This kind of content cannot be translated for this model.";
            return Err(BadRequest::unsupported(path.key("type"), why));
        }
    };
    let cache = fields.take("cache_control");
    losses.rest(path, fields.rest());
    Ok(Part { body, cache })
}

fn image<'a>(
    fields: &mut Fields<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Result<Body<'a>, BadRequest> {
    let path = path.key("image_url");
    let raw = fields
        .take("image_url")
        .ok_or_else(|| BadRequest::at(path, "An image is required here."))?;
    // Some clients give the address itself.
    let mut detail = None;
    let url = if let Some(url) = json::text(raw) {
        url
    } else {
        let mut image = members(raw, &path)?;
        detail = image.take_text("detail").filter(|detail| detail != "auto");
        let url = string(&mut image, "url", &path)?;
        losses.rest(&path, image.rest());
        url
    };
    let source = source(url)
        .ok_or_else(|| BadRequest::at(path.key("url"), "A data or http URL is required here."))?;
    Ok(Body::Image { source, detail })
}

fn file<'a>(
    fields: &mut Fields<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Result<Body<'a>, BadRequest> {
    let path = path.key("file");
    let why = "Only files given inline (`file_data`) can be translated for this model.";
    let raw = fields.take("file").ok_or_else(|| BadRequest::unsupported(path, why))?;
    let mut file = members(raw, &path)?;
    let data = file.take_text("file_data").ok_or_else(|| BadRequest::unsupported(path, why))?;
    let source = source(data)
        .ok_or_else(|| BadRequest::at(path.key("file_data"), "A data URL is required here."))?;
    let title = file.take_text("filename");
    losses.rest(&path, file.rest());
    Ok(Body::Document { source, title })
}

/// `data:` with base64, or an address; anything else is refused.
pub(crate) fn source(url: Cow<'_, str>) -> Option<Source<'_>> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Some(Source::Url(url));
    }
    match url {
        Cow::Borrowed(text) => {
            let (media_type, data) = inline(text)?;
            Some(Source::Inline { media_type: media_type.into(), data: data.into() })
        }
        Cow::Owned(text) => {
            let (media_type, data) = inline(&text)?;
            let (media_type, data) = (media_type.to_owned(), data.to_owned());
            Some(Source::Inline { media_type: media_type.into(), data: data.into() })
        }
    }
}

fn inline(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?;
    Some((media_type.split(';').next().unwrap_or(media_type), data))
}

/// Everything of an assistant's message: thinking it carries, text, and tool calls.
pub(super) fn assistant<'a>(
    said: Vec<Part<'a>>,
    fields: &mut Fields<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Result<Vec<Part<'a>>, BadRequest> {
    if fields.take("function_call").is_some() {
        let why = "Use `tool_calls` in place of functions.";
        return Err(BadRequest::unsupported(path.key("function_call"), why));
    }
    let thinking = thinking(fields, path, losses);
    let mut others = said;
    if let Some(refusal) = fields.take_text("refusal") {
        others.push(Body::Refusal(refusal).into());
    }
    if let Some(raw) = fields.take("tool_calls") {
        let path = path.key("tool_calls");
        for (index, item) in list(raw, &path)?.into_iter().enumerate() {
            others.push(tool_call(item, &path.index(index), losses)?.into());
        }
    }
    Ok(carrier::interleave(thinking, others))
}

fn tool_call<'a>(
    raw: Raw<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Result<Body<'a>, BadRequest> {
    let mut call = members(raw, path)?;
    if call.take_text("type").is_some_and(|kind| kind != "function") {
        let why = "Only function calls can be translated for this model.";
        return Err(BadRequest::unsupported(path.key("type"), why));
    }
    call.take("index");
    let inner = path.key("function");
    let required = || BadRequest::at(inner, "An object is required here.");
    let mut function = members(call.take("function").ok_or_else(required)?, &inner)?;
    let body = Body::ToolCall {
        id: string(&mut call, "id", path)?,
        name: string(&mut function, "name", &inner)?,
        arguments: function.take_text("arguments").unwrap_or_default(),
    };
    losses.rest(path, call.rest());
    Ok(body)
}

fn thinking<'a>(
    fields: &mut Fields<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Vec<(Option<u64>, Part<'a>)> {
    let mut found = Vec::new();
    let details = fields.take("reasoning_details");
    for detail in details.map(Details::read).unwrap_or_default().0 {
        match carrier::thinking_of(detail) {
            Some((position, body)) => found.push((position, body.into())),
            None => losses.add(&path.key("reasoning_details")),
        }
    }
    // LiteLLM's carrier.
    let blocks = fields.take("thinking_blocks").and_then(json::array).unwrap_or_default();
    if found.is_empty() {
        let blocks = blocks.into_iter().filter_map(crate::anthropic::read_thinking_block);
        found.extend(blocks.map(|body| (None, body.into())));
    }
    for name in ["reasoning_content", "reasoning"] {
        // A copy of what the details hold; without them it has no signature and no provider takes it.
        let text = fields.take_text(name).unwrap_or_default();
        if found.is_empty() && !text.is_empty() {
            losses.add(&path.key(name));
        }
    }
    found
}
