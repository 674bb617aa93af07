//! From LiteLLM's settings to what would be registered here. Pure: nothing is looked up but what is given.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use domain::{Auth, Catalogue, Protocol};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    litellm::{Deployment, Settings},
    vendor::{self, Kind, Vendor},
};

/// What is to be registered, in this order.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Plan {
    pub(crate) providers: Vec<Planned>,
    /// A name, and the model that it stands for.
    pub(crate) aliases: Vec<(String, String)>,
    /// What is not carried over and why, for the person who reads it.
    #[serde(skip)]
    pub(super) notes: Vec<String>,
}

/// One credential.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Planned {
    pub(crate) name: String,
    pub(crate) catalog: String,
    pub(crate) base_url: Option<String>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) secret: Option<String>,
    /// Empty for everything it has.
    pub(crate) models: Vec<String>,
    pub(crate) region: Option<String>,
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Planned").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A deployment that has found its place.
struct Placed {
    deployment: usize,
    provider: usize,
    model: String,
}

/// Stands for every model of a provider.
const ANY: &str = "*";

/// Works out what the file means here. `environment` looks a variable up.
pub(super) fn plan(
    settings: &Settings,
    catalogue: &Catalogue,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Plan {
    let look_up = |name: &str| {
        let own = settings.environment.get(name);
        // A variable that the file sets may itself point into the environment.
        let own = own.and_then(|text| match text.strip_prefix(IN_ENVIRONMENT) {
            Some(name) => environment(name),
            None => Some(text.clone()),
        });
        own.or_else(|| environment(name)).filter(|text| !text.is_empty())
    };
    let mut drawing =
        Drawing { catalogue, look_up: &look_up, open: BTreeSet::new(), plan: Plan::default() };
    let mut placed = Vec::new();
    for (at, deployment) in settings.deployments.iter().enumerate() {
        placed.extend(drawing.place(at, deployment));
    }
    drawing.name_models(settings, &placed);
    for (name, target) in &settings.aliases {
        // An alias stands for a model, not for another alias.
        let own = drawing.plan.aliases.iter().find(|(known, _)| known == target);
        let target = own.map_or_else(|| target.clone(), |(_, target)| target.clone());
        drawing.alias(name, &target);
    }
    let Drawing { mut plan, .. } = drawing;
    plan.notes.extend(not_carried_over(&settings.ignored));
    plan
}

/// How the file says that a value stands in the environment.
const IN_ENVIRONMENT: &str = "os.environ/";

struct Drawing<'a> {
    catalogue: &'a Catalogue,
    look_up: &'a dyn Fn(&str) -> Option<String>,
    /// Providers of which every model may be asked for.
    open: BTreeSet<usize>,
    plan: Plan,
}

impl Drawing<'_> {
    /// Finds or makes the provider of a deployment.
    fn place(&mut self, at: usize, given: &Deployment) -> Option<Placed> {
        let place = format!("model_list[{}] ({})", given.place, given.name);
        let found = vendor::of(&given.model, given.vendor.as_deref(), given.base_url.is_some());
        let Some((vendor, model)) = found else {
            self.note(format!("{place}: nobody here serves `{}`.", given.model));
            return None;
        };
        let planned = match self.provider(vendor, given) {
            Ok(planned) => planned,
            Err(why) => {
                self.note(format!("{place}: {why}"));
                return None;
            }
        };
        let same = |other: &Planned| {
            (&other.catalog, &other.base_url, &other.secret, &other.region)
                == (&planned.catalog, &planned.base_url, &planned.secret, &planned.region)
        };
        let provider = self.plan.providers.iter().position(same).unwrap_or_else(|| {
            let name = self.free_name(&planned);
            self.plan.providers.push(Planned { name, ..planned });
            self.plan.providers.len() - 1
        });
        self.serve(provider, model);
        Some(Placed { deployment: at, provider, model: model.to_owned() })
    }

    fn provider(&self, vendor: &Vendor, given: &Deployment) -> Result<Planned, String> {
        let base_url = given.base_url.as_deref().map(|text| self.value(text)).transpose()?;
        let secret = match &given.key {
            Some(key) => Some(self.value(key)?),
            None => vendor.keys.iter().find_map(|name| (self.look_up)(name)),
        };
        let (catalog, base_url, protocol) = match vendor.kind {
            Kind::OpenAiLike(usual) => {
                let url = base_url.or_else(|| usual.map(str::to_owned));
                let url = url.ok_or("it needs `api_base`, the address of the server.")?;
                ("custom", Some(open_ai_path(url)), Some(Protocol::OpenAi))
            }
            Kind::Known(id) => self.known(id, base_url),
        };
        // An address with a blank is somebody's own: a key alone does not say whose.
        let whole = |endpoint: &domain::Endpoint| endpoint.blanks().next().is_none();
        let callable = |id| {
            let entry = self.catalogue.provider(id);
            entry.is_some_and(|one| {
                // What the file holds of others is no credential, and conversations with one are not spoken.
                let by_key =
                    !one.auth.is_exchanged() && one.protocol() != Some(Protocol::Replicate);
                by_key && (base_url.is_some() || one.callable().any(whole))
            })
        };
        if catalog != "custom" && !callable(catalog) {
            return Err(format!(
                "`{catalog}` is in the catalogue, but cannot be called with a key alone yet."
            ));
        }
        if catalog != "custom" && secret.is_none() {
            let names = vendor.keys.join(" or ");
            return Err(format!("no API key: set {names}, or `api_key` in the file."));
        }
        let region = given.region.as_deref().map(|text| self.value(text)).transpose()?;
        let (base_url, region) = match region {
            Some(region) if base_url.is_none() => self.address_in(catalog, region)?,
            region => (base_url, region),
        };
        let (catalog, name) = (catalog.to_owned(), String::new());
        Ok(Planned { name, catalog, base_url, protocol, secret, models: Vec::new(), region })
    }

    /// The provider's address in a region that it has one for, else the region alone.
    ///
    /// # Errors
    /// When a request is signed for its region and no address there is known.
    fn address_in(
        &self,
        id: &str,
        region: String,
    ) -> Result<(Option<String>, Option<String>), String> {
        let Some(known) = self.catalogue.provider(id) else { return Ok((None, Some(region))) };
        match known.callable().find(|one| one.id == region) {
            Some(own) => Ok((Some(own.base_url.clone()), None)),
            None if known.auth == Auth::SigV4 => {
                Err(format!("the catalogue has no address of `{id}` in {region}."))
            }
            None => Ok((None, Some(region))),
        }
    }

    /// A value of the file, or what it points to.
    fn value(&self, text: &str) -> Result<String, String> {
        match text.strip_prefix(IN_ENVIRONMENT) {
            None => Ok(text.to_owned()),
            Some(name) => (self.look_up)(name)
                .ok_or_else(|| format!("the environment variable {name} is not set.")),
        }
    }

    /// A provider of the catalogue at the address that the file gives: the catalogue knows the provider's own better,
    /// paths included, and what listens elsewhere is somebody else's.
    fn known<'a>(
        &self,
        id: &'a str,
        base_url: Option<String>,
    ) -> (&'a str, Option<String>, Option<Protocol>) {
        let Some((url, known)) = base_url.zip(self.catalogue.provider(id)) else {
            return (id, None, None);
        };
        let host = Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_owned));
        // Without a dot it may be what stands for a blank, and is nobody's.
        let own = host.filter(|host| host.contains('.')).and_then(|host| {
            let exact = known.callable().find(|one| one.is_at(url.trim_end_matches('/')));
            let own = exact.or_else(|| known.callable().find(|one| one.has_host(&host)))?;
            Some((own, host))
        });
        let usual = known.callable().next();
        match own {
            Some((own, host)) if own.blanks().next().is_some() => {
                (id, at_host(&own.base_url, &host), None)
            }
            Some((own, _)) if usual.is_some_and(|usual| usual.base_url == own.base_url) => {
                (id, None, None)
            }
            Some((own, _)) => (id, Some(own.base_url.clone()), None),
            None => match known.protocol_elsewhere() {
                Some(protocol) => ("custom", Some(open_ai_path(url)), Some(protocol)),
                None => (id, Some(url), None),
            },
        }
    }

    fn free_name(&self, planned: &Planned) -> String {
        let host = planned.base_url.as_deref().and_then(|url| Url::parse(url).ok());
        let host = host.and_then(|url| url.host_str().map(str::to_owned));
        let plain = match (planned.catalog.as_str(), host) {
            ("custom", Some(host)) => host,
            (catalog, _) => catalog.to_owned(),
        };
        let taken = |name: &str| self.plan.providers.iter().any(|other| other.name == name);
        let mut name = plain.clone();
        let mut count = 1;
        while taken(&name) {
            count += 1;
            name = format!("{plain}-{count}");
        }
        name
    }

    fn serve(&mut self, provider: usize, model: &str) {
        let Some(planned) = self.plan.providers.get_mut(provider) else { return };
        if model == ANY {
            self.open.insert(provider);
            planned.models.clear();
        } else if !self.open.contains(&provider) && !planned.models.iter().any(|one| one == model) {
            planned.models.push(model.to_owned());
        }
    }

    /// Aliases for models that clients know by another name.
    fn name_models(&mut self, settings: &Settings, placed: &[Placed]) {
        let mut groups: BTreeMap<&str, Vec<&Placed>> = BTreeMap::new();
        for one in placed.iter().filter(|one| one.model != ANY) {
            if let Some(deployment) = settings.deployments.get(one.deployment) {
                groups.entry(&deployment.name).or_default().push(one);
            }
        }
        for (name, group) in groups {
            let Some(first) = group.first() else { continue };
            let is_first = |one: &&&Placed| one.model == first.model;
            let (same, others): (Vec<&Placed>, Vec<&Placed>) = group.iter().partition(is_first);
            let mut serving = placed.iter().filter(|one| one.model == first.model);
            let whole = serving.all(|one| same.iter().any(|other| other.provider == one.provider));
            let named = self.plan.providers.get(first.provider).map(|one| one.name.clone());
            let target = match named {
                // Whoever else serves it under this name is not meant.
                Some(provider) if !whole => format!("{provider}/{}", first.model),
                _ => first.model.clone(),
            };
            if !others.is_empty() {
                let others: BTreeSet<_> = others.iter().map(|one| one.model.as_str()).collect();
                let others: Vec<_> = others.into_iter().collect();
                self.note(format!(
                    "`{name}` stands for several models; here it is `{target}`, and {} must be asked for by name.",
                    others.join(", ")
                ));
            }
            self.alias(name, &target);
        }
    }

    fn alias(&mut self, name: &str, target: &str) {
        if name != target && !name.contains(ANY) {
            self.plan.aliases.push((name.to_owned(), target.to_owned()));
        }
    }

    fn note(&mut self, text: String) {
        self.plan.notes.push(text);
    }
}

/// The provider's address with this host in place of its own.
fn at_host(base_url: &str, host: &str) -> Option<String> {
    let (scheme, rest) = base_url.split_once("://")?;
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    Some(format!("{scheme}://{host}/{path}"))
}

/// Servers that speak OpenAI's format do so below `/v1`; LiteLLM lets it be left out for some.
fn open_ai_path(url: String) -> String {
    match Url::parse(&url) {
        Ok(parsed) if matches!(parsed.path(), "" | "/") => {
            format!("{}/v1", url.trim_end_matches('/'))
        }
        _ => url,
    }
}

/// What other settings would be here, each reason once.
fn not_carried_over(ignored: &[String]) -> Vec<String> {
    let mut why: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for path in ignored {
        why.entry(reason(path)).or_default().insert(path);
    }
    let line = |(reason, paths): (&str, BTreeSet<&str>)| {
        let paths: Vec<_> = paths.into_iter().collect();
        format!("{}: {reason}", paths.join(", "))
    };
    why.into_iter().map(line).collect()
}

fn reason(path: &str) -> &'static str {
    let name = path.rsplit('.').next().unwrap_or(path);
    match name {
        "master_key" => "make API keys and admin keys in the browser; this one is not taken over.",
        "fallbacks"
        | "context_window_fallbacks"
        | "content_policy_fallbacks"
        | "default_fallbacks" => {
            "several providers of one model follow each other by themselves; another model is never answered for it."
        }
        "rpm" | "tpm" | "max_parallel_requests" => "limits are set on API keys.",
        "callbacks" | "success_callback" | "failure_callback" | "guardrails" => {
            "requests are not handed to others, and their text is not kept."
        }
        _ if name.contains("cost_per") => "prices come from the catalogue.",
        _ if name.ends_with("_password") || name.ends_with("_url") => {
            "this installation has its own database."
        }
        _ => "there is no such setting here.",
    }
}
