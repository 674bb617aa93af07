//! How many tokens a request may use, how much thought, and what that leaves of sampling.

use super::Maker;
use crate::{
    Quirks, anthropic,
    conversation::{Losses, Request, Thinking, Turn},
    json::Raw,
    write::Object,
};

/// What of a request's settings is said, and how.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) max_tokens: Option<u64>,
    /// Numbers as they were written.
    pub(super) temperature: Option<String>,
    pub(super) top_p: Option<String>,
    top_k: Option<String>,
    more: More,
}

/// How the model is asked to think, in the words of its maker.
#[derive(Default)]
enum More {
    #[default]
    Nothing,
    Anthropic(anthropic::Plan),
    Amazon(&'static str),
    OpenAi(String),
}

impl Plan {
    /// Writes `additionalModelRequestFields`, when there are any.
    pub(super) fn write_more(&self, root: &mut Object<'_>) {
        let thinks = match &self.more {
            More::Nothing => false,
            More::Anthropic(plan) => plan.says_thinking(),
            More::Amazon(_) | More::OpenAi(_) => true,
        };
        if !thinks && self.top_k.is_none() {
            return;
        }
        root.object("additionalModelRequestFields", |fields| {
            match &self.more {
                More::Nothing => {}
                More::Anthropic(plan) => {
                    plan.write_thinking(fields);
                    if let Some(effort) = &plan.effort {
                        fields.object("output_config", |config| config.text("effort", effort));
                    }
                }
                More::Amazon(effort) => fields.object("reasoningConfig", |config| {
                    config.text("type", "enabled");
                    config.text("maxReasoningEffort", effort);
                }),
                More::OpenAi(effort) => fields.text("reasoning_effort", effort),
            }
            if let Some(text) = &self.top_k {
                fields.raw("top_k", text);
            }
        });
    }
}

pub(super) fn plan(
    request: &Request<'_>,
    turns: &[Turn<'_>],
    (maker, quirks): (Maker, &Quirks),
    losses: &mut Losses,
) -> Plan {
    let mut plan = Plan { max_tokens: request.max_output, ..Plan::default() };
    let wanted = request.thinking.is_some() || request.effort.is_some();
    if maker == Maker::Anthropic && wanted {
        let inner = anthropic::plan(request, turns, quirks, losses);
        // A budget must lie below a cap that is said.
        plan.max_tokens = Some(inner.max_tokens);
        sampling(request, quirks.sampling && !inner.thinks(), (maker, &mut plan), losses);
        plan.more = More::Anthropic(inner);
        return plan;
    }
    sampling(request, quirks.sampling || maker != Maker::Anthropic, (maker, &mut plan), losses);
    if wanted {
        plan.more = effort(request, maker, losses);
    }
    plan
}

/// The level of effort, for models that know levels.
fn effort(request: &Request<'_>, maker: Maker, losses: &mut Losses) -> More {
    let level = match (request.thinking, request.effort.as_deref()) {
        (Some(Thinking::Off), _) | (None, Some("none")) => return More::Nothing,
        (_, Some(effort)) => effort,
        (Some(Thinking::Budget(tokens)), None) => Thinking::level(tokens),
        (Some(Thinking::Adaptive) | None, None) => "medium",
    };
    match (maker, level) {
        (Maker::Amazon, "minimal" | "low") => More::Amazon("low"),
        (Maker::Amazon, "medium") => More::Amazon("medium"),
        (Maker::Amazon, _) => More::Amazon("high"),
        (Maker::OpenAi, level) => More::OpenAi(level.to_owned()),
        (Maker::Anthropic | Maker::Other, _) => {
            let names = losses.names();
            losses.add_name(if request.effort.is_some() { names.effort } else { names.thought });
            More::Nothing
        }
    }
}

/// What is not taken is lost, unless it is what holds anyway.
fn sampling(
    request: &Request<'_>,
    taken: bool,
    (maker, plan): (Maker, &mut Plan),
    losses: &mut Losses,
) {
    let names = losses.names();
    let number = |raw: Raw<'_>| serde_json::from_str::<f64>(raw.get()).unwrap_or(1.0);
    let usual = |raw: Raw<'_>| (number(raw) - 1.0).abs() < f64::EPSILON;
    plan.temperature = match request.temperature {
        // Nobody here goes beyond it.
        Some(raw) if taken && number(raw) > 1.0 => {
            losses.add_name(names.temperature);
            Some("1".to_owned())
        }
        Some(raw) if taken => Some(raw.get().to_owned()),
        Some(raw) => {
            if !usual(raw) {
                losses.add_name(names.temperature);
            }
            None
        }
        None => None,
    };
    let crowded = maker == Maker::Anthropic && plan.temperature.is_some();
    plan.top_p = match request.top_p {
        Some(raw) if taken && !crowded => Some(raw.get().to_owned()),
        Some(raw) => {
            if !usual(raw) {
                losses.add_name(names.top_p);
            }
            None
        }
        None => None,
    };
    plan.top_k = match request.top_k {
        Some(raw) if taken && maker == Maker::Anthropic => Some(raw.get().to_owned()),
        Some(_) => {
            losses.add_name(names.top_k);
            None
        }
        None => None,
    };
}
