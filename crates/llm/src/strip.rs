//! Taking another provider's thinking out of a request that otherwise passes through as it is.
//!
//! A conversation may move from one provider to another between two turns. What the first one signed means
//! nothing to the second, and a strict one refuses the request that holds it.

use memchr::memmem;

use crate::{
    Format,
    carrier::{self, Detail, Details},
    edit::{Edits, span},
    gemini,
    json::{self, Fields, Raw},
    write::{self, Object},
};

/// What begins every mark of ours.
const MARK: &[u8] = b"probity";

/// Adds the edits that remove it, and names what was removed. Almost every request is done after one search.
pub(crate) fn foreign_thinking(
    format: Format,
    body: &[u8],
    edits: &mut Edits,
) -> Option<&'static str> {
    memmem::find(body, if format == Format::Gemini { gemini::COVERED.as_bytes() } else { MARK })?;
    let (turns, name) = match format {
        Format::OpenAiChat => ("messages", "messages[].reasoning_details"),
        Format::AnthropicMessages | Format::Cohere => ("messages", "messages[].content[].thinking"),
        Format::OpenAiResponses => ("input", "input[].encrypted_content"),
        Format::Gemini => ("contents", "contents[].parts[].thoughtSignature"),
        Format::BedrockConverse | Format::Watsonx => return None,
    };
    let turns = Fields::lenient(json::document(body)?)?.take(turns)?;
    if format == Format::OpenAiResponses {
        edits
            .replace(span(body, turns)?, without(turns, |item| sealed(item, "encrypted_content"))?);
        return Some(name);
    }
    let mut found = false;
    for message in json::array(turns)? {
        let edited = match format {
            Format::OpenAiChat => without_details(message).zip(span(body, message)),
            Format::Gemini => without_thoughts(body, message),
            _ => without_blocks(body, message),
        };
        if let Some((text, range)) = edited {
            edits.replace(range, text);
            found = true;
        }
    }
    found.then_some(name)
}

/// The message without the members that carry Anthropic's thinking; `None` when there is none.
fn without_details(message: Raw<'_>) -> Option<Vec<u8>> {
    let mut fields = Fields::lenient(message)?;
    let details = Details::read(fields.take("reasoning_details")?);
    let ours = |detail: &Detail<'_>| {
        matches!(
            detail.format.as_deref(),
            Some(carrier::TAG | carrier::ITEM_TAG | carrier::GEMINI_TAG | carrier::COHERE_TAG)
        )
    };
    if !details.0.iter().any(ours) {
        return None;
    }
    for copy in ["reasoning_content", "reasoning"] {
        fields.take(copy);
    }
    let mut out = Vec::with_capacity(message.get().len());
    write::object(&mut out, |object: &mut Object<'_>| {
        for (name, value) in fields.entries() {
            object.raw(name, value.get());
        }
    });
    Some(out)
}

/// The content of the message without the blocks that carry an OpenAI-format provider's reasoning.
fn without_blocks(body: &[u8], message: Raw<'_>) -> Option<(Vec<u8>, std::ops::Range<usize>)> {
    let content = Fields::lenient(message)?.take("content")?;
    let kept = without(content, |block| sealed(block, "signature"))?;
    Some((kept, span(body, content)?))
}

/// The parts of the content without the thoughts that carry another provider's; never none at all.
fn without_thoughts(body: &[u8], content: Raw<'_>) -> Option<(Vec<u8>, std::ops::Range<usize>)> {
    let parts = Fields::lenient(content)?.take("parts")?;
    let kept = without(parts, gemini::is_covered)?;
    Some((if kept == b"[]" { b"[{\"text\":\"\"}]".to_vec() } else { kept }, span(body, parts)?))
}

fn sealed(entry: Raw<'_>, mark: &str) -> bool {
    Fields::lenient(entry)
        .and_then(|mut fields| fields.take_text(mark))
        .is_some_and(|text| carrier::is_sealed(&text))
}

/// The list without the entries that are ours; `None` when there is none.
fn without(list: Raw<'_>, ours: impl Fn(Raw<'_>) -> bool) -> Option<Vec<u8>> {
    let entries = json::array(list)?;
    let kept: Vec<&str> =
        entries.iter().filter(|entry| !ours(entry)).map(|entry| entry.get()).collect();
    (kept.len() < entries.len()).then(|| format!("[{}]", kept.join(",")).into_bytes())
}
