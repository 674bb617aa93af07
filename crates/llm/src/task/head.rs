//! The few members that routing and metering need.

use domain::Units;

use super::{Task, form};
use crate::{
    BadRequest, Head,
    demand::boolean,
    edit::span,
    head::{Spots, missing, not_json, repeated, usable},
    json::{self, Fields, NotFields, Raw},
    wishes,
};

/// What a request for moderation that names no model is documented to mean.
const MODERATOR: &str = "omni-moderation-latest";

/// Reads the head of a request that is no conversation; `content_type` is the client's header.
///
/// # Errors
/// When the body is neither one JSON object nor, where that is allowed, a form; repeats a member; lacks one that the
/// endpoint cannot do without.
pub fn task_head(task: Task, content_type: Option<&str>, body: &[u8]) -> Result<Head, BadRequest> {
    let form = content_type.filter(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("multipart/form-data")
    });
    match (form, task) {
        (Some(kind), _) if task.takes_forms() => of_form(task, kind, body),
        (Some(_), _) => {
            Err(BadRequest::new("wrong_content_type", "Send this request as application/json."))
        }
        (None, Task::Transcriptions | Task::Translations) => {
            Err(BadRequest::new("wrong_content_type", "Send the recording as multipart/form-data."))
        }
        (None, _) => of_json(task, body),
    }
}

fn of_json(task: Task, body: &[u8]) -> Result<Head, BadRequest> {
    let text = std::str::from_utf8(body)
        .map_err(|_| BadRequest::new("invalid_json", "The request body is not valid UTF-8."))?;
    let document: Raw<'_> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    let mut fields = Fields::strict(document).map_err(|why| match why {
        NotFields::Shape => {
            BadRequest::new("invalid_json", "The request body is not a JSON object.")
        }
        NotFields::Duplicate => repeated(None),
    })?;
    let model_at = fields.take("model");
    let not_text = || BadRequest::at("model", "`model` must be a string.");
    let model = match model_at {
        Some(raw) => json::text(raw).ok_or_else(not_text)?.into_owned(),
        None if task == Task::Moderations => MODERATOR.to_owned(),
        None => return Err(missing("model")),
    };
    let provider = fields.take_any("provider");
    let mut spots = Spots {
        model: model_at.and_then(|raw| span(body, raw)).unwrap_or_default(),
        end: text.trim_end().len().saturating_sub(1),
        ..Spots::default()
    };
    if let Some(raw) = provider {
        spots.wishes = span(body, raw).and_then(|value| wishes::member(body, &value));
    }
    let units = needed(task, &mut fields)?;
    let stream = match task {
        Task::Speech => true,
        Task::Images | Task::ImageEdits => {
            boolean(fields.take("stream"), "stream")?.unwrap_or(false)
        }
        _ => false,
    };
    Ok(Head {
        stream,
        wishes: provider.map(wishes::read).transpose()?.flatten(),
        ..Head::of_task(task, usable(model)?, units, spots)
    })
}

/// Checks that what the endpoint cannot do without is there; gives what is known of the price before the answer.
fn needed(task: Task, fields: &mut Fields<'_>) -> Result<Units, BadRequest> {
    let mut units = Units::default();
    let mut need = |name: &'static str| fields.take(name).ok_or_else(|| missing(name));
    match task {
        Task::Embeddings | Task::Moderations => drop(need("input")?),
        Task::Embed => {
            let any = ["texts", "images", "inputs"].iter().any(|name| need(name).is_ok());
            any.then_some(()).ok_or_else(|| missing("texts"))?;
        }
        Task::Rerank | Task::RerankV2 => {
            need("query")?;
            need("documents")?;
        }
        Task::Images | Task::ImageEdits | Task::Transcriptions | Task::Translations => {
            need("prompt")?;
            let n = need("n").ok().and_then(json::whole);
            units.images = Some(n.unwrap_or(1));
        }
        Task::Speech => {
            let said = json::text(need("input")?);
            let said = said.ok_or_else(|| BadRequest::at("input", "`input` must be a string."))?;
            units.characters = Some(said.chars().count() as u64);
        }
        // A session has no body.
        Task::Realtime => {}
    }
    Ok(units)
}

fn of_form(task: Task, content_type: &str, body: &[u8]) -> Result<Head, BadRequest> {
    let parts = form::parts(content_type, body)?;
    let find = |name: &'static str| {
        let mut all = parts.iter().filter(|part| part.name == name);
        let found = all.next();
        if all.next().is_some() { Err(repeated(Some(name))) } else { Ok(found) }
    };
    let text = |name: &'static str| -> Result<Option<&str>, BadRequest> {
        let wrong = || BadRequest::at(name, "The value must be text.");
        let Some(part) = find(name)? else { return Ok(None) };
        let bytes = body.get(part.range.clone()).unwrap_or_default();
        std::str::from_utf8(bytes).map(Some).map_err(|_| wrong())
    };
    let at = find("model")?.ok_or_else(|| missing("model"))?;
    let model = usable(text("model")?.unwrap_or_default().to_owned())?;
    let has = |names: &[&str]| parts.iter().any(|part| names.contains(&part.name));
    let mut units = Units::default();
    match task {
        Task::ImageEdits => {
            if !has(&["image", "image[]"]) {
                return Err(missing("image"));
            }
            text("prompt")?.ok_or_else(|| missing("prompt"))?;
            units.images = Some(text("n")?.and_then(|n| n.trim().parse().ok()).unwrap_or(1));
        }
        _ if !has(&["file"]) => return Err(missing("file")),
        _ => {}
    }
    let stream = text("stream")?.is_some_and(|said| said.trim().eq_ignore_ascii_case("true"));
    let spots = Spots { model: at.range.clone(), form: true, ..Spots::default() };
    Ok(Head { stream, ..Head::of_task(task, model, units, spots) })
}
