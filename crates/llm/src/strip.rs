//! Taking another provider's thinking out of a request that otherwise passes through as it is.
//!
//! A conversation may move from one provider to another between two turns. What the first one signed means
//! nothing to the second, and a strict one refuses the request that holds it.

use memchr::memmem;

use crate::{
    Format,
    carrier::{self, Details},
    edit::{Edits, span},
    json::{self, Fields, Raw},
    write::{self, Object},
};

/// Adds the edits that remove it, and names what was removed. Almost every request is done after one search.
pub(crate) fn foreign_thinking(
    format: Format,
    body: &[u8],
    edits: &mut Edits,
) -> Option<&'static str> {
    // Without the slash, which some writers of JSON escape.
    let (mark, name) = match format {
        Format::OpenAiChat => ("anthropic-v1", "messages[].reasoning_details"),
        Format::AnthropicMessages => ("probity.openai.v1", "messages[].content[].thinking"),
    };
    memmem::find(body, mark.as_bytes())?;
    let mut root = Fields::lenient(json::document(body)?)?;
    let mut found = false;
    for message in json::array(root.take("messages")?)? {
        let edited = match format {
            Format::OpenAiChat => without_details(message).zip(span(body, message)),
            Format::AnthropicMessages => without_blocks(body, message),
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
    if !details.0.iter().any(|detail| detail.format.as_deref() == Some(carrier::TAG)) {
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
    let blocks = json::array(content)?;
    let kept: Vec<&str> =
        blocks.iter().filter(|block| !is_sealed(block)).map(|block| block.get()).collect();
    if kept.len() == blocks.len() {
        return None;
    }
    Some((format!("[{}]", kept.join(",")).into_bytes(), span(body, content)?))
}

fn is_sealed(block: Raw<'_>) -> bool {
    Fields::lenient(block)
        .and_then(|mut fields| fields.take_text("signature"))
        .is_some_and(|signature| signature.starts_with(carrier::SEAL))
}
