//! Reading a Chat Completions request.

use std::borrow::Cow;

use crate::{
    BadRequest,
    carrier::{self, Details},
    conversation::{
        Body, Choice, Losses, Output, Part, Request, Role, Source, Thinking, Tool, Turn,
    },
    demand::{list, members, number, string},
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
    ("service_tier", &["\"auto\"", "\"default\""]),
    ("store", &["false"]),
    ("n", &["1"]),
    ("verbosity", &["\"medium\""]),
    ("metadata", &["{}"]),
];

pub(crate) fn read_request(raw: Raw<'_>) -> Result<Request<'_>, BadRequest> {
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
    let mut losses = Losses::default();
    for (name, neutral) in NEUTRAL {
        let spoken = fields.take(name).filter(|raw| !neutral.contains(&raw.get()));
        if spoken.is_some() {
            losses.add_name(*name);
        }
    }
    let (effort, thinking) = effort(&mut fields);
    let identifier = fields.take_text("safety_identifier");
    let legacy_cap = fields.take("max_tokens").and_then(json::whole);
    let request = Request {
        stream: fields.take("stream").and_then(json::boolean).unwrap_or(false),
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
        user: fields.take_text("user").or(identifier),
        cache: fields.take("cache_control"),
        losses: Losses::default(),
    };
    losses.rest(&root, fields.rest());
    Ok(Request { losses, ..request })
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
                    .filter(|raw| json::shape(*raw) == Shape::Object)
                    .ok_or_else(missing)?,
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
            schema: function.take("parameters"),
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
        return match &*word {
            "auto" => Ok(Some(Choice::Auto)),
            "none" => Ok(Some(Choice::None)),
            "required" => Ok(Some(Choice::Any)),
            _ => Err(BadRequest::at(path, "This tool choice is not known.")),
        };
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

/// `content`: nothing, a string, or parts.
fn parts<'a>(
    content: Option<Raw<'a>>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Result<Vec<Part<'a>>, BadRequest> {
    let Some(raw) = content else { return Ok(Vec::new()) };
    if let Some(text) = json::text(raw) {
        return Ok(vec![Body::Text(text).into()]);
    }
    let items = list(raw, path)?.into_iter().enumerate();
    items.map(|(index, item)| part(item, &path.index(index), losses)).collect()
}

fn part<'a>(raw: Raw<'a>, path: &Path<'_>, losses: &mut Losses) -> Result<Part<'a>, BadRequest> {
    let mut fields = members(raw, path)?;
    let body = match &*string(&mut fields, "type", path)? {
        "text" => Body::Text(string(&mut fields, "text", path)?),
        "refusal" => Body::Refusal(string(&mut fields, "refusal", path)?),
        "image_url" => image(&mut fields, path, losses)?,
        "file" => file(&mut fields, path, losses)?,
        _ => {
            let why = "This kind of content cannot be translated for this model.";
            return Err(BadRequest::unsupported(path.key("type"), why));
        }
    };
    let cache = fields.take("cache_control");
    losses.rest(path, fields.rest());
    Ok(Part { body, cache })
}

fn image<'a>(
    fields: &mut Fields<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Result<Body<'a>, BadRequest> {
    let path = path.key("image_url");
    let raw = fields
        .take("image_url")
        .ok_or_else(|| BadRequest::at(path, "An image is required here."))?;
    // Some clients give the address itself.
    let url = if let Some(url) = json::text(raw) {
        url
    } else {
        let mut image = members(raw, &path)?;
        let detail = image.take_text("detail");
        if detail.is_some_and(|detail| detail != "auto") {
            losses.add(&path.key("detail"));
        }
        let url = string(&mut image, "url", &path)?;
        losses.rest(&path, image.rest());
        url
    };
    let source = source(url)
        .ok_or_else(|| BadRequest::at(path.key("url"), "A data or http URL is required here."))?;
    Ok(Body::Image { source })
}

fn file<'a>(
    fields: &mut Fields<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Result<Body<'a>, BadRequest> {
    let path = path.key("file");
    let why = "Only files given inline (`file_data`) can be translated for this model.";
    let raw = fields.take("file").ok_or_else(|| BadRequest::unsupported(path, why))?;
    let mut file = members(raw, &path)?;
    let data = file.take_text("file_data").ok_or_else(|| BadRequest::unsupported(path, why))?;
    let source = source(data)
        .ok_or_else(|| BadRequest::at(path.key("file_data"), "A data URL is required here."))?;
    let title = file.take_text("filename");
    losses.rest(&path, file.rest());
    Ok(Body::Document { source, title })
}

/// `data:` with base64, or an address; anything else is refused.
fn source(url: Cow<'_, str>) -> Option<Source<'_>> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Some(Source::Url(url));
    }
    match url {
        Cow::Borrowed(text) => {
            let (media_type, data) = inline(text)?;
            Some(Source::Inline { media_type: media_type.into(), data: data.into() })
        }
        Cow::Owned(text) => {
            let (media_type, data) = inline(&text)?;
            let (media_type, data) = (media_type.to_owned(), data.to_owned());
            Some(Source::Inline { media_type: media_type.into(), data: data.into() })
        }
    }
}

fn inline(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?;
    Some((media_type.split(';').next().unwrap_or(media_type), data))
}

/// Everything of an assistant's message: thinking it carries, text, and tool calls.
fn assistant<'a>(
    said: Vec<Part<'a>>,
    fields: &mut Fields<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Result<Vec<Part<'a>>, BadRequest> {
    if fields.take("function_call").is_some() {
        let why = "Use `tool_calls` in place of functions.";
        return Err(BadRequest::unsupported(path.key("function_call"), why));
    }
    let thinking = thinking(fields, path, losses);
    let mut others = said;
    if let Some(refusal) = fields.take_text("refusal") {
        others.push(Body::Refusal(refusal).into());
    }
    if let Some(raw) = fields.take("tool_calls") {
        let path = path.key("tool_calls");
        for (index, item) in list(raw, &path)?.into_iter().enumerate() {
            others.push(tool_call(item, &path.index(index), losses)?.into());
        }
    }
    Ok(carrier::interleave(thinking, others))
}

fn tool_call<'a>(
    raw: Raw<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Result<Body<'a>, BadRequest> {
    let mut call = members(raw, path)?;
    if call.take_text("type").is_some_and(|kind| kind != "function") {
        let why = "Only function calls can be translated for this model.";
        return Err(BadRequest::unsupported(path.key("type"), why));
    }
    call.take("index");
    let inner = path.key("function");
    let required = || BadRequest::at(inner, "An object is required here.");
    let mut function = members(call.take("function").ok_or_else(required)?, &inner)?;
    let body = Body::ToolCall {
        id: string(&mut call, "id", path)?,
        name: string(&mut function, "name", &inner)?,
        arguments: function.take_text("arguments").unwrap_or_default(),
    };
    losses.rest(path, call.rest());
    Ok(body)
}

fn thinking<'a>(
    fields: &mut Fields<'a>,
    path: &Path<'_>,
    losses: &mut Losses,
) -> Vec<(Option<u64>, Part<'a>)> {
    let mut found = Vec::new();
    let details = fields.take("reasoning_details");
    for detail in details.map(Details::read).unwrap_or_default().0 {
        match carrier::thinking_of(detail) {
            Some((position, body)) => found.push((position, body.into())),
            None => losses.add(&path.key("reasoning_details")),
        }
    }
    // LiteLLM's carrier.
    let blocks = fields.take("thinking_blocks").and_then(json::array).unwrap_or_default();
    if found.is_empty() {
        let blocks = blocks.into_iter().filter_map(crate::anthropic::read_thinking_block);
        found.extend(blocks.map(|body| (None, body.into())));
    }
    for name in ["reasoning_content", "reasoning"] {
        // A copy of what the details hold; without them it has no signature and no provider takes it.
        let text = fields.take_text(name).unwrap_or_default();
        if found.is_empty() && !text.is_empty() {
            losses.add(&path.key(name));
        }
    }
    found
}
