//! Reading and writing a whole Gemini answer.

use std::borrow::Cow;

use super::{
    part::{Kind, cover, read_part, thinking, write_args},
    take,
};
use crate::{
    BadAnswer, Format, Show, Stop, carrier,
    conversation::{Body, Losses, Part, Response, Stopped},
    json::{self, Fields, Raw},
    upstream, usage,
    write::{self, Array, Object},
};

/// Why a candidate ended; `calls` when it calls a function, which the format does not say.
pub(super) fn stop_of(reason: &str, calls: bool) -> Stop {
    match reason {
        "MAX_TOKENS" => Stop::Length,
        "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII"
        | "IMAGE_SAFETY" => Stop::Refusal,
        _ if calls => Stop::ToolUse,
        _ => Stop::End,
    }
}

pub(super) const fn finish_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End | Stop::ToolUse | Stop::StopSequence | Stop::Pause => "STOP",
        Stop::Length => "MAX_TOKENS",
        Stop::Refusal => "SAFETY",
    }
}

/// Takes the first candidate; `None` when the prompt itself was refused.
pub(super) fn candidate<'a>(fields: &mut Fields<'a>) -> Result<Option<Fields<'a>>, BadAnswer> {
    let blocked = take(fields, "promptFeedback")
        .and_then(Fields::lenient)
        .and_then(|mut feedback| take(&mut feedback, "blockReason"));
    let list = fields.take("candidates").and_then(json::array);
    match list.and_then(|list| list.first().copied()).and_then(Fields::lenient) {
        Some(candidate) => Ok(Some(candidate)),
        None if blocked.is_some() => Ok(None),
        None => Err(BadAnswer::Malformed),
    }
}

/// Takes the parts of a candidate.
pub(super) fn parts<'a>(candidate: &mut Fields<'a>) -> Vec<Raw<'a>> {
    candidate
        .take("content")
        .and_then(Fields::lenient)
        .and_then(|mut content| content.take("parts"))
        .and_then(json::array)
        .unwrap_or_default()
}

pub(crate) fn read_response(raw: Raw<'_>) -> Result<Response<'_>, BadAnswer> {
    let mut fields = Fields::lenient(raw).ok_or(BadAnswer::Malformed)?;
    if let Some(raw) = fields.take("error") {
        return Err(BadAnswer::Upstream(upstream::reduce(None, raw)));
    }
    let mut losses = Losses::of(Format::Gemini);
    let mut body: Vec<Part<'_>> = Vec::new();
    let stop = match candidate(&mut fields)? {
        None => Some(Stop::Refusal),
        Some(mut candidate) => {
            for raw in parts(&mut candidate) {
                part(raw, &mut body, &mut losses);
            }
            for name in ["citationMetadata", "groundingMetadata", "urlContextMetadata"] {
                if take(&mut candidate, name).is_some() {
                    losses.add_name(format!("candidates[].{name}"));
                }
            }
            let calls = body.iter().any(|part| matches!(part.body, Body::ToolCall { .. }));
            let reason = take(&mut candidate, "finishReason").and_then(json::text);
            reason.map(|reason| stop_of(&reason, calls))
        }
    };
    Ok(Response {
        id: take(&mut fields, "responseId").and_then(json::text).unwrap_or_default(),
        model: take(&mut fields, "modelVersion").and_then(json::text).unwrap_or_default(),
        created: None,
        stop: stop.map(|kind| Stopped { kind, sequence: None, explanation: None }),
        usage: take(&mut fields, "usageMetadata").and_then(usage::gemini),
        parts: body,
        losses,
    })
}

fn part<'a>(raw: Raw<'a>, parts: &mut Vec<Part<'a>>, losses: &mut Losses) {
    let Some(part) = read_part(raw) else { return };
    let signature = part.signature.as_deref();
    if !matches!(part.kind, Kind::Thought(_)) && signature.is_some() {
        parts.extend(thinking(signature, Cow::Borrowed("")).map(Part::from));
    }
    let body = match part.kind {
        Kind::Thought(text) => thinking(signature, text),
        Kind::Text(text) => (!text.is_empty()).then_some(Body::Text(text)),
        Kind::Call { id, name, arguments } => {
            let calls = parts.iter().filter(|part| matches!(part.body, Body::ToolCall { .. }));
            let id = id.unwrap_or_else(|| format!("call_{}", calls.count()).into());
            Some(Body::ToolCall { id, name, arguments })
        }
        Kind::Other(_) => {
            losses.add_name("candidates[].content.parts[]");
            None
        }
    };
    parts.extend(body.map(Part::from));
}

pub(crate) fn write_response(response: &Response<'_>, show: Show<'_>, out: &mut Vec<u8>) {
    write::object(out, |root| {
        root.array("candidates", |list| list.object(|item| write_candidate(response, item)));
        if let Some(counts) = &response.usage {
            root.object("usageMetadata", |out| usage::write_gemini(counts, out));
        }
        root.text("modelVersion", show.model.unwrap_or(&response.model));
        root.text("responseId", &response.id);
    });
}

fn write_candidate(response: &Response<'_>, out: &mut Object<'_>) {
    let stop = response.stop.as_ref();
    out.object("content", |content| {
        content.array("parts", |list| {
            for part in &response.parts {
                write_part(&part.body, list);
            }
            let refused = response.parts.iter().any(|part| matches!(part.body, Body::Refusal(_)));
            let explanation = stop.and_then(|stop| stop.explanation.as_deref());
            if let Some(text) = explanation.filter(|_| !refused) {
                list.object(|item| item.text("text", text));
            }
        });
        content.text("role", "model");
    });
    out.text("finishReason", finish_reason(stop.map_or(Stop::End, |stop| stop.kind)));
    out.number("index", 0);
}

/// Writes one part. A signature of another family always stands on a thought.
pub(super) fn write_part(body: &Body<'_>, list: &mut Array<'_>) {
    match body {
        Body::Thinking { text, signature: given } => {
            let given = given.as_deref().filter(|given| !given.is_empty());
            list.object(|item| {
                item.text("text", text);
                item.boolean("thought", true);
                if let Some(given) = given {
                    item.text("thoughtSignature", &cover(&carrier::encrypted(given)));
                }
            });
        }
        Body::RedactedThinking { data } => list.object(|item| {
            item.text("text", "");
            item.boolean("thought", true);
            item.text("thoughtSignature", &cover(&carrier::encrypted_redacted(data)));
        }),
        Body::Text(text) | Body::Refusal(text) => list.object(|item| item.text("text", text)),
        Body::ToolCall { id, name, arguments } => list.object(|item| {
            item.object("functionCall", |call| {
                call.text("id", id);
                call.text("name", name);
                write_args(arguments, call);
            });
        }),
        // A model does not answer with these.
        Body::Image { .. } | Body::Document { .. } | Body::ToolResult { .. } => {}
    }
}
