//! Reading a Gemini request.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{content::Contents, schema::json_schema, take};
use crate::{
    BadRequest, Format,
    conversation::{Choice, Losses, Output, Request, Role, Thinking, Tool, Turn},
    demand::{list, members, string},
    json::{self, Fields, Path, Raw, Shape},
};

/// The members of `generationConfig` as far as they are understood.
#[derive(Default)]
struct Config<'a> {
    max_output: Option<u64>,
    temperature: Option<Raw<'a>>,
    top_p: Option<Raw<'a>>,
    top_k: Option<Raw<'a>>,
    stop: Vec<Cow<'a, str>>,
    output: Option<Output<'a>>,
    effort: Option<Cow<'a, str>>,
    thinking: Option<Thinking>,
}

/// `stream` stands in the path.
pub(crate) fn read_request(
    raw: Raw<'_>,
    stream: bool,
) -> Result<(Request<'_>, Losses), BadRequest> {
    let root = Path::Root;
    let mut fields = members(raw, &root)?;
    fields.take("model");
    if take(&mut fields, "cachedContent").is_some() {
        let why = "Content that is stored at another provider cannot be sent to this model.";
        return Err(BadRequest::unsupported("cachedContent", why));
    }
    let mut losses = Losses::of(Format::Gemini);
    let turns = turns(&mut fields, &mut losses)?;
    let tools = tools(&mut fields, &mut losses)?;
    let choice = choice(&mut fields, &mut losses)?.filter(|_| !tools.is_empty());
    let config = config(&mut fields, &mut losses)?;
    losses.rest(&root, fields.rest());
    let request = Request {
        stream,
        choices: 1,
        turns,
        tools,
        choice,
        parallel: None,
        output: config.output.unwrap_or(Output::Text),
        max_output: config.max_output,
        temperature: config.temperature,
        top_p: config.top_p,
        top_k: config.top_k,
        stop: config.stop,
        effort: config.effort,
        thinking: config.thinking,
        user: None,
        identifier: None,
        shared: Vec::new(),
        verbosity: None,
        summary: None,
        cache: None,
    };
    Ok((request, losses))
}

fn turns<'a>(fields: &mut Fields<'a>, losses: &mut Losses) -> Result<Vec<Turn<'a>>, BadRequest> {
    let root = Path::Root;
    let mut turns = Vec::new();
    let mut contents = Contents::new(losses);
    if let Some(raw) = take(fields, "systemInstruction") {
        let path = root.key("systemInstruction");
        let parts = content_parts(raw, &path, &mut contents)?.1;
        if !parts.is_empty() {
            turns.push(Turn { role: Role::System, parts });
        }
    }
    let path = root.key("contents");
    let missing = || BadRequest::at(path, "An array is required here.");
    let raw = fields.take("contents").ok_or_else(missing)?;
    // A single content may stand for a list of one.
    let items = if json::shape(raw) == Shape::Object { vec![raw] } else { list(raw, &path)? };
    for (index, item) in items.into_iter().enumerate() {
        let (role, parts) = content_parts(item, &path.index(index), &mut contents)?;
        turns.push(Turn { role, parts });
    }
    Ok(turns)
}

fn content_parts<'a>(
    raw: Raw<'a>,
    path: &Path<'_>,
    contents: &mut Contents<'_>,
) -> Result<(Role, Vec<crate::conversation::Part<'a>>), BadRequest> {
    let mut content = members(raw, path)?;
    let role = match content.take_text("role").as_deref() {
        None | Some("user" | "function" | "system" | "") => Role::User,
        Some("model") => Role::Assistant,
        Some(_) => return Err(BadRequest::at(path.key("role"), "This role is not known.")),
    };
    let inner = path.key("parts");
    let parts = match content.take("parts") {
        Some(raw) => contents.parts(raw, &inner)?,
        None => Vec::new(),
    };
    contents.losses.rest(path, content.rest());
    Ok((role, parts))
}

fn tools<'a>(fields: &mut Fields<'a>, losses: &mut Losses) -> Result<Vec<Tool<'a>>, BadRequest> {
    let Some(raw) = fields.take("tools") else { return Ok(Vec::new()) };
    let root = Path::Root;
    let path = root.key("tools");
    let mut tools = Vec::new();
    for (index, item) in list(raw, &path)?.into_iter().enumerate() {
        let path = path.index(index);
        let mut group = members(item, &path)?;
        let inner = path.key("functionDeclarations");
        let declarations = take(&mut group, "functionDeclarations");
        // Tools that Google runs itself: nobody else can offer them.
        losses.rest(&path, group.rest());
        let Some(raw) = declarations else { continue };
        for (index, item) in list(raw, &inner)?.into_iter().enumerate() {
            tools.push(tool(item, &inner.index(index), losses)?);
        }
    }
    Ok(tools)
}

fn tool<'a>(raw: Raw<'a>, path: &Path<'_>, losses: &mut Losses) -> Result<Tool<'a>, BadRequest> {
    let mut declaration = members(raw, path)?;
    let name = string(&mut declaration, "name", path)?;
    let plain = take(&mut declaration, "parametersJsonSchema").map(Cow::Borrowed);
    let own = own_schema(declaration.take("parameters"), &path.key("parameters"))?;
    let tool = Tool {
        name,
        description: declaration.take_text("description"),
        schema: plain.or(own),
        strict: None,
        cache: None,
    };
    losses.rest(path, declaration.rest());
    Ok(tool)
}

/// A schema in the format's own words.
fn own_schema<'a>(
    raw: Option<Raw<'a>>,
    path: &Path<'_>,
) -> Result<Option<Cow<'a, RawValue>>, BadRequest> {
    let bad = || BadRequest::at(path, "A schema is expected here.");
    raw.map(|raw| json_schema(raw).ok_or_else(bad)).transpose()
}

fn choice<'a>(
    fields: &mut Fields<'a>,
    losses: &mut Losses,
) -> Result<Option<Choice<'a>>, BadRequest> {
    let Some(raw) = take(fields, "toolConfig") else { return Ok(None) };
    let root = Path::Root;
    let path = root.key("toolConfig");
    let mut config = members(raw, &path)?;
    let inner = path.key("functionCallingConfig");
    let calling = take(&mut config, "functionCallingConfig");
    losses.rest(&path, config.rest());
    let Some(raw) = calling else { return Ok(None) };
    let mut calling = members(raw, &inner)?;
    let names = take(&mut calling, "allowedFunctionNames").and_then(json::array);
    let names: Vec<_> = names.unwrap_or_default().into_iter().filter_map(json::text).collect();
    let mode = calling.take_text("mode").unwrap_or_default().to_ascii_uppercase();
    let choice = match (mode.as_str(), names.as_slice()) {
        ("ANY", [one]) => return Ok(Some(Choice::Tool(one.clone()))),
        ("ANY", _) => Choice::Any,
        ("NONE", _) => Choice::None,
        ("AUTO" | "VALIDATED" | "MODE_UNSPECIFIED" | "", _) => Choice::Auto,
        _ => return Err(BadRequest::at(inner.key("mode"), "This mode is not known.")),
    };
    if !names.is_empty() {
        losses.add(&inner.key("allowedFunctionNames"));
    }
    Ok(Some(choice))
}

fn config<'a>(fields: &mut Fields<'a>, losses: &mut Losses) -> Result<Config<'a>, BadRequest> {
    let mut read = Config::default();
    let Some(raw) = take(fields, "generationConfig") else { return Ok(read) };
    let root = Path::Root;
    let path = root.key("generationConfig");
    let mut config = members(raw, &path)?;
    let mut number = |name: &str| match take(&mut config, name) {
        Some(raw) if json::shape(raw) != Shape::Number => {
            Err(BadRequest::at(path.key(name), "A number is expected here."))
        }
        other => Ok(other),
    };
    if number("candidateCount")?.and_then(json::whole).is_some_and(|count| count > 1) {
        let why = "This model gives one answer; `candidateCount` must be 1.";
        return Err(BadRequest::unsupported(path.key("candidateCount"), why));
    }
    read.max_output = number("maxOutputTokens")?.and_then(json::whole);
    read.temperature = number("temperature")?;
    read.top_p = number("topP")?;
    read.top_k = number("topK")?;
    if let Some(raw) = take(&mut config, "stopSequences") {
        let inner = path.key("stopSequences");
        let bad = || BadRequest::at(inner, "Strings are expected here.");
        let list = list(raw, &inner)?.into_iter();
        read.stop = list.map(|item| json::text(item).ok_or_else(bad)).collect::<Result<_, _>>()?;
    }
    if let Some(mut thinking) = take(&mut config, "thinkingConfig").and_then(Fields::lenient) {
        // Whoever thinks elsewhere shows it as it does; there is nothing to ask for.
        take(&mut thinking, "includeThoughts");
        let level = take(&mut thinking, "thinkingLevel").and_then(json::text);
        read.effort = level.map(|level| level.to_ascii_lowercase().into());
        read.thinking = take(&mut thinking, "thinkingBudget").map(budget);
        losses.rest(&path.key("thinkingConfig"), thinking.rest());
    }
    read.output = output(&mut config, &path)?;
    losses.rest(&path, config.rest());
    Ok(read)
}

/// 0 is none, −1 as much as the model likes.
fn budget(raw: Raw<'_>) -> Thinking {
    match json::whole(raw) {
        Some(0) => Thinking::Off,
        Some(tokens) => Thinking::Budget(tokens),
        None => Thinking::Adaptive,
    }
}

fn output<'a>(config: &mut Fields<'a>, path: &Path<'_>) -> Result<Option<Output<'a>>, BadRequest> {
    let plain = take(config, "responseJsonSchema").map(Cow::Borrowed);
    let own = own_schema(take(config, "responseSchema"), &path.key("responseSchema"))?;
    let schema: Option<Cow<'a, RawValue>> = plain.or(own);
    let kind = take(config, "responseMimeType").and_then(json::text);
    Ok(match (kind.as_deref(), schema) {
        (Some("application/json"), Some(schema)) => {
            Some(Output::Schema { name: None, description: None, schema, strict: None })
        }
        (Some("application/json"), None) => Some(Output::Json),
        (None | Some("text/plain"), None) => None,
        _ => {
            let why = "Only text, JSON, and JSON with a schema can be translated for this model.";
            return Err(BadRequest::unsupported(path.key("responseMimeType"), why));
        }
    })
}
