//! Reading a Responses request.

use std::borrow::Cow;

use super::input;
use crate::{
    BadRequest, Format,
    conversation::{Body, Choice, Losses, Output, Request, Role, Tool, Turn},
    demand::{choice_word, list, members, number, string},
    json::{self, Fields, Path, Raw, Shape},
    openai::shared,
};

/// Members with the values that change nothing; any other value is a loss. What asks for a store has been
/// refused by now.
const NEUTRAL: &[(&str, &[&str])] =
    &[("context_management", &["[]"]), ("top_logprobs", &["0"]), ("truncation", &["\"disabled\""])];

/// Members that say nothing to another provider.
const SILENT: &[&str] =
    &["model", "stream_options", "store", "background", "previous_response_id", "conversation"];

pub(crate) fn read_request(raw: Raw<'_>) -> Result<(Request<'_>, Losses), BadRequest> {
    let root = Path::Root;
    let mut fields = members(raw, &root)?;
    for name in SILENT {
        fields.take(name);
    }
    if fields.take("prompt").is_some() {
        let why = "A prompt that is stored at another provider cannot be sent to this model.";
        return Err(BadRequest::unsupported("prompt", why));
    }
    let mut losses = Losses::of(Format::OpenAiResponses);
    losses.neutral(&mut fields, NEUTRAL);
    include(&mut fields, &mut losses);
    let turns = turns(&mut fields, &mut losses)?;
    let (effort, summary) = reasoning(&mut fields, &mut losses);
    let (output, verbosity) = text(&mut fields, &mut losses)?;
    let tools = tools(&mut fields, &mut losses)?;
    let choice = choice(&mut fields, &mut losses)?.filter(|_| !tools.is_empty());
    let request = Request {
        stream: fields.take("stream").and_then(json::boolean).unwrap_or(false),
        choices: 1,
        turns,
        tools,
        choice,
        parallel: fields.take("parallel_tool_calls").and_then(json::boolean),
        output,
        max_output: fields.take("max_output_tokens").and_then(json::whole),
        temperature: number(&mut fields, "temperature")?,
        top_p: number(&mut fields, "top_p")?,
        top_k: None,
        stop: Vec::new(),
        effort,
        thinking: None,
        user: fields.take_text("user"),
        identifier: fields.take_text("safety_identifier"),
        shared: shared::take(&mut fields),
        verbosity,
        summary,
        cache: None,
    };
    losses.rest(&root, fields.rest());
    Ok((request, losses))
}

/// Encrypted reasoning is always given; anything else that could be included is not known elsewhere.
fn include(fields: &mut Fields<'_>, losses: &mut Losses) {
    let list = fields.take("include").and_then(json::array).unwrap_or_default();
    if list.into_iter().any(|raw| json::text(raw).is_none_or(|text| text != super::keep::ENCRYPTED))
    {
        losses.add_name("include");
    }
}

fn turns<'a>(fields: &mut Fields<'a>, losses: &mut Losses) -> Result<Vec<Turn<'a>>, BadRequest> {
    let root = Path::Root;
    let path = root.key("input");
    let mut turns = Vec::new();
    if let Some(text) = fields.take_text("instructions").filter(|text| !text.is_empty()) {
        turns.push(Turn { role: Role::System, parts: vec![Body::Text(text).into()] });
    }
    let missing = || BadRequest::at(path, "A string or an array is required here.");
    input::turns(fields.take("input").ok_or_else(missing)?, &path, losses, &mut turns)?;
    Ok(turns)
}

/// How much to think, and how to sum it up.
fn reasoning<'a>(
    fields: &mut Fields<'a>,
    losses: &mut Losses,
) -> (Option<Cow<'a, str>>, Option<Cow<'a, str>>) {
    let Some(mut reasoning) = fields.take("reasoning").and_then(Fields::lenient) else {
        return (None, None);
    };
    let effort = reasoning.take_text("effort");
    let older = reasoning.take_text("generate_summary");
    let summary = reasoning.take_text("summary").or(older);
    let root = Path::Root;
    losses.rest(&root.key("reasoning"), reasoning.rest());
    (effort, summary)
}

/// How the answer is to be shaped, and how long it should be.
fn text<'a>(
    fields: &mut Fields<'a>,
    losses: &mut Losses,
) -> Result<(Output<'a>, Option<Raw<'a>>), BadRequest> {
    let Some(raw) = fields.take("text") else { return Ok((Output::Text, None)) };
    let root = Path::Root;
    let path = root.key("text");
    let mut text = members(raw, &path)?;
    let verbosity = text.take("verbosity");
    let format = text.take("format");
    losses.rest(&path, text.rest());
    let path = path.key("format");
    let Some(raw) = format else { return Ok((Output::Text, verbosity)) };
    let mut format = members(raw, &path)?;
    let output = match &*string(&mut format, "type", &path)? {
        "text" => Output::Text,
        "json_object" => Output::Json,
        "json_schema" => {
            let schema = format.take("schema").filter(|raw| json::shape(raw) == Shape::Object);
            Output::Schema {
                name: format.take_text("name"),
                description: format.take_text("description"),
                schema: schema.map(Cow::Borrowed).ok_or_else(|| {
                    BadRequest::at(path.key("schema"), "A JSON schema is required here.")
                })?,
                strict: Some(format.take("strict").and_then(json::boolean).unwrap_or(false)),
            }
        }
        _ => return Err(BadRequest::at(path.key("type"), "This output format is not known.")),
    };
    Ok((output, verbosity))
}

fn tools<'a>(fields: &mut Fields<'a>, losses: &mut Losses) -> Result<Vec<Tool<'a>>, BadRequest> {
    let Some(raw) = fields.take("tools") else { return Ok(Vec::new()) };
    let root = Path::Root;
    let path = root.key("tools");
    let mut tools = Vec::new();
    for (index, item) in list(raw, &path)?.into_iter().enumerate() {
        let path = path.index(index);
        let mut tool = members(item, &path)?;
        match &*string(&mut tool, "type", &path)? {
            "function" => {}
            "custom" => {
                let why = "Only function tools can be translated for this model.";
                return Err(BadRequest::unsupported(path.key("type"), why));
            }
            _ => {
                // A tool that OpenAI defines or runs itself: nobody else can offer it.
                losses.add(&path.key("type"));
                continue;
            }
        }
        tools.push(Tool {
            name: string(&mut tool, "name", &path)?,
            description: tool.take_text("description"),
            schema: tool.take("parameters").map(Cow::Borrowed),
            strict: tool.take("strict").and_then(json::boolean),
            cache: None,
        });
        losses.rest(&path, tool.rest());
    }
    Ok(tools)
}

fn choice<'a>(
    fields: &mut Fields<'a>,
    losses: &mut Losses,
) -> Result<Option<Choice<'a>>, BadRequest> {
    let Some(raw) = fields.take("tool_choice") else { return Ok(None) };
    let root = Path::Root;
    let path = root.key("tool_choice");
    if let Some(word) = json::text(raw) {
        return choice_word(&word, path).map(Some);
    }
    let mut named = members(raw, &path)?;
    match &*string(&mut named, "type", &path)? {
        "function" => Ok(Some(Choice::Tool(string(&mut named, "name", &path)?))),
        "allowed_tools" => {
            // The mode stays, which tools it is about does not.
            losses.add(&path.key("tools"));
            let any = named.take_text("mode").is_some_and(|mode| mode == "required");
            Ok(Some(if any { Choice::Any } else { Choice::Auto }))
        }
        _ => {
            // The choice of a tool that nobody else can offer.
            losses.add(&path);
            Ok(None)
        }
    }
}
