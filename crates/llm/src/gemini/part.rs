//! Parts: of a request, of an answer, of a chunk.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose};

use super::take;
use crate::{
    carrier,
    conversation::Body,
    json::{self, Fields, Raw, Shape},
    write::Object,
};

/// What the members of a part are about, apart from the signature on it.
pub(super) enum Kind<'a> {
    Text(Cow<'a, str>),
    Thought(Cow<'a, str>),
    Call {
        id: Option<Cow<'a, str>>,
        name: Cow<'a, str>,
        arguments: Cow<'a, str>,
    },
    /// With the members that tell what it is.
    Other(Fields<'a>),
}

pub(super) struct Part<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) signature: Option<Cow<'a, str>>,
}

/// Takes a part apart; `None` when it is no object.
pub(super) fn read_part(raw: Raw<'_>) -> Option<Part<'_>> {
    let mut fields = Fields::lenient(raw)?;
    let signature = take(&mut fields, "thoughtSignature").and_then(json::text);
    let thought = fields.take("thought").and_then(json::boolean).unwrap_or(false);
    let call = take(&mut fields, "functionCall").and_then(Fields::lenient);
    let kind = if let Some(mut call) = call {
        Kind::Call {
            id: call.take_text("id").filter(|id| !id.is_empty()),
            name: call.take_text("name").unwrap_or_default(),
            arguments: match call.take("args") {
                Some(raw) => raw.get().into(),
                None => "{}".into(),
            },
        }
    } else if let Some(text) = fields.take_text("text") {
        if thought { Kind::Thought(text) } else { Kind::Text(text) }
    } else {
        Kind::Other(fields)
    };
    Some(Part { kind, signature: signature.filter(|text| !text.is_empty()) })
}

/// The thinking that a signature stands for: another family's that travelled here, or Gemini's own.
pub(super) fn thinking<'a>(signature: Option<&str>, text: Cow<'a, str>) -> Option<Body<'a>> {
    let carried = signature.and_then(uncover);
    match carried {
        Some(carried) => carrier::decrypted(&carried, text),
        None => Some(Body::Thinking { text, signature: Some(seal(signature).into()) }),
    }
}

/// Gemini's own signature, or its absence, as other formats carry it.
pub(super) fn seal(signature: Option<&str>) -> String {
    format!("{}{}", carrier::GEMINI_SEAL, signature.unwrap_or_default())
}

/// Signatures are bytes in this format, so what is ours is written in base64.
pub(super) fn cover(carried: &str) -> String {
    general_purpose::STANDARD.encode(carried)
}

/// How everything that [`cover`] wrote begins.
pub(crate) const COVERED: &str = "cHJvYml0eS";

/// Whether a part holds nothing but what [`cover`] wrote.
pub(crate) fn is_covered(part: Raw<'_>) -> bool {
    let Some(part) = read_part(part) else { return false };
    matches!(part.kind, Kind::Thought(_)) && part.signature.as_deref().and_then(uncover).is_some()
}

/// What [`cover`] wrote, in either alphabet, as clients decode it and encode it again.
fn uncover(signature: &str) -> Option<String> {
    let bytes = general_purpose::STANDARD
        .decode(signature)
        .or_else(|_| general_purpose::URL_SAFE.decode(signature))
        .ok()?;
    String::from_utf8(bytes).ok().filter(|text| carrier::is_sealed(text))
}

/// Arguments as the object that the format wants.
pub(super) fn write_args(arguments: &str, out: &mut Object<'_>) {
    let text = arguments.trim();
    let object = json::document(text.as_bytes()).filter(|raw| json::shape(raw) == Shape::Object);
    match object {
        Some(raw) => out.raw("args", raw.get()),
        None if text.is_empty() => out.object("args", |_| {}),
        // Not what the tool takes, but what the model said.
        None => out.object("args", |args| args.text("arguments", arguments)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ours_is_found_again_in_either_alphabet() {
        let carried = "probity.openai-responses.v1/?>?>?>?>";
        let covered = cover(carried);
        assert!(covered.starts_with(COVERED));
        assert_eq!(uncover(&covered).as_deref(), Some(carried));
        let other = covered.replace('+', "-").replace('/', "_");
        assert_ne!(other, covered);
        assert_eq!(uncover(&other).as_deref(), Some(carried));
        for foreign in ["", "c2ln", "not base64", "/w=="] {
            assert_eq!(uncover(foreign), None, "{foreign}");
        }
    }
}
