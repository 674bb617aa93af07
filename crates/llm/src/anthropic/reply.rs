//! Reading and writing a whole Messages answer.

use super::{
    blocks::{input, tool_id},
    content::{arguments, read_thinking_block},
};
use crate::{
    BadAnswer, Format, Show, Stop,
    conversation::{Body, Losses, Part, Response, Stopped},
    json::{self, Fields, Raw},
    upstream, usage,
    write::{self, Array, Object},
};

pub(crate) fn stop_of(reason: &str) -> Stop {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "tool_use" => Stop::ToolUse,
        "stop_sequence" => Stop::StopSequence,
        "refusal" => Stop::Refusal,
        "pause_turn" => Stop::Pause,
        _ => Stop::End,
    }
}

pub(crate) const fn stop_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::ToolUse => "tool_use",
        Stop::StopSequence => "stop_sequence",
        Stop::Refusal => "refusal",
        Stop::Pause => "pause_turn",
    }
}

/// Reads `stop_reason`, `stop_sequence` and `stop_details`, which an answer and `message_delta` share.
pub(crate) fn read_stop<'a>(fields: &mut Fields<'a>) -> Option<Stopped<'a>> {
    let kind = stop_of(&fields.take_text("stop_reason")?);
    let details = fields.take("stop_details").and_then(Fields::lenient);
    Some(Stopped {
        kind,
        sequence: fields.take_text("stop_sequence"),
        explanation: details.and_then(|mut details| details.take_text("explanation")),
    })
}

/// Writes `stop_reason`, `stop_sequence` and, for a refusal, `stop_details`.
pub(crate) fn write_stop(stop: Option<&Stopped<'_>>, out: &mut Object<'_>) {
    out.text_or_null("stop_reason", stop.map(|stop| stop_reason(stop.kind)));
    out.text_or_null("stop_sequence", stop.and_then(|stop| stop.sequence.as_deref()));
    if let Some(stop) = stop.filter(|stop| stop.kind == Stop::Refusal) {
        out.object("stop_details", |details| {
            details.text("type", "refusal");
            details.null("category");
            details.text_or_null("explanation", stop.explanation.as_deref());
        });
    }
}

pub(crate) fn read_response(raw: Raw<'_>) -> Result<Response<'_>, BadAnswer> {
    let mut fields = Fields::lenient(raw).ok_or(BadAnswer::Malformed)?;
    if let Some(raw) = fields.take("error") {
        return Err(BadAnswer::Upstream(upstream::reduce(None, raw)));
    }
    let content = fields.take("content").and_then(json::array).ok_or(BadAnswer::Malformed)?;
    let mut losses = Losses::of(Format::AnthropicMessages);
    let mut parts: Vec<Part<'_>> = Vec::new();
    for raw in content {
        match Fields::lenient(raw).and_then(|fields| block(raw, fields, &mut losses)) {
            Some(body) => parts.push(body.into()),
            None => losses.add_name("content[].type"),
        }
    }
    Ok(Response {
        id: fields.take_text("id").unwrap_or_default(),
        model: fields.take_text("model").unwrap_or_default(),
        created: None,
        stop: read_stop(&mut fields),
        usage: fields.take("usage").and_then(usage::anthropic),
        parts,
        losses,
    })
}

fn block<'a>(raw: Raw<'a>, mut fields: Fields<'a>, losses: &mut Losses) -> Option<Body<'a>> {
    match &*fields.take_text("type")? {
        "text" => {
            if fields.take("citations").is_some() {
                losses.add_name("content[].citations");
            }
            Some(Body::Text(fields.take_text("text")?))
        }
        "tool_use" => Some(Body::ToolCall {
            id: fields.take_text("id")?,
            name: fields.take_text("name")?,
            arguments: arguments(fields.take("input")),
        }),
        "thinking" | "redacted_thinking" => read_thinking_block(raw),
        _ => None,
    }
}

pub(crate) fn write_response(response: &Response<'_>, show: Show<'_>, out: &mut Vec<u8>) {
    write::object(out, |root| {
        root.text("id", &response.id);
        root.text("type", "message");
        root.text("role", "assistant");
        root.text("model", show.model.unwrap_or(&response.model));
        root.array("content", |list| {
            for part in &response.parts {
                write_block(&part.body, list);
            }
        });
        write_stop(response.stop.as_ref(), root);
        // The format requires counts; an estimate stands in when the provider gave none.
        let counts = response.usage.unwrap_or_else(|| domain::Usage {
            output: response.output_estimate(),
            ..domain::Usage::default()
        });
        root.object("usage", |out| usage::write_anthropic(&counts, out));
    });
}

fn write_block(body: &Body<'_>, list: &mut Array<'_>) {
    match body {
        Body::Text(text) | Body::Refusal(text) => list.object(|block| {
            block.text("type", "text");
            block.text("text", text);
        }),
        Body::Thinking { text, signature } => list.object(|block| {
            block.text("type", "thinking");
            block.text("thinking", text);
            block.text("signature", signature.as_deref().unwrap_or_default());
        }),
        Body::RedactedThinking { data } => list.object(|block| {
            block.text("type", "redacted_thinking");
            block.text("data", data);
        }),
        Body::ToolCall { id, name, arguments } => list.object(|block| {
            block.text("type", "tool_use");
            block.text("id", &tool_id(id));
            block.text("name", name);
            block.raw("input", &input(arguments));
        }),
        // A model does not answer with these.
        Body::Image { .. } | Body::Document { .. } | Body::ToolResult { .. } => {}
    }
}
