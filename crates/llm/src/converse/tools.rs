//! The tools of a Converse request.

use std::collections::BTreeSet;

use super::{Maker, blocks::cache_point};
use crate::{
    anthropic::NO_SCHEMA,
    conversation::{Body, Choice, Losses, Request, Tool, Turn},
    json::{self, Shape},
    write::{Array, Object},
};

pub(super) fn write(
    request: &Request<'_>,
    turns: &[Turn<'_>],
    maker: Maker,
    root: &mut Object<'_>,
    losses: &mut Losses,
) {
    let past = past_calls(turns);
    let none = request.choice == Some(Choice::None);
    if none && past.is_empty() {
        // Tools that must not be called need not be told.
        return;
    }
    if none {
        // Calls in the history need their tools, and the format cannot forbid to call them.
        losses.add_name("tool_choice");
    }
    if request.tools.is_empty() && past.is_empty() {
        return;
    }
    root.object("toolConfig", |config| {
        config.array("tools", |list| {
            for tool in &request.tools {
                list.object(|item| item.object("toolSpec", |spec| write_tool(tool, spec)));
                cached(tool, maker, list, losses);
            }
            if request.tools.is_empty() {
                for name in past {
                    list.object(|item| {
                        item.object("toolSpec", |spec| {
                            spec.text("name", name);
                            spec.object("inputSchema", |schema| schema.raw("json", NO_SCHEMA));
                        });
                    });
                }
            }
        });
        choice(request, config);
    });
}

fn cached(tool: &Tool<'_>, maker: Maker, list: &mut Array<'_>, losses: &mut Losses) {
    match tool.cache {
        Some(cache) if maker.caches() => cache_point(cache, list),
        Some(_) => losses.add_name("cache_control"),
        None => {}
    }
}

/// Calls in the history need their tools defined, even when none may be called any more.
fn past_calls<'t>(turns: &'t [Turn<'_>]) -> BTreeSet<&'t str> {
    let parts = turns.iter().flat_map(|turn| &turn.parts);
    let name = |body: &'t Body<'_>| match body {
        Body::ToolCall { name, .. } => Some(&**name),
        _ => None,
    };
    parts.filter_map(|part| name(&part.body)).collect()
}

fn write_tool(tool: &Tool<'_>, out: &mut Object<'_>) {
    out.text("name", &tool.name);
    if let Some(description) = tool.description.as_deref().filter(|text| !text.is_empty()) {
        out.text("description", description);
    }
    let schema = tool.schema.as_deref().filter(|raw| json::shape(raw) == Shape::Object);
    out.object("inputSchema", |out| out.raw("json", schema.map_or(NO_SCHEMA, |raw| raw.get())));
    if tool.strict == Some(true) {
        out.boolean("strict", true);
    }
}

fn choice(request: &Request<'_>, out: &mut Object<'_>) {
    match request.choice.as_ref().filter(|_| !request.tools.is_empty()) {
        None | Some(Choice::None) => {}
        Some(Choice::Auto) => out.object("toolChoice", |out| out.object("auto", |_| {})),
        Some(Choice::Any) => out.object("toolChoice", |out| out.object("any", |_| {})),
        Some(Choice::Tool(name)) => out.object("toolChoice", |out| {
            out.object("tool", |out| out.text("name", name));
        }),
    }
}
