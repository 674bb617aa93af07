//! The organizations that probes work in: made once, with ordinary names, and kept.

mod places;
mod residents;
mod terms;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use domain::{
    Action, Actor, Decision, Error, Event, First, OrgId, Proofs, Protocol, ProviderId, Result,
    Secret, SessionId, StatedTerms, Timestamp, UserId, WebhookId,
};
use serde::{Deserialize, Serialize};
use store::{
    Authority, Deployment, NewOrganization, NewProvider, NewSession, NewSignInCode, NewUser,
    NewWebhook, ProviderChange, Store,
};

use crate::{
    Digest, Trust,
    registry::ParamValue,
    seed::Seed,
    wire::{Abroad, Hello, Idle, LateCode, Newcomer, Receiver, Tenant, Tenants},
};

use places::{COMPANY, PLACES, Place, more_places};
pub(crate) use terms::Opted;

const SETTING: &str = store::PROBE_TENANTS;

/// Sessions outlive the hour after which new ones are made.
const SESSION: Duration = Duration::from_secs(3 * 3_600);

/// A session that may lie unused was used this much later than it has to be. Sessions are handed out for an hour, and
/// probes take their time.
const UNUSED: Duration = Duration::from_secs(2 * 3_600);

/// What the probes ask the twin to be.
const MODELS: &[&str] = &[
    "sandbox-echo",
    "sandbox-error-500",
    "sandbox-slow",
    "sandbox-stall",
    "sandbox-flaky",
    "sandbox-embed",
    "sandbox-rerank",
    "sandbox-moderation",
    "sandbox-draw",
    "sandbox-speech",
];

/// One organization, as it is remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    org: OrgId,
    slug: String,
    owner: UserId,
    email: String,
    provider: Option<ProviderId>,
    /// The providers in several places, in the order in which they stand here.
    #[serde(default)]
    abroad: Vec<ProviderId>,
    /// The webhook that leads to the prober.
    #[serde(default)]
    receiver: Option<WebhookId>,
    /// Those whose contract or terms probes are about, by name.
    #[serde(default)]
    terms: BTreeMap<String, ProviderId>,
    /// Somebody for each role, by its name.
    #[serde(default)]
    residents: BTreeMap<String, UserId>,
}

/// Keeps the organizations and hands out sessions for them.
pub(crate) struct Landlord {
    store: Store,
    trust: Trust,
    deployment: Deployment,
    /// The sessions handed out last; they end when new ones are.
    given: Vec<(UserId, SessionId)>,
    /// The webhooks made since the start, with the address of each: only whoever made one knows its secret.
    receivers: HashMap<OrgId, (String, Receiver)>,
}

fn event(action: Action) -> Event {
    Event::new(action).by(Actor::Prober)
}

/// The organizations that belong to probes, for those who count customers.
pub(crate) async fn organizations(deployment: &Deployment) -> Result<Vec<OrgId>> {
    Ok(kept(deployment).await?.iter().map(|one| one.org).collect())
}

async fn kept(deployment: &Deployment) -> Result<Vec<Kept>> {
    let text = deployment.read().await?.setting_find(SETTING).await?;
    text.map_or_else(|| Ok(Vec::new()), |text| serde_json::from_str(&text).map_err(Error::internal))
}

impl Landlord {
    pub(crate) async fn new(store: &Store, trust: &Trust) -> Result<Self> {
        let deployment = store.deployment(Authority::Sweep).await?;
        Ok(Self {
            store: store.clone(),
            trust: trust.clone(),
            deployment,
            given: Vec::new(),
            receivers: HashMap::new(),
        })
    }

    /// Two organizations with fresh sessions, the prober's twin as their provider, and providers in several places; and
    /// one without any.
    pub(crate) async fn tenants(&mut self, prober: &Hello) -> Result<Tenants> {
        self.store.notice_drill().await?;
        let mut kept = kept(&self.deployment).await?;
        while kept.len() < 3 {
            kept.push(self.found().await?);
            self.keep(&kept).await?;
        }
        let ended = std::mem::take(&mut self.given);
        let mut tenants = Vec::new();
        for (at, one) in kept.iter_mut().take(2).enumerate() {
            let places = if at == 0 { PLACES.into_iter().collect() } else { more_places() };
            tenants.push(self.open(one, (prober, at), &places).await?);
        }
        let third = match kept.get(2) {
            Some(one) => {
                let (token, _) = self.session(one.owner).await?;
                let weak = self.session_with(one.owner, None).await?.0;
                let mut idle = Vec::new();
                for (limit, lasting) in self.idle_limits() {
                    let used = limit.saturating_sub(UNUSED);
                    let used = self.unused((one.owner, lasting), used).await?;
                    let over = limit + Duration::from_secs(1);
                    idle.push(Idle { used, idle: self.unused((one.owner, lasting), over).await? });
                }
                let (slug, session) = (one.slug.clone(), token.expose().clone());
                let (weak, late) = (weak.expose().clone(), self.late_code(one.owner).await?);
                Some(Newcomer { slug, session, weak, idle, late })
            }
            None => None,
        };
        self.keep(&kept).await?;
        for (user, session) in ended {
            self.end(user, session).await?;
        }
        let third = third.ok_or_else(|| Error::internal("the newcomer of the probes is gone"))?;
        let mut tenants = tenants.into_iter();
        match (tenants.next(), tenants.next()) {
            (Some(first), Some(second)) => Ok(Tenants { first, second, third }),
            _ => Err(Error::internal("the organizations of the probes are gone")),
        }
    }

    /// Remembers them; an entry in the log only when something is new, or its registrations would drown.
    async fn keep(&self, kept: &[Kept]) -> Result<()> {
        let text = serde_json::to_string(kept).map_err(Error::internal)?;
        let mut write = self.deployment.write().await?;
        if write.setting_find(SETTING).await?.as_ref() == Some(&text) {
            return Ok(());
        }
        write.setting_set(SETTING, &text).await?;
        write
            .commit(event(Action::ControlRegister).fact("probe_organizations", kept.len()))
            .await
            .map(drop)
    }

    /// A person and an organization like any other.
    async fn found(&self) -> Result<Kept> {
        let seed = Seed::new(Digest::from_bytes(vault::random()?));
        let word = |what: &str| seed.text(what, 10).to_lowercase();
        let name = |what: &str| {
            let word: String = word(what).chars().filter(char::is_ascii_alphabetic).collect();
            let mut letters = word.chars();
            let first = letters.next().unwrap_or('a').to_ascii_uppercase();
            format!("{first}{}", letters.as_str())
        };
        let email = format!("{}@{}.example", word("mailbox"), word("host"));
        let owner = UserId::new(self.store.clock().now());
        let new = NewUser {
            id: owner,
            email: email.clone(),
            name: name("person"),
            password: None,
            operator: false,
        };
        let mut write = self.deployment.write().await?;
        write.user_create(new).await?;
        write.commit(event(Action::UserCreate).on_user(owner)).await?;
        let slug = format!("{}-{}", word("slug"), word("more"));
        let new = NewOrganization { name: name("organization"), slug: slug.clone(), owner };
        let mut write = self.deployment.write().await?;
        let made = write.organization_create(new).await?;
        write.commit(event(Action::OrganizationCreate)).await?;
        let (abroad, terms, residents) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let (provider, receiver) = (None, None);
        Ok(Kept { org: made.id, slug, owner, email, provider, abroad, receiver, terms, residents })
    }

    /// A fresh session of somebody; it ends when the next ones are handed out.
    async fn session(&mut self, user: UserId) -> Result<(Secret<String>, SessionId)> {
        // As good as any: what a session without a second factor may do is a probe of its own.
        let now = self.store.clock().now();
        self.session_with(user, Some(now)).await
    }

    async fn session_with(
        &mut self,
        user: UserId,
        second: Option<Timestamp>,
    ) -> Result<(Secret<String>, SessionId)> {
        self.session_open(user, (second, false), Duration::ZERO).await
    }

    /// How long a session may lie unused, as it is published: one that ends with the browser, and one that lasts.
    fn idle_limits(&self) -> Vec<(Duration, bool)> {
        let registry = self.trust.registry();
        let control = registry.controls().find(|control| control.id.as_str() == "IDN-24");
        let of = |name: &str, unit: f64| {
            let param = control.and_then(|control| control.params.get(name));
            match param.map(|param| &param.value) {
                Some(ParamValue::Number(number)) => {
                    Some(Duration::from_secs_f64((number * unit).clamp(0.0, 1e8)))
                }
                _ => None,
            }
        };
        let short = of("idle_hours", 3600.0).map(|limit| (limit, false));
        let long = of("idle_days_staying", 86_400.0).map(|limit| (limit, true));
        short.into_iter().chain(long).collect()
    }

    /// A code that holds no more.
    async fn late_code(&self, user: UserId) -> Result<LateCode> {
        let token = vault::random_token()?;
        let code = vault::random_sign_in_code(false)?.expose().replace(' ', "");
        let browser = vault::sha256(token.expose().as_bytes());
        // Nobody's address: tries at it count for nobody.
        let (email, address): ([u8; 32], [u8; 32]) = (vault::random()?, vault::random()?);
        let new = NewSignInCode {
            browser: &browser,
            user: Some(user),
            email_index: &email,
            address_index: &address,
            code: &code,
            long: false,
            expires: self.store.clock().now().minus(Duration::from_secs(1)),
        };
        let mut write = self.deployment.write().await?;
        write.sign_in_code_create(new).await?;
        write.commit(event(Action::SessionCode).on_user(user)).await?;
        Ok(LateCode { token: token.expose().clone(), code })
    }

    /// A session that was used this long ago.
    async fn unused(&mut self, (user, lasting): (UserId, bool), since: Duration) -> Result<String> {
        let (token, _) = self.session_open(user, (None, lasting), since).await?;
        Ok(token.expose().clone())
    }

    /// A session that was used `ago`.
    async fn session_open(
        &mut self,
        user: UserId,
        (second, lasting): (Option<Timestamp>, bool),
        ago: Duration,
    ) -> Result<(Secret<String>, SessionId)> {
        let token = vault::random_token()?;
        let now = self.store.clock().now();
        let digest = vault::sha256(token.expose().as_bytes());
        let proofs = Proofs { second, ..Proofs::of(First::Password, now) };
        let new = NewSession { user, digest, expires: now.plus(SESSION), proofs, lasting };
        let mut write = self.deployment.write().await?;
        let session = write.session_create(new).await?;
        if !ago.is_zero() {
            write.session_unused_since(session, now.minus(ago)).await?;
        }
        write.commit(event(Action::SessionCreate).on_user(user)).await?;
        self.given.push((user, session));
        Ok((token, session))
    }

    async fn open(
        &mut self,
        kept: &mut Kept,
        (prober, at): (&Hello, usize),
        places: &[Place],
    ) -> Result<Tenant> {
        let (token, session) = self.session(kept.owner).await?;
        let models = NewProvider {
            catalog: "custom".to_owned(),
            name: "Models".to_owned(),
            protocol: Protocol::OpenAi,
            base_url: prober.twin.clone(),
            secret: Some(vault::random_token()?),
            models: MODELS.iter().map(|model| (*model).to_owned()).collect(),
            region: None,
            allow_private: true,
            contract: None,
            contract_until: None,
            baa: None,
            terms: Some(StatedTerms::OWN),
        };
        let provider = self.provider(kept, &token, kept.provider, models.clone()).await?;
        kept.provider = Some(provider);
        let receiver = self.receiver(kept, &token, (&prober.inbox, at)).await?;
        for (at, place) in places.iter().enumerate() {
            let new = NewProvider {
                catalog: place.catalog.to_owned(),
                name: place.name.to_owned(),
                base_url: (place.at)(&prober.abroad).to_owned(),
                protocol: place.protocol,
                models: place.models.iter().map(|model| (*model).to_owned()).collect(),
                region: Some(place.region.to_owned()),
                baa: place.agreed.agreement(),
                ..models.clone()
            };
            let known = kept.abroad.get(at).copied();
            let made = self.provider(kept, &token, known, new).await?;
            match kept.abroad.get_mut(at) {
                Some(place) => *place = made,
                None => kept.abroad.push(made),
            }
        }
        if places.iter().any(|place| place.catalog == COMPANY) {
            self.accept(kept, &token, COMPANY).await?;
            self.termed(kept, &token, (&prober.abroad, &models)).await?;
        }
        let residents = if at == 0 { self.residents(kept, &token).await? } else { Vec::new() };
        Ok(Tenant {
            org: kept.org,
            slug: kept.slug.clone(),
            owner: kept.owner,
            email: kept.email.clone(),
            session: token.expose().clone(),
            weak: self.session_with(kept.owner, None).await?.0.expose().clone(),
            session_id: session,
            provider,
            receiver,
            residents,
        })
    }

    /// The webhook of the organization that leads to the prober, which listens at another port after every start.
    async fn receiver(
        &mut self,
        kept: &mut Kept,
        token: &Secret<String>,
        (inbox, at): (&str, usize),
    ) -> Result<Receiver> {
        let path = format!("/organization-{at}");
        let url = format!("{inbox}{path}");
        let known = self.receivers.get(&kept.org).filter(|(known, _)| *known == url);
        let session = self.store.session(token).await?;
        let scope = self.store.enter(&session, &kept.slug).await?;
        if let Some((_, receiver)) = known {
            let id = receiver.id.parse().map_err(Error::internal)?;
            let mut read = self.store.read(&scope).await?;
            // One that the organization's owner removed, or that was switched off, is made anew.
            if read.webhook_fetch(id).await.is_ok_and(|found| found.disabled.is_none()) {
                return Ok(receiver.clone());
            }
        }
        let secret = vault::webhook_secret()?;
        let new = NewWebhook {
            name: "Receiver".to_owned(),
            url: Secret::new(url.clone()),
            host: "127.0.0.1".to_owned(),
            secret: secret.clone(),
            allow_private: true,
        };
        let mut write = self.store.write(&scope).await?;
        let made = write.webhook_create(new).await?;
        write.commit(event(Action::WebhookCreate).on("webhook", made.id)).await?;
        if let Some(before) = kept.receiver.replace(made.id) {
            let mut write = self.store.write(&scope).await?;
            if write.webhook_remove(before).await.is_ok() {
                write.commit(event(Action::WebhookRemove).on("webhook", before)).await?;
            }
        }
        let secret = secret.expose().clone();
        let receiver = Receiver { id: made.id.to_string(), path, secret };
        self.receivers.insert(kept.org, (url, receiver.clone()));
        Ok(receiver)
    }

    /// Those whose contract or terms probes are about.
    async fn termed(
        &self,
        kept: &mut Kept,
        token: &Secret<String>,
        (abroad, like): (&Abroad, &NewProvider),
    ) -> Result<()> {
        let all = terms::all(&self.trust.catalogue(), abroad, like);
        let companies: BTreeSet<_> = all.iter().map(|new| new.catalog.clone()).collect();
        for new in all {
            let name = new.name.clone();
            let known = kept.terms.get(&name).copied();
            let made = self.provider(kept, token, known, new).await?;
            kept.terms.insert(name, made);
        }
        for company in companies {
            self.accept(kept, token, &company).await?;
        }
        Ok(())
    }

    /// Accepts a company as it is on the register, as whoever registers a provider does.
    async fn accept(&self, kept: &Kept, token: &Secret<String>, company: &str) -> Result<()> {
        let register = self.store.register().await?;
        let Some(listing) = register.listing(company) else { return Ok(()) };
        let session = self.store.session(token).await?;
        let scope = self.store.enter(&session, &kept.slug).await?;
        let decision = Decision::Accepted { revision: listing.revision };
        let mut write = self.store.write(&scope).await?;
        let known = write.subprocessor_decisions().await?.remove(company);
        if known.is_some_and(|known| known.decision == decision) {
            return Ok(());
        }
        write.subprocessor_decide(company, Some(decision)).await?;
        let event = event(Action::SubprocessorAccept).on("subprocessor", company);
        write.commit(event).await.map(drop)
    }

    /// The provider that was `known`, at the address of `new`: twins listen at other ports after every start.
    async fn provider(
        &self,
        kept: &Kept,
        token: &Secret<String>,
        known: Option<ProviderId>,
        new: NewProvider,
    ) -> Result<ProviderId> {
        let session = self.store.session(token).await?;
        let scope = self.store.enter(&session, &kept.slug).await?;
        let mut write = self.store.write(&scope).await?;
        if let Some(provider) = known
            && let Ok(found) = write.provider_fetch(provider).await
        {
            if found.base_url != new.base_url || found.models != new.models {
                let (base_url, models) = (Some(new.base_url), Some(new.models));
                let change = ProviderChange { base_url, models, ..ProviderChange::default() };
                write.provider_change(provider, change).await?;
                write.commit(event(Action::ProviderChange).on("provider", provider)).await?;
            }
            return Ok(provider);
        }
        let made = write.provider_create(new).await?;
        write.commit(event(Action::ProviderCreate).on("provider", made.id)).await?;
        Ok(made.id)
    }

    async fn end(&self, user: UserId, session: SessionId) -> Result<()> {
        let mut write = self.deployment.write().await?;
        match write.session_end(user, session).await {
            Ok(()) => write.commit(event(Action::SessionEnd).on_user(user)).await.map(drop),
            // It had expired.
            Err(error) if error.kind() == domain::Kind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}
