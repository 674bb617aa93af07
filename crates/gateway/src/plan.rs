//! From a model's name to the ordered routes that could serve it.

use std::sync::Arc;

use domain::{Error, Result};

use crate::{
    GatewayConfig,
    routes::{OrgRoutes, Route},
};

/// One route that could serve the request, and its provider's name for the model.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub route: Arc<Route>,
    pub model: Arc<str>,
}

/// A route that was considered and passed over.
pub(crate) struct Exclusion {
    pub route: Arc<Route>,
    pub reason: &'static str,
}

pub(crate) struct Plan {
    /// In the order in which they are asked.
    pub candidates: Vec<Candidate>,
    pub excluded: Vec<Exclusion>,
    /// What an alias stood for.
    pub alias_of: Option<String>,
}

/// Works out who is asked. `now` is the gateway's steady clock in milliseconds.
///
/// # Errors
/// `NotFound` with code `model_not_found`.
pub(crate) fn plan(
    routes: &OrgRoutes,
    requested: &str,
    now: u64,
    config: &GatewayConfig,
) -> Result<Plan> {
    let alias_of = routes.alias(requested).map(str::to_owned);
    let wanted = alias_of.as_deref().unwrap_or(requested);
    if !plain(wanted) {
        return Err(unknown());
    }
    let candidates = candidates(routes, wanted);
    let (mut healthy, mut avoided) = (Vec::new(), Vec::new());
    for candidate in candidates {
        let allowed = candidate.route.circuit.allows(now, config);
        if allowed { healthy.push(candidate) } else { avoided.push(candidate) }
    }
    if healthy.is_empty() && avoided.is_empty() {
        return Err(unknown());
    }
    if healthy.is_empty() {
        return Ok(Plan { candidates: avoided, excluded: Vec::new(), alias_of });
    }
    let excluded = avoided
        .into_iter()
        .map(|candidate| Exclusion { route: candidate.route, reason: "unhealthy" })
        .collect();
    Ok(Plan { candidates: healthy, excluded, alias_of })
}

fn candidates(routes: &OrgRoutes, wanted: &str) -> Vec<Candidate> {
    let serving = routes.serving(wanted);
    if !serving.is_empty() {
        return each(serving.iter(), wanted);
    }
    // Names of models may themselves contain slashes: only the first one divides.
    let Some((provider, model)) = wanted.split_once('/') else { return Vec::new() };
    if model.is_empty() {
        return Vec::new();
    }
    let named = |route: &&Arc<Route>| {
        let listed = || routes.serving(model).iter().any(|other| Arc::ptr_eq(other, route));
        (route.name == provider || route.catalog == provider) && (route.open_ended || listed())
    };
    each(routes.all.iter().filter(named), model)
}

fn each<'a>(routes: impl Iterator<Item = &'a Arc<Route>>, model: &str) -> Vec<Candidate> {
    let model: Arc<str> = model.into();
    routes.map(|route| Candidate { route: Arc::clone(route), model: Arc::clone(&model) }).collect()
}

/// Model names reach receipts and usage rows: only what looks like one passes.
fn plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/@+-".contains(&byte))
}

pub(crate) fn unknown() -> Error {
    Error::new(
        domain::Kind::NotFound,
        "This model does not exist, or no provider of your organization serves it.",
    )
    .with_code("model_not_found")
}
