//! Writing a Messages request.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    blocks::Blocks,
    plan::{plan, sampling},
};
use crate::{
    BadRequest, Quirks,
    conversation::{Body, Choice, Losses, Output, Part, Request, Role, Source, Tool, Turn},
    demand::one_answer,
    json::{self, Raw},
    names::Names,
    openai::shared,
    write::{self, Object},
};

/// The schema of a tool that has none.
pub(crate) const NO_SCHEMA: &str = r#"{"type":"object","properties":{}}"#;

/// Writes the request for `model` and gives what got lost.
pub(crate) fn write_request(
    mut request: Request<'_>,
    mut losses: Losses,
    model: &str,
    quirks: &Quirks,
    out: &mut Vec<u8>,
) -> Result<Losses, BadRequest> {
    one_answer(request.choices)?;
    sayable(&request.turns, losses.names())?;
    let (system, turns) = arrange(std::mem::take(&mut request.turns), quirks, &mut losses)?;
    let plan = plan(&request, &turns, quirks, &mut losses);
    write::object(out, |root| {
        root.text("model", model);
        root.number("max_tokens", plan.max_tokens);
        if !system.is_empty() {
            write_system(&system, root);
        }
        root.array("messages", |list| {
            for turn in &turns {
                list.object(|message| {
                    message.text("role", role(turn.role));
                    message.array("content", |content| {
                        let mut blocks = Blocks { losses: &mut losses };
                        turn.parts.iter().for_each(|part| blocks.part(part, content));
                    });
                });
            }
        });
        sampling(&request, quirks, &plan, root, &mut losses);
        stop(&request, root, &mut losses);
        if !request.tools.is_empty() {
            tools(&request, root);
        } else {
            past_tools(&turns, root);
        }
        plan.write_thinking(root);
        output(&request.output, plan.effort.as_deref(), root, &mut losses);
        if let Some(user) = request.user.as_ref().or(request.identifier.as_ref()) {
            root.object("metadata", |metadata| metadata.text("user_id", user));
        }
        shared::lose(&request, &mut losses, |_| false);
        shared::lose_verbosity(&request, &mut losses);
        root.raw_some("cache_control", request.cache);
        if request.stream {
            root.boolean("stream", true);
        }
    });
    Ok(losses)
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// Instructions at the start become `system`, turns of one side become one turn, empty text goes.
fn arrange<'a>(
    turns: Vec<Turn<'a>>,
    quirks: &Quirks,
    losses: &mut Losses,
) -> Result<(Vec<Part<'a>>, Vec<Turn<'a>>), BadRequest> {
    let mut system = Vec::new();
    let mut merged: Vec<Turn<'a>> = Vec::new();
    for mut turn in turns {
        turn.parts.retain(|part| Blocks { losses }.sayable(part));
        if turn.parts.is_empty() {
            continue;
        }
        let last = merged.last().map(|turn| turn.role);
        if turn.role == Role::System && !(quirks.system_turns && last == Some(Role::User)) {
            if last.is_some() {
                // It still instructs, but no longer from where it stood.
                losses.add_name(losses.names().role);
            }
            system.append(&mut turn.parts);
            continue;
        }
        match merged.last_mut() {
            Some(before) if before.role == turn.role => before.parts.append(&mut turn.parts),
            _ => merged.push(turn),
        }
    }
    if merged.is_empty() {
        return Err(BadRequest::at(losses.names().turns, "At least one user message is required."));
    }
    for turn in &mut merged {
        // Results of tools must come before anything else the user says.
        turn.parts.sort_by_key(|part| !matches!(part.body, Body::ToolResult { .. }));
        if turn.role == Role::System && !turn.parts.iter().all(is_text) {
            return Err(only_text(losses.names()));
        }
    }
    if let Some(Turn { role: Role::Assistant, parts }) = merged.last_mut()
        && let Some(Part { body: Body::Text(text), .. }) = parts.last_mut()
    {
        // The beginning of an answer that is to be continued may not end in white space.
        let kept = text.trim_end();
        if !kept.is_empty() {
            *text = kept.to_owned().into();
        }
    }
    if system.iter().all(is_text) { Ok((system, merged)) } else { Err(only_text(losses.names())) }
}

/// Inline documents are PDF; anything else would be refused or misread.
fn sayable(turns: &[Turn<'_>], names: &Names) -> Result<(), BadRequest> {
    let foreign = |part: &Part<'_>| {
        matches!(&part.body, Body::Document { source: Source::Inline { media_type, .. }, .. }
            if &**media_type != "application/pdf")
    };
    if turns.iter().flat_map(|turn| &turn.parts).any(foreign) {
        let why = "Only PDF files can be sent to this model.";
        return Err(BadRequest::unsupported(names.turns, why));
    }
    Ok(())
}

fn only_text(names: &Names) -> BadRequest {
    BadRequest::unsupported(names.turns, "Instructions may only hold text for this model.")
}

const fn is_text(part: &Part<'_>) -> bool {
    matches!(part.body, Body::Text(_))
}

fn write_system(parts: &[Part<'_>], out: &mut Object<'_>) {
    if let [Part { body: Body::Text(text), cache: None }] = parts {
        out.text("system", text);
        return;
    }
    out.array("system", |list| {
        for part in parts {
            let Body::Text(text) = &part.body else { continue };
            list.object(|block| {
                block.text("type", "text");
                block.text("text", text);
                block.raw_some("cache_control", part.cache);
            });
        }
    });
}

fn stop(request: &Request<'_>, out: &mut Object<'_>, losses: &mut Losses) {
    // The format refuses sequences of nothing but white space.
    let (said, blank): (Vec<_>, Vec<_>) =
        request.stop.iter().partition(|text| !text.trim().is_empty());
    if !blank.is_empty() {
        losses.add_name(losses.names().stop);
    }
    if !said.is_empty() {
        out.array("stop_sequences", |list| said.iter().for_each(|text| list.text(text)));
    }
}

fn tools(request: &Request<'_>, out: &mut Object<'_>) {
    out.array("tools", |list| {
        for tool in &request.tools {
            list.object(|item| write_tool(tool, item));
        }
    });
    let single = request.parallel == Some(false);
    let choice = match &request.choice {
        None if !single => return,
        None => &Choice::Auto,
        Some(choice) => choice,
    };
    out.object("tool_choice", |out| {
        match choice {
            Choice::Auto => out.text("type", "auto"),
            Choice::None => return out.text("type", "none"),
            Choice::Any => out.text("type", "any"),
            Choice::Tool(name) => {
                out.text("type", "tool");
                out.text("name", name);
            }
        }
        if let Some(parallel) = request.parallel {
            out.boolean("disable_parallel_tool_use", !parallel);
        }
    });
}

/// Calls in the history need their tools defined, even when none may be called any more.
fn past_tools(turns: &[Turn<'_>], out: &mut Object<'_>) {
    let parts = turns.iter().flat_map(|turn| &turn.parts);
    let names: BTreeSet<&str> = parts
        .filter_map(|part| match &part.body {
            Body::ToolCall { name, .. } => Some(&**name),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return;
    }
    out.array("tools", |list| {
        for name in names {
            list.object(|tool| {
                tool.text("name", name);
                tool.raw("input_schema", NO_SCHEMA);
            });
        }
    });
    out.object("tool_choice", |choice| choice.text("type", "none"));
}

fn write_tool(tool: &Tool<'_>, out: &mut Object<'_>) {
    out.text("name", &tool.name);
    if let Some(description) = &tool.description {
        out.text("description", description);
    }
    let schema = tool.schema.as_deref().filter(|raw| json::shape(raw) == json::Shape::Object);
    out.raw("input_schema", schema.map_or(NO_SCHEMA, |raw| raw.get()));
    if tool.strict == Some(true) {
        out.boolean("strict", true);
    }
    out.raw_some("cache_control", tool.cache);
}

fn output(output: &Output<'_>, effort: Option<&str>, out: &mut Object<'_>, losses: &mut Losses) {
    let schema = match output {
        Output::Text => None,
        Output::Json => {
            losses.add_name(losses.names().output);
            None
        }
        Output::Schema { name, description, schema, .. } => {
            Some(titled(schema, name.as_deref(), description.as_deref()))
        }
    };
    if effort.is_none() && schema.is_none() {
        return;
    }
    out.object("output_config", |config| {
        if let Some(effort) = effort {
            config.text("effort", effort);
        }
        if let Some(schema) = schema {
            config.object("format", |format| {
                format.text("type", "json_schema");
                format.raw("schema", &schema);
            });
        }
    });
}

/// The schema with its name and description as JSON Schema's own annotations, where it has none of its own.
fn titled(schema: Raw<'_>, name: Option<&str>, description: Option<&str>) -> String {
    let known: Map<String, Value> = serde_json::from_str(schema.get()).unwrap_or_default();
    let mut notes = Vec::new();
    write::object(&mut notes, |out| {
        for (key, value) in [("title", name), ("description", description)] {
            if let Some(value) = value.filter(|_| !known.contains_key(key)) {
                out.text(key, value);
            }
        }
    });
    let notes = String::from_utf8(notes).unwrap_or_default();
    let (notes, members) = (notes.trim_end_matches('}'), schema.get().trim_start_matches('{'));
    if notes == "{" {
        return schema.get().to_owned();
    }
    let comma = if known.is_empty() { "" } else { "," };
    format!("{notes}{comma}{members}")
}
