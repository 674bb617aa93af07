//! Which routes a project may use, worked out once per change of rules and providers.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use domain::{Catalogue, Model, ProjectId, RoutingPolicy};
use identity::{ModelTerms, Refusal, Registered, Terms};
use llm::Format;
use store::{LiveProvider, OrgRouting};

use crate::routes::{Route, Spoken};

/// The terms of a route for models whose names begin alike.
pub(crate) struct RouteTerms {
    /// Empty for every model.
    models: String,
    own: bool,
    chooses: bool,
    country: Option<String>,
    pub trains: Option<bool>,
    pub retention_days: Option<u32>,
    /// Request parameters that make it true.
    pub set: BTreeMap<String, serde_json::Value>,
    /// What says so: `PROVIDER#POSTURE@DAY` of the catalogue, or `stated` by the organization.
    pub evidence: Option<String>,
}

/// The formats a provider can be called in, each with its terms.
pub(crate) fn spoken(catalogue: &Catalogue, provider: &LiveProvider) -> Vec<Spoken> {
    let owned = |one: ModelTerms<'_>| RouteTerms {
        models: one.models.to_owned(),
        own: one.terms.own,
        chooses: one.terms.chooses,
        country: one.terms.country.map(str::to_owned),
        trains: one.terms.trains,
        retention_days: one.terms.retention_days,
        set: one.posture.map(|posture| posture.set.clone()).unwrap_or_default(),
        evidence: one.evidence,
    };
    let row = Registered::from(provider);
    let one = |protocol| Spoken {
        format: Format::from(protocol),
        terms: identity::terms_of(catalogue, &Registered { protocol, ..row })
            .into_iter()
            .map(owned)
            .collect(),
    };
    row.formats(catalogue).into_iter().map(one).collect()
}

/// The models of a provider with several formats that cannot be asked in all of them.
pub(crate) fn particular(
    catalogue: &Catalogue,
    provider: &LiveProvider,
) -> HashMap<String, Vec<Format>> {
    let all = Registered::from(provider).formats(catalogue);
    let entry = catalogue.provider(&provider.catalog).filter(|_| all.len() > 1);
    let models = entry.into_iter().flat_map(|entry| &entry.models);
    let spoken = |model: &Model| -> Vec<Format> {
        all.iter().filter(|format| model.speaks(**format)).map(|format| (*format).into()).collect()
    };
    models
        .map(|model| (model.id.clone(), spoken(model)))
        .filter(|(_, spoken)| spoken.len() < all.len())
        .collect()
}

impl Spoken {
    /// Where among the terms those for `model` stand: the first whose models are meant, the last for every model.
    fn terms_at(&self, model: &str) -> usize {
        // Providers may not tell capitals apart.
        let meant = |terms: &RouteTerms| {
            let start = model.as_bytes().get(..terms.models.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(terms.models.as_bytes()))
        };
        self.terms.iter().position(meant).unwrap_or(usize::MAX)
    }

    pub(crate) fn terms_for(&self, model: &str) -> Option<&RouteTerms> {
        self.terms.get(self.terms_at(model))
    }
}

/// By route, by its formats, by their terms: everything that speaks against it.
type Verdicts = Vec<Vec<Vec<Box<[Refusal]>>>>;

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
pub(crate) static UNKNOWN: [Refusal; 1] =
    [Refusal { reason: "undecided", says: "could not be checked against the rules" }];

impl Rules {
    pub(crate) fn new(source: &OrgRouting) -> Self {
        let projects = source.projects.iter().map(|(id, rules)| (*id, Ruled::from(rules)));
        Self { whole: Ruled::from(&source.rules), projects: projects.collect() }
    }

    /// Everything that speaks against sending a project's request for `model` there in that format. `all` are the routes that
    /// the rules were made for.
    pub(crate) fn against(
        &self,
        project: ProjectId,
        all: &[Arc<Route>],
        (route, spoken): (&Route, usize),
        model: &str,
    ) -> &[Refusal] {
        let ruled = self.projects.get(&project).unwrap_or(&self.whole);
        let verdicts = ruled.verdicts.get_or_init(|| verdicts(&ruled.rules, all));
        let at = all.iter().position(|other| other.provider == route.provider);
        let terms_at = || Some(route.spoken.get(spoken)?.terms_at(model));
        at.and_then(|at| verdicts.get(at)?.get(spoken)?.get(terms_at()?))
            .map_or(&UNKNOWN, |against| against)
    }
}

fn verdicts(rules: &RoutingPolicy, all: &[Arc<Route>]) -> Verdicts {
    let of = |route: &Route, terms: &RouteTerms| {
        let terms = Terms {
            provider: &route.catalog,
            own: terms.own,
            chooses: terms.chooses,
            country: terms.country.as_deref(),
            place: route.region.as_deref(),
            trains: terms.trains,
            retention_days: terms.retention_days,
        };
        identity::egress_refusals(rules, &terms).into_boxed_slice()
    };
    let spoken = |route: &Route, spoken: &Spoken| {
        spoken.terms.iter().map(|terms| of(route, terms)).collect()
    };
    all.iter().map(|route| route.spoken.iter().map(|one| spoken(route, one)).collect()).collect()
}
