//! Writing a Converse request.

use super::{
    Maker,
    blocks::Blocks,
    plan::{self, Plan},
    tools,
};
use crate::{
    BadRequest, Quirks,
    conversation::{Body, Losses, Output, Part, Request, Role, Source, Turn},
    demand::one_answer,
    names::Names,
    openai::shared,
    write::{self, Object},
};

/// Writes the request and gives what got lost. The model stands in the path.
pub(crate) fn write_request(
    mut request: Request<'_>,
    mut losses: Losses,
    model: &str,
    quirks: &Quirks,
    out: &mut Vec<u8>,
) -> Result<Losses, BadRequest> {
    one_answer(request.choices)?;
    sayable(&request.turns, losses.names())?;
    let maker = Maker::of(model);
    let turns = std::mem::take(&mut request.turns);
    let (system, turns) = arrange(turns, maker, &mut losses)?;
    let plan = plan::plan(&request, &turns, (maker, quirks), &mut losses);
    write::object(out, |root| {
        root.array("messages", |list| {
            for (at, turn) in turns.iter().enumerate() {
                list.object(|message| {
                    let own = turn.role == Role::Assistant;
                    message.text("role", if own { "assistant" } else { "user" });
                    message.array("content", |content| {
                        let mut blocks = Blocks::new(&mut losses, maker, at);
                        turn.parts.iter().for_each(|part| blocks.part(part, content));
                    });
                });
            }
        });
        if !system.is_empty() {
            root.array("system", |list| {
                let mut blocks = Blocks::new(&mut losses, maker, 0);
                system.iter().for_each(|part| blocks.part(part, list));
            });
        }
        settings(&request, &plan, root, &mut losses);
        tools::write(&request, &turns, maker, root, &mut losses);
        plan.write_more(root);
        output(&request.output, root, &mut losses);
    });
    lose(&request, &mut losses);
    Ok(losses)
}

/// What stands at an address would have to be fetched first, and only some kinds of files have a word.
fn sayable(turns: &[Turn<'_>], names: &Names) -> Result<(), BadRequest> {
    let parts = turns.iter().flat_map(|turn| &turn.parts).flat_map(|part| match &part.body {
        Body::ToolResult { parts, .. } => parts.as_slice(),
        _ => std::slice::from_ref(part),
    });
    for part in parts {
        let known = match &part.body {
            Body::Image { source: Source::Inline { media_type, .. }, .. } => {
                super::blocks::image_format(media_type).is_some()
            }
            Body::Document { source: Source::Inline { media_type, .. }, .. } => {
                super::blocks::document_format(media_type).is_some()
            }
            Body::Image { .. } | Body::Document { .. } => {
                let why = "Images and documents given by address cannot be sent to this model.";
                return Err(BadRequest::unsupported(names.turns, why));
            }
            _ => true,
        };
        if !known {
            let why = "This kind of file cannot be sent to this model.";
            return Err(BadRequest::unsupported(names.turns, why));
        }
    }
    Ok(())
}

/// Instructions stand apart, turns of one side become one turn, and what the service would refuse goes.
fn arrange<'a>(
    turns: Vec<Turn<'a>>,
    maker: Maker,
    losses: &mut Losses,
) -> Result<(Vec<Part<'a>>, Vec<Turn<'a>>), BadRequest> {
    let mut system = Vec::new();
    let mut merged: Vec<Turn<'a>> = Vec::new();
    for mut turn in turns {
        turn.parts.retain(|part| Blocks::new(losses, maker, 0).sayable(part));
        if turn.parts.is_empty() {
            continue;
        }
        if turn.role == Role::System {
            if !merged.is_empty() {
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
    if !system.iter().all(|part| matches!(part.body, Body::Text(_))) {
        let why = "Instructions may only hold text for this model.";
        return Err(BadRequest::unsupported(losses.names().turns, why));
    }
    for turn in &mut merged {
        // Results answer the turn before, so they come first.
        turn.parts.sort_by_key(|part| !matches!(part.body, Body::ToolResult { .. }));
        accompany(turn);
    }
    Ok((system, merged))
}

/// The service wants words beside a document.
fn accompany(turn: &mut Turn<'_>) {
    let has = |kind: fn(&Body<'_>) -> bool| turn.parts.iter().any(|part| kind(&part.body));
    let document = has(|body| matches!(body, Body::Document { .. }));
    if document && !has(|body| matches!(body, Body::Text(_))) {
        turn.parts.push(Body::Text("The document is attached.".into()).into());
    }
}

fn settings(request: &Request<'_>, plan: &Plan, root: &mut Object<'_>, losses: &mut Losses) {
    // The format refuses sequences of nothing but white space.
    let (said, blank): (Vec<_>, Vec<_>) =
        request.stop.iter().partition(|text| !text.trim().is_empty());
    if !blank.is_empty() {
        losses.add_name(losses.names().stop);
    }
    let sampled = plan.temperature.is_some() || plan.top_p.is_some();
    if plan.max_tokens.is_none() && !sampled && said.is_empty() {
        return;
    }
    root.object("inferenceConfig", |config| {
        if let Some(tokens) = plan.max_tokens {
            config.number("maxTokens", tokens);
        }
        if let Some(text) = &plan.temperature {
            config.raw("temperature", text);
        }
        if let Some(text) = &plan.top_p {
            config.raw("topP", text);
        }
        if !said.is_empty() {
            config.array("stopSequences", |list| said.iter().for_each(|text| list.text(text)));
        }
    });
}

fn output(output: &Output<'_>, root: &mut Object<'_>, losses: &mut Losses) {
    match output {
        Output::Text => {}
        Output::Json => losses.add_name(losses.names().output),
        Output::Schema { name, description, schema, .. } => root.object("outputConfig", |config| {
            config.object("textFormat", |format| {
                format.text("type", "json_schema");
                format.object("structure", |structure| {
                    structure.object("jsonSchema", |out| {
                        // A schema is told as text here.
                        out.text("schema", schema.get());
                        if let Some(name) = name {
                            out.text("name", name);
                        }
                        if let Some(description) = description {
                            out.text("description", description);
                        }
                    });
                });
            });
        }),
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
