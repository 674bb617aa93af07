//! Whether a project's requests may go to a provider: the Cedar policies of `policies/egress.cedar`.
//! Decided when an organization's routes are worked out, not per request.

pub(crate) mod entities;

use std::{collections::HashSet, sync::OnceLock};

use cedar_policy::{Authorizer, Context, Decision, Entities, Entity, Request};
use domain::{HealthAgreement, RoutingPolicy, Timestamp};

use crate::policies::{Rules, SCHEMA, parsed};

const POLICIES: &str = include_str!("../policies/egress.cedar");

/// Why a provider may not be asked: the id of a policy, with the words for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable, as receipts carry it.
    pub reason: &'static str,
    /// Continues "NAME …", such as "trains on prompts".
    pub says: &'static str,
    /// The day that belongs to the words: when it ends by itself, or when something else ended.
    pub until: Option<Timestamp>,
}

impl Refusal {
    /// The words for people, with the day on which it ends: "… before 30 Dec 2026".
    #[must_use]
    pub fn words(&self) -> String {
        match self.until {
            Some(until) => format!("{} {}", self.says, until.day()),
            None => self.says.to_owned(),
        }
    }
}

pub(crate) const fn refusal(reason: &'static str, says: &'static str) -> Refusal {
    Refusal { reason, says, until: None }
}

/// The reason against whom the law wants an agreement with.
pub const NO_BAA: &str = "no_baa";

const REFUSALS: [Refusal; 12] = [
    refusal(NO_BAA, "has no business associate agreement in force"),
    refusal("training", "trains on prompts"),
    refusal("training_unknown", "does not say whether it trains on prompts"),
    refusal("retention", "keeps prompts for too long"),
    refusal("retention_unknown", "does not say how long it keeps prompts"),
    refusal("region", "is outside the allowed regions"),
    refusal("region_unknown", "does not say where it processes prompts"),
    refusal("country", "belongs to a company in a country that is ruled out"),
    refusal("country_unknown", "belongs to a company whose country is not known"),
    refusal("provider", "is not among the allowed providers"),
    refusal("chooses", "sends requests on to providers of its own choice, and some are ruled out"),
    refusal("provider_denied", "is ruled out"),
];

/// The words for a reason that stands in receipts; `None` for what has nothing to do with the rules.
#[must_use]
pub fn refusal_words(reason: &str) -> Option<&'static str> {
    REFUSALS.iter().find(|refusal| refusal.reason == reason).map(|refusal| refusal.says)
}

/// When the policies themselves cannot be evaluated: nothing goes anywhere.
pub const UNDECIDED: Refusal = refusal("undecided", "could not be checked against the rules");

/// What a decision may depend on. `None` is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms<'a> {
    /// Its id in the catalogue, or `custom`.
    pub provider: &'a str,
    /// Whether it is a server inside the organization's own network.
    pub own: bool,
    /// Whether it sends requests on to companies of its own choice: their country is then unknown.
    pub chooses: bool,
    /// ISO 3166-1 alpha-2, of the company.
    pub country: Option<&'a str>,
    /// Where it processes prompts.
    pub place: Option<&'a str>,
    pub trains: Option<bool>,
    pub retention_days: Option<u32>,
    /// The agreement under which it may receive health data.
    pub baa: Option<HealthAgreement>,
}

/// Everything that speaks against sending a project's requests there; nothing when they may go. `policy` is what
/// holds for the project, its organization's rules included; it is said as of `now`.
#[must_use]
pub fn egress_refusals(policy: &RoutingPolicy, terms: &Terms<'_>, now: Timestamp) -> Vec<Refusal> {
    decided(policy, terms, now).unwrap_or_else(|| vec![UNDECIDED])
}

fn decided(policy: &RoutingPolicy, terms: &Terms<'_>, now: Timestamp) -> Option<Vec<Refusal>> {
    let rules = rules()?;
    let project = entities::project(policy, "asking", HashSet::new())?;
    let route = entities::route(terms, now)?;
    let uid = |entity: &Entity| entity.uid();
    let action = entities::action()?;
    let request =
        Request::new(uid(&project), action, uid(&route), Context::empty(), Some(&rules.schema));
    let all = Entities::from_entities([project, route], Some(&rules.schema)).ok()?;
    let response = Authorizer::new().is_authorized(&request.ok()?, &rules.policies, &all);
    if response.diagnostics().errors().next().is_some() {
        return None;
    }
    if response.decision() == Decision::Allow {
        return Some(Vec::new());
    }
    let mut refusals = Vec::new();
    for policy in response.diagnostics().reason() {
        let id = rules.policies.annotation(policy, "id")?;
        refusals.push(*REFUSALS.iter().find(|refusal| refusal.reason == id)?);
    }
    // No `permit` holds: then there is no reason, and no way either.
    if refusals.is_empty() {
        return None;
    }
    refusals.sort_by_key(|refusal| REFUSALS.iter().position(|other| other == refusal));
    Some(refusals)
}

/// Parsed and checked against the schema once.
fn rules() -> Option<&'static Rules> {
    static RULES: OnceLock<Option<Rules>> = OnceLock::new();
    RULES.get_or_init(|| parsed(SCHEMA, POLICIES)).as_ref()
}

#[cfg(test)]
mod tests;
