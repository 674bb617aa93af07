//! Reading the items of a Responses request into turns.
//!
//! What the assistant did is one item each here and one turn in the other formats, so its items in a row
//! become one turn.

use std::borrow::Cow;

use super::{content::parts, keep::reference, reply::reasoning_text};
use crate::{
    BadRequest, carrier,
    conversation::{Body, Losses, Part, Role, Turn},
    demand::{list, members, string},
    json::{self, Fields, Path, Raw},
    write,
};

/// Appends the turns of `input`: a string, or items.
pub(super) fn turns<'a>(
    raw: Raw<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
    turns: &mut Vec<Turn<'a>>,
) -> Result<(), BadRequest> {
    if let Some(text) = json::text(raw) {
        turns.push(Turn { role: Role::User, parts: vec![Body::Text(text).into()] });
        return Ok(());
    }
    for (index, item) in list(raw, path)?.into_iter().enumerate() {
        let Some((role, mut parts)) = item_of(item, &path.index(index), losses)? else { continue };
        match turns.last_mut() {
            Some(last) if role == Role::Assistant && last.role == role => {
                last.parts.append(&mut parts);
            }
            _ => turns.push(Turn { role, parts }),
        }
    }
    Ok(())
}

type Said<'a> = Option<(Role, Vec<Part<'a>>)>;

fn item_of<'a>(raw: Raw<'a>, path: &Path<'_>, losses: &mut Losses) -> Result<Said<'a>, BadRequest> {
    let mut fields = members(raw, path)?;
    let kind = fields.take_text("type");
    for name in ["id", "status"] {
        fields.take(name);
    }
    let said = match kind.as_deref() {
        None | Some("message") => message(&mut fields, path, losses)?,
        Some("item_reference") => return Err(reference(path)),
        Some("reasoning") => return Ok(reasoning(raw, fields, path, losses)),
        Some("function_call") => {
            let body = Body::ToolCall {
                id: string(&mut fields, "call_id", path)?,
                name: string(&mut fields, "name", path)?,
                arguments: fields.take_text("arguments").unwrap_or_default(),
            };
            (Role::Assistant, vec![body.into()])
        }
        Some("custom_tool_call") => {
            losses.add(&path.key("type"));
            let body = Body::ToolCall {
                id: string(&mut fields, "call_id", path)?,
                name: string(&mut fields, "name", path)?,
                arguments: wrapped(&string(&mut fields, "input", path)?),
            };
            (Role::Assistant, vec![body.into()])
        }
        Some("function_call_output" | "custom_tool_call_output") => {
            let id = string(&mut fields, "call_id", path)?;
            let inner = path.key("output");
            let missing = || BadRequest::at(inner, "A string or an array is required here.");
            let output = fields.take("output").ok_or_else(missing)?;
            let parts = parts(output, &inner, losses)?;
            (Role::User, vec![Body::ToolResult { id, parts, failed: false }.into()])
        }
        Some("compaction" | "compaction_trigger") => {
            // What it stands for would be missing from the question.
            let why =
                "A compacted conversation can only be read by the provider that compacted it.";
            return Err(BadRequest::unsupported(path, why));
        }
        Some(_) => {
            // What a tool of the provider did: nobody else can read it.
            losses.add(&path.key("type"));
            return Ok(None);
        }
    };
    losses.rest(path, fields.rest());
    Ok(Some(said))
}

fn message<'a>(
    fields: &mut Fields<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Result<(Role, Vec<Part<'a>>), BadRequest> {
    let inner = path.key("content");
    let (role, content) = match (fields.take_text("role").as_deref(), fields.take("content")) {
        // The short form of an item that is stored has neither a type nor anything else.
        (None, None) => return Err(reference(path)),
        (_, None) => return Err(BadRequest::at(inner, "Content is required here.")),
        (Some("system" | "developer"), Some(content)) => (Role::System, content),
        (Some("user"), Some(content)) => (Role::User, content),
        (Some("assistant"), Some(content)) => (Role::Assistant, content),
        _ => return Err(BadRequest::at(path.key("role"), "This role is not known.")),
    };
    Ok((role, parts(content, &inner, losses)?))
}

/// Thinking of another family that travelled here, or the provider's own, which only it can read.
fn reasoning<'a>(
    raw: Raw<'a>,
    mut fields: Fields<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Said<'a> {
    let content = fields.take_text("encrypted_content");
    let text = reasoning_text(&mut fields);
    let body = match content.filter(|content| carrier::is_sealed(content)) {
        Some(content) => carrier::decrypted(&content, text),
        None => {
            let signature = Some(Cow::Owned(carrier::seal_item(raw)));
            Some(Body::Thinking { text, signature })
        }
    };
    if body.is_none() {
        losses.add(&path.key("encrypted_content"));
    }
    Some((Role::Assistant, vec![body?.into()]))
}

/// The free text of a custom tool as the arguments of a function.
fn wrapped<'a>(input: &str) -> Cow<'a, str> {
    let mut out = Vec::with_capacity(input.len() + 12);
    write::object(&mut out, |out| out.text("input", input));
    String::from_utf8(out).unwrap_or_default().into()
}
