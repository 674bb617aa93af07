//! Reading requests of Cohere's chat.

mod messages;

use serde_json::Value;

use crate::{
    ask::{Ask, Tool, ToolChoice, flag_of, list_of, text_of},
    refusal::Refusal,
    settings::Settings,
    task::known,
};

const KNOWN: &[&str] = &[
    "model",
    "messages",
    "tools",
    "strict_tools",
    "documents",
    "citation_options",
    "response_format",
    "safety_mode",
    "max_tokens",
    "stop_sequences",
    "temperature",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "k",
    "p",
    "logprobs",
    "tool_choice",
    "thinking",
    "priority",
    "raw_prompting",
    "stream",
];

/// Numbers with their bounds.
const NUMBERS: &[(&str, f64, f64)] = &[
    ("temperature", 0.0, f64::MAX),
    ("frequency_penalty", 0.0, 1.0),
    ("presence_penalty", 0.0, 1.0),
    ("k", 0.0, 500.0),
    ("p", 0.01, 0.99),
    ("max_tokens", 1.0, f64::MAX),
    ("priority", 0.0, 999.0),
];

pub(crate) fn read(body: &Value) -> Result<Ask, Refusal> {
    known(body, KNOWN)?;
    for (name, least, most) in NUMBERS {
        bounded(body, name, (*least, *most))?;
    }
    if list_of(body, "stop_sequences")?.len() > 5 {
        return Err(Refusal::invalid("stop_sequences", "at most 5 are taken"));
    }
    let tools = tools(body)?;
    let documents = list_of(body, "documents")?;
    for document in documents {
        messages::document(document, true)?;
    }
    let ask = Ask {
        model: text_of(body, "model")?,
        stream: flag_of(body, "stream"),
        include_usage: true,
        turns: messages::read(list_of(body, "messages")?)?,
        choice: choice(body, &tools)?,
        schema: schema(body, tools.is_empty() && documents.is_empty())?,
        tools,
        max_output: body
            .get("max_tokens")
            .and_then(Value::as_u64)
            .and_then(|limit| usize::try_from(limit).ok()),
        thinking: thinking(body)?,
        settings: Settings { cited: documents.first().cloned(), ..Settings::default() },
    };
    ask.check("messages")?;
    Ok(ask)
}

fn bounded(body: &Value, name: &str, (least, most): (f64, f64)) -> Result<(), Refusal> {
    let Some(value) = body.get(name).filter(|value| !value.is_null()) else { return Ok(()) };
    match value.as_f64() {
        Some(number) if (least..=most).contains(&number) => Ok(()),
        _ => Err(Refusal::new(400, format!("invalid request: {name} is out of its bounds"))),
    }
}

fn tools(body: &Value) -> Result<Vec<Tool>, Refusal> {
    let mut tools = Vec::new();
    for item in list_of(body, "tools")? {
        known(item, &["type", "function"])?;
        if text_of(item, "type")? != "function" {
            return Err(Refusal::invalid("tools", "only functions are known"));
        }
        let wrong = || Refusal::invalid("tools", "a tool needs a function with parameters");
        let function = item.get("function").ok_or_else(wrong)?;
        known(function, &["name", "description", "parameters"])?;
        let schema = function.get("parameters").filter(|schema| schema.is_object());
        tools.push(Tool {
            name: text_of(function, "name")?,
            schema: schema.cloned().ok_or_else(wrong)?,
        });
    }
    Ok(tools)
}

fn choice(body: &Value, tools: &[Tool]) -> Result<ToolChoice, Refusal> {
    match body.get("tool_choice").map(Value::as_str) {
        None => Ok(ToolChoice::Free),
        Some(_) if tools.is_empty() => Err(Refusal::invalid("tool_choice", "there are no tools")),
        Some(Some("REQUIRED")) => Ok(ToolChoice::Any),
        Some(Some("NONE")) => Ok(ToolChoice::Never),
        Some(_) => Err(Refusal::invalid("tool_choice", "must be REQUIRED or NONE")),
    }
}

/// The schema of the answer, which may be asked for where there is `nothing` else to keep to.
fn schema(body: &Value, nothing: bool) -> Result<Option<Value>, Refusal> {
    let Some(format) = body.get("response_format") else { return Ok(None) };
    known(format, &["type", "json_schema"])?;
    let schema = format.get("json_schema").cloned();
    match text_of(format, "type")?.as_str() {
        "text" if schema.is_none() => Ok(None),
        "json_object" if nothing => Ok(schema),
        "json_object" => {
            let why = "is not supported in combination with tools or documents";
            Err(Refusal::invalid("response_format", why))
        }
        _ => Err(Refusal::invalid("response_format", "this type is not known")),
    }
}

/// Whether it may think, which it does unless it is told not to.
fn thinking(body: &Value) -> Result<bool, Refusal> {
    let Some(thinking) = body.get("thinking") else { return Ok(true) };
    known(thinking, &["type", "token_budget"])?;
    bounded(thinking, "token_budget", (1.0, f64::MAX))?;
    match text_of(thinking, "type")?.as_str() {
        "enabled" => Ok(true),
        "disabled" => Ok(false),
        _ => Err(Refusal::invalid("thinking", "must be enabled or disabled")),
    }
}
