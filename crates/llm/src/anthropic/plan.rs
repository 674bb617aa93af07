//! How many tokens a request may use, how much of them for thought, and what that leaves of sampling.

use crate::{
    Quirks, ThinkingStyle,
    conversation::{Body, Choice, Losses, Request, Thinking, Turn},
    json::Raw,
    write::Object,
};

/// Fewest tokens that the format accepts as a thinking budget.
const LEAST_BUDGET: u64 = 1024;

/// How many tokens, and how much thought.
pub(crate) struct Plan {
    pub(crate) max_tokens: u64,
    thinking: Option<Thinking>,
    pub(crate) effort: Option<String>,
}

impl Plan {
    pub(crate) const fn thinks(&self) -> bool {
        matches!(self.thinking, Some(Thinking::Adaptive | Thinking::Budget(_)))
    }

    /// Whether anything is said of thought.
    pub(crate) const fn says_thinking(&self) -> bool {
        self.thinking.is_some() || self.effort.is_some()
    }

    pub(crate) fn write_thinking(&self, out: &mut Object<'_>) {
        let Some(thinking) = self.thinking else { return };
        out.object("thinking", |config| match thinking {
            Thinking::Off => config.text("type", "disabled"),
            Thinking::Adaptive => config.text("type", "adaptive"),
            Thinking::Budget(tokens) => {
                config.text("type", "enabled");
                config.number("budget_tokens", tokens);
            }
        });
    }
}

pub(crate) fn plan(
    request: &Request<'_>,
    turns: &[Turn<'_>],
    quirks: &Quirks,
    losses: &mut Losses,
) -> Plan {
    let cap = request.max_output;
    let mut plan =
        Plan { max_tokens: cap.unwrap_or(quirks.default_max_tokens), thinking: None, effort: None };
    let Some((thinking, effort)) = wanted(request, quirks) else { return plan };
    let name =
        if request.thinking.is_some() { losses.names().thought } else { losses.names().effort };
    let strict = quirks.thinking == ThinkingStyle::Budget;
    if thinking != Thinking::Off && (forced(request) || strict && thoughtless(turns)) {
        // The provider would refuse the whole request.
        losses.add_name(name);
        return plan;
    }
    plan.thinking = match (thinking, cap) {
        (Thinking::Budget(tokens), None) => {
            plan.max_tokens = plan.max_tokens.saturating_add(tokens);
            Some(thinking)
        }
        // Thought counts towards the cap; leave at least half of it for the answer.
        (Thinking::Budget(tokens), Some(cap)) if request.thinking != Some(thinking) => {
            let share = tokens.min(cap / 2);
            if share < LEAST_BUDGET {
                losses.add_name(name);
            }
            (share >= LEAST_BUDGET).then_some(Thinking::Budget(share))
        }
        _ => Some(thinking),
    };
    plan.effort = effort;
    plan
}

/// What the client wants, in the style that the model understands.
fn wanted(request: &Request<'_>, quirks: &Quirks) -> Option<(Thinking, Option<String>)> {
    let effort = request.effort.as_deref();
    let level = |effort: &str| if effort == "minimal" { "low" } else { effort }.to_owned();
    match (request.thinking, quirks.thinking) {
        (Some(Thinking::Off), _) => Some((Thinking::Off, None)),
        (Some(Thinking::Budget(tokens)), ThinkingStyle::Budget) => {
            Some((Thinking::Budget(tokens), None))
        }
        (Some(Thinking::Budget(tokens)), ThinkingStyle::Adaptive) => {
            Some((Thinking::Adaptive, Some(level(effort.unwrap_or(Thinking::level(tokens))))))
        }
        (Some(Thinking::Adaptive), ThinkingStyle::Adaptive) => {
            Some((Thinking::Adaptive, effort.map(level)))
        }
        (Some(Thinking::Adaptive), ThinkingStyle::Budget) => {
            Some((Thinking::Budget(budget(effort.unwrap_or("medium"))), None))
        }
        (None, style) => match (effort?, style) {
            ("none", ThinkingStyle::Adaptive) => Some((Thinking::Off, None)),
            ("none", ThinkingStyle::Budget) => None,
            (effort, ThinkingStyle::Adaptive) => Some((Thinking::Adaptive, Some(level(effort)))),
            (effort, ThinkingStyle::Budget) => Some((Thinking::Budget(budget(effort)), None)),
        },
    }
}

fn budget(effort: &str) -> u64 {
    match effort {
        "minimal" => LEAST_BUDGET,
        "low" => 2048,
        "medium" => 8192,
        "high" => 16_384,
        _ => 32_768,
    }
}

/// A tool is forced, which excludes thinking.
const fn forced(request: &Request<'_>) -> bool {
    matches!(request.choice, Some(Choice::Any | Choice::Tool(_)))
}

/// The results at the end answer calls whose thinking the client did not keep. With a budget, the turn must
/// begin with thinking.
fn thoughtless(turns: &[Turn<'_>]) -> bool {
    let [.., asked, answered] = turns else { return false };
    let called = asked.parts.iter().any(|part| matches!(part.body, Body::ToolCall { .. }));
    let result = answered.parts.iter().any(|part| matches!(part.body, Body::ToolResult { .. }));
    let thought = asked.parts.first().is_some_and(|part| {
        matches!(part.body, Body::Thinking { .. } | Body::RedactedThinking { .. })
    });
    called && result && !thought
}

pub(super) fn sampling(
    request: &Request<'_>,
    quirks: &Quirks,
    plan: &Plan,
    out: &mut Object<'_>,
    losses: &mut Losses,
) {
    let number = |raw: Raw<'_>| serde_json::from_str::<f64>(raw.get()).unwrap_or(1.0);
    let is_default = |raw: Raw<'_>| (number(raw) - 1.0).abs() < f64::EPSILON;
    if let Some(raw) = request.temperature {
        if !quirks.sampling || plan.thinks() {
            // With thinking on, only the default is accepted, and saying it is the same as not.
            if !is_default(raw) {
                losses.add_name(losses.names().temperature);
            }
        } else if number(raw) > 1.0 {
            losses.add_name(losses.names().temperature);
            out.number("temperature", 1);
        } else {
            out.raw("temperature", raw.get());
        }
    }
    if let Some(raw) = request.top_p {
        let crowded = quirks.one_sampler && request.temperature.is_some();
        let too_low = plan.thinks() && number(raw) < 0.95;
        if quirks.sampling && !crowded && !too_low {
            out.raw("top_p", raw.get());
        } else if !is_default(raw) {
            losses.add_name(losses.names().top_p);
        }
    }
    if let Some(raw) = request.top_k {
        if quirks.sampling && !plan.thinks() {
            out.raw("top_k", raw.get());
        } else {
            losses.add_name(losses.names().top_k);
        }
    }
}
