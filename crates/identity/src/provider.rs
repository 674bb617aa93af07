//! Provider credentials of an organization.

use domain::{
    Action, Auth, Catalogue, Decision, Endpoint, Error, Event, HealthAgreement, Permission,
    Protocol, ProviderId, Result, Secret, StatedTerms, Timestamp, UserId,
};
use store::{NewProvider, Principal, Provider, ProviderChange, Scope};
use vault::{Application, ProjectKey, ServiceAccount};

use crate::{
    Identity, PrivateProviders, alias,
    base_url::{self, BaseUrl},
    contract::{self, contract},
    decide, health, names, optional,
};

/// The catalogue id of an endpoint that the catalogue does not know.
pub const CUSTOM: &str = "custom";

const MOST_MODELS: usize = 500;

/// A provider to be registered, as the contract's body has it.
#[derive(Debug, Default)]
pub struct ProviderEntry {
    /// An id of the catalogue, or `custom`.
    pub catalog: String,
    /// For people; the catalogue's name or the host when not given.
    pub name: Option<String>,
    /// Needed for `custom`. Elsewhere than at the catalogue's host the provider is registered as `custom`.
    pub base_url: Option<String>,
    /// Needed for `custom`.
    pub protocol: Option<Protocol>,
    /// A server inside the own network may do without.
    pub secret: Option<Secret<String>>,
    /// What it serves; empty for what the catalogue lists.
    pub models: Vec<String>,
    pub region: Option<String>,
    /// Whether it may be reached inside the own network. Not given: yes if the address plainly is.
    pub allow_private: Option<bool>,
    /// What was agreed with a provider of the catalogue, as it names it; nothing for the ordinary terms.
    pub contract: Option<String>,
    /// The last day on which that holds, as `YYYY-MM-DD`; nothing for one without an end.
    pub contract_until: Option<String>,
    /// What the organization says of it. Not given, a server inside the own network is taken to be its own.
    pub terms: Option<StatedTerms>,
    /// The day on which a business associate agreement was signed, as `YYYY-MM-DD`; nothing where there is none.
    pub baa_signed: Option<String>,
    /// The last day on which that holds; nothing for one without an end.
    pub baa_until: Option<String>,
}

/// What is `None` stays as it is.
#[derive(Debug, Default)]
pub struct ProviderEdit {
    pub name: Option<String>,
    /// Another host needs the credential again, so that nobody can send it elsewhere without knowing it.
    pub base_url: Option<String>,
    pub secret: Option<Secret<String>>,
    pub models: Option<Vec<String>>,
    pub region: Option<String>,
    pub allow_private: Option<bool>,
    /// Empty for the ordinary terms.
    pub contract: Option<String>,
    /// Empty for no end.
    pub contract_until: Option<String>,
    /// Saying nothing leaves it to the catalogue.
    pub terms: Option<StatedTerms>,
    /// Empty where there is none any more.
    pub baa_signed: Option<String>,
    /// Empty for no end.
    pub baa_until: Option<String>,
}

impl Identity {
    /// In order of creation.
    pub async fn providers_list(&self, scope: &Scope) -> Result<Vec<Provider>> {
        decide(scope, Permission::ProvidersRead, None)?;
        self.store().read(scope).await?.providers_list().await
    }

    /// # Errors
    /// `NotFound` when there is no such provider.
    pub async fn provider_fetch(&self, scope: &Scope, id: ProviderId) -> Result<Provider> {
        decide(scope, Permission::ProvidersRead, None)?;
        self.store().read(scope).await?.provider_fetch(id).await
    }

    /// Registers a provider. What it is given is sealed and never shown again but for its last four characters.
    ///
    /// # Errors
    /// `Invalid` for what was entered; `Conflict` with code `objected` when the organization objected to the
    /// company; `Forbidden` with code `private_address` when the caller may not register
    /// a server inside the own network.
    pub async fn provider_create(&self, scope: &Scope, entry: ProviderEntry) -> Result<Provider> {
        decide(scope, Permission::ProvidersManage, None)?;
        let new = checked(&self.0.catalogue.current(), entry)?;
        if new.allow_private {
            self.may_go_private(scope).await?;
        }
        let event = described(
            Event::new(Action::ProviderCreate)
                .fact("catalog", new.catalog.clone())
                .fact("protocol", new.protocol.as_str()),
            &new,
        );
        let accepts = self.accepts(scope, &new.catalog).await?;
        let mut write = self.store().write(scope).await?;
        let provider = write.provider_create(new).await?;
        let event = match accepts {
            // Whoever gives their own credential has decided that requests may go there.
            Some(revision) => {
                let decision = Decision::Accepted { revision };
                write.subprocessor_decide(&provider.catalog, Some(decision)).await?;
                event.fact("accepts_revision", revision)
            }
            None => event,
        };
        write.commit(event.on("provider", provider.id)).await?;
        Ok(provider)
    }

    /// # Errors
    /// As for [`Identity::provider_create`]; `Invalid` with code `secret_needed` when the host changes and the
    /// credential is not given again; `NotFound`.
    pub async fn provider_change(
        &self,
        scope: &Scope,
        id: ProviderId,
        edit: ProviderEdit,
    ) -> Result<()> {
        decide(scope, Permission::ProvidersManage, None)?;
        let before = self.store().read(scope).await?.provider_fetch(id).await?;
        let change = changed(&self.0.catalogue.current(), &before, edit)?;
        // Moving a server that was let in is letting another one in.
        let inside = change.allow_private.unwrap_or(before.allow_private);
        if inside && (change.base_url.is_some() || change.allow_private.is_some()) {
            self.may_go_private(scope).await?;
        }
        let mut event = Event::new(Action::ProviderChange)
            .on("provider", id)
            .fact("secret", change.secret.is_some());
        if let Some(base_url) = &change.base_url {
            event = event.fact("base_url", base_url.clone());
        }
        if let Some(contract) = &change.contract {
            event = event.fact("contract", contract.clone());
        }
        if let Some(until) = change.contract_until {
            event = ending(event, until);
        }
        if let Some(terms) = change.terms {
            event = stated(event, terms);
        }
        if let Some(baa) = change.baa {
            event = agreed(event, baa);
        }
        if let Some(name) = &change.name {
            event = event.personal("name", name.clone());
        }
        let mut write = self.store().write(scope).await?;
        write.provider_change(id, change).await?;
        write.commit(event).await.map(drop)
    }

    /// Removes a provider and wipes its credential.
    ///
    /// # Errors
    /// `NotFound` when there is no such provider.
    pub async fn provider_remove(&self, scope: &Scope, id: ProviderId) -> Result<()> {
        decide(scope, Permission::ProvidersManage, None)?;
        let mut write = self.store().write(scope).await?;
        write.provider_remove(id).await?;
        write.commit(Event::new(Action::ProviderRemove).on("provider", id)).await.map(drop)
    }

    /// Whoever may point the server at an address inside its own network can reach what only the server reaches.
    pub(crate) async fn may_go_private(&self, scope: &Scope) -> Result<()> {
        let allowed = match self.0.config.private_providers {
            PrivateProviders::Admins => true,
            PrivateProviders::Nobody => false,
            PrivateProviders::Operators => self.acts_for_operator(scope).await?,
        };
        if allowed {
            return Ok(());
        }
        Err(Error::forbidden(
            "Only an operator of this installation may register a server inside its own network.",
        )
        .with_code("private_address"))
    }

    /// Whether an operator is behind the scope: in person, or by an admin key they made.
    async fn acts_for_operator(&self, scope: &Scope) -> Result<bool> {
        let person: Option<UserId> = match scope.principal() {
            Principal::User { id, .. } => Some(*id),
            Principal::AdminKey { id } => {
                self.store().read(scope).await?.key_fetch(*id).await?.created_by
            }
            Principal::ApiKey { .. } => None,
        };
        let Some(person) = person else { return Ok(false) };
        let user = self.as_nobody().await?.read().await?.user_fetch(person).await;
        Ok(optional(user)?.is_some_and(|user| user.operator && user.disabled.is_none()))
    }
}

/// The entry with everything filled in and checked, but for who enters it.
fn checked(catalogue: &Catalogue, entry: ProviderEntry) -> Result<NewProvider> {
    contract::not_free(entry.contract.as_deref())?;
    let known = match entry.catalog.as_str() {
        CUSTOM => None,
        id => Some(catalogue.provider(id).ok_or_else(|| {
            Error::invalid("This provider is not in the catalogue. Use custom with an address.")
                .with_code("unknown_provider")
        })?),
    };
    let text = entry.base_url.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let text = match (text, known) {
        (Some(text), _) => text,
        (None, Some(known)) => callable(known)?,
        (None, None) => {
            return Err(Error::invalid("A custom provider needs its address.")
                .with_code("invalid_base_url"));
        }
    };
    let private = entry.allow_private.unwrap_or_else(|| base_url::is_plainly_private(text));
    let url = base_url::check(text, private)?;
    // Another company's endpoint is another sub-processor, whatever it is called.
    let theirs = known.and_then(|known| Some((known, endpoint(known, &url)?)));
    let spoken = || theirs.and_then(|(known, endpoint)| known.protocol_of(endpoint));
    let fallback = || known.and_then(|known| known.protocol_elsewhere());
    // Requests in other formats are understood; providers of them are not called.
    let given = entry.protocol.filter(|protocol| protocol.is_of_providers());
    let protocol = given.or_else(spoken).or_else(fallback).ok_or_else(|| {
        Error::invalid(
            "This provider needs its protocol: openai, anthropic, responses, gemini, bedrock, cohere or rerank.",
        )
        .with_code("unknown_protocol")
    })?;
    let asks = asks(theirs, protocol);
    let known = theirs.map(|(known, _)| known);
    let secret = entry.secret.map(|secret| credential(secret, asks)).transpose()?.flatten();
    if secret.is_none() && (!private || asks.0.is_exchanged()) {
        return Err(Error::invalid("This provider needs its API key.").with_code("secret_needed"));
    }
    let terms = entry.terms.filter(|terms| *terms != StatedTerms::default());
    let own = known.is_none() && base_url::is_own(&url.text, private);
    let models = models(entry.models)?;
    contract::paid(known, &models)?;
    let contract_until = entry.contract_until.as_deref().map(contract::until).transpose()?;
    let default_name = || known.map_or_else(|| url.host.clone(), |known| known.name.clone());
    Ok(NewProvider {
        catalog: known.map_or_else(|| CUSTOM.to_owned(), |known| known.id.clone()),
        name: match entry.name.filter(|name| !name.trim().is_empty()) {
            Some(name) => names::name("A provider", &name)?,
            None => default_name(),
        },
        protocol,
        base_url: url.text.clone(),
        secret,
        models,
        region: match entry.region {
            Some(region) => self::region(&region)?,
            // What the provider states of one address says nothing about others of its hosts.
            None => theirs.and_then(|(known, _)| stated_region(known, &url)),
        },
        allow_private: private,
        contract: Some(contract(known, entry.contract.as_deref())?),
        contract_until: contract_until.flatten(),
        terms: terms.or(own.then_some(StatedTerms::OWN)),
        baa: health::agreement(None, (entry.baa_signed.as_deref(), entry.baa_until.as_deref()))?,
    })
}

/// Where the provider is called when nobody says where.
fn callable(known: &domain::ProviderEntry) -> Result<&str> {
    let whole = known.callable().find(|endpoint| endpoint.blanks().next().is_none());
    if let Some(whole) = whole {
        return Ok(&whole.base_url);
    }
    let Some(open) = known.callable().next() else {
        return Err(Error::invalid(format!(
            "{} is in the catalogue, but this version cannot call it on its own terms. If it has an address that speaks \
             the format of OpenAI or Anthropic, give that address and the protocol.",
            known.name
        ))
        .with_code("provider_not_callable"));
    };
    let says = format!("Give your own address at {}, such as {}.", known.name, open.base_url);
    Err(Error::invalid(says).with_code("invalid_base_url"))
}

/// Where the provider says that it processes what is sent to exactly this address.
fn stated_region(known: &domain::ProviderEntry, url: &BaseUrl) -> Option<String> {
    let exact = known.endpoints.iter().find(|endpoint| endpoint.is_at(&url.text));
    exact.and_then(|endpoint| endpoint.region.clone())
}

/// The provider's endpoint that `url` is, or belongs to.
pub(crate) fn endpoint<'a>(
    known: &'a domain::ProviderEntry,
    url: &BaseUrl,
) -> Option<&'a Endpoint> {
    let same = known.endpoints.iter().find(|endpoint| endpoint.is_at(&url.text));
    let below = |endpoint: &&Endpoint| {
        base_url::belongs_to(url, &endpoint.base_url) || endpoint.has_host(&url.host)
    };
    same.or_else(|| known.endpoints.iter().find(below))
}

/// The change with everything checked, but for who makes it.
fn changed(catalogue: &Catalogue, before: &Provider, edit: ProviderEdit) -> Result<ProviderChange> {
    let private = edit.allow_private.unwrap_or(before.allow_private);
    let text = edit.base_url.as_deref().unwrap_or(&before.base_url);
    let url = base_url::check(text, private)?;
    let theirs = catalogue.provider(&before.catalog);
    let theirs = theirs.and_then(|known| Some((known, endpoint(known, &url)?)));
    let asks = asks(theirs, before.protocol);
    let secret = edit.secret.map(|secret| credential(secret, asks)).transpose()?.flatten();
    let moved = url.text != before.base_url;
    if moved {
        let kept = base_url::check(&before.base_url, true)?.host == url.host;
        if before.has_secret && !kept && secret.is_none() {
            return Err(
                Error::invalid("Another host needs the API key again.").with_code("secret_needed")
            );
        }
        still_theirs(catalogue, before, &url)?;
    }
    if !private && secret.is_none() && !before.has_secret {
        return Err(Error::invalid("This provider needs its API key.").with_code("secret_needed"));
    }
    let known = catalogue.provider(&before.catalog);
    let models = edit.models.map(models).transpose()?;
    contract::paid(known, models.as_deref().unwrap_or_default())?;
    let elsewhere = base_url::check(&before.base_url, true)?.host != url.host;
    let no_longer = !private && before.allow_private && before.terms == Some(StatedTerms::OWN);
    // What was said of one server, and where it stands, does not hold for another.
    let own = before.catalog == CUSTOM && base_url::is_own(&url.text, private);
    let terms = (elsewhere || no_longer).then_some(own.then_some(StatedTerms::OWN));
    let stated = known.and_then(|known| stated_region(known, &url));
    let said = |terms| Some(terms).filter(|terms| *terms != StatedTerms::default());
    Ok(ProviderChange {
        name: edit.name.map(|name| names::name("A provider", &name)).transpose()?,
        base_url: moved.then_some(url.text),
        secret,
        models,
        region: match edit.region {
            Some(text) => Some(region(&text)?),
            None => (elsewhere || (moved && known.is_some())).then_some(stated),
        },
        allow_private: edit.allow_private,
        contract: edit.contract.map(|name| contract(known, Some(&name))).transpose()?,
        contract_until: edit.contract_until.as_deref().map(contract::until).transpose()?,
        terms: edit.terms.map(said).or(terms),
        baa: health::changed(before.baa, (edit.baa_signed, edit.baa_until), elsewhere)?,
    })
}

/// A provider of the catalogue stays at its own hosts.
fn still_theirs(catalogue: &Catalogue, before: &Provider, url: &BaseUrl) -> Result<()> {
    match catalogue.provider(&before.catalog) {
        Some(known) if endpoint(known, url).is_none() => Err(Error::invalid(
            "This is not an address of that provider. Register it as a custom provider.",
        )
        .with_code("invalid_base_url")),
        _ => Ok(()),
    }
}

/// How a provider of the catalogue wants to be shown who asks, and whether it gives tokens.
fn asks(theirs: Option<(&domain::ProviderEntry, &Endpoint)>, protocol: Protocol) -> (Auth, bool) {
    let usual = |(known, endpoint): &(&domain::ProviderEntry, &Endpoint)| {
        known.protocols_of(endpoint).contains(&protocol)
    };
    theirs.filter(usual).map_or((Auth::None, false), |(known, endpoint)| {
        (known.auth_of(endpoint), known.token.is_some())
    })
}

/// A credential as it is stored: trimmed, visible ASCII, so that it can stand in a header; what is exchanged for a token
/// is taken apart and put together again. Nothing left means none.
fn credential(
    secret: Secret<String>,
    (auth, gives_tokens): (Auth, bool),
) -> Result<Option<Secret<String>>> {
    let text = secret.expose().trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() > 16 << 10 {
        return Err(
            Error::invalid("This is longer than any credential.").with_code("invalid_secret")
        );
    }
    match auth {
        Auth::GoogleServiceAccount => {
            return Ok(Some(ServiceAccount::parse(text)?.stored()));
        }
        Auth::IbmIam => return Ok(Some(ProjectKey::parse(text)?.stored())),
        Auth::ApiKey if gives_tokens && Application::is_meant(text) => {
            return Ok(Some(Application::parse(text)?.stored()));
        }
        _ => {}
    }
    if text.len() <= 4096 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(Some(Secret::new(text.to_owned())));
    }
    Err(Error::invalid("An API key has visible characters only, without spaces.")
        .with_code("invalid_secret"))
}

fn models(given: Vec<String>) -> Result<Vec<String>> {
    if given.len() > MOST_MODELS {
        return Err(Error::invalid("List at most 500 models.").with_code("invalid_model"));
    }
    let mut models: Vec<String> = Vec::with_capacity(given.len());
    for text in given.iter().filter(|text| !text.trim().is_empty()) {
        let model = alias::model(text)?;
        if !models.contains(&model) {
            models.push(model);
        }
    }
    Ok(models)
}

/// As the provider names it; nothing left means unknown.
fn region(text: &str) -> Result<Option<String>> {
    let text = text.trim();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if text.is_empty() {
        return Ok(None);
    }
    if text.len() <= 40 && text.bytes().all(plain) {
        // Rules compare the codes of countries as they are written in the catalogue.
        let code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        return Ok(Some(if code { text.to_ascii_uppercase() } else { text.to_owned() }));
    }
    Err(Error::invalid("A region is a short name such as eu-central-1.")
        .with_code("invalid_region"))
}

/// The last day of a contract, for the log.
fn ending(event: Event, until: Option<Timestamp>) -> Event {
    event.fact("contract_until", until.map(domain::last_day))
}

/// The organization's own words about a provider, for the log.
fn stated(event: Event, terms: Option<StatedTerms>) -> Event {
    let terms = terms.unwrap_or_default();
    event.fact("states_trains", terms.trains).fact("states_retention_days", terms.retention_days)
}

/// The agreement about health data, for the log.
fn agreed(event: Event, baa: Option<HealthAgreement>) -> Event {
    let until = baa.and_then(|baa| baa.until).map(domain::last_day);
    event.fact("baa_signed", baa.map(health::signed)).fact("baa_until", until)
}

fn described(event: Event, new: &NewProvider) -> Event {
    let event = match &new.contract {
        Some(contract) => event.fact("contract", contract.clone()),
        None => event,
    };
    let event =
        if new.contract_until.is_some() { ending(event, new.contract_until) } else { event };
    let event = if new.terms.is_some() { stated(event, new.terms) } else { event };
    let event = if new.baa.is_some() { agreed(event, new.baa) } else { event };
    event
        .fact("base_url", new.base_url.clone())
        .fact("allow_private", new.allow_private)
        .fact("secret", new.secret.is_some())
        .personal("name", new.name.clone())
}
