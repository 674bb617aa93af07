//! Writing a watsonx.ai request.

use crate::{
    BadRequest, Quirks,
    conversation::{Choice, Losses, Request},
    openai::{self, Documents, shared},
    write,
};

/// Writes the request for `model` and gives what got lost. Whether the answer is a stream is said by the path.
pub(crate) fn write_request(
    mut request: Request<'_>,
    mut losses: Losses,
    model: &str,
    quirks: &Quirks,
    out: &mut Vec<u8>,
) -> Result<Losses, BadRequest> {
    for tool in &mut request.tools {
        tool.strict = None;
    }
    let request = &request;
    openai::sayable(request, losses.names(), Documents::Inline)?;
    // It refuses what it does not know.
    let quirks = Quirks {
        max_completion_tokens: false,
        reasoning_input: false,
        cache_control: false,
        openai_host: false,
        sampling: true,
        ..quirks.clone()
    };
    write::object(out, |root| {
        root.text("model_id", model);
        openai::messages(request, &quirks, root, &mut losses);
        openai::limits(request, &quirks, root, &mut losses);
        openai::effort(request, &quirks, root, &mut losses);
        if !request.tools.is_empty() {
            openai::tools(request, &quirks, root, &mut losses);
            choice(request, root, &mut losses);
        }
        openai::output(&request.output, root, &mut losses);
        if request.choices > 1 {
            root.number("n", request.choices);
        }
        unsaid(request, &mut losses);
    });
    Ok(losses)
}

/// Words stand under another name than a tool that must be called.
fn choice(request: &Request<'_>, out: &mut write::Object<'_>, losses: &mut Losses) {
    match &request.choice {
        None => {}
        Some(Choice::Auto) => out.text("tool_choice_option", "auto"),
        Some(Choice::None) => out.text("tool_choice_option", "none"),
        Some(Choice::Any) => out.text("tool_choice_option", "required"),
        Some(Choice::Tool(name)) => openai::forced(name, out),
    }
    if request.parallel == Some(false) {
        losses.add_name("parallel_tool_calls");
    }
}

/// Members that have no counterpart.
fn unsaid(request: &Request<'_>, losses: &mut Losses) {
    shared::lose(request, losses, |_| false);
    shared::lose_verbosity(request, losses);
    for (said, name) in [
        (request.user.is_some(), "user"),
        (request.identifier.is_some(), "safety_identifier"),
        (request.summary.is_some(), "reasoning.summary"),
        (request.cache.is_some(), "cache_control"),
    ] {
        if said {
            losses.add_name(name);
        }
    }
}
