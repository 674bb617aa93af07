//! Who could be meant by the name in a request: a model, a list of models that an alias stands for, or a kind of work.

use std::sync::Arc;

use domain::{Modality, Model, Price, TaskClass, Timestamp};

use crate::{
    plan::Candidate,
    rank::Moment,
    routes::{OrgRoutes, Route},
};

/// Most candidates that are ranked for a kind of work: the receipt lists them all.
const MOST: usize = 12;
/// Between the models that an alias stands for.
const BETWEEN: char = ',';

/// Who could be meant.
pub(crate) struct Pool {
    pub candidates: Vec<Candidate>,
    /// They were found by what they can do.
    pub by_class: bool,
}

/// Everybody who serves what was asked for, in order of registration.
pub(crate) fn pool(routes: &OrgRoutes, wanted: &str, now: Timestamp) -> Pool {
    let mut all: Vec<Candidate> = Vec::new();
    for name in wanted.split(BETWEEN) {
        for one in named(routes, name) {
            let known =
                |have: &Candidate| Arc::ptr_eq(&have.route, &one.route) && have.model == one.model;
            if !all.iter().any(known) {
                all.push(one);
            }
        }
    }
    if !all.is_empty() {
        return Pool { candidates: all, by_class: false };
    }
    let class = TaskClass::parse(wanted);
    let candidates = class.map(|class| fitting(routes, class, now)).unwrap_or_default();
    Pool { candidates, by_class: class.is_some() }
}

fn named(routes: &OrgRoutes, wanted: &str) -> Vec<Candidate> {
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

/// Everybody who can do work of this kind. What was shut off is not asked.
pub(crate) fn fitting(routes: &OrgRoutes, class: TaskClass, now: Timestamp) -> Vec<Candidate> {
    let today = now.rfc3339();
    let lives = |model: &Model| model.retires.as_deref().is_none_or(|day| today.as_str() < day);
    let mut found = Vec::new();
    for route in &routes.all {
        let mut names = routes.listed(route);
        names.sort_unstable();
        let fits =
            |name: &&str| route.known(name).is_some_and(|model| class.fits(model) && lives(model));
        found.extend(names.into_iter().filter(fits).flat_map(|name| each([route], name)));
    }
    found
}

fn each<'a>(routes: impl IntoIterator<Item = &'a Arc<Route>>, model: &str) -> Vec<Candidate> {
    let model: Arc<str> = model.into();
    let one = |route: &Arc<Route>| Candidate {
        route: Arc::clone(route),
        model: Arc::clone(&model),
        spoken: 0,
        ranked: None,
    };
    routes.into_iter().map(one).collect()
}

/// What the model is known to lack for this request; `None` also where nothing is known.
pub(crate) fn lacks(candidate: &Candidate, moment: &Moment<'_>) -> Option<&'static str> {
    let Moment { inbound, head, body, .. } = *moment;
    let model = candidate.route.known(&candidate.model).filter(|_| head.task.is_none())?;
    if !model.input.contains(&Modality::Image) {
        if llm::shows_images(inbound, head, body) {
            return Some("takes_no_images");
        }
        // Where there are images the size says little about the text.
        if model.context.is_some_and(|most| llm::is_too_long(body.len(), most)) {
            return Some("too_long");
        }
    }
    None
}

/// Of those who do the same kind of work, the ones that cost least: the rest would hardly be asked.
pub(crate) fn cheapest(
    mut candidates: Vec<(Candidate, bool)>,
    moment: &Moment<'_>,
) -> Vec<(Candidate, bool)> {
    if candidates.len() <= MOST {
        return candidates;
    }
    let cost = |candidate: &Candidate| {
        let prices = candidate.route.prices(moment.catalogue, &candidate.model)?;
        let Price { input, output, .. } = prices.base;
        input?.checked_add(output.unwrap_or_default())
    };
    // A stable sort: those that cost the same stay in order of registration.
    candidates
        .sort_by_cached_key(|(candidate, healthy)| (!healthy, cost(candidate).unwrap_or(u64::MAX)));
    candidates.truncate(MOST);
    candidates
}
