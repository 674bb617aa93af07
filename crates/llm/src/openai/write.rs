//! Writing a Chat Completions request.

use serde_json::Value;

use super::message::Messages;
use crate::{
    BadRequest, Quirks,
    conversation::{Body, Choice, Losses, Output, Request, Role, Source, Thinking, Tool},
    json::Raw,
    write::{self, Object},
};

/// Writes the request for `model` and gives what got lost.
pub(crate) fn write_request(
    mut request: Request<'_>,
    model: &str,
    quirks: &Quirks,
    out: &mut Vec<u8>,
) -> Result<Losses, BadRequest> {
    sayable(&request)?;
    let mut losses = std::mem::take(&mut request.losses);
    write::object(out, |root| {
        root.text("model", model);
        root.array("messages", |list| {
            let mut messages = Messages { quirks, losses: &mut losses };
            for turn in &request.turns {
                messages.turn(turn, list);
            }
        });
        limits(&request, quirks, root, &mut losses);
        effort(&request, quirks, root, &mut losses);
        if !request.tools.is_empty() {
            tools(&request, quirks, root, &mut losses);
        }
        output(&request.output, root, &mut losses);
        if request.choices > 1 {
            root.number("n", request.choices);
        }
        if let Some(user) = &request.user {
            root.text("user", user);
        }
        if request.cache.is_some() {
            losses.add_name("cache_control");
        }
        if request.stream {
            root.boolean("stream", true);
            if quirks.stream_usage {
                root.object("stream_options", |options| options.boolean("include_usage", true));
            }
        }
    });
    Ok(losses)
}

/// Content that has no counterpart and would change the question if it were left out.
fn sayable(request: &Request<'_>) -> Result<(), BadRequest> {
    for turn in &request.turns {
        for part in &turn.parts {
            let parts = match &part.body {
                Body::ToolResult { parts, .. } => parts.as_slice(),
                _ => std::slice::from_ref(part),
            };
            for part in parts {
                match (&part.body, turn.role) {
                    (Body::Document { source: Source::Url(_), .. }, _) => {
                        let why = "A document given by address cannot be sent to this model.";
                        return Err(BadRequest::unsupported("messages", why));
                    }
                    (
                        Body::Image { .. } | Body::Document { .. },
                        Role::System | Role::Assistant,
                    ) => {
                        let why = "Only user messages may hold images or documents for this model.";
                        return Err(BadRequest::unsupported("messages", why));
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

fn limits(request: &Request<'_>, quirks: &Quirks, out: &mut Object<'_>, losses: &mut Losses) {
    if let Some(tokens) = request.max_output {
        let name =
            if quirks.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" };
        out.number(name, tokens);
    }
    let mut sampling = |name: &str, value: Option<Raw<'_>>, default: &[&str]| match value {
        Some(raw) if quirks.sampling => out.raw(name, raw.get()),
        Some(raw) if !default.contains(&raw.get()) => losses.add_name(name),
        _ => {}
    };
    sampling("temperature", request.temperature, &["1", "1.0"]);
    sampling("top_p", request.top_p, &["1", "1.0"]);
    if request.top_k.is_some() {
        losses.add_name("top_k");
    }
    if !request.stop.is_empty() {
        out.array("stop", |list| request.stop.iter().for_each(|text| list.text(text)));
    }
}

/// The format has levels, not budgets; a budget becomes the level it would usually buy.
fn effort(request: &Request<'_>, quirks: &Quirks, out: &mut Object<'_>, losses: &mut Losses) {
    let level = match (request.effort.as_deref(), request.thinking) {
        (Some("max"), _) => Some("xhigh"),
        (Some(level), _) => Some(level),
        (None, Some(Thinking::Budget(tokens))) => Some(Thinking::level(tokens)),
        (None, Some(Thinking::Off)) => {
            // Without reasoning there is nothing to turn off.
            if quirks.reasoning_effort {
                losses.add_name("thinking");
            }
            None
        }
        (None, Some(Thinking::Adaptive) | None) => None,
    };
    match level {
        Some(level) if quirks.reasoning_effort => out.text("reasoning_effort", level),
        Some(_) => {
            losses.add_name(if request.effort.is_some() {
                "output_config.effort"
            } else {
                "thinking"
            });
        }
        None => {}
    }
}

fn tools(request: &Request<'_>, quirks: &Quirks, out: &mut Object<'_>, losses: &mut Losses) {
    out.array("tools", |list| {
        for tool in &request.tools {
            if tool.cache.is_some() && !quirks.cache_control {
                losses.add_name("cache_control");
            }
            list.object(|item| {
                item.text("type", "function");
                item.object("function", |function| write_tool(tool, function));
                if quirks.cache_control {
                    item.raw_some("cache_control", tool.cache);
                }
            });
        }
    });
    match &request.choice {
        None => {}
        Some(Choice::Auto) => out.text("tool_choice", "auto"),
        Some(Choice::None) => out.text("tool_choice", "none"),
        Some(Choice::Any) => out.text("tool_choice", "required"),
        Some(Choice::Tool(name)) => out.object("tool_choice", |choice| {
            choice.text("type", "function");
            choice.object("function", |function| function.text("name", name));
        }),
    }
    if let Some(parallel) = request.parallel {
        out.boolean("parallel_tool_calls", parallel);
    }
}

fn write_tool(tool: &Tool<'_>, out: &mut Object<'_>) {
    out.text("name", &tool.name);
    if let Some(description) = &tool.description {
        out.text("description", description);
    }
    out.raw_some("parameters", tool.schema);
    if let Some(strict) = tool.strict {
        out.boolean("strict", strict);
    }
}

fn output(output: &Output<'_>, out: &mut Object<'_>, losses: &mut Losses) {
    match output {
        Output::Text => {}
        Output::Json => {
            out.object("response_format", |format| format.text("type", "json_object"));
        }
        Output::Schema { name, description, schema } => {
            let document: Value = serde_json::from_str(schema.get()).unwrap_or_default();
            let strict = strict_ready(&document);
            if !strict {
                // The provider will aim at the schema but not enforce it.
                losses.add_name("output_config.format");
            }
            let title = name.as_deref().or_else(|| document.get("title")?.as_str());
            out.object("response_format", |format| {
                format.text("type", "json_schema");
                format.object("json_schema", |inner| {
                    inner.text("name", &schema_name(title));
                    if let Some(description) = description {
                        inner.text("description", description);
                    }
                    inner.raw("schema", schema.get());
                    inner.boolean("strict", strict);
                });
            });
        }
    }
}

/// The format allows letters, digits, `_` and `-`, at most 64.
fn schema_name(title: Option<&str>) -> String {
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() || character == '_' || character == '-' {
            character
        } else {
            '_'
        }
    };
    match title {
        Some(title) if !title.is_empty() => title.chars().take(64).map(plain).collect(),
        _ => "response".to_owned(),
    }
}

/// Strict mode wants every object closed and every property required; any other schema is refused there.
fn strict_ready(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            let closed = match members.get("properties") {
                Some(Value::Object(properties)) => {
                    let required = members.get("required").and_then(Value::as_array);
                    let listed = |name: &String| {
                        required.is_some_and(|list| list.iter().any(|item| item == name.as_str()))
                    };
                    members.get("additionalProperties") == Some(&Value::Bool(false))
                        && properties.keys().all(listed)
                }
                _ => members.get("type").and_then(Value::as_str) != Some("object"),
            };
            closed && members.values().all(strict_ready)
        }
        Value::Array(items) => items.iter().all(strict_ready),
        _ => true,
    }
}
