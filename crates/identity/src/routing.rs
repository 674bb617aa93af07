//! Rules about where requests may go, and the terms they are held against.

use domain::{
    Action, Auth, Catalogue, Endpoint, Error, Event, HealthAgreement, Permission, Posture,
    ProjectId, Protocol, ProviderEntry, Result, RoutingPolicy, Serves, StatedTerms, Timestamp, Use,
};
use store::{LiveProvider, Provider, Scope};

use crate::{
    Identity, Refusal, Terms, base_url, contract_refusal, decide, egress_refusals, health,
    notice_refusal,
};

impl Identity {
    /// The rules of the organization, or those that a project has besides.
    ///
    /// # Errors
    /// `NotFound` when there is no such project or the caller may not see it.
    pub async fn routing_policy(
        &self,
        scope: &Scope,
        project: Option<ProjectId>,
    ) -> Result<RoutingPolicy> {
        match project {
            Some(project) => drop(self.project_fetch(scope, project).await?),
            None => decide(scope, Permission::ProvidersRead, None)?,
        }
        let rules = self.store().read(scope).await?.routing_policy(project).await?;
        Ok(rules.unwrap_or_else(|| unset(project)))
    }

    /// What the rules mean for each registered provider, and its notice; a project's together with its organization's. A format in
    /// which nothing is different from the usual one is left out.
    ///
    /// # Errors
    /// As for [`Identity::routing_policy`].
    pub async fn routing_effects(
        &self,
        scope: &Scope,
        project: Option<ProjectId>,
    ) -> Result<Vec<Effect>> {
        let mut rules = self.routing_policy(scope, project).await?;
        let mut read = self.store().read(scope).await?;
        if project.is_some() {
            let whole = read.routing_policy(None).await?.unwrap_or_default();
            rules = whole.narrowed(&rules);
        }
        let (catalogue, register) = (self.0.catalogue.current(), self.store().register().await?);
        let (decisions, now) = (read.subprocessor_decisions().await?, self.clock().now());
        let mut effects = Vec::new();
        for provider in read.providers_list().await? {
            let decision = decisions.get(&provider.catalog).map(|decided| decided.decision);
            let row = Registered::from(&provider);
            let contract = contract_refusal(&catalogue, &row, now);
            let notice = notice_refusal(row.gate(&register, decision, now));
            for (format, terms) in spoken_terms(&catalogue, &row) {
                for one in terms {
                    let mut refusals: Vec<_> = notice.into_iter().chain(contract).collect();
                    refusals.extend(egress_refusals(&rules, &one.terms, now));
                    let same = |known: &Effect| {
                        known.provider.id == provider.id
                            && known.models == one.models
                            && known.refusals == refusals
                    };
                    if effects.iter().any(same) {
                        continue;
                    }
                    let models = one.models.to_owned();
                    effects.push(Effect { format, models, refusals, provider: provider.clone() });
                }
            }
        }
        Ok(effects)
    }

    /// Puts rules in place of those that were. A project's can only narrow its organization's.
    ///
    /// # Errors
    /// `Invalid` as [`RoutingPolicy::checked`] says, also for providers that the catalogue does not have; `NotFound`
    /// for the project; `Conflict` with code `storage_on` where health data is to come and something is stored.
    pub async fn routing_policy_set(
        &self,
        scope: &Scope,
        project: Option<ProjectId>,
        rules: RoutingPolicy,
    ) -> Result<RoutingPolicy> {
        decide(scope, Permission::ProvidersManage, None)?;
        let rules = rules.checked()?;
        known(&self.0.catalogue.current(), &rules)?;
        let mut write = self.store().write(scope).await?;
        let mut event = Event::new(Action::RoutingPolicySet);
        if let Some(project) = project {
            if rules.exposure.is_some() {
                let says = "The share that a provider may see is set for the organization: its projects are counted together.";
                return Err(Error::invalid(says).with_code("invalid_exposure"));
            }
            write.project_fetch(project).await?;
            event = event.on("project", project);
        }
        health::stores_nothing(&mut write, &rules, project).await?;
        let unset = (rules == unset(project)).then_some(());
        write.routing_policy_set(project, unset.map_or(Some(&rules), |()| None)).await?;
        for (name, value) in facts(&rules)? {
            event = event.fact(name, value);
        }
        write.commit(event).await?;
        Ok(rules)
    }
}

/// What rules mean for some models of a provider.
#[derive(Clone, Debug)]
pub struct Effect {
    pub provider: Provider,
    /// The format in which it is called.
    pub format: Protocol,
    /// The start of the models' names; empty for every (other) model.
    pub models: String,
    /// Everything that speaks against asking it; nothing when it may be asked.
    pub refusals: Vec<Refusal>,
}

/// What holds where nobody set anything. A project without rules of its own may do what its organization may.
fn unset(project: Option<ProjectId>) -> RoutingPolicy {
    RoutingPolicy { allow_training: project.is_some(), ..RoutingPolicy::default() }
}

/// A misspelt name would rule out nobody.
fn known(catalogue: &Catalogue, rules: &RoutingPolicy) -> Result<()> {
    let only = rules.only_providers.iter().flatten().map(|id| (id, "invalid_only_providers"));
    let denied = rules.deny_providers.iter().map(|id| (id, "invalid_deny_providers"));
    for (id, code) in only.chain(denied) {
        if id != crate::CUSTOM && catalogue.provider(id).is_none() {
            return Err(Error::invalid(format!("There is no provider {id} in the catalogue."))
                .with_code(code));
        }
    }
    Ok(())
}

fn facts(rules: &RoutingPolicy) -> Result<Vec<(&'static str, serde_json::Value)>> {
    let mut all = Vec::new();
    let value = serde_json::to_value(rules).map_err(Error::internal)?;
    for name in [
        "allow_training",
        "max_retention_days",
        "regions",
        "deny_countries",
        "only_providers",
        "deny_providers",
        "exposure",
        "health_data",
    ] {
        if let Some(value) = value.get(name) {
            all.push((name, value.clone()));
        }
    }
    Ok(all)
}

/// A registered provider, as far as its terms depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Registered<'a> {
    pub catalog: &'a str,
    pub protocol: Protocol,
    pub base_url: &'a str,
    pub region: Option<&'a str>,
    pub allow_private: bool,
    pub contract: &'a str,
    /// The first moment at which it no longer holds, as the organization says.
    pub contract_until: Option<Timestamp>,
    pub terms: Option<StatedTerms>,
    /// The agreement under which it may receive health data.
    pub baa: Option<HealthAgreement>,
}

macro_rules! registered {
    ($($row:ty),*) => {$(
        impl<'a> From<&'a $row> for Registered<'a> {
            fn from(row: &'a $row) -> Self {
                Self {
                    catalog: &row.catalog,
                    protocol: row.protocol,
                    base_url: &row.base_url,
                    region: row.region.as_deref(),
                    allow_private: row.allow_private,
                    contract: &row.contract,
                    contract_until: row.contract_until,
                    terms: row.terms,
                    baa: row.baa,
                }
            }
        }
    )*};
}

registered!(Provider, LiveProvider);

impl Registered<'_> {
    /// The formats in which it can be called, the one it was registered with first. A server of the catalogue may speak
    /// others as well.
    #[must_use]
    pub fn formats(&self, catalogue: &Catalogue) -> Vec<Protocol> {
        if !self.protocol.is_conversation() {
            return Vec::new();
        }
        let entry = catalogue.provider(self.catalog);
        let endpoint = entry.and_then(|entry| {
            entry.endpoints.iter().find(|endpoint| endpoint.is_at(self.base_url))
        });
        // One format is also that of servers that only rank.
        let talks = |endpoint: &Endpoint| endpoint.serves.iter().any(Serves::is_conversation);
        if self.protocol == Protocol::Cohere && !endpoint.is_none_or(talks) {
            return Vec::new();
        }
        let known = entry.zip(endpoint).map(|(entry, endpoint)| entry.protocols_of(endpoint));
        known.filter(|all| all.first() == Some(&self.protocol)).unwrap_or(vec![self.protocol])
    }

    /// How a request to it proves whose account it belongs to: as the catalogue says where it is called as the
    /// catalogue says, else as its format does it.
    #[must_use]
    pub fn auth(&self, catalogue: &Catalogue) -> Auth {
        let known = || {
            let entry = catalogue.provider(self.catalog)?;
            let url = base_url::check(self.base_url, true).ok()?;
            let endpoint = crate::provider::endpoint(entry, &url)?;
            let usual = entry.protocols_of(endpoint).contains(&self.protocol);
            Some(entry.auth_of(endpoint)).filter(|auth| usual && *auth != Auth::None)
        };
        known().unwrap_or(match self.protocol {
            Protocol::Anthropic => Auth::XApiKey,
            Protocol::Gemini => Auth::XGoogApiKey,
            Protocol::Bedrock => Auth::SigV4,
            Protocol::Watsonx => Auth::IbmIam,
            // OpenAI's, and so is that of what is no conversation.
            _ => Auth::Bearer,
        })
    }

    /// What else it can be asked for: of a server of the catalogue what that says, of any other whatever its format
    /// can say.
    #[must_use]
    pub fn tasks(&self, catalogue: &Catalogue) -> Vec<Protocol> {
        let all = self.protocol.tasks().iter().copied();
        let Some(entry) = catalogue.provider(self.catalog) else { return all.collect() };
        let url = base_url::check(self.base_url, true).ok();
        let endpoint = url.and_then(|url| crate::provider::endpoint(entry, &url));
        all.filter(|task| match endpoint {
            Some(endpoint) => endpoint.serves.contains(&task.serves()),
            None => entry.endpoints.iter().any(|one| one.serves.contains(&task.serves())),
        })
        .collect()
    }
}

/// The terms that hold for some models of a registered provider.
#[derive(Clone, Debug)]
pub struct ModelTerms<'a> {
    /// The start of the models' names; empty for every model.
    pub models: &'a str,
    pub terms: Terms<'a>,
    /// What the catalogue says, where the organization does not say otherwise.
    pub posture: Option<&'a Posture>,
    /// What says so: `PROVIDER#POSTURE@DAY` of the catalogue, or `stated` by the organization.
    pub evidence: Option<String>,
}

/// The formats in which a registered provider can be called and what else it can be asked for, each with its terms.
#[must_use]
pub fn spoken_terms<'a>(
    catalogue: &'a Catalogue,
    row: &Registered<'a>,
) -> Vec<(Protocol, Vec<ModelTerms<'a>>)> {
    let terms = |protocol| terms_of(catalogue, &Registered { protocol, ..*row });
    let ways = row.formats(catalogue).into_iter().chain(row.tasks(catalogue));
    ways.map(|protocol| (protocol, terms(protocol))).collect()
}

/// The terms of a registered provider. The first whose models are meant counts; the last is for every model.
#[must_use]
pub fn terms_of<'a>(catalogue: &'a Catalogue, row: &Registered<'a>) -> Vec<ModelTerms<'a>> {
    let entry = catalogue.provider(row.catalog);
    let terms = Terms {
        provider: row.catalog,
        own: row.catalog == crate::CUSTOM && base_url::is_own(row.base_url, row.allow_private),
        chooses: entry.is_some_and(|entry| entry.chooses),
        country: entry.map(|entry| entry.country.as_str()),
        place: row.region,
        trains: None,
        retention_days: None,
        baa: row.baa,
    };
    let Some((entry, of)) = entry.map(|entry| (entry, used(entry, row))) else {
        let (terms, evidence) = match row.terms {
            Some(stated) => (said(terms, stated), Some("stated".to_owned())),
            None => (terms, None),
        };
        return vec![ModelTerms { models: "", terms, posture: None, evidence }];
    };
    let postures: Vec<_> = entry.postures_of(&of).collect();
    if let Some(stated) = row.terms {
        // The parameters that go with the provider's own terms for every model are set all the same.
        let posture = postures.last().map(|(_, posture)| *posture);
        let evidence = Some("stated".to_owned());
        let whole = ModelTerms { models: "", terms: said(terms, stated), posture, evidence };
        return apart(entry, whole).collect();
    }
    let of_posture = |(at, posture): (usize, &'a Posture)| ModelTerms {
        models: posture.when.model.as_deref().unwrap_or_default(),
        terms: Terms { trains: posture.trains, retention_days: posture.retention_days, ..terms },
        posture: Some(posture),
        evidence: posture.read.as_ref().map(|read| format!("{}#{}@{read}", row.catalog, at + 1)),
    };
    postures.into_iter().flat_map(|one| apart(entry, of_posture(one))).collect()
}

/// With what the organization says instead.
const fn said(terms: Terms<'_>, stated: StatedTerms) -> Terms<'_> {
    Terms { trains: stated.trains, retention_days: stated.retention_days, ..terms }
}

/// The same terms for each place that the models run at.
fn apart<'a>(
    entry: &'a ProviderEntry,
    whole: ModelTerms<'a>,
) -> impl Iterator<Item = ModelTerms<'a>> {
    entry.placed(whole.models).into_iter().map(move |(models, place)| ModelTerms {
        models,
        terms: Terms { place: place.or(whole.terms.place), ..whole.terms },
        ..whole.clone()
    })
}

/// The address, contract, kind of request and region that postures may be about.
fn used<'a>(entry: &'a ProviderEntry, row: &Registered<'a>) -> Use<'a> {
    let url = base_url::check(row.base_url, true).ok();
    let endpoint = url.and_then(|url| crate::provider::endpoint(entry, &url));
    Use {
        endpoint: endpoint.map_or("", |endpoint| endpoint.id.as_str()),
        contract: Some(row.contract),
        serves: Some(row.protocol.serves()),
        region: row.region,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        id = "acme"
        name = "Acme"
        legal_entity = "Acme AB"
        country = "SE"
        family = "openai"
        auth = "bearer"
        [[endpoints]]
        id = "eu"
        base_url = "https://eu.acme.example/v1"
        region = "EU"
        serves = ["chat"]
        [[endpoints]]
        id = "us"
        base_url = "https://us.acme.example/v1"
        region = "US"
        serves = ["chat"]
        [[postures]]
        when = { model = "labs-" }
        trains = true
        source = "https://acme.example"
        read = "2026-11-20"
        [[postures]]
        when = { endpoint = "eu", contract = "zero-retention" }
        trains = false
        retention_days = 0
        source = "https://acme.example"
        read = "2026-11-20"
        [[postures]]
        trains = false
        retention_days = 30
        source = "https://acme.example"
        read = "2026-11-20"
    "#;

    fn row(base_url: &'static str) -> Registered<'static> {
        Registered {
            catalog: "acme",
            protocol: Protocol::OpenAi,
            base_url,
            region: Some("EU"),
            allow_private: false,
            contract: "standard",
            contract_until: None,
            terms: None,
            baa: None,
        }
    }

    fn said(row: &Registered<'_>) -> Vec<(String, Option<bool>, Option<u32>)> {
        let catalogue = Catalogue::parse([("acme", FILE)]).unwrap();
        terms_of(&catalogue, row)
            .iter()
            .map(|one| (one.models.to_owned(), one.terms.trains, one.terms.retention_days))
            .collect()
    }

    #[test]
    fn terms_are_those_of_address_and_contract() {
        let eu = row("https://eu.acme.example/v1");
        let labs = ("labs-".to_owned(), Some(true), None);
        let month = (String::new(), Some(false), Some(30));
        let none = (String::new(), Some(false), Some(0));
        assert_eq!(said(&eu), [labs.clone(), month.clone()]);
        assert_eq!(said(&Registered { contract: "zero-retention", ..eu }), [labs.clone(), none]);
        let us = row("https://us.acme.example/v1");
        assert_eq!(said(&Registered { contract: "zero-retention", ..us }), [labs, month]);
    }

    #[test]
    fn the_catalogue_says_how_it_is_shown_who_asks() {
        let keyed = FILE.replace("auth = \"bearer\"", "auth = \"api-key\"");
        let catalogue =
            Catalogue::parse([("acme", &*keyed.replace("\"openai\"", "\"azure\""))]).unwrap();
        let eu = row("https://eu.acme.example/v1");
        assert_eq!(eu.auth(&catalogue), Auth::ApiKey);
        // In another format, or elsewhere, as that format does it.
        let other = Registered { protocol: Protocol::Gemini, ..eu };
        assert_eq!(other.auth(&catalogue), Auth::XGoogApiKey);
        let own = Registered { catalog: "custom", protocol: Protocol::Anthropic, ..eu };
        assert_eq!(own.auth(&catalogue), Auth::XApiKey);
        let signed = Registered { catalog: "custom", protocol: Protocol::Bedrock, ..eu };
        assert_eq!(signed.auth(&catalogue), Auth::SigV4);
    }

    #[test]
    fn stated_terms_do_not_move_models() {
        let placed = FILE.replacen(
            "[[postures]]",
            "[[places]]\nmodels = \"global.\"\nplace = \"global\"\n[[postures]]",
            1,
        );
        let catalogue = Catalogue::parse([("acme", &*placed)]).unwrap();
        let stated = StatedTerms { trains: Some(false), retention_days: Some(0) };
        for terms in [None, Some(stated)] {
            let row = Registered { terms, ..row("https://eu.acme.example/v1") };
            let all = terms_of(&catalogue, &row);
            let place = |models: &str| {
                let one = all.iter().find(|one| models.starts_with(one.models));
                one.and_then(|one| one.terms.place)
            };
            assert_eq!(place("global.acme-1"), Some("global"));
            assert_eq!(place("acme-1"), Some("EU"));
        }
    }

    #[test]
    fn what_the_organization_says_counts_and_silence_is_unknown() {
        let stated = StatedTerms { trains: Some(false), retention_days: Some(7) };
        let eu = Registered { terms: Some(stated), ..row("https://eu.acme.example/v1") };
        assert_eq!(said(&eu), [(String::new(), Some(false), Some(7))]);
        let own = Registered { catalog: "custom", ..row("http://127.0.0.1:1/v1") };
        assert_eq!(said(&own), [(String::new(), None, None)]);
        let own = Registered { terms: Some(StatedTerms::OWN), ..own };
        assert_eq!(said(&own), [(String::new(), Some(false), Some(0))]);
    }
}
