//! The routes of one organization, worked out once per change of its providers and aliases.

use std::{collections::HashMap, sync::Arc};

use domain::{
    Catalogue, Error, Gate, LiveCatalogue, Model, OrgId, Prices, ProjectId, ProviderId, Register,
    Result, Serves, Timestamp,
};
use egress::{Destination, Egress, Kind};
use http::HeaderValue;
use identity::{FREE_TIER, Refusal, Registered, contract_end, contract_refusal, notice_refusal};
use llm::{Dialect, Format, Quirks, Venue};
use parking_lot::{Mutex, RwLock};
use store::{LiveProvider, OrgRouting, Scope, Store};
use url::Url;

use crate::{
    circuit::Circuit,
    credential::{Credential, Shown, token_destination},
    meters::Meters,
    observed::Observations,
    rules::{self, RouteTerms, Rules},
    token::TokenSource,
};

/// One provider credential with everything a request to it needs.
pub(crate) struct Route {
    pub provider: ProviderId,
    /// The destination's id at the door out.
    pub destination: String,
    pub name: String,
    pub name_header: HeaderValue,
    pub catalog: String,
    pub region: Option<String>,
    pub region_header: Option<HeaderValue>,
    /// Host and, where it is said, port.
    pub address: (String, Option<u16>),
    /// The formats it can be called in, the usual one first.
    pub spoken: Vec<Spoken>,
    /// The models that cannot be asked in every format, with those they can be asked in.
    particular: HashMap<String, Vec<Format>>,
    /// The catalogue's models of this provider, by their places there; a model that is not among them may be able to do
    /// anything.
    known: HashMap<String, usize>,
    pub credential: Credential,
    /// Where requests have to name a project.
    pub venue: Option<Venue>,
    /// The models it serves; empty when it was not said.
    pub models: Vec<String>,
    /// Whether a model that is not listed may be asked for as `provider/model`.
    pub open_ended: bool,
    pub circuit: Arc<Circuit>,
    pub observations: Arc<Observations>,
    pub meters: Meters,
    /// The version of the catalogue it was worked out from.
    pub catalogue: Arc<Catalogue>,
    /// From when it may be used, where its notice is still running.
    pub usable_from: Option<Timestamp>,
}

/// A format that a route can be called in, with the terms that then hold.
pub(crate) struct Spoken {
    pub format: Format,
    /// What is asked for when it is no conversation, and in which dialect.
    pub task: Option<(Serves, Dialect)>,
    pub terms: Vec<RouteTerms>,
}

impl Route {
    /// The formats to call it in for a request in `inbound`, the best first: the client's own, else the usual one.
    pub(crate) fn formats(&self, inbound: Format) -> impl Iterator<Item = usize> {
        let all = move || {
            let talks = |(at, spoken): (usize, &Spoken)| spoken.task.is_none().then_some(at);
            self.spoken.iter().enumerate().filter_map(talks)
        };
        let is = move |at: &usize| self.spoken.get(*at).is_some_and(|one| one.format == inbound);
        let own = all().find(is);
        own.into_iter().chain(all().filter(move |at| Some(*at) != own))
    }

    /// The ways to ask for something that is no conversation.
    pub(crate) fn tasks(&self, wanted: Serves) -> impl Iterator<Item = usize> {
        let all = self.spoken.iter().enumerate();
        all.filter_map(move |(at, spoken)| (spoken.task?.0 == wanted).then_some(at))
    }

    /// Whether the model can be asked for that here, as far as anybody says; nothing stands for a conversation.
    pub(crate) fn serves(&self, model: &str, wanted: Option<Serves>) -> bool {
        let able = match wanted {
            Some(wanted) => self.tasks(wanted).next().is_some(),
            None => self.spoken.iter().any(|spoken| spoken.task.is_none()),
        };
        able && self.can(model, wanted)
    }

    fn can(&self, model: &str, wanted: Option<Serves>) -> bool {
        self.abilities(model).is_none_or(|all| match wanted {
            Some(wanted) => all.contains(&wanted),
            None => all.iter().any(Serves::is_conversation),
        })
    }

    /// What the catalogue says that the model can do.
    pub(crate) fn abilities(&self, model: &str) -> Option<&[Serves]> {
        self.known(model).map(|model| model.serves.as_slice())
    }

    /// What the catalogue says of the model.
    pub(crate) fn known(&self, model: &str) -> Option<&Model> {
        let at = self.known.get(model)?;
        self.catalogue.provider(&self.catalog)?.models.get(*at)
    }

    /// Whether the model can be asked in that format, as far as anybody says.
    pub(crate) fn speaks(&self, spoken: usize, model: &str) -> bool {
        let Some(spoken) = self.spoken.get(spoken) else { return false };
        let there = |venue: &Venue| spoken.task.is_some() || venue.speaks(spoken.format, model);
        if !self.venue.as_ref().is_none_or(there) {
            return false;
        }
        let formats = self.particular.get(model).filter(|_| spoken.task.is_none());
        self.can(model, spoken.task.map(|(serves, _)| serves))
            && formats.is_none_or(|formats| formats.contains(&spoken.format))
    }

    /// Whether nothing is paid for the model.
    fn is_free(&self, model: &str) -> bool {
        self.catalogue.provider(&self.catalog).is_some_and(|entry| entry.is_free_model(model))
    }

    pub(crate) fn quirks(&self, model: &str) -> Quirks {
        Quirks { provider_object: self.chooses(), ..Quirks::of_model(model) }
    }

    /// Whether it passes requests on to a provider of its own choice.
    pub(crate) fn chooses(&self) -> bool {
        self.catalog == "openrouter"
    }

    pub(crate) fn prices(&self, catalogue: &Catalogue, model: &str) -> Option<Arc<Prices>> {
        catalogue.prices(&self.catalog, model).cloned()
    }
}

/// For variants of models for which nothing is paid.
static FREE: [Refusal; 1] = [FREE_TIER];

/// What the routes of an organization are worked out from: one version of each.
struct Sources {
    routing: Arc<OrgRouting>,
    catalogue: Arc<Catalogue>,
    register: Arc<Register>,
}

impl Sources {
    fn are(&self, known: &Self) -> bool {
        Arc::ptr_eq(&self.routing, &known.routing)
            && Arc::ptr_eq(&self.catalogue, &known.catalogue)
            && Arc::ptr_eq(&self.register, &known.register)
    }

    fn gate(&self, provider: &LiveProvider, now: Timestamp) -> Gate {
        let decision = self.routing.decisions.get(&provider.catalog).copied();
        Registered::from(provider).gate(&self.register, decision, now)
    }

    /// What keeps everything from a provider, whatever the rules say.
    fn bar(&self, provider: &LiveProvider, gate: Gate, now: Timestamp) -> Option<Refusal> {
        notice_refusal(gate).or_else(|| contract_refusal(&self.catalogue, &provider.into(), now))
    }

    /// The next moment at which a contract ends, or an agreement about health data begins or ends.
    fn contracts_turn(&self, now: Timestamp) -> Option<Timestamp> {
        let providers = self.routing.providers.iter();
        let turns = providers.flat_map(|one| {
            let baa = one.baa;
            let agreed = [baa.map(|baa| baa.signed), baa.and_then(|baa| baa.until)];
            agreed.into_iter().flatten().chain(contract_end(&self.catalogue, &one.into()))
        });
        turns.filter(|turn| *turn > now).min()
    }
}

pub(crate) struct OrgRoutes {
    sources: Sources,
    /// In order of creation.
    pub all: Vec<Arc<Route>>,
    rules: Rules,
    /// What speaks against providers because of their contract or their notice.
    barred: HashMap<ProviderId, [Refusal; 1]>,
    /// When the first notice, contract or agreement ends or begins: then all of this is worked out anew.
    until: Option<Timestamp>,
    by_model: HashMap<String, Vec<Arc<Route>>>,
}

impl OrgRoutes {
    pub(crate) fn alias(&self, name: &str) -> Option<&str> {
        self.sources.routing.aliases.get(name).map(String::as_str)
    }

    pub(crate) fn aliases(&self) -> impl Iterator<Item = &str> {
        self.sources.routing.aliases.keys().map(String::as_str)
    }

    pub(crate) fn routing(&self) -> &OrgRouting {
        &self.sources.routing
    }

    /// The version of the catalogue that holds for the request at hand.
    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.sources.catalogue
    }

    /// Everything that speaks against sending a project's request for `model` to a route in one of its formats. Who
    /// may not be used at all is not looked at further.
    pub(crate) fn against(
        &self,
        project: ProjectId,
        (route, spoken): (&Route, usize),
        model: &str,
    ) -> &[Refusal] {
        match self.barred.get(&route.provider) {
            Some(refusal) => refusal,
            None if route.is_free(model) => &FREE,
            None => self.rules.against(project, (route, spoken), model),
        }
    }

    pub(crate) fn serving(&self, model: &str) -> &[Arc<Route>] {
        self.by_model.get(model).map_or(&[], Vec::as_slice)
    }

    /// The models that the route is known to serve.
    pub(crate) fn listed<'a>(&'a self, route: &'a Route) -> Vec<&'a str> {
        listed(&self.sources.catalogue, route)
    }

    /// Every model that some route lists which `project` may use, with the first such route.
    pub(crate) fn models(
        &self,
        project: Option<ProjectId>,
    ) -> impl Iterator<Item = (&str, &Route)> {
        let usable = move |route: &&Arc<Route>, model: &str| {
            let allowed = |project, at| self.against(project, (route, at), model).is_empty();
            let all = || 0..route.spoken.len();
            let known = all().any(|at| route.speaks(at, model));
            let mut ways = all().filter(|at| !known || route.speaks(*at, model));
            !self.barred.contains_key(&route.provider)
                && project.is_none_or(|project| ways.any(|at| allowed(project, at)))
        };
        self.by_model.iter().filter_map(move |(model, routes)| {
            let route = routes.iter().find(|route| usable(route, model))?;
            Some((model.as_str(), &**route))
        })
    }
}

/// Health, and what was seen.
type Known = (Arc<Circuit>, Arc<Observations>);

/// The routes of all organizations that were asked for.
pub(crate) struct Routes {
    catalogue: LiveCatalogue,
    organizations: RwLock<HashMap<OrgId, Arc<OrgRoutes>>>,
    /// Outlives a change of the routes.
    known: Mutex<HashMap<ProviderId, Known>>,
    /// Outlives it as well, as long as the credential is the same.
    tokens: Mutex<HashMap<ProviderId, Arc<TokenSource>>>,
}

impl Routes {
    pub(crate) fn new(catalogue: LiveCatalogue) -> Self {
        Self {
            catalogue,
            organizations: RwLock::default(),
            known: Mutex::default(),
            tokens: Mutex::default(),
        }
    }

    /// The routes of the scope's organization, as the store knows them now.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot say.
    pub(crate) async fn of(
        &self,
        store: &Store,
        egress: &Egress,
        scope: &Scope,
    ) -> Result<Arc<OrgRoutes>> {
        let sources = Sources {
            routing: store.routing(scope).await?,
            catalogue: self.catalogue.current(),
            register: store.register().await?,
        };
        let now = store.clock().now();
        if let Some(known) = self.organizations.read().get(&scope.org())
            && sources.are(&known.sources)
            && known.until.is_none_or(|until| now < until)
        {
            return Ok(Arc::clone(known));
        }
        self.rebuild(egress, scope.org(), sources, now)
    }

    fn rebuild(
        &self,
        egress: &Egress,
        org: OrgId,
        sources: Sources,
        now: Timestamp,
    ) -> Result<Arc<OrgRoutes>> {
        let providers = &sources.routing.providers;
        let mut all = Vec::with_capacity(providers.len());
        let mut barred = HashMap::new();
        for provider in providers {
            let gate = sources.gate(provider, now);
            if let Some(refusal) = sources.bar(provider, gate, now) {
                barred.insert(provider.id, [refusal]);
            }
            // One provider that cannot be used must not take the others with it.
            match self.route(egress, provider, (&sources.catalogue, gate)) {
                Ok(route) => all.push(Arc::new(route)),
                Err(error) => {
                    tracing::warn!(provider = %provider.id, code = error.code(), "unusable provider");
                }
            }
        }
        let mut by_model: HashMap<String, Vec<Arc<Route>>> = HashMap::new();
        for route in &all {
            for model in listed(&sources.catalogue, route) {
                by_model.entry(model.to_owned()).or_default().push(Arc::clone(route));
            }
        }
        let rules = Rules::new(Arc::clone(&sources.routing), Arc::clone(&sources.catalogue), now);
        let notices = all.iter().filter_map(|route| route.usable_from);
        let until = notices.chain(sources.contracts_turn(now)).min();
        let fresh = Arc::new(OrgRoutes { rules, sources, all, barred, until, by_model });
        let old = self.organizations.write().insert(org, Arc::clone(&fresh));
        for gone in old.iter().flat_map(|old| &old.all) {
            if fresh.all.iter().all(|route| route.provider != gone.provider) {
                egress.unregister(&gone.destination);
                egress.unregister(&token_destination(&gone.destination));
                self.known.lock().remove(&gone.provider);
                self.tokens.lock().remove(&gone.provider);
            }
        }
        Ok(fresh)
    }

    fn route(
        &self,
        egress: &Egress,
        provider: &LiveProvider,
        (catalogue, gate): (&Arc<Catalogue>, Gate),
    ) -> Result<Route> {
        let destination = provider.id.to_string();
        let base = Url::parse(&provider.base_url)
            .map_err(|_| Error::invalid("The provider's address is not a URL."))?;
        let auth = Registered::from(provider).auth(catalogue);
        egress.register(Destination {
            id: destination.clone(),
            kind: if provider.allow_private { Kind::Own } else { Kind::Provider },
            base: base.clone(),
            allow_private: provider.allow_private,
        })?;
        let token = catalogue.provider(&provider.catalog).and_then(|entry| entry.token.as_ref());
        let Shown { credential, venue } = Shown::of(auth, token, provider, &base)?;
        let credential = self.remembered(egress, provider, credential)?;
        let (circuit, observations) = self.known.lock().entry(provider.id).or_default().clone();
        Ok(Route {
            provider: provider.id,
            destination,
            name_header: text_header(&provider.name)?,
            name: provider.name.clone(),
            region_header: provider.region.as_deref().map(text_header).transpose()?,
            region: provider.region.clone(),
            address: (base.host_str().unwrap_or_default().to_owned(), base.port_or_known_default()),
            spoken: rules::spoken(catalogue, provider),
            particular: rules::particular(catalogue, provider),
            known: rules::known(catalogue, provider),
            credential,
            venue,
            models: provider.models.clone(),
            open_ended: provider.models.is_empty(),
            circuit,
            observations,
            meters: Meters::new(&provider.catalog),
            catalog: provider.catalog.clone(),
            catalogue: Arc::clone(catalogue),
            usable_from: match gate {
                Gate::Until(at) => Some(at),
                _ => None,
            },
        })
    }
}

impl Routes {
    /// Lets the place that gives tokens be reached, and keeps the token that is at hand.
    fn remembered(
        &self,
        egress: &Egress,
        provider: &LiveProvider,
        credential: Credential,
    ) -> Result<Credential> {
        let mut tokens = self.tokens.lock();
        let Credential::Exchanged(fresh) = credential else {
            tokens.remove(&provider.id);
            return Ok(credential);
        };
        let base = Url::parse(fresh.url())
            .map_err(|_| Error::invalid("The address of the provider's tokens is not a URL."))?;
        egress.register(Destination {
            id: fresh.destination.clone(),
            kind: Kind::Provider,
            base,
            allow_private: provider.allow_private,
        })?;
        let kept = tokens.entry(provider.id).or_insert_with(|| Arc::clone(&fresh));
        if !kept.is(&fresh) {
            *kept = fresh;
        }
        Ok(Credential::Exchanged(Arc::clone(kept)))
    }
}

/// The models a route is known to serve: those it was registered with, else the catalogue's.
fn listed<'a>(catalogue: &'a Catalogue, route: &'a Route) -> Vec<&'a str> {
    if !route.models.is_empty() {
        return route.models.iter().map(String::as_str).collect();
    }
    let entry = catalogue.provider(&route.catalog);
    let able = |model: &&str| (0..route.spoken.len()).any(|at| route.speaks(at, model));
    entry.map_or_else(Vec::new, |entry| {
        entry.models.iter().map(|model| model.id.as_str()).filter(able).collect()
    })
}

/// A name chosen by people as a header value: what is not visible ASCII becomes a question mark.
fn text_header(text: &str) -> Result<HeaderValue> {
    let plain = text.chars().map(|letter| match letter {
        ' '..='~' => letter,
        _ => '?',
    });
    HeaderValue::try_from(plain.collect::<String>()).map_err(Error::internal)
}
