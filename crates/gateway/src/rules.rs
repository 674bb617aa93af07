//! Which routes a project may use, worked out once per change of rules and providers.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock},
};

use domain::{Catalogue, Model, ProjectId, Protocol, ProviderId, RoutingPolicy, Timestamp};
use identity::{ModelTerms, Refusal, Registered, Terms, egress_refusals};
use llm::{Dialect, Format};
use store::{LiveProvider, OrgRouting};

use crate::routes::{Route, Spoken};

/// The terms of a route for models whose names begin alike.
pub(crate) struct RouteTerms {
    /// Empty for every model.
    models: String,
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
        trains: one.terms.trains,
        retention_days: one.terms.retention_days,
        set: one.posture.map(|posture| posture.set.clone()).unwrap_or_default(),
        evidence: one.evidence,
    };
    let one = |(protocol, terms): (Protocol, Vec<ModelTerms<'_>>)| Spoken {
        format: protocol.into(),
        task: (!protocol.is_conversation())
            .then(|| (protocol.serves(), Dialect::of(provider.protocol, &provider.catalog))),
        terms: terms.into_iter().map(owned).collect(),
    };
    identity::spoken_terms(catalogue, &provider.into()).into_iter().map(one).collect()
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

/// Where among the catalogue's models of this provider each one stands.
pub(crate) fn known(catalogue: &Catalogue, provider: &LiveProvider) -> HashMap<String, usize> {
    let entry = catalogue.provider(&provider.catalog);
    let models = entry.into_iter().flat_map(|entry| &entry.models);
    models.zip(0..).map(|(model, at)| (model.id.clone(), at)).collect()
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

/// By provider, by its formats, by their terms: everything that speaks against it.
type Verdicts = HashMap<ProviderId, Vec<Vec<Box<[Refusal]>>>>;

/// The rules of an organization and of those of its projects that have their own, with their verdicts once somebody
/// asked.
pub(crate) struct Rules {
    source: Arc<OrgRouting>,
    catalogue: Arc<Catalogue>,
    /// As of when they are said. Whoever holds them makes them anew before an agreement begins or ends.
    now: Timestamp,
    whole: OnceLock<Verdicts>,
    projects: HashMap<ProjectId, OnceLock<Verdicts>>,
}

/// For routes that the rules do not know: nothing goes there.
pub(crate) static UNDECIDED: [Refusal; 1] = [identity::UNDECIDED];

impl Rules {
    pub(crate) fn new(source: Arc<OrgRouting>, catalogue: Arc<Catalogue>, now: Timestamp) -> Self {
        let projects = source.projects.keys().map(|id| (*id, OnceLock::new())).collect();
        Self { source, catalogue, now, whole: OnceLock::new(), projects }
    }

    /// Everything that speaks against sending a project's request for `model` there in that format.
    pub(crate) fn against(
        &self,
        project: ProjectId,
        (route, spoken): (&Route, usize),
        model: &str,
    ) -> &[Refusal] {
        let own = self.source.projects.get(&project).zip(self.projects.get(&project));
        let (rules, verdicts) = own.unwrap_or((&self.source.rules, &self.whole));
        let verdicts = verdicts.get_or_init(|| self.verdicts(rules));
        let terms_at = || Some(route.spoken.get(spoken)?.terms_at(model));
        verdicts
            .get(&route.provider)
            .and_then(|formats| formats.get(spoken)?.get(terms_at()?))
            .map_or(&UNDECIDED, |against| against)
    }

    fn verdicts(&self, rules: &RoutingPolicy) -> Verdicts {
        let formats = |provider: &LiveProvider| {
            let spoken = identity::spoken_terms(&self.catalogue, &provider.into());
            let mut known = Vec::new();
            let mut formats = Vec::with_capacity(spoken.len());
            for (_, terms) in &spoken {
                formats
                    .push(terms.iter().map(|one| self.decided(rules, &mut known, one)).collect());
            }
            formats
        };
        self.source.providers.iter().map(|provider| (provider.id, formats(provider))).collect()
    }

    /// What speaks against these terms. Most ways to ask one provider are on the same ones: each is decided once.
    fn decided<'a>(
        &self,
        rules: &RoutingPolicy,
        known: &mut Vec<(Terms<'a>, Box<[Refusal]>)>,
        one: &ModelTerms<'a>,
    ) -> Box<[Refusal]> {
        if let Some((_, against)) = known.iter().find(|(terms, _)| *terms == one.terms) {
            return against.clone();
        }
        let against = egress_refusals(rules, &one.terms, self.now).into_boxed_slice();
        known.push((one.terms, against.clone()));
        against
    }
}
