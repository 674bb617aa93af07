//! How many tokens a request may use, how much of them for thought, and what that leaves of sampling.

use crate::{
    Quirks, ThinkingStyle,
    conversation::{Losses, Request, Thinking},
    json::Raw,
    write::Object,
};

/// Fewest tokens that the format accepts as a thinking budget.
const LEAST_BUDGET: u64 = 1024;

/// How many tokens, and how much thought.
pub(super) struct Plan {
    pub(super) max_tokens: u64,
    thinking: Option<Thinking>,
    pub(super) effort: Option<String>,
}

impl Plan {
    const fn thinks(&self) -> bool {
        matches!(self.thinking, Some(Thinking::Adaptive | Thinking::Budget(_)))
    }

    pub(super) fn write_thinking(&self, out: &mut Object<'_>) {
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

pub(super) fn plan(request: &Request<'_>, quirks: &Quirks, losses: &mut Losses) -> Plan {
    let cap = request.max_output;
    let mut plan =
        Plan { max_tokens: cap.unwrap_or(quirks.default_max_tokens), thinking: None, effort: None };
    if let Some(thinking) = request.thinking {
        plan.thinking = Some(thinking);
        if let (Thinking::Budget(tokens), None) = (thinking, cap) {
            plan.max_tokens = plan.max_tokens.saturating_add(tokens);
        }
        return plan;
    }
    let Some(effort) = request.effort.as_deref() else { return plan };
    if effort == "none" {
        plan.thinking = (quirks.thinking == ThinkingStyle::Adaptive).then_some(Thinking::Off);
        return plan;
    }
    match quirks.thinking {
        ThinkingStyle::Adaptive => {
            plan.thinking = Some(Thinking::Adaptive);
            let level = if effort == "minimal" { "low" } else { effort };
            plan.effort = Some(level.to_owned());
        }
        ThinkingStyle::Budget => {
            let wish = match effort {
                "minimal" => LEAST_BUDGET,
                "low" => 2048,
                "medium" => 8192,
                "high" => 16_384,
                _ => 32_768,
            };
            match cap {
                // Thought counts towards the cap; leave at least half of it for the answer.
                Some(cap) if cap / 2 >= LEAST_BUDGET => {
                    plan.thinking = Some(Thinking::Budget(wish.min(cap / 2)));
                }
                Some(_) => losses.add_name("reasoning_effort"),
                None => {
                    plan.thinking = Some(Thinking::Budget(wish));
                    plan.max_tokens = plan.max_tokens.saturating_add(wish);
                }
            }
        }
    }
    plan
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
                losses.add_name("temperature");
            }
        } else if number(raw) > 1.0 {
            losses.add_name("temperature");
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
            losses.add_name("top_p");
        }
    }
    if let Some(raw) = request.top_k {
        if quirks.sampling && !plan.thinks() {
            out.raw("top_k", raw.get());
        } else {
            losses.add_name("top_k");
        }
    }
}
