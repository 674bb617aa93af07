//! Images as Stability AI makes them: forms in, one image out.

use serde_json::{Value, json};

use super::{Answer, draw, form::Form, known, word};
use crate::{ask::text_of, refusal::Refusal};

/// A service, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stable {
    Ultra,
    Core,
    Sd3,
    Inpaint,
}

impl Stable {
    pub(super) fn of(path: &str) -> Option<Self> {
        match path.strip_prefix("/v2beta/stable-image/")? {
            "generate/ultra" => Some(Self::Ultra),
            "generate/core" => Some(Self::Core),
            "generate/sd3" => Some(Self::Sd3),
            "edit/inpaint" => Some(Self::Inpaint),
            _ => None,
        }
    }

    /// The twin's model behind it. Only one service is told a model, which may be one that goes wrong.
    pub(super) fn model(self, body: &Value) -> Result<String, Refusal> {
        if self != Self::Sd3 {
            return Ok("sandbox-draw".to_owned());
        }
        let model = text_of(body, "model")?;
        Ok(match model.strip_prefix("sd3-") {
            Some(own) => own.to_owned(),
            None if model.starts_with("sd3.5-") => "sandbox-draw".to_owned(),
            None => model,
        })
    }

    pub(super) fn answer(self, body: &Value, form: Option<&Form>) -> Result<Answer, Refusal> {
        known(
            body,
            &[
                "prompt",
                "model",
                "aspect_ratio",
                "output_format",
                "seed",
                "negative_prompt",
                "style_preset",
                "cfg_scale",
            ],
        )?;
        if self != Self::Sd3 && body.get("model").is_some() {
            return Err(Refusal::invalid("model", "is not known here"));
        }
        let prompt = text_of(body, "prompt")?;
        word(body, "aspect_ratio", &["1:1", "3:2", "2:3", "16:9", "9:16", "4:5", "5:4"])?;
        word(body, "output_format", &["png", "jpeg", "webp"])?;
        if self == Self::Inpaint {
            let image = form.and_then(|form| form.file(&["image"]));
            if !image.is_some_and(|image| image.starts_with(b"\x89PNG")) {
                return Err(Refusal::invalid("image", "is required"));
            }
        }
        let filtered = prompt.contains("unspeakable");
        Ok(Answer::Document(json!({
            "image": draw::image(&prompt),
            "finish_reason": if filtered { "CONTENT_FILTERED" } else { "SUCCESS" },
            "seed": 343_940_597,
        })))
    }
}
