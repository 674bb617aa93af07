//! Reading a Messages request.

use std::borrow::Cow;

use super::content::Content;
use crate::{
    BadRequest, Format,
    conversation::{Choice, Losses, Output, Request, Role, Thinking, Tool, Turn},
    demand::{list, members, number, string},
    json::{self, Fields, Path, Raw, Shape},
};

/// Members with the values that change nothing; any other value is a loss.
const NEUTRAL: &[(&str, &[&str])] = &[
    ("service_tier", &["\"auto\"", "\"standard_only\""]),
    ("speed", &["\"standard\""]),
    ("betas", &["[]"]),
    ("mcp_servers", &["[]"]),
];

pub(crate) fn read_request(raw: Raw<'_>) -> Result<(Request<'_>, Losses), BadRequest> {
    let root = Path::Root;
    let mut fields = members(raw, &root)?;
    fields.take("model");
    if fields.take("inference_geo").is_some() {
        // A wish about residency must not be lost: refuse rather than run somewhere else.
        let why = "This model's provider cannot be asked to run in a given region.";
        return Err(BadRequest::unsupported("inference_geo", why));
    }
    let mut losses = Losses::of(Format::AnthropicMessages);
    losses.neutral(&mut fields, NEUTRAL);
    let (choice, parallel) = choice(&mut fields)?;
    let (effort, output) = output(&mut fields, &mut losses)?;
    let turns = turns(&mut fields, &mut losses)?;
    let tools = tools(&mut fields, &mut losses)?;
    // Naming a tool that only the other provider runs would be refused.
    let choice = choice.filter(|_| !tools.is_empty());
    let request = Request {
        stream: fields.take("stream").and_then(json::boolean).unwrap_or(false),
        choices: 1,
        turns,
        tools,
        choice,
        parallel,
        output,
        max_output: fields.take("max_tokens").and_then(json::whole),
        temperature: number(&mut fields, "temperature")?,
        top_p: number(&mut fields, "top_p")?,
        top_k: number(&mut fields, "top_k")?,
        stop: stop(&mut fields)?,
        effort,
        thinking: fields.take("thinking").and_then(read_thinking),
        user: user(&mut fields, &mut losses),
        identifier: None,
        shared: Vec::new(),
        verbosity: None,
        summary: None,
        cache: fields.take("cache_control"),
    };
    losses.rest(&root, fields.rest());
    Ok((request, losses))
}

/// Reads `thinking`.
pub(crate) fn read_thinking(raw: Raw<'_>) -> Option<Thinking> {
    let mut fields = Fields::lenient(raw)?;
    match &*fields.take_text("type")? {
        "enabled" => fields.take("budget_tokens").and_then(json::whole).map(Thinking::Budget),
        "disabled" => Some(Thinking::Off),
        _ => Some(Thinking::Adaptive),
    }
}

fn user<'a>(fields: &mut Fields<'a>, losses: &mut Losses) -> Option<Cow<'a, str>> {
    let mut metadata = Fields::lenient(fields.take("metadata")?)?;
    let user = metadata.take_text("user_id");
    let root = Path::Root;
    losses.rest(&root.key("metadata"), metadata.rest());
    user
}

fn stop<'a>(fields: &mut Fields<'a>) -> Result<Vec<Cow<'a, str>>, BadRequest> {
    let Some(raw) = fields.take("stop_sequences") else { return Ok(Vec::new()) };
    let root = Path::Root;
    let path = root.key("stop_sequences");
    let bad = || BadRequest::at(path, "Strings are expected here.");
    list(raw, &path)?.into_iter().map(|item| json::text(item).ok_or_else(bad)).collect()
}

fn choice<'a>(fields: &mut Fields<'a>) -> Result<(Option<Choice<'a>>, Option<bool>), BadRequest> {
    let Some(raw) = fields.take("tool_choice") else { return Ok((None, None)) };
    let root = Path::Root;
    let path = root.key("tool_choice");
    let mut choice = members(raw, &path)?;
    let single = choice.take("disable_parallel_tool_use").and_then(json::boolean);
    let picked = match &*string(&mut choice, "type", &path)? {
        "auto" => Choice::Auto,
        "none" => Choice::None,
        "any" => Choice::Any,
        "tool" => Choice::Tool(string(&mut choice, "name", &path)?),
        _ => return Err(BadRequest::at(path.key("type"), "This tool choice is not known.")),
    };
    Ok((Some(picked), single.map(|single| !single)))
}

/// `output_config`, and `output_format` as it was named in the beta.
fn output<'a>(
    fields: &mut Fields<'a>,
    losses: &mut Losses,
) -> Result<(Option<Cow<'a, str>>, Output<'a>), BadRequest> {
    let root = Path::Root;
    let path = root.key("output_config");
    let beta = fields.take("output_format");
    let mut config = match fields.take("output_config") {
        Some(raw) => Some(members(raw, &path)?),
        None => None,
    };
    let effort = config.as_mut().and_then(|config| config.take_text("effort"));
    let format = config.as_mut().and_then(|config| config.take("format")).or(beta);
    if let Some(config) = &config {
        losses.rest(&path, config.rest());
    }
    let Some(raw) = format else { return Ok((effort, Output::Text)) };
    let path = path.key("format");
    let mut format = members(raw, &path)?;
    if &*string(&mut format, "type", &path)? != "json_schema" {
        return Err(BadRequest::at(path.key("type"), "This output format is not known."));
    }
    let missing = || BadRequest::at(path.key("schema"), "A JSON schema is required here.");
    let schema = format.take("schema").filter(|raw| json::shape(raw) == Shape::Object);
    let schema = Cow::Borrowed(schema.ok_or_else(missing)?);
    Ok((effort, Output::Schema { name: None, description: None, schema, strict: None }))
}

fn tools<'a>(fields: &mut Fields<'a>, losses: &mut Losses) -> Result<Vec<Tool<'a>>, BadRequest> {
    let Some(raw) = fields.take("tools") else { return Ok(Vec::new()) };
    let root = Path::Root;
    let path = root.key("tools");
    let mut tools = Vec::new();
    for (index, item) in list(raw, &path)?.into_iter().enumerate() {
        let path = path.index(index);
        let mut tool = members(item, &path)?;
        if tool.take_text("type").is_some_and(|kind| kind != "custom") {
            // A tool that Anthropic defines or runs itself: nobody else can offer it.
            losses.add(&path.key("type"));
            continue;
        }
        tool.take("eager_input_streaming");
        tools.push(Tool {
            name: string(&mut tool, "name", &path)?,
            description: tool.take_text("description"),
            schema: tool.take("input_schema").map(Cow::Borrowed),
            strict: tool.take("strict").and_then(json::boolean),
            cache: tool.take("cache_control"),
        });
        losses.rest(&path, tool.rest());
    }
    Ok(tools)
}

fn turns<'a>(fields: &mut Fields<'a>, losses: &mut Losses) -> Result<Vec<Turn<'a>>, BadRequest> {
    let root = Path::Root;
    let mut turns = Vec::new();
    if let Some(raw) = fields.take("system") {
        let parts = Content { losses }.parts(raw, &root.key("system"))?;
        if !parts.is_empty() {
            turns.push(Turn { role: Role::System, parts });
        }
    }
    let path = root.key("messages");
    let raw = fields
        .take("messages")
        .ok_or_else(|| BadRequest::at(path, "An array is required here."))?;
    for (index, item) in list(raw, &path)?.into_iter().enumerate() {
        let path = path.index(index);
        let mut message = members(item, &path)?;
        let role = match &*string(&mut message, "role", &path)? {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => return Err(BadRequest::at(path.key("role"), "This role is not known.")),
        };
        let content_path = path.key("content");
        let content = message
            .take("content")
            .ok_or_else(|| BadRequest::at(content_path, "Content is required here."))?;
        let parts = Content { losses }.parts(content, &content_path)?;
        losses.rest(&path, message.rest());
        turns.push(Turn { role, parts });
    }
    Ok(turns)
}
