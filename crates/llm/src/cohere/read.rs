//! Reading a Cohere chat request.

use std::borrow::Cow;

use super::content::{Messages, document_text};
use crate::{
    BadRequest, Format,
    conversation::{Body, Choice, Losses, Output, Part, Request, Role, Thinking, Tool, Turn},
    demand::{list, members, number, string},
    json::{self, Fields, Path, Raw, Shape},
};

/// Members with the values that change nothing; any other value is a loss.
const NEUTRAL: &[(&str, &[&str])] = &[
    ("frequency_penalty", &["0", "0.0"]),
    ("presence_penalty", &["0", "0.0"]),
    ("logprobs", &["false"]),
    ("priority", &["0"]),
    // Nobody else puts instructions of that kind before a prompt.
    ("safety_mode", &["\"CONTEXTUAL\"", "\"OFF\"", "\"NONE\""]),
    ("raw_prompting", &["false"]),
];

pub(crate) fn read_request(raw: Raw<'_>) -> Result<(Request<'_>, Losses), BadRequest> {
    let root = Path::Root;
    let mut fields = members(raw, &root)?;
    fields.take("model");
    let mut losses = Losses::of(Format::Cohere);
    losses.neutral(&mut fields, NEUTRAL);
    let documents = documents(&mut fields)?;
    let mut turns = messages(&mut fields, &mut losses)?;
    citations(&mut fields, !documents.is_empty(), &mut losses);
    ground(&mut turns, documents);
    let tools = tools(&mut fields, &mut losses)?;
    let choice = choice(&mut fields)?.filter(|_| !tools.is_empty());
    let request = Request {
        stream: fields.take("stream").and_then(json::boolean).unwrap_or(false),
        choices: 1,
        turns,
        tools,
        choice,
        parallel: None,
        output: output(&mut fields, &mut losses)?,
        max_output: fields.take("max_tokens").and_then(json::whole),
        temperature: number(&mut fields, "temperature")?,
        top_p: number(&mut fields, "p")?,
        // Nought turns it off.
        top_k: number(&mut fields, "k")?.filter(|raw| json::whole(raw) != Some(0)),
        stop: stop(&mut fields)?,
        effort: None,
        thinking: thinking(&mut fields, &mut losses)?,
        user: None,
        identifier: None,
        shared: Vec::new(),
        verbosity: None,
        summary: None,
        cache: None,
    };
    losses.rest(&root, fields.rest());
    Ok((request, losses))
}

fn messages<'a>(fields: &mut Fields<'a>, losses: &mut Losses) -> Result<Vec<Turn<'a>>, BadRequest> {
    let root = Path::Root;
    let path = root.key("messages");
    let missing = || BadRequest::at(path, "An array is required here.");
    let raw = fields.take("messages").ok_or_else(missing)?;
    let mut messages = Messages { losses };
    let items = list(raw, &path)?.into_iter().enumerate();
    items.map(|(index, item)| messages.turn(item, &path.index(index))).collect()
}

/// The documents that the answer is to rest on, each as a text.
fn documents<'a>(fields: &mut Fields<'a>) -> Result<Vec<Cow<'a, str>>, BadRequest> {
    let Some(raw) = fields.take("documents") else { return Ok(Vec::new()) };
    let root = Path::Root;
    let path = root.key("documents");
    let items = list(raw, &path)?.into_iter().enumerate();
    items
        .map(|(index, item)| match json::text(item) {
            Some(text) => Ok(text),
            None => document_text(item, &path.index(index)),
        })
        .collect()
}

/// Nobody else says which words of an answer rest on what.
fn citations(fields: &mut Fields<'_>, grounded: bool, losses: &mut Losses) {
    let options = fields.take("citation_options").and_then(Fields::lenient);
    let said = options.is_some();
    let mode = options.and_then(|mut options| options.take_text("mode"));
    let off = matches!(mode.as_deref(), Some("OFF" | "DISABLED"));
    if !off && (said || grounded) {
        losses.add_name("citation_options");
    }
}

/// Documents stand before the question that they are for.
fn ground<'a>(turns: &mut Vec<Turn<'a>>, documents: Vec<Cow<'a, str>>) {
    if documents.is_empty() {
        return;
    }
    let one = |(at, text): (usize, Cow<'a, str>)| -> Part<'a> {
        Body::Text(format!("Document {}:\n{text}\n\n", at + 1).into()).into()
    };
    let parts = documents.into_iter().enumerate().map(one);
    let asks = |turn: &&mut Turn<'a>| {
        turn.role == Role::User
            && !turn.parts.iter().any(|part| matches!(part.body, Body::ToolResult { .. }))
    };
    match turns.iter_mut().rev().find(asks) {
        Some(turn) => drop(turn.parts.splice(0..0, parts)),
        None => turns.push(Turn { role: Role::User, parts: parts.collect() }),
    }
}

fn tools<'a>(fields: &mut Fields<'a>, losses: &mut Losses) -> Result<Vec<Tool<'a>>, BadRequest> {
    let strict = fields.take("strict_tools").and_then(json::boolean) == Some(true);
    let Some(raw) = fields.take("tools") else { return Ok(Vec::new()) };
    let root = Path::Root;
    let path = root.key("tools");
    let mut tools = Vec::new();
    for (index, item) in list(raw, &path)?.into_iter().enumerate() {
        let path = path.index(index);
        let mut tool = members(item, &path)?;
        if tool.take_text("type").is_some_and(|kind| kind != "function") {
            let why = "Only function tools can be translated for this model.";
            return Err(BadRequest::unsupported(path.key("type"), why));
        }
        let inner = path.key("function");
        let required = || BadRequest::at(inner, "An object is required here.");
        let mut function = members(tool.take("function").ok_or_else(required)?, &inner)?;
        tools.push(Tool {
            name: string(&mut function, "name", &inner)?,
            description: function.take_text("description"),
            schema: function.take("parameters").map(Cow::Borrowed),
            strict: strict.then_some(true),
            cache: None,
        });
        losses.rest(&path, tool.rest());
        losses.rest(&inner, function.rest());
    }
    Ok(tools)
}

fn choice<'a>(fields: &mut Fields<'a>) -> Result<Option<Choice<'a>>, BadRequest> {
    let Some(raw) = fields.take("tool_choice") else { return Ok(None) };
    match json::text(raw).as_deref() {
        Some("REQUIRED") => Ok(Some(Choice::Any)),
        Some("NONE") => Ok(Some(Choice::None)),
        _ => Err(BadRequest::at("tool_choice", "It is `REQUIRED` or `NONE`.")),
    }
}

fn output<'a>(fields: &mut Fields<'a>, losses: &mut Losses) -> Result<Output<'a>, BadRequest> {
    let Some(raw) = fields.take("response_format") else { return Ok(Output::Text) };
    let root = Path::Root;
    let path = root.key("response_format");
    let mut format = members(raw, &path)?;
    let kind = string(&mut format, "type", &path)?;
    let schema = format.take("json_schema").or(format.take("schema"));
    losses.rest(&path, format.rest());
    match (&*kind, schema) {
        ("text", None) => Ok(Output::Text),
        ("json_object", None) => Ok(Output::Json),
        ("json_object", Some(schema)) if json::shape(schema) == Shape::Object => {
            let schema = Cow::Borrowed(schema);
            Ok(Output::Schema { name: None, description: None, schema, strict: None })
        }
        ("text" | "json_object", _) => {
            Err(BadRequest::at(path.key("json_schema"), "A schema of a JSON object is expected."))
        }
        _ => Err(BadRequest::at(path.key("type"), "This response format is not known.")),
    }
}

fn stop<'a>(fields: &mut Fields<'a>) -> Result<Vec<Cow<'a, str>>, BadRequest> {
    let Some(raw) = fields.take("stop_sequences") else { return Ok(Vec::new()) };
    let root = Path::Root;
    let path = root.key("stop_sequences");
    let bad = || BadRequest::at(path, "Strings are expected here.");
    list(raw, &path)?.into_iter().map(|item| json::text(item).ok_or_else(bad)).collect()
}

fn thinking(fields: &mut Fields<'_>, losses: &mut Losses) -> Result<Option<Thinking>, BadRequest> {
    let Some(raw) = fields.take("thinking") else { return Ok(None) };
    let root = Path::Root;
    let path = root.key("thinking");
    let mut thinking = members(raw, &path)?;
    let kind = string(&mut thinking, "type", &path)?;
    let budget = thinking.take("token_budget").and_then(json::whole);
    losses.rest(&path, thinking.rest());
    match &*kind {
        "disabled" => Ok(Some(Thinking::Off)),
        "enabled" => Ok(Some(budget.map_or(Thinking::Adaptive, Thinking::Budget))),
        _ => Err(BadRequest::at(path.key("type"), "It is `enabled` or `disabled`.")),
    }
}
