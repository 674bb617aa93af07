//! The two organizations that probes work in: made once, with ordinary names, and kept.

use std::time::Duration;

use domain::{
    Action, Actor, Error, Event, OrgId, Protocol, ProviderId, Result, Secret, SessionId, UserId,
};
use serde::{Deserialize, Serialize};
use store::{
    Authority, Deployment, NewOrganization, NewProvider, NewSession, NewUser, ProviderChange, Store,
};

use crate::{
    Digest,
    seed::Seed,
    wire::{Tenant, Tenants},
};

const SETTING: &str = "trust.tenants";

/// Sessions outlive the hour after which new ones are made.
const SESSION: Duration = Duration::from_secs(3 * 3_600);

/// What the probes ask the twin to be.
const MODELS: &[&str] =
    &["sandbox-echo", "sandbox-error-500", "sandbox-slow", "sandbox-stall", "sandbox-flaky"];

/// One organization, as it is remembered.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    org: OrgId,
    slug: String,
    owner: UserId,
    email: String,
    provider: Option<ProviderId>,
}

/// Keeps the organizations and hands out sessions for them.
pub(crate) struct Landlord {
    store: Store,
    deployment: Deployment,
    /// The sessions handed out last; they end when new ones are.
    given: Vec<(UserId, SessionId)>,
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
    pub(crate) async fn new(store: &Store) -> Result<Self> {
        let deployment = store.deployment(Authority::Sweep).await?;
        Ok(Self { store: store.clone(), deployment, given: Vec::new() })
    }

    /// Both organizations with fresh sessions, and with the twin at `twin` as their provider.
    pub(crate) async fn tenants(&mut self, twin: &str) -> Result<Tenants> {
        let mut kept = kept(&self.deployment).await?;
        while kept.len() < 2 {
            kept.push(self.found().await?);
            self.keep(&kept).await?;
        }
        let ended = std::mem::take(&mut self.given);
        let mut tenants = Vec::new();
        for one in &mut kept {
            tenants.push(self.open(one, twin).await?);
        }
        self.keep(&kept).await?;
        for (user, session) in ended {
            self.end(user, session).await?;
        }
        let mut tenants = tenants.into_iter();
        match (tenants.next(), tenants.next()) {
            (Some(first), Some(second)) => Ok(Tenants { first, second }),
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
        Ok(Kept { org: made.id, slug, owner, email, provider: None })
    }

    async fn open(&mut self, kept: &mut Kept, twin: &str) -> Result<Tenant> {
        let token = vault::random_token()?;
        let now = self.store.clock().now();
        let digest = vault::sha256(token.expose().as_bytes());
        let mut write = self.deployment.write().await?;
        let new = NewSession { user: kept.owner, digest, expires: now.plus(SESSION) };
        let session = write.session_create(new).await?;
        write.commit(event(Action::SessionCreate).on_user(kept.owner)).await?;
        self.given.push((kept.owner, session));
        let provider = self.provider(kept, &token, twin).await?;
        kept.provider = Some(provider);
        Ok(Tenant {
            org: kept.org,
            slug: kept.slug.clone(),
            owner: kept.owner,
            email: kept.email.clone(),
            session: token.expose().clone(),
            session_id: session,
            provider,
        })
    }

    /// The twin listens at another port after every start.
    async fn provider(
        &self,
        kept: &Kept,
        token: &Secret<String>,
        twin: &str,
    ) -> Result<ProviderId> {
        let session = self.store.session(token).await?;
        let scope = self.store.enter(&session, &kept.slug).await?;
        let mut write = self.store.write(&scope).await?;
        if let Some(provider) = kept.provider
            && let Ok(found) = write.provider_fetch(provider).await
        {
            if found.base_url != twin {
                let change =
                    ProviderChange { base_url: Some(twin.to_owned()), ..ProviderChange::default() };
                write.provider_change(provider, change).await?;
                write.commit(event(Action::ProviderChange).on("provider", provider)).await?;
            }
            return Ok(provider);
        }
        let new = NewProvider {
            catalog: "custom".to_owned(),
            name: "Models".to_owned(),
            protocol: Protocol::OpenAi,
            base_url: twin.to_owned(),
            secret: Some(vault::random_token()?),
            models: MODELS.iter().map(|model| (*model).to_owned()).collect(),
            region: None,
            allow_private: true,
        };
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
