//! Reading Converse requests.

mod blocks;

use serde_json::{Map, Value};

use crate::{
    ask::{Ask, Part, Role, Tool, ToolChoice, Turn, list_of, text_of},
    ask_anthropic,
    refusal::Refusal,
    settings::Settings,
};

const ROOT: &[&str] = &[
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "outputConfig",
    "guardrailConfig",
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
    "promptVariables",
    "requestMetadata",
    "performanceConfig",
    "serviceTier",
];
const CONFIG: &[&str] = &["maxTokens", "temperature", "topP", "stopSequences"];

/// Reads a request whose path names `model` and the kind of answer.
pub(crate) fn read(body: &Value, (model, stream): (&str, bool)) -> Result<Ask, Refusal> {
    only(body, ROOT, "request")?;
    let mut turns = Vec::new();
    let system = list_of(body, "system")?;
    if !system.is_empty() {
        turns.push(Turn { role: Role::System, parts: blocks::read(system, "system")? });
    }
    converse(body, &mut turns)?;
    let tools = tools(body)?;
    let ask = Ask {
        model: model.to_owned(),
        stream,
        include_usage: true,
        choice: choice(body, &tools)?,
        tools,
        schema: schema(body)?,
        max_output: config(body)?,
        thinking: thinking(body),
        turns,
        settings: Settings::default(),
    };
    if ask.tools.is_empty()
        && ask.parts().any(|part| matches!(part, Part::Call { .. } | Part::Result { .. }))
    {
        let why = "The toolConfig field must be defined when using toolUse and toolResult content blocks.";
        return Err(Refusal::new(400, why));
    }
    ask.check("messages")?;
    ask_anthropic::check_thinking(&ask)?;
    Ok(ask)
}

fn converse(body: &Value, turns: &mut Vec<Turn>) -> Result<(), Refusal> {
    let mut last = None;
    for (at, message) in list_of(body, "messages")?.iter().enumerate() {
        only(message, &["role", "content"], "message")?;
        let role = match text_of(message, "role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            _ => return Err(Refusal::invalid("messages", "role must be user or assistant")),
        };
        if last.is_none() && role == Role::Assistant {
            let why = "A conversation must start with a user message.";
            return Err(Refusal::new(400, why));
        }
        if last == Some(role) {
            return Err(Refusal::new(400, "roles must alternate between user and assistant"));
        }
        last = Some(role);
        let content = list_of(message, "content")?;
        if content.is_empty() {
            let why = format!("The content field at messages.{at} is empty.");
            return Err(Refusal::new(400, why));
        }
        turns.push(Turn { role, parts: blocks::read(content, &format!("messages.{at}"))? });
    }
    Ok(())
}

fn tools(body: &Value) -> Result<Vec<Tool>, Refusal> {
    let Some(config) = body.get("toolConfig") else { return Ok(Vec::new()) };
    only(config, &["tools", "toolChoice"], "toolConfig")?;
    let mut tools = Vec::new();
    for item in list_of(config, "tools")? {
        if blocks::is_cache_point(item)? {
            continue;
        }
        let spec = item.get("toolSpec").ok_or_else(|| Refusal::invalid("tools", "toolSpec"))?;
        only(spec, &["name", "description", "inputSchema", "strict"], "toolSpec")?;
        let name = text_of(spec, "name")?;
        if !blocks::is_name(&name) {
            return Err(Refusal::invalid("toolSpec.name", "must satisfy [a-zA-Z0-9_-]+"));
        }
        if spec.get("description").is_some_and(|text| text == "") {
            return Err(Refusal::invalid("toolSpec.description", "must have at least 1 character"));
        }
        let schema = spec.pointer("/inputSchema/json").filter(|schema| schema.is_object());
        let schema = schema.ok_or_else(|| Refusal::invalid("inputSchema.json", "is required"))?;
        tools.push(Tool { name, schema: schema.clone() });
    }
    if tools.is_empty() {
        return Err(Refusal::invalid("toolConfig.tools", "must have at least 1 member"));
    }
    Ok(tools)
}

fn choice(body: &Value, tools: &[Tool]) -> Result<ToolChoice, Refusal> {
    let Some(choice) = body.pointer("/toolConfig/toolChoice") else { return Ok(ToolChoice::Free) };
    only(choice, &["auto", "any", "tool"], "toolChoice")?;
    if choice.get("any").is_some() {
        return Ok(ToolChoice::Any);
    }
    match choice.pointer("/tool/name").and_then(Value::as_str) {
        Some(name) if tools.iter().any(|tool| tool.name == name) => {
            Ok(ToolChoice::One(name.to_owned()))
        }
        Some(_) => Err(Refusal::invalid("toolChoice", "names no tool")),
        None => Ok(ToolChoice::Free),
    }
}

fn schema(body: &Value) -> Result<Option<Value>, Refusal> {
    let Some(format) = body.pointer("/outputConfig/textFormat") else { return Ok(None) };
    let wrong = |what: &str| Refusal::invalid("outputConfig.textFormat", what);
    if format.get("type").and_then(Value::as_str) != Some("json_schema") {
        return Err(wrong("type must be json_schema"));
    }
    let text = format.pointer("/structure/jsonSchema/schema").and_then(Value::as_str);
    let text = text.ok_or_else(|| wrong("the schema is a string"))?;
    serde_json::from_str(text).map(Some).map_err(|_| wrong("the schema is not JSON"))
}

fn config(body: &Value) -> Result<Option<usize>, Refusal> {
    let Some(config) = body.get("inferenceConfig") else { return Ok(None) };
    only(config, CONFIG, "inferenceConfig")?;
    for name in ["temperature", "topP"] {
        let inside =
            |value: &Value| value.as_f64().is_some_and(|number| (0.0..=1.0).contains(&number));
        if config.get(name).is_some_and(|value| !inside(value)) {
            return Err(Refusal::invalid("inferenceConfig", "must be between 0 and 1"));
        }
    }
    if list_of(config, "stopSequences")?.iter().any(|text| text.as_str().is_none_or(str::is_empty))
    {
        return Err(Refusal::invalid("stopSequences", "must have at least 1 character"));
    }
    match config.get("maxTokens").map(Value::as_u64) {
        None => Ok(None),
        Some(Some(limit)) if limit > 0 => Ok(usize::try_from(limit).ok()),
        Some(_) => Err(Refusal::invalid("maxTokens", "must be at least 1")),
    }
}

fn thinking(body: &Value) -> bool {
    let kind = body.pointer("/additionalModelRequestFields/thinking/type").and_then(Value::as_str);
    matches!(kind, Some("enabled" | "adaptive"))
}

/// The members of an object, if it has no other than these.
fn only<'v>(
    value: &'v Value,
    known: &[&str],
    place: &'static str,
) -> Result<&'v Map<String, Value>, Refusal> {
    let members = value.as_object().ok_or_else(|| Refusal::invalid(place, "must be an object"))?;
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(members),
        Some(name) => {
            Err(Refusal::invalid(place, &format!("extraneous key [{name}] is not permitted")))
        }
    }
}
