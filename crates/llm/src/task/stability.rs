//! Images at Stability AI: forms in, one image in base64 out.
//!
//! <https://platform.stability.ai/docs/api-reference>
//!
//! The path names the service; its third one takes the model's name as well. One image is made at a time.

use bytes::Bytes;
use memchr::memmem;

use super::{Task, answer::Image, form, lost, prepare::fields};
use crate::{
    BadAnswer, BadRequest, Head, Prepared, UpstreamError, UpstreamKind,
    json::{self, Fields, Raw, Shape},
};

/// Divides the parts of every form. What holds it itself cannot be sent.
const BOUNDARY: &str = "probity-form-5f2c81d07b9e46a3";
const HEADERS: &[(&str, &str)] = &[
    ("content-type", "multipart/form-data; boundary=probity-form-5f2c81d07b9e46a3"),
    ("accept", "application/json"),
];

/// What an image may be shaped like, with the sizes that say so.
const SHAPES: &[(&str, &[&str])] = &[
    ("1:1", &["1024x1024", "512x512", "256x256"]),
    ("3:2", &["1536x1024"]),
    ("2:3", &["1024x1536"]),
];

pub(super) fn request(
    task: Task,
    body: &Bytes,
    head: &Head,
    model: &str,
) -> Result<Prepared, BadRequest> {
    let path = path(task, model)?;
    let mut form = Form::default();
    let mut dropped = Vec::new();
    if path.ends_with("/sd3") {
        form.text("model", model);
    }
    if task == Task::ImageEdits {
        edited(body, head, &mut form, &mut dropped)?;
    } else {
        drawn(fields(body)?, &mut form, &mut dropped)?;
    }
    Ok(Prepared {
        body: form.ended()?,
        dropped,
        path: path.into(),
        headers: HEADERS,
        forwarded: &[],
    })
}

fn path(task: Task, model: &str) -> Result<&'static str, BadRequest> {
    Ok(match (task, model) {
        (Task::ImageEdits, "inpaint") => "/v2beta/stable-image/edit/inpaint",
        (Task::Images, "stable-image-ultra") => "/v2beta/stable-image/generate/ultra",
        (Task::Images, "stable-image-core") => "/v2beta/stable-image/generate/core",
        (Task::Images, name) if name.starts_with("sd3") => "/v2beta/stable-image/generate/sd3",
        _ => {
            return Err(BadRequest::unsupported("model", "Stability has no service of this name."));
        }
    })
}

/// Members that say nothing but what is so anyway.
fn is_neutral(name: &str, raw: Raw<'_>) -> bool {
    let all: &[&str] = match name {
        "n" => &["1"],
        "size" | "quality" | "background" | "moderation" => &["\"auto\""],
        "response_format" => &["\"b64_json\""],
        "stream" => &["false"],
        _ => &[],
    };
    all.contains(&raw.get()) || json::shape(raw) == Shape::Null
}

fn drawn(
    mut fields: Fields<'_>,
    form: &mut Form,
    dropped: &mut Vec<String>,
) -> Result<(), BadRequest> {
    let prompt = fields.take_text("prompt");
    let prompt = prompt.ok_or_else(|| BadRequest::at("prompt", "`prompt` must be a string."))?;
    form.text("prompt", &prompt);
    let rest: Vec<(String, Raw<'_>)> =
        fields.entries().map(|(name, raw)| (name.to_owned(), raw)).collect();
    for (name, raw) in rest.iter().filter(|(name, raw)| !is_neutral(name, raw)) {
        let text = match json::shape(raw) {
            Shape::Text => json::text(raw).unwrap_or_default(),
            _ => raw.get().into(),
        };
        said(name, &text, form, dropped)?;
    }
    Ok(())
}

/// One member in the service's words, or its name among those that are left out.
fn said(
    name: &str,
    text: &str,
    form: &mut Form,
    dropped: &mut Vec<String>,
) -> Result<(), BadRequest> {
    match name {
        "n" => return Err(BadRequest::unsupported("n", "Stability makes one image at a time.")),
        "stream" => {
            return Err(BadRequest::unsupported("stream", "Stability does not stream images."));
        }
        "size" => match SHAPES.iter().find(|(_, sizes)| sizes.contains(&text)) {
            Some((shape, _)) => form.text("aspect_ratio", shape),
            None => lost(dropped, name),
        },
        "output_format" if matches!(text, "png" | "jpeg" | "webp") => form.text(name, text),
        // Its own.
        "seed" | "negative_prompt" | "aspect_ratio" | "style_preset" | "cfg_scale" => {
            form.text(name, text);
        }
        _ => lost(dropped, name),
    }
    Ok(())
}

fn edited(
    body: &Bytes,
    head: &Head,
    form: &mut Form,
    dropped: &mut Vec<String>,
) -> Result<(), BadRequest> {
    let Some(boundary) = first_boundary(body).filter(|_| head.is_form()) else {
        let why = "Send the image as multipart/form-data for this model.";
        return Err(BadRequest::unsupported("image", why));
    };
    let kind = format!("multipart/form-data; boundary={boundary}");
    let mut images = 0;
    for part in form::parts(&kind, body)? {
        let bytes = body.get(part.range).unwrap_or_default();
        match part.name {
            "image" | "image[]" => {
                images += 1;
                form.file("image", bytes);
            }
            "mask" => {
                let why =
                    "A mask means something else there: make transparent what is to be painted.";
                return Err(BadRequest::unsupported("mask", why));
            }
            "model" => {}
            name => {
                let text = std::str::from_utf8(bytes)
                    .map_err(|_| BadRequest::at("form", "The value must be text."))?
                    .trim();
                match name {
                    "prompt" => form.text(name, text),
                    "n" if text == "1" => {}
                    "response_format" if text == "b64_json" => {}
                    "stream" if text == "false" => {}
                    name => said(name, text, form, dropped)?,
                }
            }
        }
    }
    if images == 1 {
        return Ok(());
    }
    Err(BadRequest::unsupported("image", "Stability edits one image at a time."))
}

/// What divides the parts of a form that has been read once.
fn first_boundary(body: &[u8]) -> Option<&str> {
    let end = memmem::find(body, b"\r\n")?;
    std::str::from_utf8(body.get(2..end)?).ok()
}

/// A form that is being written, and how many parts it has.
#[derive(Default)]
struct Form(Vec<u8>, usize);

impl Form {
    fn part(&mut self, about: &str, content: &[u8]) {
        self.0.extend_from_slice(
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {about}\r\n\r\n").as_bytes(),
        );
        self.0.extend_from_slice(content);
        self.0.extend_from_slice(b"\r\n");
        self.1 += 1;
    }

    fn text(&mut self, name: &str, text: &str) {
        self.part(&format!("name=\"{name}\""), text.as_bytes());
    }

    fn file(&mut self, name: &str, bytes: &[u8]) {
        let about = format!(
            "name=\"{name}\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream"
        );
        self.part(&about, bytes);
    }

    fn ended(mut self) -> Result<Bytes, BadRequest> {
        // Nobody puts parts of their own into it.
        if memmem::find_iter(&self.0, BOUNDARY.as_bytes()).count() != self.1 {
            let why = "The request holds what divides the parts of forms.";
            return Err(BadRequest::unsupported("prompt", why));
        }
        self.0.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        Ok(self.0.into())
    }
}

/// An image that was blurred is none.
pub(super) fn refused(fields: &mut Fields<'_>) -> Result<(), BadAnswer> {
    match fields.take_text("finish_reason").as_deref() {
        Some("CONTENT_FILTERED") => Err(BadAnswer::Upstream(UpstreamError {
            status: 400,
            kind: UpstreamKind::ContentPolicy,
            code: Some("content_filtered".to_owned()),
            param: None,
            retryable: false,
        })),
        _ => Ok(()),
    }
}

pub(super) fn images<'a>(fields: &mut Fields<'a>) -> Option<Vec<Image<'a>>> {
    let image = fields.take("image").filter(|raw| json::shape(raw) == Shape::Text)?;
    Some(vec![("b64_json", image)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task_head;

    fn asked(model: &str, body: &str) -> Result<(String, String, Vec<String>), BadRequest> {
        let body = Bytes::from(body.to_owned());
        let head = task_head(Task::Images, Some("application/json"), &body)?;
        let prepared = request(Task::Images, &body, &head, model)?;
        let text = String::from_utf8(prepared.body.to_vec()).unwrap();
        Ok((prepared.path.into_owned(), text, prepared.dropped))
    }

    #[test]
    fn a_prompt_becomes_a_form() {
        let body = r#"{"model":"x","prompt":"a \"cat\"","size":"1536x1024","n":1,"quality":"high",
            "response_format":"b64_json","output_format":"webp","seed":7}"#;
        let (path, text, dropped) = asked("sd3.5-large", body).unwrap();
        assert_eq!(path, "/v2beta/stable-image/generate/sd3");
        for (name, value) in [
            ("model", "sd3.5-large"),
            ("prompt", "a \"cat\""),
            ("aspect_ratio", "3:2"),
            ("output_format", "webp"),
            ("seed", "7"),
        ] {
            let part = format!("form-data; name=\"{name}\"\r\n\r\n{value}\r\n--{BOUNDARY}");
            assert!(text.contains(&part), "{name}: {text}");
        }
        assert!(text.starts_with("--") && text.ends_with(&format!("--{BOUNDARY}--\r\n")));
        assert_eq!(dropped, ["quality"]);
        let (path, text, dropped) =
            asked("stable-image-core", r#"{"model":"x","prompt":"p","size":"1792x1024"}"#).unwrap();
        assert!(path.ends_with("/core") && !text.contains("name=\"model\""));
        assert_eq!(dropped, ["size"]);
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        for (model, more) in [
            ("stable-image-core", "\"n\":2"),
            ("stable-image-core", "\"stream\":true"),
            ("other", "\"n\":1"),
        ] {
            let body = format!("{{\"model\":\"x\",\"prompt\":\"p\",{more}}}");
            asked(model, &body).unwrap_err();
        }
        for more in ["--", "\\r\\nContent-Disposition: form-data; name=\\\"seed\\\"\\r\\n\\r\\n1"] {
            let body = format!("{{\"model\":\"x\",\"prompt\":\"p\\r\\n--{BOUNDARY}{more}\"}}");
            asked("stable-image-core", &body).unwrap_err();
        }
    }

    #[test]
    fn an_image_is_edited_by_its_transparency() {
        let part = |name: &str, text: &str| {
            format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
        };
        let ask = |more: &str| {
            let form =
                part("model", "inpaint") + &part("prompt", "p") + &part("image", "PNG") + more;
            let body = Bytes::from(form + "--xyz--\r\n");
            let kind = Some("multipart/form-data; boundary=xyz");
            let head = task_head(Task::ImageEdits, kind, &body).unwrap();
            request(Task::ImageEdits, &body, &head, "inpaint")
        };
        let prepared = ask(&(part("n", "1") + &part("user", "u"))).unwrap();
        assert_eq!(prepared.path, "/v2beta/stable-image/edit/inpaint");
        let text = String::from_utf8(prepared.body.to_vec()).unwrap();
        assert!(text.contains("octet-stream\r\n\r\nPNG\r\n") && !text.contains("xyz"), "{text}");
        assert_eq!(prepared.dropped, ["user"]);
        for more in [part("mask", "m"), part("image[]", "q"), part("n", "2")] {
            ask(&more).unwrap_err();
        }
    }
}
