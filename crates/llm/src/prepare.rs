//! From a client's request to a provider's.

use std::borrow::Cow;

use bytes::Bytes;

use crate::{
    BadRequest, Format, Head, Quirks, anthropic, cohere, converse, edit::Edits, gemini,
    head::Options, json, openai, responses, strip, watsonx,
};

/// A request in the provider's format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    pub body: Bytes,
    /// Field patterns that the provider's format cannot carry, such as `logprobs`; never values.
    pub dropped: Vec<String>,
    /// Path and query, relative to the provider's base URL.
    pub path: Cow<'static, str>,
    /// Headers that the provider's format needs, apart from its credential.
    pub headers: &'static [(&'static str, &'static str)],
    /// Client headers that may be passed on, overriding [`Self::headers`].
    pub forwarded: &'static [&'static str],
}

/// Puts a request into the provider's format, addressed to `target_model`.
///
/// When the formats match, the body stays byte for byte but for the model's name, for Chat streams
/// `stream_options.include_usage`, which metering needs, and for Responses `store`, which must be false. `head` must be the one read from `body`.
///
/// # Errors
/// When the request cannot be said in the provider's format; see `docs` of the crate for what is refused
/// and what is only listed in [`Prepared::dropped`].
pub fn prepare(
    inbound: Format,
    outbound: Format,
    body: &Bytes,
    head: &Head,
    target_model: &str,
    quirks: &Quirks,
) -> Result<Prepared, BadRequest> {
    let (body, dropped) = if inbound == outbound && outbound.is_of_clients() {
        same(inbound, body, head, target_model, quirks)
    } else {
        translate(inbound, outbound, &unwished(body, head), head, (target_model, quirks))?
    };
    Ok(Prepared {
        body,
        dropped,
        path: outbound.path(target_model, head.stream),
        headers: outbound.headers(),
        forwarded: if inbound == outbound { outbound.forwarded_headers() } else { &[] },
    })
}

/// The request without its wishes, which are met by whoever chose the provider.
fn unwished(body: &Bytes, head: &Head) -> Bytes {
    let mut edits = Edits::default();
    if let Some(member) = &head.spots.wishes {
        edits.replace(member.clone(), *b"");
    }
    edits.apply(body)
}

const USAGE_OPTION: &[u8] = b"\"stream_options\":{\"include_usage\":true}";

fn same(
    format: Format,
    body: &Bytes,
    head: &Head,
    target: &str,
    quirks: &Quirks,
) -> (Bytes, Vec<String>) {
    let mut edits = Edits::default();
    let mut dropped = Vec::new();
    if !quirks.foreign_thinking {
        dropped.extend(strip::foreign_thinking(format, body, &mut edits).map(str::to_owned));
    }
    // One format names the model in its path; where it stands in the body too, it stands as a resource.
    if format == Format::Gemini {
        if !head.spots.model.is_empty() {
            edits.replace_text(head.spots.model.clone(), &format!("models/{target}"));
        }
    } else if head.model != target {
        edits.replace_text(head.spots.model.clone(), target);
    }
    if let Some(member) = head.spots.wishes.as_ref().filter(|_| !quirks.provider_object) {
        edits.replace(member.clone(), *b"");
    }
    if format == Format::OpenAiResponses {
        let encrypted = quirks.encrypted_reasoning;
        responses::keep_nothing(&head.spots.keeping, head.spots.end, encrypted, &mut edits);
    }
    let wants_usage =
        format == Format::OpenAiChat && head.stream && !head.include_usage && quirks.stream_usage;
    if wants_usage {
        match &head.spots.options {
            Options::Absent => {
                let mut member = Vec::with_capacity(USAGE_OPTION.len() + 1);
                member.push(b',');
                member.extend_from_slice(USAGE_OPTION);
                edits.replace(head.spots.end..head.spots.end, member);
            }
            Options::Null(range) => edits.replace(range.clone(), *b"{\"include_usage\":true}"),
            Options::Object { include_usage: Some(range), .. } => {
                edits.replace(range.clone(), *b"true");
            }
            Options::Object { range, empty, include_usage: None } => {
                let inside = range.start + 1;
                let member: &[u8] =
                    if *empty { b"\"include_usage\":true" } else { b"\"include_usage\":true," };
                edits.replace(inside..inside, member);
            }
        }
    }
    (edits.apply(body), dropped)
}

fn translate(
    inbound: Format,
    outbound: Format,
    body: &Bytes,
    head: &Head,
    (target, quirks): (&str, &Quirks),
) -> Result<(Bytes, Vec<String>), BadRequest> {
    let document = json::document(body)
        .ok_or_else(|| BadRequest::new("invalid_json", "The request body is not valid JSON."))?;
    let (request, losses) = match inbound {
        Format::OpenAiChat => openai::read_request(document)?,
        Format::AnthropicMessages => anthropic::read_request(document)?,
        Format::OpenAiResponses => responses::read_request(document)?,
        Format::Gemini => gemini::read_request(document, head.stream)?,
        Format::Cohere => cohere::read_request(document)?,
        Format::BedrockConverse | Format::Watsonx => {
            return Err(BadRequest::unsupported("", "No client speaks this format here."));
        }
    };
    let mut out = Vec::with_capacity(body.len() + 256);
    let losses = match outbound {
        Format::OpenAiChat => openai::write_request(&request, losses, target, quirks, &mut out)?,
        Format::AnthropicMessages => {
            anthropic::write_request(request, losses, target, quirks, &mut out)?
        }
        Format::OpenAiResponses => {
            responses::write_request(&request, losses, target, quirks, &mut out)?
        }
        Format::Gemini => gemini::write_request(request, losses, quirks, &mut out)?,
        Format::BedrockConverse => {
            converse::write_request(request, losses, target, quirks, &mut out)?
        }
        Format::Cohere => cohere::write_request(&request, losses, target, quirks, &mut out)?,
        Format::Watsonx => watsonx::write_request(request, losses, target, quirks, &mut out)?,
    };
    Ok((out.into(), losses.into_list()))
}
