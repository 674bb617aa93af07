//! Reading what the messages and tool results of a Responses request hold.

use crate::{
    BadRequest,
    conversation::{Body, Losses, Part, Source},
    demand::{list, members, string},
    json::{self, Fields, Path, Raw},
    openai::source,
};

/// A string, or parts.
pub(super) fn parts<'a>(
    raw: Raw<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Result<Vec<Part<'a>>, BadRequest> {
    if let Some(text) = json::text(raw) {
        return Ok(vec![Body::Text(text).into()]);
    }
    let items = list(raw, path)?.into_iter().enumerate();
    items.map(|(index, item)| part(item, &path.index(index), losses)).collect()
}

fn part<'a>(raw: Raw<'a>, path: &Path<'_>, losses: &mut Losses) -> Result<Part<'a>, BadRequest> {
    let mut fields = members(raw, path)?;
    let body = match &*string(&mut fields, "type", path)? {
        "input_text" | "output_text" | "text" => {
            for name in ["annotations", "logprobs"] {
                let said = fields.take(name).and_then(json::array);
                if said.is_some_and(|list| !list.is_empty()) {
                    losses.add(&path.key(name));
                }
            }
            Body::Text(string(&mut fields, "text", path)?)
        }
        "refusal" => Body::Refusal(string(&mut fields, "refusal", path)?),
        "input_image" => image(&mut fields, path)?,
        "input_file" => file(&mut fields, path, losses)?,
        _ => {
            let why = "This kind of content cannot be translated for this model.";
            return Err(BadRequest::unsupported(path.key("type"), why));
        }
    };
    losses.rest(path, fields.rest());
    Ok(body.into())
}

fn stored(path: &Path<'_>) -> BadRequest {
    let why = "A file that is stored at another provider cannot be sent to this model.";
    BadRequest::unsupported(path.key("file_id"), why)
}

fn image<'a>(fields: &mut Fields<'a>, path: &Path<'_>) -> Result<Body<'a>, BadRequest> {
    let detail = fields.take_text("detail").filter(|detail| detail != "auto");
    if fields.take("file_id").is_some() {
        return Err(stored(path));
    }
    let source = source(string(fields, "image_url", path)?).ok_or_else(|| {
        BadRequest::at(path.key("image_url"), "A data or http URL is required here.")
    })?;
    Ok(Body::Image { source, detail })
}

fn file<'a>(
    fields: &mut Fields<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Result<Body<'a>, BadRequest> {
    if fields.take_text("detail").is_some_and(|detail| detail != "auto") {
        losses.add(&path.key("detail"));
    }
    if fields.take("file_id").is_some() {
        return Err(stored(path));
    }
    let title = fields.take_text("filename");
    if let Some(url) = fields.take_text("file_url") {
        return Ok(Body::Document { source: Source::Url(url), title });
    }
    let source = source(string(fields, "file_data", path)?)
        .ok_or_else(|| BadRequest::at(path.key("file_data"), "A data URL is required here."))?;
    Ok(Body::Document { source, title })
}
