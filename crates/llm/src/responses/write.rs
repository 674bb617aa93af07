//! Writing a Responses request.

use super::{keep::ENCRYPTED, turns::Turns};
use crate::{
    BadRequest, Quirks,
    conversation::{Body, Choice, Losses, Output, Part, Request, Role, Thinking, Tool, Turn},
    demand::one_answer,
    openai::{Documents, level, sampling, sayable, shared, write_schema},
    write::{self, Object},
};

/// Fewest tokens that the format accepts as a cap.
const LEAST_OUTPUT: u64 = 16;

/// Writes the request for `model` and gives what got lost.
pub(crate) fn write_request(
    request: &Request<'_>,
    mut losses: Losses,
    model: &str,
    quirks: &Quirks,
    out: &mut Vec<u8>,
) -> Result<Losses, BadRequest> {
    one_answer(request.choices)?;
    sayable(request, losses.names(), Documents::Any)?;
    write::object(out, |root| {
        root.text("model", model);
        let turns = instructions(request, root, &mut losses);
        root.array("input", |list| {
            let mut writer = Turns { losses: &mut losses };
            turns.iter().for_each(|turn| writer.turn(turn, list));
        });
        limits(request, quirks, root, &mut losses);
        reasoning(request, quirks, root, &mut losses);
        if !request.tools.is_empty() {
            tools(request, root, &mut losses);
        }
        text(request, root, &mut losses);
        members(request, root, &mut losses);
        // Nothing may stay behind at the provider; what it would have kept travels with the client.
        root.boolean("store", false);
        if quirks.encrypted_reasoning {
            root.array("include", |list| list.text(ENCRYPTED));
        }
        if request.stream {
            root.boolean("stream", true);
        }
    });
    Ok(losses)
}

/// A single text at the start becomes `instructions`, which every server of the format knows; gives the other
/// turns. It stays in the input where nothing else is, and where JSON is asked for, as the input must say so.
fn instructions<'r>(
    request: &'r Request<'_>,
    out: &mut Object<'_>,
    losses: &mut Losses,
) -> &'r [Turn<'r>] {
    let turns = request.turns.as_slice();
    let [Turn { role: Role::System, parts }, rest @ ..] = turns else { return turns };
    if rest.is_empty() || matches!(request.output, Output::Json) {
        return turns;
    }
    let [Part { body: Body::Text(text), cache }] = parts.as_slice() else { return turns };
    if cache.is_some() {
        losses.add_name("cache_control");
    }
    out.text("instructions", text);
    rest
}

fn limits(request: &Request<'_>, quirks: &Quirks, out: &mut Object<'_>, losses: &mut Losses) {
    if let Some(tokens) = request.max_output {
        if tokens < LEAST_OUTPUT {
            losses.add_name(losses.names().max_output);
        }
        out.number("max_output_tokens", tokens.max(LEAST_OUTPUT));
    }
    sampling(request, quirks, out, losses);
    if !request.stop.is_empty() {
        losses.add_name(losses.names().stop);
    }
}

fn reasoning(request: &Request<'_>, quirks: &Quirks, out: &mut Object<'_>, losses: &mut Losses) {
    let effort = level(request, quirks, losses);
    // Who asks for thinking wants to see it; the format shows it only summed up, and only when asked.
    let thinks = matches!(request.thinking, Some(Thinking::Adaptive | Thinking::Budget(_)));
    let summary = (thinks && quirks.reasoning_effort).then_some("auto");
    if effort.is_none() && summary.is_none() {
        return;
    }
    out.object("reasoning", |reasoning| {
        if let Some(effort) = effort {
            reasoning.text("effort", effort);
        }
        if let Some(summary) = summary {
            reasoning.text("summary", summary);
        }
    });
}

fn tools(request: &Request<'_>, out: &mut Object<'_>, losses: &mut Losses) {
    out.array("tools", |list| {
        for tool in &request.tools {
            if tool.cache.is_some() {
                losses.add_name("cache_control");
            }
            list.object(|item| write_tool(tool, item));
        }
    });
    match &request.choice {
        None => {}
        Some(Choice::Auto) => out.text("tool_choice", "auto"),
        Some(Choice::None) => out.text("tool_choice", "none"),
        Some(Choice::Any) => out.text("tool_choice", "required"),
        Some(Choice::Tool(name)) => out.object("tool_choice", |choice| {
            choice.text("type", "function");
            choice.text("name", name);
        }),
    }
    if let Some(parallel) = request.parallel {
        out.boolean("parallel_tool_calls", parallel);
    }
}

fn write_tool(tool: &Tool<'_>, out: &mut Object<'_>) {
    out.text("type", "function");
    out.text("name", &tool.name);
    if let Some(description) = &tool.description {
        out.text("description", description);
    }
    match &tool.schema {
        Some(schema) => out.raw("parameters", schema.get()),
        None => out.null("parameters"),
    }
    // Strict unless told otherwise, which would refuse schemas that the other formats take.
    out.boolean("strict", tool.strict.unwrap_or(false));
}

fn text(request: &Request<'_>, out: &mut Object<'_>, losses: &mut Losses) {
    let plain = matches!(request.output, Output::Text);
    if plain && request.verbosity.is_none() {
        return;
    }
    out.object("text", |text| {
        if !plain {
            text.object("format", |format| match &request.output {
                Output::Text => format.text("type", "text"),
                Output::Json => format.text("type", "json_object"),
                schema @ Output::Schema { .. } => {
                    format.text("type", "json_schema");
                    write_schema(schema, format, losses);
                }
            });
        }
        text.raw_some("verbosity", request.verbosity);
    });
}

fn members(request: &Request<'_>, out: &mut Object<'_>, losses: &mut Losses) {
    if let Some(user) = &request.user {
        out.text("user", user);
    }
    if let Some(identifier) = &request.identifier {
        out.text("safety_identifier", identifier);
    }
    shared::write(request, out, |_| true);
    if request.cache.is_some() {
        losses.add_name("cache_control");
    }
}
