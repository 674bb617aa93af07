//! Reading a Chat Completions request.

use std::borrow::Cow;

use super::{
    content::{assistant, parts},
    shared,
};
use crate::{
    BadRequest, Format,
    conversation::{Body, Choice, Losses, Output, Request, Role, Thinking, Tool, Turn},
    demand::{choice_word, list, members, number, string},
    json::{self, Fields, Path, Raw, Shape},
};

/// Members with the values that change nothing; any other value is a loss.
const NEUTRAL: &[(&str, &[&str])] = &[
    ("frequency_penalty", &["0", "0.0"]),
    ("presence_penalty", &["0", "0.0"]),
    ("logprobs", &["false"]),
    ("top_logprobs", &["0"]),
    ("logit_bias", &["{}"]),
    ("modalities", &["[\"text\"]"]),
    ("store", &["false"]),
];

pub(crate) fn read_request(raw: Raw<'_>) -> Result<(Request<'_>, Losses), BadRequest> {
    let root = Path::Root;
    let mut fields = members(raw, &root)?;
    for name in ["model", "stream_options"] {
        fields.take(name);
    }
    for name in ["functions", "function_call"] {
        if fields.take(name).is_some() {
            return Err(BadRequest::unsupported(name, "Use `tools` in place of functions."));
        }
    }
    if fields.take("audio").is_some() {
        return Err(BadRequest::unsupported("audio", "This model does not speak."));
    }
    let mut losses = Losses::of(Format::OpenAiChat);
    losses.neutral(&mut fields, NEUTRAL);
    let (effort, thinking) = effort(&mut fields);
    let legacy_cap = fields.take("max_tokens").and_then(json::whole);
    let request = Request {
        stream: fields.take("stream").and_then(json::boolean).unwrap_or(false),
        choices: fields.take("n").and_then(json::whole).unwrap_or(1),
        turns: messages(&mut fields, &mut losses)?,
        tools: tools(&mut fields, &mut losses)?,
        choice: choice(&mut fields)?,
        parallel: fields.take("parallel_tool_calls").and_then(json::boolean),
        output: output(&mut fields)?,
        max_output: fields.take("max_completion_tokens").and_then(json::whole).or(legacy_cap),
        temperature: number(&mut fields, "temperature")?,
        top_p: number(&mut fields, "top_p")?,
        top_k: number(&mut fields, "top_k")?,
        stop: stop(&mut fields)?,
        effort,
        thinking,
        user: fields.take_text("user"),
        identifier: fields.take_text("safety_identifier"),
        shared: shared::take(&mut fields),
        verbosity: fields.take("verbosity"),
        summary: None,
        cache: fields.take("cache_control"),
    };
    losses.rest(&root, fields.rest());
    Ok((request, losses))
}

/// `reasoning_effort`, and as extensions Anthropic's `thinking` and `OpenRouter`'s `reasoning`.
fn effort<'a>(fields: &mut Fields<'a>) -> (Option<Cow<'a, str>>, Option<Thinking>) {
    let mut effort = fields.take_text("reasoning_effort");
    let mut thinking = fields.take("thinking").and_then(crate::anthropic::read_thinking);
    if let Some(mut reasoning) = fields.take("reasoning").and_then(Fields::lenient) {
        effort = effort.or(reasoning.take_text("effort"));
        let budget = reasoning.take("max_tokens").and_then(json::whole);
        thinking = thinking.or(budget.map(Thinking::Budget));
    }
    (effort, thinking)
}

fn stop<'a>(fields: &mut Fields<'a>) -> Result<Vec<Cow<'a, str>>, BadRequest> {
    let Some(raw) = fields.take("stop") else { return Ok(Vec::new()) };
    if let Some(one) = json::text(raw) {
        return Ok(vec![one]);
    }
    let path = Path::Root;
    let path = path.key("stop");
    let bad = || BadRequest::at(path, "Strings are expected here.");
    list(raw, &path)?.into_iter().map(|item| json::text(item).ok_or_else(bad)).collect()
}

fn output<'a>(fields: &mut Fields<'a>) -> Result<Output<'a>, BadRequest> {
    let Some(raw) = fields.take("response_format") else { return Ok(Output::Text) };
    let root = Path::Root;
    let path = root.key("response_format");
    let mut format = members(raw, &path)?;
    match &*string(&mut format, "type", &path)? {
        "text" => Ok(Output::Text),
        "json_object" => Ok(Output::Json),
        "json_schema" => {
            let path = path.key("json_schema");
            let missing = || BadRequest::at(path, "An object with `schema` is required here.");
            let mut inner = members(format.take("json_schema").ok_or_else(missing)?, &path)?;
            Ok(Output::Schema {
                name: inner.take_text("name"),
                description: inner.take_text("description"),
                schema: inner
                    .take("schema")
                    .filter(|raw| json::shape(raw) == Shape::Object)
                    .map(Cow::Borrowed)
                    .ok_or_else(missing)?,
                strict: Some(inner.take("strict").and_then(json::boolean).unwrap_or(false)),
            })
        }
        _ => Err(BadRequest::at(path.key("type"), "This response format is not known.")),
    }
}

fn tools<'a>(fields: &mut Fields<'a>, losses: &mut Losses) -> Result<Vec<Tool<'a>>, BadRequest> {
    let Some(raw) = fields.take("tools") else { return Ok(Vec::new()) };
    let root = Path::Root;
    let path = root.key("tools");
    let mut tools = Vec::new();
    for (index, item) in list(raw, &path)?.into_iter().enumerate() {
        let path = path.index(index);
        let mut tool = members(item, &path)?;
        if &*string(&mut tool, "type", &path)? != "function" {
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
            strict: function.take("strict").and_then(json::boolean),
            cache: tool.take("cache_control").or(function.take("cache_control")),
        });
        losses.rest(&path, tool.rest());
        losses.rest(&inner, function.rest());
    }
    Ok(tools)
}

fn choice<'a>(fields: &mut Fields<'a>) -> Result<Option<Choice<'a>>, BadRequest> {
    let Some(raw) = fields.take("tool_choice") else { return Ok(None) };
    let root = Path::Root;
    let path = root.key("tool_choice");
    if let Some(word) = json::text(raw) {
        return choice_word(&word, path).map(Some);
    }
    let mut named = members(raw, &path)?;
    if &*string(&mut named, "type", &path)? != "function" {
        let why = "Only the choice of one function can be translated for this model.";
        return Err(BadRequest::unsupported(path, why));
    }
    let inner = path.key("function");
    let required = || BadRequest::at(inner, "An object is required here.");
    let mut function = members(named.take("function").ok_or_else(required)?, &inner)?;
    Ok(Some(Choice::Tool(string(&mut function, "name", &inner)?)))
}

fn messages<'a>(fields: &mut Fields<'a>, losses: &mut Losses) -> Result<Vec<Turn<'a>>, BadRequest> {
    let root = Path::Root;
    let path = root.key("messages");
    let raw = fields
        .take("messages")
        .ok_or_else(|| BadRequest::at(path, "An array is required here."))?;
    let mut turns = Vec::new();
    for (index, item) in list(raw, &path)?.into_iter().enumerate() {
        turns.push(message(item, &path.index(index), losses)?);
    }
    Ok(turns)
}

fn message<'a>(raw: Raw<'a>, path: &Path<'_>, losses: &mut Losses) -> Result<Turn<'a>, BadRequest> {
    let mut fields = members(raw, path)?;
    let role = string(&mut fields, "role", path)?;
    let cache = fields.take("cache_control");
    let content = fields.take("content");
    let content_path = path.key("content");
    let (role, mut parts) = match &*role {
        "system" | "developer" => (Role::System, parts(content, &content_path, losses)?),
        "user" => (Role::User, parts(content, &content_path, losses)?),
        "assistant" => {
            let said = parts(content, &content_path, losses)?;
            (Role::Assistant, assistant(said, &mut fields, path, losses)?)
        }
        "tool" => {
            let body = Body::ToolResult {
                id: string(&mut fields, "tool_call_id", path)?,
                parts: parts(content, &content_path, losses)?,
                failed: fields.take("is_error").and_then(json::boolean).unwrap_or(false),
            };
            (Role::User, vec![body.into()])
        }
        "function" => {
            return Err(BadRequest::unsupported(
                path,
                "Use `tool` messages in place of functions.",
            ));
        }
        _ => return Err(BadRequest::at(path.key("role"), "This role is not known.")),
    };
    if let (Some(last), Some(cache)) = (parts.last_mut(), cache) {
        last.cache = Some(cache);
    }
    losses.rest(path, fields.rest());
    Ok(Turn { role, parts })
}
