//! Reading Gemini requests.

mod contents;
mod known;

use serde_json::Value;

use crate::{
    ask::{Ask, Tool, ToolChoice, list_of, text_of},
    refusal::Refusal,
    settings::Settings,
};

/// Reads a request whose path names `model` and the kind of answer.
pub(crate) fn read(body: &Value, (model, stream): (&str, bool)) -> Result<Ask, Refusal> {
    let body = &named(body);
    known::check(body)?;
    if body.get("cachedContent").is_some_and(|name| !name.is_null()) {
        return Err(Refusal::new(403, "CachedContent not found (or permission denied)"));
    }
    let config = body.get("generationConfig").cloned().unwrap_or_default();
    let tools = tools(body)?;
    let ask = Ask {
        model: model.to_owned(),
        stream,
        include_usage: true,
        turns: contents::read(body)?,
        choice: choice(body, &tools)?,
        tools,
        schema: schema(&config)?,
        max_output: max_output(&config)?,
        thinking: thinking(&config)?,
        settings: Settings::default(),
    };
    ask.check("contents")?;
    contents::check_signed(body, model)?;
    Ok(ask)
}

/// What holds names that are nobody's but the client's.
const OPAQUE: [&str; 6] = [
    "args",
    "response",
    "parameters",
    "parametersJsonSchema",
    "responseSchema",
    "responseJsonSchema",
];

/// With all names as JSON writes those of protocol buffers. Written as in the definitions they are understood as well,
/// and Google's own libraries mix both.
fn named(value: &Value) -> Value {
    match value {
        Value::Object(all) => {
            let one = |(name, value): (&String, &Value)| {
                let name = camel(name);
                let value =
                    if OPAQUE.contains(&name.as_str()) { value.clone() } else { named(value) };
                (name, value)
            };
            Value::Object(all.iter().map(one).collect())
        }
        Value::Array(all) => all.iter().map(named).collect(),
        other => other.clone(),
    }
}

/// `mime_type` as `mimeType`.
fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut all, part| {
        let mut letters = part.chars();
        all.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        all.push_str(letters.as_str());
        all
    })
}

fn tools(body: &Value) -> Result<Vec<Tool>, Refusal> {
    let mut tools = Vec::new();
    for group in list_of(body, "tools")? {
        for declared in list_of(group, "functionDeclarations")? {
            let name = text_of(declared, "name")?;
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.:".contains(&byte);
            if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
                return Err(Refusal::invalid("tools", "Invalid function name"));
            }
            let given = |field: &str| declared.get(field).filter(|schema| !schema.is_null());
            let schema = match (given("parameters"), given("parametersJsonSchema")) {
                (Some(_), Some(_)) => {
                    return Err(Refusal::invalid("tools", "parameters are given twice"));
                }
                (own, plain) => own.or(plain).cloned().unwrap_or_default(),
            };
            tools.push(Tool { name, schema });
        }
    }
    Ok(tools)
}

fn choice(body: &Value, tools: &[Tool]) -> Result<ToolChoice, Refusal> {
    let Some(calling) = body.pointer("/toolConfig/functionCallingConfig") else {
        return Ok(ToolChoice::Free);
    };
    let names: Vec<&str> =
        list_of(calling, "allowedFunctionNames")?.iter().filter_map(Value::as_str).collect();
    let mode = calling.get("mode").and_then(Value::as_str).unwrap_or("AUTO");
    if !names.is_empty() && !matches!(mode, "ANY" | "VALIDATED") {
        let why = "Allowed function names may only be set when the function calling mode is ANY";
        return Err(Refusal::invalid("toolConfig", why));
    }
    if names.iter().any(|name| tools.iter().all(|tool| tool.name != *name)) {
        return Err(Refusal::invalid("toolConfig", "An allowed function is not declared"));
    }
    match (mode, names.first()) {
        ("ANY", Some(name)) => Ok(ToolChoice::One((*name).to_owned())),
        ("ANY", None) => Ok(ToolChoice::Any),
        ("NONE", _) => Ok(ToolChoice::Never),
        ("AUTO" | "VALIDATED" | "MODE_UNSPECIFIED", _) => Ok(ToolChoice::Free),
        _ => Err(Refusal::invalid("toolConfig", "Invalid value at mode")),
    }
}

fn schema(config: &Value) -> Result<Option<Value>, Refusal> {
    let given = ["responseSchema", "responseJsonSchema"]
        .iter()
        .find_map(|name| config.get(*name).filter(|schema| !schema.is_null()).cloned());
    let json = config.get("responseMimeType").and_then(Value::as_str) == Some("application/json");
    if given.is_some() && !json {
        let why = "A response schema needs the response mime type application/json";
        return Err(Refusal::invalid("generationConfig", why));
    }
    Ok(given)
}

fn max_output(config: &Value) -> Result<Option<usize>, Refusal> {
    match config.get("maxOutputTokens").map(Value::as_u64) {
        None => Ok(None),
        Some(Some(limit)) if limit > 0 => Ok(usize::try_from(limit).ok()),
        Some(_) => Err(Refusal::invalid("maxOutputTokens", "must be a positive integer")),
    }
}

/// Whether thoughts are to be shown.
fn thinking(config: &Value) -> Result<bool, Refusal> {
    let Some(thinking) = config.get("thinkingConfig") else { return Ok(false) };
    if thinking.get("thinkingBudget").is_some() && thinking.get("thinkingLevel").is_some() {
        let why = "You can only set only one of thinking budget and thinking level";
        return Err(Refusal::invalid("thinkingConfig", why));
    }
    Ok(thinking.get("includeThoughts").and_then(Value::as_bool).unwrap_or(false))
}
