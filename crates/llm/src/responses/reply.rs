//! Reading and writing a whole Responses answer.

use std::borrow::Cow;

use super::{
    item::{Said, items_of, say, write_items},
    shell::{Shell, Status, response_id},
};
use crate::{
    BadAnswer, Format, Show, Stop, carrier,
    conversation::{Body, Losses, Part, Response, Stopped},
    json::{self, Fields, Raw},
    upstream, usage, write,
};

/// How an answer ended: its `status`, and the reason in `incomplete_details`.
pub(crate) struct Ended<'a> {
    status: Option<Cow<'a, str>>,
    reason: Option<Cow<'a, str>>,
}

impl<'a> Ended<'a> {
    pub(crate) fn of(status: Option<Raw<'a>>, details: Option<Raw<'a>>) -> Self {
        let details = details.and_then(Fields::lenient);
        Self {
            status: status.and_then(json::text),
            reason: details.and_then(|mut details| details.take_text("reason")),
        }
    }

    pub(super) fn take(fields: &mut Fields<'a>) -> Self {
        Self::of(fields.take("status"), fields.take("incomplete_details"))
    }

    /// `calls` when it calls one of the client's tools.
    pub(crate) fn stop(&self, calls: bool) -> Option<Stop> {
        match (self.status.as_deref(), self.reason.as_deref()) {
            (Some("incomplete"), Some("content_filter")) => Some(Stop::Refusal),
            (Some("incomplete"), _) => Some(Stop::Length),
            (Some("completed") | None, _) if calls => Some(Stop::ToolUse),
            (Some("completed") | None, _) => Some(Stop::End),
            _ => None,
        }
    }
}

pub(crate) fn read_response(raw: Raw<'_>) -> Result<Response<'_>, BadAnswer> {
    let mut fields = Fields::lenient(raw).ok_or(BadAnswer::Malformed)?;
    if let Some(raw) = fields.take("error") {
        return Err(BadAnswer::Upstream(upstream::reduce(None, raw)));
    }
    let output = fields.take("output").and_then(json::array).ok_or(BadAnswer::Malformed)?;
    let mut losses = Losses::of(Format::OpenAiResponses);
    let mut parts = Vec::new();
    for raw in output {
        if item(raw, &mut parts, &mut losses).is_none() {
            losses.add_name("output[].type");
        }
    }
    let stop = stopped(&Ended::take(&mut fields), &parts);
    Ok(Response {
        id: fields.take_text("id").unwrap_or_default(),
        model: fields.take_text("model").unwrap_or_default(),
        created: fields.take("created_at").and_then(json::whole),
        usage: fields.take("usage").and_then(usage::responses),
        parts,
        stop,
        losses,
    })
}

fn stopped<'a>(ended: &Ended<'_>, parts: &[Part<'a>]) -> Option<Stopped<'a>> {
    let calls = parts.iter().any(|part| matches!(part.body, Body::ToolCall { .. }));
    let refused = parts.iter().find_map(|part| match &part.body {
        Body::Refusal(text) => Some(text.clone()),
        _ => None,
    });
    let kind = match ended.stop(calls)? {
        Stop::End if refused.is_some() => Stop::Refusal,
        kind => kind,
    };
    Some(Stopped { kind, sequence: None, explanation: refused })
}

/// Reads one item of `output`; `None` when it is of a kind that other formats do not have.
fn item<'a>(raw: Raw<'a>, parts: &mut Vec<Part<'a>>, losses: &mut Losses) -> Option<()> {
    let mut fields = Fields::lenient(raw)?;
    match &*fields.take_text("type")? {
        "message" => {
            for part in fields.take("content").and_then(json::array).unwrap_or_default() {
                match Fields::lenient(part).and_then(|part| said(part, losses)) {
                    Some(body) => parts.push(body.into()),
                    None => losses.add_name("output[].content[].type"),
                }
            }
        }
        "reasoning" => {
            let sealed = fields.take_text("encrypted_content").is_some();
            let text = reasoning_text(&mut fields);
            if sealed || !text.is_empty() {
                let signature = Some(carrier::seal_item(raw).into());
                parts.push(Body::Thinking { text, signature }.into());
            }
        }
        "function_call" => {
            let body = Body::ToolCall {
                id: fields.take_text("call_id")?,
                name: fields.take_text("name")?,
                arguments: fields.take_text("arguments").unwrap_or_default(),
            };
            parts.push(body.into());
        }
        _ => return None,
    }
    Some(())
}

fn said<'a>(mut part: Fields<'a>, losses: &mut Losses) -> Option<Body<'a>> {
    match &*part.take_text("type")? {
        "output_text" => {
            for (name, lost) in [
                ("annotations", "output[].content[].annotations"),
                ("logprobs", "output[].content[].logprobs"),
            ] {
                let list = part.take(name).and_then(json::array);
                if list.is_some_and(|list| !list.is_empty()) {
                    losses.add_name(lost);
                }
            }
            Some(Body::Text(part.take_text("text")?))
        }
        "refusal" => Some(Body::Refusal(part.take_text("refusal")?)),
        _ => None,
    }
}

/// What a reasoning item says in the open: its summary, or the reasoning itself where a server gives that.
pub(super) fn reasoning_text<'a>(fields: &mut Fields<'a>) -> Cow<'a, str> {
    let summary = texts(fields.take("summary"));
    let content = fields.take("content");
    if summary.is_empty() { texts(content) } else { summary }
}

fn texts(list: Option<Raw<'_>>) -> Cow<'_, str> {
    let parts = list.and_then(json::array).unwrap_or_default().into_iter();
    let mut texts = parts.filter_map(|part| Fields::lenient(part)?.take_text("text"));
    let Some(mut all) = texts.next() else { return Cow::Borrowed("") };
    for text in texts {
        let joined = all.to_mut();
        joined.push_str("\n\n");
        joined.push_str(&text);
    }
    all
}

pub(crate) fn write_response(response: &Response<'_>, show: Show<'_>, out: &mut Vec<u8>) {
    let created = response.created.unwrap_or(show.created);
    let id = response_id(&response.id, created);
    let stop = response.stop.as_ref();
    let explanation = stop.and_then(|stop| stop.explanation.as_deref());
    let mut items = items_of(response);
    let mut refused = response.parts.iter().any(|part| matches!(part.body, Body::Refusal(_)));
    if let Some(text) = explanation.filter(|_| !refused) {
        say(&mut items, Said { refusal: true, text: Cow::Borrowed(text) });
        refused = true;
    }
    let status = Status::of(stop, refused);
    let shell = Shell {
        id: &id,
        model: show.model.unwrap_or(&response.model),
        created,
        status,
        usage: response.usage.as_ref(),
    };
    write::object(out, |root| {
        shell.write(root, |list| write_items(&items, &id, status.cut(), list));
    });
}

/// Whether some item of `output` calls one of the client's tools, and how many bytes the items say.
pub(crate) fn measure(output: Raw<'_>) -> Result<(bool, u64), BadAnswer> {
    let (mut calls, mut bytes) = (false, 0);
    for item in json::array(output).ok_or(BadAnswer::Malformed)? {
        let Some(mut item) = Fields::lenient(item) else { continue };
        let kind = item.take_text("type");
        calls |= matches!(kind.as_deref(), Some("function_call" | "custom_tool_call"));
        for name in ["content", "summary", "name", "arguments", "input"] {
            bytes += item.take(name).map_or(0, |raw| raw.get().len() as u64);
        }
    }
    Ok((calls, bytes))
}
