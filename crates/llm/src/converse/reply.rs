//! Reading a whole Converse answer.

use crate::{
    BadAnswer, Format, Stop,
    anthropic::arguments,
    conversation::{Body, Losses, Part, Response, Stopped},
    json::{self, Fields, Raw},
    usage,
};

pub(super) fn stop_of(reason: &str) -> Stop {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "tool_use" => Stop::ToolUse,
        "stop_sequence" => Stop::StopSequence,
        "guardrail_intervened" | "content_filtered" | "refusal" => Stop::Refusal,
        _ => Stop::End,
    }
}

pub(crate) fn read_response(raw: Raw<'_>) -> Result<Response<'_>, BadAnswer> {
    let mut fields = Fields::lenient(raw).ok_or(BadAnswer::Malformed)?;
    let message = fields.take("output").and_then(Fields::lenient);
    let message = message.and_then(|mut output| output.take("message")).and_then(Fields::lenient);
    let content = message.and_then(|mut message| message.take("content")).and_then(json::array);
    let mut losses = Losses::of(Format::BedrockConverse);
    let mut parts: Vec<Part<'_>> = Vec::new();
    for raw in content.ok_or(BadAnswer::Malformed)? {
        match Fields::lenient(raw).and_then(block) {
            Some(body) => parts.push(body.into()),
            None => losses.add_name("output.message.content[]"),
        }
    }
    let reason = fields.take_text("stopReason");
    Ok(Response {
        // The format has neither; who called knows the model, and stands in with an id.
        id: "".into(),
        model: "".into(),
        created: None,
        stop: reason.map(|reason| Stopped {
            kind: stop_of(&reason),
            sequence: None,
            explanation: None,
        }),
        usage: fields.take("usage").and_then(usage::converse),
        parts,
        losses,
    })
}

fn block(mut fields: Fields<'_>) -> Option<Body<'_>> {
    if let Some(text) = fields.take_text("text") {
        return Some(Body::Text(text));
    }
    if let Some(raw) = fields.take("toolUse") {
        let mut call = Fields::lenient(raw)?;
        return Some(Body::ToolCall {
            id: call.take_text("toolUseId")?,
            name: call.take_text("name")?,
            arguments: arguments(call.take("input")),
        });
    }
    let mut thought = fields.take("reasoningContent").and_then(Fields::lenient)?;
    if let Some(data) = thought.take_text("redactedContent") {
        return Some(Body::RedactedThinking { data });
    }
    let mut said = thought.take("reasoningText").and_then(Fields::lenient)?;
    Some(Body::Thinking {
        text: said.take_text("text").unwrap_or_default(),
        signature: said.take_text("signature").filter(|signature| !signature.is_empty()),
    })
}
