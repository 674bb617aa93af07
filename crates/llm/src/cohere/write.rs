//! Writing a Cohere chat request.

use super::message::{Messages, document};
use crate::{
    BadRequest, Quirks,
    anthropic::NO_SCHEMA,
    conversation::{Body, Choice, Losses, Output, Request, Role, Thinking, Tool},
    demand::one_answer,
    json::{self, Raw, Shape},
    names::Names,
    openai::shared,
    write::{self, Object},
};

/// The largest value of `k`, and the bounds of `p`.
const MOST_K: u64 = 500;
const LEAST_P: f64 = 0.01;
const MOST_P: f64 = 0.99;

/// Writes the request for `model` and gives what got lost.
pub(crate) fn write_request(
    request: &Request<'_>,
    mut losses: Losses,
    model: &str,
    quirks: &Quirks,
    out: &mut Vec<u8>,
) -> Result<Losses, BadRequest> {
    one_answer(request.choices)?;
    sayable(request, losses.names())?;
    let offered = offered(request)?;
    write::object(out, |root| {
        root.text("model", model);
        root.array("messages", |list| {
            let mut messages = Messages { losses: &mut losses };
            request.turns.iter().for_each(|turn| messages.turn(turn, list));
        });
        if !offered.is_empty() {
            tools(&offered, request.choice.as_ref(), root, &mut losses);
        }
        output(request, root, &mut losses);
        settings(request, quirks, root, &mut losses);
        thinking(request, quirks, root, &mut losses);
        if request.stream {
            root.boolean("stream", true);
        }
    });
    lose(request, &mut losses);
    Ok(losses)
}

/// Content that has no counterpart and would change the question if it were left out.
fn sayable(request: &Request<'_>, names: &Names) -> Result<(), BadRequest> {
    for turn in &request.turns {
        for part in &turn.parts {
            let parts = match &part.body {
                Body::ToolResult { parts, .. } => parts.as_slice(),
                _ => std::slice::from_ref(part),
            };
            for part in parts {
                let why = match &part.body {
                    Body::Image { .. } if turn.role != Role::User => {
                        "Only user messages may hold images for this model."
                    }
                    Body::Document { .. } if turn.role == Role::Assistant => {
                        "Only user messages may hold documents for this model."
                    }
                    Body::Document { source, .. } if document(source, None).is_none() => {
                        "Only documents of plain text, given inline, can be sent to this model."
                    }
                    _ => continue,
                };
                return Err(BadRequest::unsupported(names.turns, why));
            }
        }
    }
    Ok(())
}

/// The format can force some tool, but not name one: then only that one is offered.
fn offered<'r, 'a>(request: &'r Request<'a>) -> Result<Vec<&'r Tool<'a>>, BadRequest> {
    let Some(Choice::Tool(name)) = &request.choice else {
        return Ok(request.tools.iter().collect());
    };
    let one: Vec<_> = request.tools.iter().filter(|tool| tool.name == *name).collect();
    if one.is_empty() {
        return Err(BadRequest::at("tool_choice", "The chosen tool is not among the tools."));
    }
    Ok(one)
}

fn tools(
    offered: &[&Tool<'_>],
    choice: Option<&Choice<'_>>,
    out: &mut Object<'_>,
    losses: &mut Losses,
) {
    out.array("tools", |list| {
        for tool in offered {
            if tool.cache.is_some() {
                losses.add_name("cache_control");
            }
            list.object(|item| {
                item.text("type", "function");
                item.object("function", |function| write_tool(tool, function));
            });
        }
    });
    let strict = |tool: &&Tool<'_>| tool.strict == Some(true);
    if offered.iter().all(strict) {
        out.boolean("strict_tools", true);
    } else if offered.iter().any(strict) {
        // All of them or none.
        losses.add_name("strict");
    }
    match choice {
        None | Some(Choice::Auto) => {}
        Some(Choice::None) => out.text("tool_choice", "NONE"),
        Some(Choice::Any | Choice::Tool(_)) => out.text("tool_choice", "REQUIRED"),
    }
}

fn write_tool(tool: &Tool<'_>, out: &mut Object<'_>) {
    out.text("name", &tool.name);
    if let Some(description) = tool.description.as_deref().filter(|text| !text.is_empty()) {
        out.text("description", description);
    }
    let schema = tool.schema.as_deref().filter(|raw| json::shape(raw) == Shape::Object);
    out.raw("parameters", schema.map_or(NO_SCHEMA, |raw| raw.get()));
}

/// The format takes no wish about the answer's shape beside tools.
fn output(request: &Request<'_>, out: &mut Object<'_>, losses: &mut Losses) {
    if matches!(request.output, Output::Text) {
        return;
    }
    if !request.tools.is_empty() {
        losses.add_name(losses.names().output);
        return;
    }
    out.object("response_format", |format| {
        format.text("type", "json_object");
        if let Output::Schema { schema, description, .. } = &request.output {
            if description.is_some() {
                losses.add_name(losses.names().output);
            }
            format.raw("json_schema", schema.get());
        }
    });
}

fn settings(request: &Request<'_>, quirks: &Quirks, out: &mut Object<'_>, losses: &mut Losses) {
    if let Some(tokens) = request.max_output {
        out.number("max_tokens", tokens);
    }
    if !request.stop.is_empty() {
        out.array("stop_sequences", |list| request.stop.iter().for_each(|text| list.text(text)));
    }
    let names = losses.names();
    if !quirks.sampling {
        for (value, lost) in [
            (request.temperature, names.temperature),
            (request.top_p, names.top_p),
            (request.top_k, names.top_k),
        ] {
            if value.is_some() {
                losses.add_name(lost);
            }
        }
        return;
    }
    out.raw_some("temperature", request.temperature);
    if let Some(raw) = request.top_p {
        nucleus(raw, out, losses);
    }
    match request.top_k {
        Some(raw) if json::whole(raw).is_some_and(|number| number > MOST_K) => {
            losses.add_name(names.top_k);
            out.number("k", MOST_K);
        }
        other => out.raw_some("k", other),
    }
}

/// The whole range is not taken; all of it is as good as nearly all of it, and leaving it out would be less.
fn nucleus(raw: Raw<'_>, out: &mut Object<'_>, losses: &mut Losses) {
    let number = serde_json::from_str::<f64>(raw.get()).unwrap_or(MOST_P);
    if number > MOST_P {
        out.raw("p", "0.99");
    } else if number < LEAST_P {
        losses.add_name(losses.names().top_p);
        out.raw("p", "0.01");
    } else {
        out.raw("p", raw.get());
    }
}

/// The format has budgets, not levels; a level becomes what usually suffices for it.
fn thinking(request: &Request<'_>, quirks: &Quirks, out: &mut Object<'_>, losses: &mut Losses) {
    let effort = request.effort.as_deref();
    let (kind, budget) = match (request.thinking, effort) {
        (None, None) => return,
        (Some(Thinking::Off), _) | (None, Some("none")) => ("disabled", None),
        (Some(Thinking::Budget(tokens)), _) => ("enabled", Some(tokens)),
        (_, Some(effort)) => ("enabled", Some(Thinking::tokens(effort))),
        (Some(Thinking::Adaptive), None) => ("enabled", None),
    };
    if !quirks.reasoning_effort {
        // Without reasoning there is nothing to turn off.
        if kind == "enabled" {
            let names = losses.names();
            losses.add_name(if effort.is_some() { names.effort } else { names.thought });
        }
        return;
    }
    out.object("thinking", |thinking| {
        thinking.text("type", kind);
        if let Some(tokens) = budget {
            thinking.number("token_budget", tokens);
        }
    });
}

/// Members that the format has no word for.
fn lose(request: &Request<'_>, losses: &mut Losses) {
    shared::lose(request, losses, |_| false);
    shared::lose_verbosity(request, losses);
    for (name, said) in [
        ("parallel_tool_calls", request.parallel == Some(false)),
        ("user", request.user.is_some()),
        ("safety_identifier", request.identifier.is_some()),
        ("cache_control", request.cache.is_some()),
    ] {
        if said {
            losses.add_name(name);
        }
    }
}
