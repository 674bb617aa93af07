//! From a model's name to the ordered routes that could serve it.

use std::sync::Arc;

use domain::{Error, ProjectId, Result, ranking::Basis};
use identity::{NO_BAA, Refusal};
use llm::{Dialect, Format, Head, Prepared, Quirks, Task};

use crate::{
    exposure::Exposed,
    pool::{Pool, cheapest, lacks, pool},
    rank::{Moment, Ranked, rank},
    routes::{OrgRoutes, Route, Spoken},
    rules, wishes,
};

/// One route that could serve the request, and its provider's name for the model.
#[derive(Clone)]
pub(crate) struct Candidate {
    pub route: Arc<Route>,
    pub model: Arc<str>,
    /// Which of the route's formats.
    pub spoken: usize,
    /// Why it stands where it stands; `None` while it is the only one.
    pub ranked: Option<Ranked>,
}

impl Candidate {
    /// The format in which it is asked.
    pub(crate) fn format(&self) -> Format {
        self.spoken().map_or(Format::OpenAiChat, |spoken| spoken.format)
    }

    /// What its model and server do differently, for a request with these wishes.
    pub(crate) fn quirks(&self, head: &Head) -> Quirks {
        let quirks = self.route.quirks(&self.model);
        let passed_on =
            |wishes: &llm::Wishes| quirks.provider_object && wishes::passed_on(wishes, &self.route);
        Quirks { provider_object: head.wishes.as_ref().is_some_and(passed_on), ..quirks }
    }

    /// Sets the parameters on which the terms rest, whatever the client said.
    pub(crate) fn force(&self, prepared: &mut Prepared) {
        let terms = self.spoken().and_then(|spoken| spoken.terms_for(&self.model));
        if let Some(terms) = terms.filter(|terms| !terms.set.is_empty()) {
            let (body, overruled) = llm::force(&prepared.body, &terms.set);
            prepared.body = body;
            prepared.dropped.extend(overruled);
        }
    }

    /// What is asked of it when that is no conversation: the dialect.
    pub(crate) fn dialect(&self) -> Option<Dialect> {
        self.spoken()?.task.map(|(_, dialect)| dialect)
    }

    pub(crate) fn spoken(&self) -> Option<&Spoken> {
        self.route.spoken.get(self.spoken)
    }
}

/// A route that was considered and passed over.
pub(crate) struct Exclusion {
    pub route: Arc<Route>,
    pub reason: &'static str,
    /// Where it would have stood, of one that is passed over for those before it.
    pub ranked: Option<Ranked>,
}

impl Exclusion {
    fn new(route: Arc<Route>, reason: &'static str) -> Self {
        Self { route, reason, ranked: None }
    }

    /// One that might have been asked next.
    fn behind_the_first(candidate: Candidate) -> Self {
        let Candidate { route, ranked, .. } = candidate;
        Self { route, reason: "not_wished", ranked }
    }
}

/// How many excluded providers an error names.
const NAMED: usize = 5;

pub(crate) struct Plan {
    /// In the order in which they are asked.
    pub candidates: Vec<Candidate>,
    pub excluded: Vec<Exclusion>,
    /// What the order rests on that all of them share; `None` when there was nothing to rank.
    pub order: Option<Basis>,
    /// What an alias stood for.
    pub alias_of: Option<String>,
    /// Whether rules excluded somebody.
    pub ruled_out: bool,
    /// Whom it is for, where that limits who may see it.
    pub exposed: Option<Exposed>,
}

/// Works out who is asked. Rules come first and health last: what the rules exclude is not asked when nobody else is
/// left.
///
/// # Errors
/// `NotFound` with code `model_not_found`; `Forbidden` with code `no_allowed_provider` when the rules of the project
/// or its organization exclude everybody who serves the model.
pub(crate) fn plan(routes: &OrgRoutes, project: ProjectId, moment: &Moment<'_>) -> Result<Plan> {
    let Moment { inbound, head, .. } = *moment;
    let requested = head.model.as_str();
    let alias_of = routes.alias(requested).map(str::to_owned);
    let wanted = alias_of.as_deref().unwrap_or(requested);
    if !plain(wanted) {
        return Err(unknown());
    }
    let mut allowed = Vec::new();
    let (mut refused, mut unwished) = (Vec::new(), Vec::new());
    let mut unable = Vec::new();
    let Pool { candidates, by_class } = pool(routes, wanted, moment.today);
    for mut candidate in candidates {
        if !candidate.route.serves(&candidate.model, head.task.map(Task::serves)) {
            unable.push(candidate);
            continue;
        }
        let against = agree(routes, project, (inbound, head.task), &mut candidate);
        if !against.is_empty() {
            refused.push((candidate.route, against));
        } else if let Some(reason) = head
            .wishes
            .as_ref()
            .and_then(|wishes| wishes::against(wishes, &candidate, (inbound, moment.catalogue)))
        {
            unwished.push(Exclusion::new(candidate.route, reason));
        } else {
            let healthy = candidate.route.circuit.allows(moment.now, moment.config);
            allowed.push((candidate, healthy));
        }
    }
    let lacking = unfit(&mut allowed, moment);
    if allowed.is_empty() {
        return Err(match (refused.is_empty(), unwished.is_empty()) {
            (none_ruled_out, false) => not_wished(none_ruled_out),
            (false, true) => not_allowed(&refused),
            (true, true) => unable.first().map_or_else(unknown, elsewhere),
        });
    }
    let ruled_out = !refused.is_empty();
    let one = |candidate: Candidate| Exclusion::new(candidate.route, "not_served");
    let mut excluded: Vec<_> = unable.into_iter().map(one).collect();
    for (route, against) in refused {
        let one = |refusal: &Refusal| Exclusion::new(Arc::clone(&route), refusal.reason);
        excluded.extend(against.iter().map(one));
    }
    excluded.extend(unwished);
    excluded.extend(lacking);
    if by_class {
        allowed = cheapest(allowed, moment);
        // Of a kind of work many models of one provider may be left out for the same reason.
        let mut told = Vec::new();
        excluded.retain(|one| {
            let this = (one.route.provider, one.reason);
            !told.contains(&this) && {
                told.push(this);
                true
            }
        });
    }
    let (mut candidates, order) = rank(allowed, moment);
    let only_first = |wishes: &llm::Wishes| !wishes.allow_fallbacks && wishes.order.is_empty();
    if head.wishes.as_ref().is_some_and(only_first) {
        excluded.extend(candidates.drain(1..).map(Exclusion::behind_the_first));
    }
    Ok(Plan { candidates, excluded, order, alias_of, ruled_out, exposed: None })
}

/// Takes out those whose model is known to lack what the request needs, as long as somebody else has it: what the
/// catalogue says may be out of date, and then the provider has the last word.
fn unfit(allowed: &mut Vec<(Candidate, bool)>, moment: &Moment<'_>) -> Vec<Exclusion> {
    if allowed.len() < 2 {
        return Vec::new();
    }
    let found: Vec<_> = allowed.iter().map(|(candidate, _)| lacks(candidate, moment)).collect();
    if found.iter().all(Option::is_some) {
        return Vec::new();
    }
    let mut excluded = Vec::new();
    let mut found = found.into_iter();
    allowed.retain(|(candidate, _)| match found.next().flatten() {
        Some(reason) => {
            excluded.push(Exclusion::new(Arc::clone(&candidate.route), reason));
            false
        }
        None => true,
    });
    excluded
}

/// Settles on the first format that nothing speaks against; with none, says what speaks against the best.
fn agree<'a>(
    routes: &'a OrgRoutes,
    project: ProjectId,
    (inbound, task): (Format, Option<Task>),
    candidate: &mut Candidate,
) -> &'a [Refusal] {
    let mut first: Option<&[Refusal]> = None;
    let speaks = |at: &usize| candidate.route.speaks(*at, &candidate.model);
    let ways: Vec<usize> = match task {
        Some(task) => candidate.route.tasks(task.serves()).collect(),
        None => candidate.route.formats(inbound).collect(),
    };
    // A model that is listed with none of them is tried as the route is used to be called.
    let known = ways.iter().any(speaks);
    for at in ways.iter().copied().filter(|at| !known || speaks(at)) {
        let against = routes.against(project, (&candidate.route, at), &candidate.model);
        if against.is_empty() {
            candidate.spoken = at;
            return against;
        }
        first.get_or_insert(against);
    }
    first.unwrap_or(&rules::UNDECIDED)
}

/// Somebody serves the model, but for something else than what was asked for.
fn elsewhere(candidate: &Candidate) -> Error {
    let abilities = candidate.route.abilities(&candidate.model).unwrap_or_default();
    let mut all: Vec<&str> = abilities.iter().map(|one| llm::endpoint_of(*one)).collect();
    all.dedup();
    let says = if all.is_empty() {
        "No provider of this model can be asked for this.".to_owned()
    } else {
        format!("This model cannot be asked for this. It is asked at {}.", all.join(" or "))
    };
    Error::invalid(says).with_code("wrong_endpoint")
}

/// Somebody serves the model and may be asked, but the request itself excludes them.
fn not_wished(none_ruled_out: bool) -> Error {
    let others = if none_ruled_out {
        ""
    } else {
        " Others are excluded by the rules of your organization or project."
    };
    Error::invalid(format!(
        "No provider of this model fits the conditions in the request's `provider` object.{others}"
    ))
    .with_code("no_matching_provider")
}

/// Names everybody who was excluded, and why.
fn not_allowed(refused: &[(Arc<Route>, &[Refusal])]) -> Error {
    let why = |(route, against): &(Arc<Route>, &[Refusal])| {
        let says: Vec<_> = against.iter().map(Refusal::words).collect();
        format!("{} {}", route.name, says.join(", "))
    };
    let named: Vec<_> = refused.iter().take(NAMED).map(why).collect();
    let more = match refused.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    // Of health data it is not only the rules: somebody has to sign something.
    let lacks = |(_, against): &(_, &[Refusal])| against.iter().any(|one| one.reason == NO_BAA);
    let help = if refused.iter().any(lacks) {
        " This project may hold health data: ask for a model of a provider that signed a business associate agreement, or \
         have the agreement recorded with the provider."
    } else {
        ""
    };
    Error::forbidden(format!(
        "The rules of your organization or project allow no provider of this model: {}{more}.{help}",
        named.join("; ")
    ))
    .with_code("no_allowed_provider")
}

/// Model names reach receipts and usage rows: only what looks like one passes.
fn plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/@+-,".contains(&byte))
}

pub(crate) fn unknown() -> Error {
    Error::new(
        domain::Kind::NotFound,
        "This model does not exist, or no provider of your organization serves it.",
    )
    .with_code("model_not_found")
}
