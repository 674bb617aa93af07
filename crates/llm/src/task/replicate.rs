//! Images at Replicate: a prediction is begun, and asked after until it is done.
//!
//! <https://replicate.com/docs/reference/http>
//!
//! What a model takes is the model's own matter; the members here are those that image models share, and `input` says
//! the others. Images are given by address.

use super::{answer::Image, lost, prepare::Said};
use crate::{
    BadAnswer, BadRequest, Prepared, UpstreamError, UpstreamKind,
    json::{self, Fields, Raw, Shape},
    write,
};

/// It is waited for where it is made for a moment, which is enough for quick ones. Others can only be called off once
/// their id is known; those whose id never came end by themselves.
const HEADERS: &[(&str, &str)] = &[("prefer", "wait=5"), ("cancel-after", "15m")];

const SHAPES: &[(&str, &[&str])] = &[
    ("1:1", &["\"1024x1024\"", "\"512x512\"", "\"256x256\""]),
    ("3:2", &["\"1536x1024\""]),
    ("2:3", &["\"1024x1536\""]),
];

pub(super) fn request(fields: Fields<'_>, model: &str) -> Result<Prepared, BadRequest> {
    let (body, dropped) = input(fields)?;
    Ok(Prepared {
        body: body.into(),
        dropped,
        path: path(model)?.into(),
        headers: HEADERS,
        forwarded: &[],
    })
}

/// `OWNER/NAME`; each is one segment.
fn path(model: &str) -> Result<String, BadRequest> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    match model.split_once('/') {
        Some((owner, name)) if plain(owner) && plain(name) => {
            Ok(format!("/models/{owner}/{name}/predictions"))
        }
        _ => Err(BadRequest::unsupported("model", "Replicate's models are named OWNER/NAME.")),
    }
}

fn input(mut fields: Fields<'_>) -> Said {
    let wrong = || BadRequest::at("prompt", "`prompt` must be a string.");
    let prompt = fields.take("prompt").filter(|raw| json::shape(raw) == Shape::Text);
    let prompt = prompt.ok_or_else(wrong)?;
    let own = fields.take("input").map(|raw| {
        Fields::lenient(raw).ok_or_else(|| BadRequest::at("input", "`input` must be an object."))
    });
    let own = own.transpose()?;
    let mut dropped = Vec::new();
    let mut members: Vec<(String, String)> = vec![("prompt".into(), prompt.get().into())];
    for (name, raw) in fields.entries().filter(|(_, raw)| json::shape(raw) != Shape::Null) {
        match (name, raw.get()) {
            ("n", "1") | ("size" | "quality" | "background" | "moderation", "\"auto\"") => {}
            ("response_format", "\"url\"") | ("stream", "false") => {}
            ("n", number) => members.push(("num_outputs".into(), number.into())),
            ("size", size) => match SHAPES.iter().find(|(_, sizes)| sizes.contains(&size)) {
                Some((shape, _)) => members.push(("aspect_ratio".into(), format!("\"{shape}\""))),
                None => lost(&mut dropped, name),
            },
            ("seed" | "output_format" | "aspect_ratio" | "negative_prompt", value) => {
                members.push((name.into(), value.into()));
            }
            ("response_format", _) => {
                let why = "Replicate gives images by address only.";
                return Err(BadRequest::unsupported("response_format", why));
            }
            ("stream", _) => {
                return Err(BadRequest::unsupported("stream", "Replicate does not stream images."));
            }
            (name, _) => lost(&mut dropped, name),
        }
    }
    let mut out = Vec::with_capacity(256);
    write::object(&mut out, |root| {
        root.object("input", |input| {
            let said = |name: &str| {
                own.as_ref().is_some_and(|own| own.entries().any(|(known, _)| known == name))
            };
            for (name, value) in members.iter().filter(|(name, _)| !said(name)) {
                input.raw(name, value);
            }
            for (name, raw) in own.iter().flat_map(Fields::entries) {
                input.raw(name, raw.get());
            }
        });
    });
    Ok((out, dropped))
}

/// How far a prediction has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prediction {
    /// To be asked after under this id, which is one segment of a path.
    UnderWay(String),
    Ended,
}

/// Reads how far a prediction has come; `None` when the text is none.
#[must_use]
pub fn prediction(body: &[u8]) -> Option<Prediction> {
    let mut fields = Fields::lenient(json::document(body)?)?;
    let id = fields.take_text("id")?;
    let plain = !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric());
    match fields.take_text("status")?.as_ref() {
        "starting" | "processing" if plain => Some(Prediction::UnderWay(id.into_owned())),
        "succeeded" | "failed" | "canceled" | "aborted" => Some(Prediction::Ended),
        _ => None,
    }
}

/// A prediction that came to nothing. What it says of that may quote the prompt and is not kept.
pub(super) fn refused(fields: &mut Fields<'_>) -> Result<(), BadAnswer> {
    let failed = |status, kind: UpstreamKind, code: &str| {
        let code = Some(code.to_owned());
        let retryable = kind.passing();
        Err(BadAnswer::Upstream(UpstreamError { status, kind, code, param: None, retryable }))
    };
    let error = fields.take_text("error").unwrap_or_default();
    match fields.take_text("status").as_deref() {
        Some("succeeded") => Ok(()),
        Some("failed") if error.contains("NSFW") || error.contains("flagged as sensitive") => {
            failed(400, UpstreamKind::ContentPolicy, "content_filtered")
        }
        Some("failed") => failed(502, UpstreamKind::Server, "prediction_failed"),
        Some("canceled" | "aborted") => failed(502, UpstreamKind::Server, "prediction_canceled"),
        _ => Err(BadAnswer::Malformed),
    }
}

pub(super) fn images<'a>(fields: &mut Fields<'a>) -> Option<Vec<Image<'a>>> {
    let output = fields.take("output")?;
    let all: Vec<Raw<'a>> = match json::shape(output) {
        Shape::Text => vec![output],
        _ => json::array(output)?,
    };
    let address = |raw: Raw<'a>| {
        json::text(raw)
            .filter(|text| text.starts_with("https://") || text.starts_with("http://"))?;
        Some(("url", raw))
    };
    all.into_iter().map(address).collect::<Option<Vec<_>>>().filter(|all| !all.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(model: &str, body: &str) -> Result<(String, String, Vec<String>), BadRequest> {
        let fields = Fields::strict(json::document(body.as_bytes()).unwrap()).unwrap();
        let prepared = request(fields, model)?;
        let text = String::from_utf8(prepared.body.to_vec()).unwrap();
        Ok((prepared.path.into_owned(), text, prepared.dropped))
    }

    #[test]
    fn a_prompt_becomes_an_input() {
        let body = r#"{"prompt":"a cat","n":2,"size":"1024x1536","user":"u","seed":1e3,
            "input":{"go_fast":true,"seed":4}}"#;
        let (path, text, dropped) = asked("black-forest-labs/flux-schnell", body).unwrap();
        assert_eq!(path, "/models/black-forest-labs/flux-schnell/predictions");
        let input =
            r#"{"prompt":"a cat","num_outputs":2,"aspect_ratio":"2:3","go_fast":true,"seed":4}"#;
        assert_eq!(text, format!("{{\"input\":{input}}}"));
        assert_eq!(dropped, ["user"]);
        for (model, body) in [
            ("a/b", r#"{"prompt":"p","response_format":"b64_json"}"#),
            ("a/b", r#"{"prompt":"p","stream":true}"#),
            ("a/b", r#"{"prompt":"p","input":1}"#),
            ("a", r#"{"prompt":"p"}"#),
            ("a/../b", r#"{"prompt":"p"}"#),
            ("a/b?c", r#"{"prompt":"p"}"#),
        ] {
            assert!(asked(model, body).is_err(), "{model} {body}");
        }
    }

    #[test]
    fn a_prediction_says_how_far_it_is() {
        let at = |id: &str, status: &str| {
            prediction(format!("{{\"id\":\"{id}\",\"status\":\"{status}\"}}").as_bytes())
        };
        assert_eq!(at("a1", "starting"), Some(Prediction::UnderWay("a1".to_owned())));
        assert_eq!(at("a1", "failed"), Some(Prediction::Ended));
        assert_eq!(at("../models", "processing"), None);
        assert_eq!(at("a1", "thinking"), None);
        assert_eq!(prediction(b"[]"), None);
    }
}
