//! Reading and writing a whole Chat Completions answer.

use std::borrow::Cow;

use crate::{
    BadAnswer, Format, Show, Stop,
    carrier::{self, Details},
    conversation::{Body, Losses, Part, Response, Stopped},
    json::{self, Fields, Path, Raw},
    upstream, usage,
    write::{self, Object},
};

pub(crate) fn stop_of(reason: &str) -> Stop {
    match reason {
        "length" => Stop::Length,
        "tool_calls" | "function_call" => Stop::ToolUse,
        "content_filter" => Stop::Refusal,
        _ => Stop::End,
    }
}

pub(crate) const fn finish_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End | Stop::StopSequence | Stop::Pause => "stop",
        Stop::Length => "length",
        Stop::ToolUse => "tool_calls",
        Stop::Refusal => "content_filter",
    }
}

pub(crate) fn read_response(raw: Raw<'_>) -> Result<Response<'_>, BadAnswer> {
    let mut fields = Fields::lenient(raw).ok_or(BadAnswer::Malformed)?;
    if let Some(raw) = fields.take("error") {
        return Err(BadAnswer::Upstream(upstream::reduce(None, raw)));
    }
    let choices = fields.take("choices").and_then(json::array).ok_or(BadAnswer::Malformed)?;
    let first = choices.first().copied().and_then(Fields::lenient);
    let mut choice = first.ok_or(BadAnswer::Malformed)?;
    let message = choice.take("message").and_then(Fields::lenient);
    let mut message = message.ok_or(BadAnswer::Malformed)?;
    let mut losses = Losses::of(Format::OpenAiChat);
    let parts = parts(&mut message, &mut losses);
    if choice.take("logprobs").is_some() {
        losses.add_name("choices[].logprobs");
    }
    let reason = choice.take_text("finish_reason");
    let stop = stopped(reason.as_deref(), choice.take_text("stop_reason"), &parts);
    Ok(Response {
        id: fields.take_text("id").unwrap_or_default(),
        model: fields.take_text("model").unwrap_or_default(),
        created: fields.take("created").and_then(json::whole),
        usage: fields.take("usage").and_then(usage::openai),
        parts,
        stop,
        losses,
    })
}

fn stopped<'a>(
    reason: Option<&str>,
    sequence: Option<Cow<'a, str>>,
    parts: &[Part<'a>],
) -> Option<Stopped<'a>> {
    let mut kind = stop_of(reason?);
    let refused = parts.iter().find_map(|part| match &part.body {
        Body::Refusal(text) => Some(text.clone()),
        _ => None,
    });
    let called = parts.iter().any(|part| matches!(part.body, Body::ToolCall { .. }));
    match kind {
        Stop::End if refused.is_some() => kind = Stop::Refusal,
        // Some servers say `stop` after a tool call.
        Stop::End if called => kind = Stop::ToolUse,
        // vLLM says which sequence it met.
        Stop::End if sequence.is_some() => kind = Stop::StopSequence,
        _ => {}
    }
    let sequence = sequence.filter(|_| kind == Stop::StopSequence);
    Some(Stopped { kind, sequence, explanation: refused })
}

fn parts<'a>(message: &mut Fields<'a>, losses: &mut Losses) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    parts.extend(reasoning(message).map(Part::from));
    if let Some(content) = message.take("content") {
        if let Some(text) = json::text(content) {
            if !text.is_empty() {
                parts.push(Body::Text(text).into());
            }
        } else {
            parts.extend(content_parts(content, losses));
        }
    }
    if let Some(refusal) = message.take_text("refusal").filter(|text| !text.is_empty()) {
        parts.push(Body::Refusal(refusal).into());
    }
    let calls = message.take("tool_calls").and_then(json::array).unwrap_or_default();
    for (index, raw) in calls.into_iter().enumerate() {
        match Fields::lenient(raw).and_then(|call| tool_call(call, index)) {
            Some(body) => parts.push(body.into()),
            None => losses.add_name("choices[].message.tool_calls[]"),
        }
    }
    message.take("role");
    let root = Path::Root;
    losses.rest(&root.key("choices").index(0).key("message"), message.rest());
    parts
}

/// Mistral and others answer with parts.
fn content_parts<'a>(raw: Raw<'a>, losses: &mut Losses) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    for item in json::array(raw).unwrap_or_default() {
        let text = Fields::lenient(item).and_then(|mut part| part.take_text("text"));
        match text {
            Some(text) => parts.push(Body::Text(text).into()),
            None => losses.add_name("choices[].message.content[]"),
        }
    }
    parts
}

fn tool_call(mut call: Fields<'_>, index: usize) -> Option<Body<'_>> {
    let mut function = Fields::lenient(call.take("function")?)?;
    let id = call.take_text("id").filter(|id| !id.is_empty());
    Some(Body::ToolCall {
        id: id.unwrap_or_else(|| format!("call_{index}").into()),
        name: function.take_text("name")?,
        arguments: match function.take("arguments") {
            // Ollama's older versions give the object itself.
            Some(raw) => json::text(raw).unwrap_or_else(|| raw.get().into()),
            None => Cow::Borrowed(""),
        },
    })
}

/// The provider's reasoning, under a seal that brings it back to the same kind of provider.
fn reasoning<'a>(message: &mut Fields<'a>) -> Option<Body<'a>> {
    let details = message.take("reasoning_details").map(Details::read).unwrap_or_default();
    let plain = message.take_text("reasoning_content").filter(|text| !text.is_empty());
    let (field, text) = match plain {
        Some(text) => ("reasoning_content", text),
        None => ("reasoning", message.take_text("reasoning").unwrap_or_default()),
    };
    message.take("reasoning");
    if text.is_empty() && details.0.is_empty() {
        return None;
    }
    let signature = Some(carrier::seal(field, &details).into());
    Some(Body::Thinking { text, signature })
}

pub(crate) fn write_response(response: &Response<'_>, show: Show<'_>, out: &mut Vec<u8>) {
    write::object(out, |root| {
        root.text("id", &response.id);
        root.text("object", "chat.completion");
        root.number("created", response.created.unwrap_or(show.created));
        root.text("model", show.model.unwrap_or(&response.model));
        root.array("choices", |list| list.object(|choice| write_choice(response, choice)));
        if let Some(counts) = &response.usage {
            root.object("usage", |out| usage::write_openai(counts, out));
        }
    });
}

fn write_choice(response: &Response<'_>, out: &mut Object<'_>) {
    out.number("index", 0);
    out.object("message", |message| write_message(response, message));
    out.null("logprobs");
    let stop = response.stop.as_ref();
    out.text("finish_reason", finish_reason(stop.map_or(Stop::End, |stop| stop.kind)));
    if let Some(sequence) = stop.and_then(|stop| stop.sequence.as_deref()) {
        // vLLM's name for it; the format itself does not say which sequence was met.
        out.text("stop_reason", sequence);
    }
}

fn write_message(response: &Response<'_>, out: &mut Object<'_>) {
    let mut said: Option<String> = None;
    let mut thought = String::new();
    let mut place = Place::default();
    let mut details = Vec::new();
    for part in &response.parts {
        match &part.body {
            Body::Text(text) => {
                said.get_or_insert_default().push_str(text);
                place.text = true;
            }
            Body::ToolCall { .. } => place.calls += 1,
            body @ (Body::Thinking { .. } | Body::RedactedThinking { .. }) => {
                if let Body::Thinking { text, .. } = body {
                    thought.push_str(text);
                }
                details.extend(carrier::detail_of(body, place.thoughts, place.position()));
                place.thoughts += 1;
            }
            _ => {}
        }
    }
    out.text("role", "assistant");
    out.text_or_null("content", said.as_deref());
    let explanation = response.stop.as_ref().and_then(|stop| stop.explanation.as_deref());
    out.text_or_null("refusal", explanation);
    if !thought.is_empty() {
        out.text("reasoning_content", &thought);
    }
    if !details.is_empty() {
        out.array("reasoning_details", |list| {
            for detail in &details {
                list.object(|item| detail.write(item));
            }
        });
    }
    if place.calls > 0 {
        out.array("tool_calls", |list| {
            for part in &response.parts {
                let Body::ToolCall { id, name, arguments } = &part.body else { continue };
                list.object(|call| {
                    call.text("id", id);
                    call.text("type", "function");
                    call.object("function", |function| {
                        function.text("name", name);
                        function.text("arguments", arguments);
                    });
                });
            }
        });
    }
}

/// Where the next part of a message will stand once the client's copy is read again: all text is one part.
#[derive(Default)]
pub(crate) struct Place {
    pub(crate) text: bool,
    pub(crate) calls: u64,
    pub(crate) thoughts: u64,
}

impl Place {
    pub(crate) const fn position(&self) -> u64 {
        self.text as u64 + self.calls + self.thoughts
    }
}
