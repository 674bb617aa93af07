//! Writing a Gemini request.

use std::borrow::Cow;

use super::contents::Contents;
use crate::{
    BadRequest, Quirks, ThinkingStyle,
    conversation::{Body, Choice, Losses, Output, Part, Request, Role, Source, Thinking, Turn},
    demand::one_answer,
    json::Raw,
    names::Names,
    openai::shared,
    write::{self, Object},
};

/// Writes the request and gives what got lost. The model stands in the path.
pub(crate) fn write_request(
    mut request: Request<'_>,
    mut losses: Losses,
    quirks: &Quirks,
    out: &mut Vec<u8>,
) -> Result<Losses, BadRequest> {
    one_answer(request.choices)?;
    sayable(&request.turns, losses.names())?;
    let (system, turns) = arrange(std::mem::take(&mut request.turns), &mut losses)?;
    write::object(out, |root| {
        if !system.is_empty() {
            root.object("systemInstruction", |content| {
                content.array("parts", |parts| {
                    for text in &system {
                        parts.object(|part| part.text("text", text));
                    }
                });
            });
        }
        root.array("contents", |list| {
            let mut contents = Contents::new(&turns, &mut losses);
            contents.strict = quirks.signed_calls;
            turns.iter().for_each(|turn| contents.turn(turn, list));
        });
        if !request.tools.is_empty() {
            tools(&request, root, &mut losses);
        }
        root.object("generationConfig", |config| {
            settings(&request, quirks, config, &mut losses);
            output(&request.output, config, &mut losses);
            thinking(&request, quirks, config, &mut losses);
        });
    });
    lose(&request, &mut losses);
    Ok(losses)
}

/// What stands at an address would have to be fetched first.
fn sayable(turns: &[Turn<'_>], names: &Names) -> Result<(), BadRequest> {
    let parts = turns.iter().flat_map(|turn| &turn.parts).flat_map(|part| match &part.body {
        Body::ToolResult { parts, .. } => parts.as_slice(),
        _ => std::slice::from_ref(part),
    });
    let by_address = |part: &Part<'_>| {
        matches!(
            part.body,
            Body::Image { source: Source::Url(_), .. }
                | Body::Document { source: Source::Url(_), .. }
        )
    };
    if parts.into_iter().any(by_address) {
        let why = "Images and documents given by address cannot be sent to this model.";
        return Err(BadRequest::unsupported(names.turns, why));
    }
    Ok(())
}

/// Instructions become one text apart from the conversation; turns of one side become one turn.
fn arrange<'a>(
    turns: Vec<Turn<'a>>,
    losses: &mut Losses,
) -> Result<(Vec<Cow<'a, str>>, Vec<Turn<'a>>), BadRequest> {
    let mut system = Vec::new();
    let mut merged: Vec<Turn<'a>> = Vec::new();
    for mut turn in turns {
        if turn.role == Role::System {
            if !merged.is_empty() {
                // It still instructs, but no longer from where it stood.
                losses.add_name(losses.names().role);
            }
            for part in turn.parts {
                if part.cache.is_some() {
                    losses.add_name("cache_control");
                }
                let Body::Text(text) = part.body else {
                    let why = "Instructions may only hold text for this model.";
                    return Err(BadRequest::unsupported(losses.names().turns, why));
                };
                system.push(text);
            }
            continue;
        }
        match merged.last_mut() {
            Some(before) if before.role == turn.role => before.parts.append(&mut turn.parts),
            _ => merged.push(turn),
        }
    }
    if merged.is_empty() {
        let why = "At least one user message is required.";
        return Err(BadRequest::at(losses.names().turns, why));
    }
    for turn in &mut merged {
        // Results answer the turn before, so they come first.
        turn.parts.sort_by_key(|part| !matches!(part.body, Body::ToolResult { .. }));
    }
    Ok((system, merged))
}

fn tools(request: &Request<'_>, out: &mut Object<'_>, losses: &mut Losses) {
    out.array("tools", |list| {
        list.object(|group| {
            group.array("functionDeclarations", |list| {
                for tool in &request.tools {
                    if tool.cache.is_some() {
                        losses.add_name("cache_control");
                    }
                    list.object(|item| {
                        item.text("name", &tool.name);
                        if let Some(description) = &tool.description {
                            item.text("description", description);
                        }
                        item.raw_some("parametersJsonSchema", tool.schema.as_deref());
                    });
                }
            });
        });
    });
    let (mode, name) = match &request.choice {
        None => return,
        Some(Choice::Auto) => ("AUTO", None),
        Some(Choice::None) => ("NONE", None),
        Some(Choice::Any) => ("ANY", None),
        Some(Choice::Tool(name)) => ("ANY", Some(name)),
    };
    out.object("toolConfig", |config| {
        config.object("functionCallingConfig", |calling| {
            calling.text("mode", mode);
            if let Some(name) = name {
                calling.array("allowedFunctionNames", |list| list.text(name));
            }
        });
    });
}

fn settings(request: &Request<'_>, quirks: &Quirks, out: &mut Object<'_>, losses: &mut Losses) {
    if let Some(tokens) = request.max_output {
        out.number("maxOutputTokens", tokens);
    }
    let names = losses.names();
    let mut sampling = |name: &str, lost: &str, value: Option<Raw<'_>>| match value {
        Some(raw) if quirks.sampling => out.raw(name, raw.get()),
        Some(_) => losses.add_name(lost),
        None => {}
    };
    sampling("temperature", names.temperature, request.temperature);
    sampling("topP", names.top_p, request.top_p);
    sampling("topK", names.top_k, request.top_k);
    if !request.stop.is_empty() {
        out.array("stopSequences", |list| request.stop.iter().for_each(|text| list.text(text)));
    }
}

fn output(output: &Output<'_>, out: &mut Object<'_>, losses: &mut Losses) {
    match output {
        Output::Text => {}
        Output::Json => out.text("responseMimeType", "application/json"),
        Output::Schema { schema, description, .. } => {
            if description.is_some() {
                losses.add_name(losses.names().output);
            }
            out.text("responseMimeType", "application/json");
            out.raw("responseJsonSchema", schema.get());
        }
    }
}

/// Newer models know levels, older ones budgets.
fn thinking(request: &Request<'_>, quirks: &Quirks, out: &mut Object<'_>, losses: &mut Losses) {
    let effort = request.effort.as_deref();
    let levels = quirks.thinking == ThinkingStyle::Adaptive;
    let (level, budget) = match (request.thinking, effort) {
        (None, None) => return,
        (Some(Thinking::Off), _) | (None, Some("none")) if levels => {
            // The least that these models know.
            losses.add_name(losses.names().thought);
            (Some("low"), None)
        }
        (Some(Thinking::Off), _) | (None, Some("none")) => (None, Some("0".to_owned())),
        (_, Some(effort)) if levels => (Some(level(effort)), None),
        (Some(Thinking::Budget(tokens)), _) if levels => (Some(Thinking::level(tokens)), None),
        (Some(Thinking::Budget(tokens)), _) => (None, Some(tokens.to_string())),
        (_, Some(effort)) => (None, Some(Thinking::tokens(effort).to_string())),
        (Some(Thinking::Adaptive), None) if levels => (None, None),
        (Some(Thinking::Adaptive), None) => (None, Some("-1".to_owned())),
    };
    out.object("thinkingConfig", |config| {
        if let Some(level) = level {
            config.text("thinkingLevel", level);
        }
        if let Some(budget) = budget {
            config.raw("thinkingBudget", &budget);
        }
        // Whoever asks for thinking, or for its summary, wants to see it.
        let asked = !matches!(request.thinking, None | Some(Thinking::Off));
        if asked || request.summary.is_some() {
            config.boolean("includeThoughts", true);
        }
    });
}

fn level(effort: &str) -> &str {
    match effort {
        "minimal" | "low" | "medium" | "high" => effort,
        _ => "high",
    }
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
