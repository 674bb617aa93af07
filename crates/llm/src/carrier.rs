//! Thinking on its way through the other format.
//!
//! A provider checks its own signature, so thinking must come back exactly as it was given, and only to the
//! provider family that gave it. A Chat client carries Anthropic's thinking in `reasoning_details`
//! (the shape that `OpenRouter` documents), tagged with [`TAG`]. An Anthropic-format client carries a Chat
//! provider's reasoning in a `thinking` block whose signature starts with [`SEAL`]. A reasoning item of a
//! Responses provider travels whole, as the JSON it was: in `reasoning_details` under [`ITEM_TAG`], or in a
//! signature after [`ITEM_SEAL`]. A Responses client carries what others gave in the `encrypted_content` of a
//! reasoning item: Anthropic's after [`THINKING_SEAL`] or [`REDACTED_SEAL`], a Chat provider's after [`SEAL`].

mod detail;

use std::borrow::Cow;

pub(crate) use self::detail::{Detail, Details};
use crate::{
    Format,
    conversation::Body,
    json::{self, Fields, Raw},
};

/// Marks details that hold Anthropic's thinking.
pub(crate) const TAG: &str = "probity/anthropic-v1";

/// Marks details that hold a reasoning item of a Responses provider.
pub(crate) const ITEM_TAG: &str = "probity/openai-responses-v1";

/// The same as [`TAG`], as another host marks it.
const FOREIGN_TAG: &str = "anthropic-claude-v1";

/// Marks signatures that are ours; the name of the provider's field and its details follow.
pub(crate) const SEAL: &str = "probity.openai.v1/";

/// Marks signatures that are ours and hold a reasoning item of a Responses provider.
pub(crate) const ITEM_SEAL: &str = "probity.openai-responses.v1/";

/// Marks details that hold Gemini's thought.
pub(crate) const GEMINI_TAG: &str = "probity/gemini-v1";

/// Marks signatures that are Gemini's own, which stand on a part of any kind: on thought, or before the part they
/// belong to. Nothing follows where a thought had none.
pub(crate) const GEMINI_SEAL: &str = "probity.gemini.v1/";

/// Marks details that hold what a Cohere model thought or planned.
pub(crate) const COHERE_TAG: &str = "probity/cohere-v1";

/// Marks signatures that are ours and stand for what a Cohere model thought, which has none. What it was follows, where
/// it was no plain thought.
pub(crate) const COHERE_SEAL: &str = "probity.cohere.v1/";

/// The families whose thinking travels with nothing but its signature behind a mark.
const PLAIN: [(&str, &str); 2] = [(GEMINI_TAG, GEMINI_SEAL), (COHERE_TAG, COHERE_SEAL)];

/// Marks encrypted content that is Anthropic's signature of the summary beside it.
const THINKING_SEAL: &str = "probity.anthropic.v1/thinking/";

/// Marks encrypted content that is Anthropic's redacted thinking.
const REDACTED_SEAL: &str = "probity.anthropic.v1/redacted/";

/// How everything of ours begins; no provider's own signature holds a dot.
const OURS: &str = "probity.";

/// Whether a signature or an encrypted content was made here, so that no provider knows it.
pub(crate) fn is_sealed(signature: &str) -> bool {
    signature.starts_with(OURS)
}

/// Thinking out of what a Chat client sent back, each with its place.
/// `None` for entries that are not from here.
pub(crate) fn thinking_of(detail: Detail<'_>) -> Option<(Option<u64>, Body<'_>)> {
    if detail.format.as_deref() == Some(ITEM_TAG) {
        let signature = Some(format!("{ITEM_SEAL}{}", detail.data?).into());
        return Some((detail.position, Body::Thinking { text: Cow::Borrowed(""), signature }));
    }
    let plain = PLAIN.into_iter().find(|(tag, _)| detail.format.as_deref() == Some(tag));
    if let Some((_, seal)) = plain {
        let signature = format!("{seal}{}", detail.signature.unwrap_or_default());
        let text = detail.text.unwrap_or_default();
        return Some((detail.position, Body::Thinking { text, signature: Some(signature.into()) }));
    }
    let ours = matches!(detail.format.as_deref(), Some(TAG | FOREIGN_TAG));
    match (ours, &*detail.kind) {
        (true, "reasoning.text") => {
            let text = detail.text.unwrap_or_default();
            let signature = Some(detail.signature?);
            Some((detail.position, Body::Thinking { text, signature }))
        }
        (true, "reasoning.encrypted") => {
            Some((detail.position, Body::RedactedThinking { data: detail.data? }))
        }
        _ => None,
    }
}

/// The entry that carries an Anthropic thinking block or a Responses provider's reasoning item.
pub(crate) fn detail_of<'b>(body: &'b Body<'_>, index: u64, position: u64) -> Option<Detail<'b>> {
    let mut detail = Detail {
        index: Some(index),
        position: Some(position),
        format: Some(TAG.into()),
        ..Detail::default()
    };
    match body {
        Body::Thinking { signature: Some(signature), .. } if signature.starts_with(ITEM_SEAL) => {
            detail.kind = "reasoning.encrypted".into();
            detail.format = Some(ITEM_TAG.into());
            detail.data = signature.strip_prefix(ITEM_SEAL).map(Cow::Borrowed);
        }
        Body::Thinking { text, signature } => {
            let signature = signature.as_deref();
            let plain = PLAIN
                .into_iter()
                .find_map(|(tag, seal)| Some((tag, signature?.strip_prefix(seal)?)));
            detail.kind = "reasoning.text".into();
            detail.text = Some(Cow::Borrowed(text));
            detail.signature = match plain {
                Some((tag, bare)) => {
                    detail.format = Some(tag.into());
                    Some(bare).filter(|bare| !bare.is_empty())
                }
                None => signature,
            }
            .map(Cow::Borrowed);
        }
        Body::RedactedThinking { data } => {
            detail.kind = "reasoning.encrypted".into();
            detail.data = Some(Cow::Borrowed(data));
        }
        _ => return None,
    }
    Some(detail)
}

/// A signature for reasoning that an OpenAI-format provider gave in `field`.
pub(crate) fn seal(field: &str, details: &Details<'_>) -> String {
    let mut text = format!("{SEAL}{field}/").into_bytes();
    if !details.0.is_empty() {
        details.write(&mut text);
    }
    // Built from strings and JSON, so it is text.
    String::from_utf8(text).unwrap_or_default()
}

/// What [`seal`] put in: the field's name and the details, as JSON.
pub(crate) fn unseal(signature: &str) -> Option<(&str, Option<&str>)> {
    let (field, details) = signature.strip_prefix(SEAL)?.split_once('/')?;
    let known = matches!(field, "reasoning_content" | "reasoning");
    let details = (!details.is_empty()).then_some(details);
    // It comes back from a client, so it is checked before it is written into a request.
    let valid = details.is_none_or(|text| {
        json::document(text.as_bytes()).is_some_and(|raw| json::shape(raw) == json::Shape::Array)
    });
    (known && valid).then_some((field, details))
}

/// A signature that holds a reasoning item of a Responses provider.
pub(crate) fn seal_item(item: Raw<'_>) -> String {
    format!("{ITEM_SEAL}{}", item.get())
}

/// The item that [`seal_item`] put in. It comes back from a client, so it must be such an item still.
pub(crate) fn unseal_item(signature: &str) -> Option<Raw<'_>> {
    let raw = json::document(signature.strip_prefix(ITEM_SEAL)?.as_bytes())?;
    let mut fields = Fields::strict(raw).ok()?;
    let reasoning = fields.take_text("type").is_some_and(|kind| kind == "reasoning");
    // Without either there is nothing that the provider could read.
    let readable = fields.take_text("encrypted_content").is_some_and(|text| !is_sealed(&text))
        || fields.take("content").is_some();
    (reasoning && readable).then_some(raw)
}

/// The encrypted content that carries thinking to a Responses client.
pub(crate) fn encrypted(signature: &str) -> String {
    if is_sealed(signature) { signature.to_owned() } else { format!("{THINKING_SEAL}{signature}") }
}

/// The same for redacted thinking.
pub(crate) fn encrypted_redacted(data: &str) -> String {
    format!("{REDACTED_SEAL}{data}")
}

/// What [`encrypted`] and [`encrypted_redacted`] carried; `summary` is the text beside it.
pub(crate) fn decrypted<'a>(content: &str, summary: Cow<'a, str>) -> Option<Body<'a>> {
    if let Some(signature) = content.strip_prefix(THINKING_SEAL) {
        let signature = Some(signature.to_owned().into());
        return Some(Body::Thinking { text: summary, signature });
    }
    if let Some(data) = content.strip_prefix(REDACTED_SEAL) {
        return Some(Body::RedactedThinking { data: data.to_owned().into() });
    }
    let known =
        [SEAL, ITEM_SEAL, GEMINI_SEAL, COHERE_SEAL].iter().any(|seal| content.starts_with(seal));
    let signature = known.then(|| content.to_owned().into())?;
    Some(Body::Thinking { text: summary, signature: Some(signature) })
}

/// How details of what such a provider thinks are marked.
pub(crate) const fn tag_of(outbound: Format) -> &'static str {
    match outbound {
        Format::Gemini => GEMINI_TAG,
        Format::OpenAiResponses => ITEM_TAG,
        Format::Cohere => COHERE_TAG,
        // Thinking at Bedrock is that of the model's maker.
        Format::OpenAiChat
        | Format::AnthropicMessages
        | Format::BedrockConverse
        | Format::Watsonx => TAG,
    }
}

/// What stands behind the mark of a family that has nothing but signatures to carry.
pub(crate) fn bare(signature: &str) -> &str {
    PLAIN.into_iter().find_map(|(_, seal)| signature.strip_prefix(seal)).unwrap_or(signature)
}

/// Gemini's own signature; `None` where a thought had none.
pub(crate) fn gemini_signature(signature: &str) -> Option<&str> {
    signature.strip_prefix(GEMINI_SEAL).filter(|signature| !signature.is_empty())
}

/// Puts thinking back among the other parts, at the places it came from.
pub(crate) fn interleave<T>(thinking: Vec<(Option<u64>, T)>, others: Vec<T>) -> Vec<T> {
    let mut parts = Vec::with_capacity(thinking.len() + others.len());
    let mut others = others.into_iter();
    for (position, body) in thinking {
        let position = position.unwrap_or(0);
        while (parts.len() as u64) < position {
            let Some(other) = others.next() else { break };
            parts.push(other);
        }
        parts.push(body);
    }
    parts.extend(others);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_of_one_entry_join_and_others_do_not() {
        let raw = r#"[{"type":"reasoning.text","index":0,"format":"probity/anthropic-v1","position":0,"text":"a"},
            {"type":"reasoning.text","index":0,"text":"b"},{"type":"reasoning.text","index":0,"signature":"s"},
            {"type":"reasoning.encrypted","index":1,"format":"probity/anthropic-v1","data":"x"},
            {"type":"reasoning.encrypted","index":1,"data":"y"}]"#;
        let details = Details::read(json::document(raw.as_bytes()).unwrap());
        assert_eq!(details.0.len(), 3);
        assert_eq!(details.0[0].text.as_deref(), Some("ab"));
        assert_eq!(details.0[0].signature.as_deref(), Some("s"));
    }

    #[test]
    fn a_seal_opens_again_and_a_forged_one_does_not() {
        let details = Details(vec![Detail { kind: "reasoning.text".into(), ..Detail::default() }]);
        let sealed = seal("reasoning", &details);
        assert_eq!(unseal(&sealed), Some(("reasoning", Some(r#"[{"type":"reasoning.text"}]"#))));
        assert_eq!(unseal("probity.openai.v1/reasoning/[],\"model\":\"x\""), None);
        assert_eq!(unseal("probity.openai.v1/messages/"), None);
        assert_eq!(unseal("EqMBCkYI"), None);
    }
}
