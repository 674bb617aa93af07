//! Reading and writing a whole Cohere answer.

use domain::Usage;

use super::{message::write_call, plan, thought};
use crate::{
    BadAnswer, Format, Refusal, Stop, UpstreamError, carrier,
    conversation::{Body, Losses, Part, Response, Stopped},
    json::{self, Fields, Raw},
    upstream, usage,
    write::{self, Array, Object},
};

pub(super) fn stop_of(reason: &str) -> Stop {
    match reason {
        "MAX_TOKENS" | "ERROR_LIMIT" => Stop::Length,
        "TOOL_CALL" => Stop::ToolUse,
        "STOP_SEQUENCE" => Stop::StopSequence,
        "ERROR_TOXIC" => Stop::Refusal,
        _ => Stop::End,
    }
}

/// The word for refused content is that of the format's first version: the second has none.
pub(super) const fn finish_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Pause => "COMPLETE",
        Stop::Length => "MAX_TOKENS",
        Stop::ToolUse => "TOOL_CALL",
        Stop::StopSequence => "STOP_SEQUENCE",
        Stop::Refusal => "ERROR_TOXIC",
    }
}

/// The error that a reason for ending stands for. What the service says of it is not kept, but for a code of ours.
pub(crate) fn ended(reason: &str, code: Option<&str>) -> Option<UpstreamError> {
    let status = match reason {
        "ERROR" => 502,
        "TIMEOUT" => 504,
        _ => return None,
    };
    Some(upstream::coded(status, code))
}

pub(crate) fn read_response(raw: Raw<'_>) -> Result<Response<'_>, BadAnswer> {
    let mut fields = Fields::lenient(raw).ok_or(BadAnswer::Malformed)?;
    let message = fields.take("message").ok_or(BadAnswer::Malformed)?;
    if json::text(message).is_some() {
        // An error in spite of its status.
        return Err(BadAnswer::Upstream(upstream::reduce(None, raw)));
    }
    let mut message = Fields::lenient(message).ok_or(BadAnswer::Malformed)?;
    let reason = fields.take_text("finish_reason");
    if let Some(error) = reason.as_deref().and_then(|reason| ended(reason, None)) {
        return Err(BadAnswer::Upstream(error));
    }
    let mut losses = Losses::of(Format::Cohere);
    if fields.take("logprobs").is_some() {
        losses.add_name("logprobs");
    }
    let parts = parts(&mut message, &mut losses);
    Ok(Response {
        id: fields.take_text("id").unwrap_or_default(),
        // Who called knows the model: the answer names none.
        model: "".into(),
        created: None,
        stop: reason.map(|reason| Stopped {
            kind: stop_of(&reason),
            sequence: None,
            explanation: None,
        }),
        usage: fields.take("usage").and_then(usage::cohere),
        parts,
        losses,
    })
}

fn parts<'a>(message: &mut Fields<'a>, losses: &mut Losses) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    let content = message.take("content");
    if let Some(text) = content.and_then(json::text).filter(|text| !text.is_empty()) {
        parts.push(Body::Text(text).into());
    }
    for raw in content.and_then(json::array).unwrap_or_default() {
        let Some(mut item) = Fields::lenient(raw) else { continue };
        if let Some(text) = item.take_text("text") {
            parts.extend((!text.is_empty()).then(|| Part::from(Body::Text(text))));
        } else if let Some(text) = item.take_text("thinking") {
            parts.push(Body::Thinking { text, signature: Some(thought().into()) }.into());
        } else {
            losses.add_name("message.content[]");
        }
    }
    if let Some(text) = message.take_text("tool_plan").filter(|text| !text.is_empty()) {
        parts.push(Body::Thinking { text, signature: Some(plan().into()) }.into());
    }
    for raw in message.take("tool_calls").and_then(json::array).unwrap_or_default() {
        match Fields::lenient(raw).and_then(call) {
            Some(body) => parts.push(body.into()),
            None => losses.add_name("message.tool_calls[]"),
        }
    }
    let cited = message.take("citations").and_then(json::array);
    if cited.is_some_and(|list| !list.is_empty()) {
        losses.add_name("message.citations");
    }
    parts
}

fn call(mut call: Fields<'_>) -> Option<Body<'_>> {
    let mut function = Fields::lenient(call.take("function")?)?;
    Some(Body::ToolCall {
        id: call.take_text("id")?,
        name: function.take_text("name")?,
        arguments: function.take_text("arguments").unwrap_or("{}".into()),
    })
}

pub(crate) fn write_response(response: &Response<'_>, out: &mut Vec<u8>) {
    let stop = response.stop.as_ref();
    write::object(out, |root| {
        root.text("id", &response.id);
        root.text("finish_reason", finish_reason(stop.map_or(Stop::End, |stop| stop.kind)));
        root.object("message", |message| write_message(response, message));
        if let Some(counts) = &response.usage {
            write_usage(counts, root);
        }
    });
}

fn write_message(response: &Response<'_>, out: &mut Object<'_>) {
    let called = |part: &&Part<'_>| matches!(part.body, Body::ToolCall { .. });
    let (calls, said): (Vec<_>, Vec<_>) = response.parts.iter().partition(called);
    let refused = said.iter().any(|part| matches!(part.body, Body::Refusal(_)));
    let explanation = response.stop.as_ref().and_then(|stop| stop.explanation.as_deref());
    let explanation = explanation.filter(|_| !refused);
    out.text("role", "assistant");
    // Clients read the first part without asking whether there is one.
    if calls.is_empty() || !said.is_empty() {
        out.array("content", |list| {
            said.iter().for_each(|part| write_part(&part.body, list));
            if said.is_empty() || explanation.is_some() {
                write_part(&Body::Text(explanation.unwrap_or_default().into()), list);
            }
        });
    }
    if !calls.is_empty() {
        out.array("tool_calls", |list| {
            calls.iter().for_each(|call| write_call(&call.body, list));
        });
    }
}

fn write_part(body: &Body<'_>, list: &mut Array<'_>) {
    match body {
        Body::Text(text) | Body::Refusal(text) => list.object(|item| {
            item.text("type", "text");
            item.text("text", text);
        }),
        Body::Thinking { text, signature } => list.object(|item| {
            item.text("type", "thinking");
            item.text("thinking", text);
            if let Some(signature) = signature.as_deref().filter(|text| !text.is_empty()) {
                item.text("signature", &carrier::encrypted(signature));
            }
        }),
        Body::RedactedThinking { data } => list.object(|item| {
            item.text("type", "thinking");
            item.text("thinking", "");
            item.text("signature", &carrier::encrypted_redacted(data));
        }),
        // A model does not answer with these, and calls stand elsewhere.
        Body::Image { .. }
        | Body::Document { .. }
        | Body::ToolResult { .. }
        | Body::ToolCall { .. } => {}
    }
}

pub(super) fn write_usage(counts: &Usage, out: &mut Object<'_>) {
    out.object("usage", |out| usage::write_cohere(counts, out));
}

/// The members of an error answer, with the code that every error of the house has.
pub(crate) fn write_error(refusal: &Refusal, request_id: &str, out: &mut Object<'_>) {
    out.text("id", request_id);
    out.text("message", &refusal.message);
    out.text("code", &refusal.code);
    if let Some(param) = &refusal.param {
        out.text("param", param);
    }
}

/// The event that ends a stream with an error.
pub(crate) fn write_failure(refusal: &Refusal, request_id: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: message-end\ndata: ");
    write::object(out, |root| {
        root.text("type", "message-end");
        root.text("id", request_id);
        root.object("delta", |delta| {
            delta.text("finish_reason", "ERROR");
            delta.text("error", &refusal.message);
            delta.text("code", &refusal.code);
        });
    });
    out.extend_from_slice(b"\n\n");
}
