//! Which routes a project may use, worked out once per change of rules and providers.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use domain::{Catalogue, ProjectId, RoutingPolicy};
use identity::{ModelTerms, Refusal, Terms};
use store::{LiveProvider, OrgRouting};

use crate::routes::Route;

/// The terms of a route for models whose names begin alike.
pub(crate) struct RouteTerms {
    /// Empty for every model.
    models: String,
    own: bool,
    country: Option<String>,
    trains: Option<bool>,
    retention_days: Option<u32>,
    /// What says so: `PROVIDER#POSTURE@DAY` of the catalogue, or `stated` by the organization.
    pub evidence: Option<String>,
}

/// The first whose models are meant counts; the last is for every model.
pub(crate) fn terms(catalogue: &Catalogue, provider: &LiveProvider) -> Vec<RouteTerms> {
    let owned = |one: ModelTerms<'_>| RouteTerms {
        models: one.models.to_owned(),
        own: one.terms.own,
        country: one.terms.country.map(str::to_owned),
        trains: one.terms.trains,
        retention_days: one.terms.retention_days,
        evidence: one.evidence,
    };
    identity::terms_of(catalogue, &provider.into()).into_iter().map(owned).collect()
}

impl Route {
    /// Where among its terms those for `model` stand.
    fn terms_at(&self, model: &str) -> usize {
        let meant = |terms: &RouteTerms| model.starts_with(&terms.models);
        self.terms.iter().position(meant).unwrap_or(usize::MAX)
    }

    pub(crate) fn terms_for(&self, model: &str) -> Option<&RouteTerms> {
        self.terms.get(self.terms_at(model))
    }
}

/// By route, by its terms: everything that speaks against it.
type Verdicts = Vec<Vec<Box<[Refusal]>>>;

/// Rules with their verdicts, once somebody asked.
struct Ruled {
    rules: RoutingPolicy,
    verdicts: OnceLock<Verdicts>,
}

impl From<&RoutingPolicy> for Ruled {
    fn from(rules: &RoutingPolicy) -> Self {
        Self { rules: rules.clone(), verdicts: OnceLock::new() }
    }
}

/// The rules of an organization and of those of its projects that have their own.
pub(crate) struct Rules {
    whole: Ruled,
    projects: HashMap<ProjectId, Ruled>,
}

/// For routes that the rules do not know: nothing goes there.
static UNKNOWN: [Refusal; 1] =
    [Refusal { reason: "undecided", says: "could not be checked against the rules" }];

impl Rules {
    pub(crate) fn new(source: &OrgRouting) -> Self {
        let projects = source.projects.iter().map(|(id, rules)| (*id, Ruled::from(rules)));
        Self { whole: Ruled::from(&source.rules), projects: projects.collect() }
    }

    /// Everything that speaks against sending a project's request for `model` there. `all` are the routes that
    /// the rules were made for.
    pub(crate) fn against(
        &self,
        project: ProjectId,
        all: &[Arc<Route>],
        route: &Route,
        model: &str,
    ) -> &[Refusal] {
        let ruled = self.projects.get(&project).unwrap_or(&self.whole);
        let verdicts = ruled.verdicts.get_or_init(|| verdicts(&ruled.rules, all));
        let at = all.iter().position(|other| other.provider == route.provider);
        at.and_then(|at| verdicts.get(at)?.get(route.terms_at(model)))
            .map_or(&UNKNOWN, |against| against)
    }
}

fn verdicts(rules: &RoutingPolicy, all: &[Arc<Route>]) -> Verdicts {
    let of = |route: &Route, terms: &RouteTerms| {
        let terms = Terms {
            provider: &route.catalog,
            own: terms.own,
            country: terms.country.as_deref(),
            place: route.region.as_deref(),
            trains: terms.trains,
            retention_days: terms.retention_days,
        };
        identity::egress_refusals(rules, &terms).into_boxed_slice()
    };
    all.iter().map(|route| route.terms.iter().map(|terms| of(route, terms)).collect()).collect()
}
