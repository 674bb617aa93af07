//! Writing a Chat Completions request.

use super::{message::Messages, schema::write_schema, shared};
use crate::{
    BadRequest, Quirks,
    conversation::{Body, Choice, Losses, Output, Request, Role, Source, Thinking, Tool},
    json::Raw,
    names::Names,
    write::{self, Object},
};

/// Writes the request for `model` and gives what got lost.
pub(crate) fn write_request(
    request: &Request<'_>,
    mut losses: Losses,
    model: &str,
    quirks: &Quirks,
    out: &mut Vec<u8>,
) -> Result<Losses, BadRequest> {
    sayable(request, losses.names(), Documents::Inline)?;
    write::object(out, |root| {
        root.text("model", model);
        messages(request, quirks, root, &mut losses);
        limits(request, quirks, root, &mut losses);
        effort(request, quirks, root, &mut losses);
        if !request.tools.is_empty() {
            tools(request, quirks, root, &mut losses);
            choice(request, root);
        }
        output(&request.output, root, &mut losses);
        if request.choices > 1 {
            root.number("n", request.choices);
        }
        members(request, quirks, root, &mut losses);
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

pub(crate) fn messages(
    request: &Request<'_>,
    quirks: &Quirks,
    out: &mut Object<'_>,
    losses: &mut Losses,
) {
    out.array("messages", |list| {
        let mut messages = Messages { quirks, losses };
        for turn in &request.turns {
            messages.turn(turn, list);
        }
    });
}

/// Members that only OpenAI's own host is sure to take; compatible servers may refuse what they do not know.
fn members(request: &Request<'_>, quirks: &Quirks, out: &mut Object<'_>, losses: &mut Losses) {
    if let Some(user) = &request.user {
        out.text("user", user);
    }
    // The format takes metadata only for answers that are stored.
    let keep = |name: &str| quirks.openai_host && name != "metadata";
    shared::write(request, out, keep);
    shared::lose(request, losses, keep);
    match &request.identifier {
        Some(identifier) if quirks.openai_host => out.text("safety_identifier", identifier),
        Some(_) => losses.add_name("safety_identifier"),
        None => {}
    }
    match request.verbosity {
        Some(raw) if quirks.openai_host => out.raw("verbosity", raw.get()),
        _ => shared::lose_verbosity(request, losses),
    }
    if request.summary.is_some() {
        losses.add_name("reasoning.summary");
    }
}

/// Which documents a format takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Documents {
    Inline,
    /// Also those given by address.
    Any,
}

/// Content that has no counterpart and would change the question if it were left out.
pub(crate) fn sayable(
    request: &Request<'_>,
    names: &Names,
    documents: Documents,
) -> Result<(), BadRequest> {
    for turn in &request.turns {
        for part in &turn.parts {
            let parts = match &part.body {
                Body::ToolResult { parts, .. } => parts.as_slice(),
                _ => std::slice::from_ref(part),
            };
            for part in parts {
                match (&part.body, turn.role) {
                    (Body::Document { source: Source::Url(_), .. }, _)
                        if documents == Documents::Inline =>
                    {
                        let why = "A document given by address cannot be sent to this model.";
                        return Err(BadRequest::unsupported(names.turns, why));
                    }
                    (
                        Body::Image { .. } | Body::Document { .. },
                        Role::System | Role::Assistant,
                    ) => {
                        let why = "Only user messages may hold images or documents for this model.";
                        return Err(BadRequest::unsupported(names.turns, why));
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

pub(crate) fn limits(
    request: &Request<'_>,
    quirks: &Quirks,
    out: &mut Object<'_>,
    losses: &mut Losses,
) {
    if let Some(tokens) = request.max_output {
        let name =
            if quirks.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" };
        out.number(name, tokens);
    }
    sampling(request, quirks, out, losses);
    if !request.stop.is_empty() {
        out.array("stop", |list| request.stop.iter().for_each(|text| list.text(text)));
    }
}

pub(crate) fn sampling(
    request: &Request<'_>,
    quirks: &Quirks,
    out: &mut Object<'_>,
    losses: &mut Losses,
) {
    let names = losses.names();
    let mut write = |name: &str, lost: &str, value: Option<Raw<'_>>| match value {
        Some(raw) if quirks.sampling => out.raw(name, raw.get()),
        Some(raw) if !["1", "1.0"].contains(&raw.get()) => losses.add_name(lost),
        _ => {}
    };
    write("temperature", names.temperature, request.temperature);
    write("top_p", names.top_p, request.top_p);
    if request.top_k.is_some() {
        losses.add_name(names.top_k);
    }
}

/// The format has levels, not budgets; a budget becomes the level it would usually buy.
pub(crate) fn effort(
    request: &Request<'_>,
    quirks: &Quirks,
    out: &mut Object<'_>,
    losses: &mut Losses,
) {
    if let Some(level) = level(request, quirks, losses) {
        out.text("reasoning_effort", level);
    }
}

/// The level of effort to ask for, if the model takes one.
pub(crate) fn level<'r>(
    request: &'r Request<'_>,
    quirks: &Quirks,
    losses: &mut Losses,
) -> Option<&'r str> {
    let level = match (request.effort.as_deref(), request.thinking) {
        (Some("max"), _) => Some("xhigh"),
        (Some(level), _) => Some(level),
        (None, Some(Thinking::Budget(tokens))) => Some(Thinking::level(tokens)),
        (None, Some(Thinking::Off)) => {
            // Without reasoning there is nothing to turn off.
            if quirks.reasoning_effort {
                losses.add_name(losses.names().thought);
            }
            None
        }
        (None, Some(Thinking::Adaptive) | None) => None,
    };
    if level.is_some() && !quirks.reasoning_effort {
        let names = losses.names();
        let name = if request.effort.is_some() { names.effort } else { names.thought };
        losses.add_name(name);
        return None;
    }
    level
}

pub(crate) fn tools(
    request: &Request<'_>,
    quirks: &Quirks,
    out: &mut Object<'_>,
    losses: &mut Losses,
) {
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
}

fn choice(request: &Request<'_>, out: &mut Object<'_>) {
    match &request.choice {
        None => {}
        Some(Choice::Auto) => out.text("tool_choice", "auto"),
        Some(Choice::None) => out.text("tool_choice", "none"),
        Some(Choice::Any) => out.text("tool_choice", "required"),
        Some(Choice::Tool(name)) => forced(name, out),
    }
    if let Some(parallel) = request.parallel {
        out.boolean("parallel_tool_calls", parallel);
    }
}

/// The tool that must be called.
pub(crate) fn forced(name: &str, out: &mut Object<'_>) {
    out.object("tool_choice", |choice| {
        choice.text("type", "function");
        choice.object("function", |function| function.text("name", name));
    });
}

fn write_tool(tool: &Tool<'_>, out: &mut Object<'_>) {
    out.text("name", &tool.name);
    if let Some(description) = &tool.description {
        out.text("description", description);
    }
    out.raw_some("parameters", tool.schema.as_deref());
    if let Some(strict) = tool.strict {
        out.boolean("strict", strict);
    }
}

pub(crate) fn output(output: &Output<'_>, out: &mut Object<'_>, losses: &mut Losses) {
    match output {
        Output::Text => {}
        Output::Json => {
            out.object("response_format", |format| format.text("type", "json_object"));
        }
        schema @ Output::Schema { .. } => out.object("response_format", |format| {
            format.text("type", "json_schema");
            format.object("json_schema", |inner| write_schema(schema, inner, losses));
        }),
    }
}
