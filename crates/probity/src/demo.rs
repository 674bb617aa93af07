//! The demo: a sandbox provider and two organizations, so that everything can be seen without a provider key.
//!
//! Its history is made by real requests through the gateway; nothing is inserted behind anybody's back.

mod facts;

use std::{net::SocketAddr, path::Path};

use domain::{Action, Actor, Error, Event, OrgRole, ProjectRole, Protocol, Result, Secret};
use gateway::{Call, Gateway};
use identity::{
    Identity, KeyScope, NewAccount, NewAdminKey, NewApiKey, ProviderEdit, ProviderEntry,
};
use sandbox::{Running, Sandbox, Script};
use store::{Authority, Page, Scope, Session, Store};

use facts::{Facts, Operator, Organization, Person, Project, Twin};

const OPERATOR: &str = "operator@demo.example";
const ORGANIZATIONS: [(&str, &str); 2] =
    [("Northwind Clinics", "northwind"), ("Harbour Legal", "harbour")];
/// The twin as a provider in each format; `sandbox-anthropic/sandbox-echo` asks for the second by name.
const TWINS: [(&str, Protocol); 5] = [
    ("sandbox-openai", Protocol::OpenAi),
    ("sandbox-anthropic", Protocol::Anthropic),
    ("sandbox-responses", Protocol::OpenAiResponses),
    ("sandbox-gemini", Protocol::Gemini),
    ("sandbox-cohere", Protocol::Cohere),
];
const PEOPLE: [(&str, &str, OrgRole); 3] = [
    ("Ada Owner", "ada", OrgRole::Owner),
    ("Ben Admin", "ben", OrgRole::Admin),
    ("Cleo Member", "cleo", OrgRole::Member),
];

pub(crate) struct Demo {
    identity: Identity,
    store: Store,
    gateway: Gateway,
    twin: Running,
}

impl Demo {
    /// Starts the twin, on the port it had before where that is free.
    pub(crate) async fn start(identity: Identity, store: Store, gateway: Gateway) -> Result<Self> {
        let port = setting(&store, "demo_twin_port")
            .await?
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        let script = Script::inspected();
        let twin =
            match Sandbox::start(SocketAddr::from(([127, 0, 0, 1], port)), script.clone()).await {
                Ok(twin) => twin,
                Err(_) => Sandbox::start(SocketAddr::from(([127, 0, 0, 1], 0)), script)
                    .await
                    .map_err(Error::internal)?,
            };
        set_setting(&store, "demo_twin_port", &twin.addr.port().to_string()).await?;
        Ok(Self { identity, store, gateway, twin })
    }

    /// Creates what is missing and, when asked to, writes the facts to `file`.
    /// Returns who can sign in, on the first start only: passwords are shown once.
    pub(crate) async fn prepare(
        &self,
        base_url: &str,
        file: Option<&Path>,
    ) -> Result<Option<(String, String)>> {
        let exists = setting(&self.store, "demo").await?.is_some();
        let known = if exists { file.and_then(Facts::read) } else { Some(self.found().await?) };
        let Some(facts) = known else {
            return if file.is_some() { Err(gone()) } else { Ok(None) };
        };
        self.point_providers(&facts).await?;
        let operator = (!exists).then(|| facts.operator());
        if let Some(file) = file {
            facts.at(base_url, self.twin()).write(file)?;
        }
        Ok(operator)
    }

    /// Where the sandbox answers.
    pub(crate) fn address(&self) -> String {
        self.twin.base_url()
    }

    pub(crate) async fn stop(self) {
        self.twin.shutdown().await;
    }

    fn twin(&self) -> Twin {
        let root = format!("http://{}", self.twin.addr);
        Twin { base_url: self.twin.base_url(), inspect_url: format!("{root}/_inspect") }
    }

    /// The first start: everything anew.
    async fn found(&self) -> Result<Facts> {
        let operator = Operator { email: OPERATOR.to_owned(), password: password()? };
        let link = self.identity.operator_link_create().await?;
        let account = NewAccount {
            email: operator.email.clone(),
            name: "Demo Operator".to_owned(),
            password: Some(Secret::new(operator.password.clone())),
        };
        let signed_in = self.identity.operator_link_redeem(&link.token, account).await?;
        let session = self.identity.session(&signed_in.token).await?;
        let mut organizations = Vec::new();
        for (name, slug) in ORGANIZATIONS {
            organizations.push(self.organization(&session, name, slug).await?);
        }
        self.identity.sign_out(&session).await?;
        set_setting(&self.store, "demo", "1").await?;
        Ok(Facts::new(operator, organizations))
    }

    async fn organization(
        &self,
        session: &Session,
        name: &str,
        slug: &str,
    ) -> Result<Organization> {
        let created = self.identity.organization_create(session, name, Some(slug)).await?;
        let scope = self.identity.enter(session, slug).await?;
        for (name, protocol) in TWINS {
            self.identity.provider_create(&scope, self.sandbox(name, protocol)).await?;
        }
        self.identity.alias_set(&scope, "assistant", "sandbox-echo").await?;
        let mut projects = Vec::new();
        for (name, slug) in [("Assistant", "assistant"), ("Research", "research")] {
            let project = self.identity.project_create(&scope, name, Some(slug)).await?;
            let key = self.identity.key_create(&scope, project.id, new_key()).await?;
            self.history(&key.text, slug).await?;
            projects.push(Project {
                id: project.id.to_string(),
                slug: slug.to_owned(),
                api_key: key.text.expose().clone(),
            });
        }
        let people = self.people(&scope, slug).await?;
        let admin = NewAdminKey { name: "Demo administration".to_owned(), expires_in: None };
        let admin = self.identity.admin_key_create(&scope, admin).await?;
        Ok(Organization {
            id: created.id.to_string(),
            slug: slug.to_owned(),
            projects,
            users: people,
            admin_key: admin.text.expose().clone(),
        })
    }

    /// Where the twin speaks that.
    fn twin_url(&self, protocol: Protocol) -> String {
        match protocol {
            Protocol::Cohere => self.twin.cohere_url(),
            _ => self.twin.base_url(),
        }
    }

    fn sandbox(&self, name: &str, protocol: Protocol) -> ProviderEntry {
        ProviderEntry {
            catalog: "sandbox".to_owned(),
            name: Some(name.to_owned()),
            base_url: Some(self.twin_url(protocol)),
            protocol: Some(protocol),
            secret: None,
            models: sandbox::MODELS.iter().map(|model| (*model).to_owned()).collect(),
            region: Some("local".to_owned()),
            allow_private: Some(true),
            contract: None,
            contract_until: None,
            terms: None,
            baa_signed: None,
            baa_until: None,
        }
    }

    /// People join as people do: by an invitation.
    async fn people(&self, scope: &Scope, slug: &str) -> Result<Vec<Person>> {
        let projects = self.identity.projects_list(scope, &Page::default()).await?.data;
        let mut people = Vec::new();
        for (name, local, role) in PEOPLE {
            let email = format!("{local}@{slug}.example");
            let password = password()?;
            let invitation = self.identity.invitation_create(scope, &email, role).await?;
            let (signed_in, _) = self
                .identity
                .invitation_accept_as_new(&invitation.token, name, Secret::new(password.clone()))
                .await?;
            if role == OrgRole::Member
                && let Some(project) = projects.first()
            {
                self.identity
                    .grant_set(scope, signed_in.user, project.id, ProjectRole::Editor)
                    .await?;
            }
            people.push(Person { email, password, role: role.as_str().to_owned() });
        }
        Ok(people)
    }

    /// The twin may have another port than last time.
    async fn point_providers(&self, facts: &Facts) -> Result<()> {
        for organization in facts.organizations() {
            let scope = self.identity.api_key(&organization.admin_key)?;
            for provider in self.identity.providers_list(&scope).await? {
                let twin = TWINS.iter().any(|(name, _)| *name == provider.name);
                let address = self.twin_url(provider.protocol);
                if twin && provider.base_url != address {
                    let edit = ProviderEdit { base_url: Some(address), ..ProviderEdit::default() };
                    self.identity.provider_change(&scope, provider.id, edit).await?;
                }
            }
        }
        Ok(())
    }

    async fn history(&self, key: &Secret<String>, salt: &str) -> Result<()> {
        let scope = self.identity.api_key(key.expose())?;
        for turn in 0..12_u32 {
            let (inbound, body) = request(turn, salt);
            let call = Call {
                scope: scope.clone(),
                inbound,
                said: None,
                headers: &http::HeaderMap::new(),
                body: body.into(),
                request: domain::RequestId::new(self.store.clock().now()),
            };
            let answer = self.gateway.call(call).await;
            // Reading the answer to its end is what settles it.
            drop(http_body_util::BodyExt::collect(answer.into_body()).await);
        }
        Ok(())
    }
}

/// The keys of an earlier start exist nowhere but in the file it wrote.
fn gone() -> Error {
    Error::invalid(
        "This data directory already holds the demo, and its keys were shown only once. \
         Give the same --demo-json file again, leave --demo-json out, or choose another --data directory.",
    )
    .with_code("demo_exists")
}

fn request(turn: u32, salt: &str) -> (llm::Format, Vec<u8>) {
    let models = ["sandbox-echo", "assistant", "sandbox-tools", "assistant"];
    let model = match turn {
        // Once, as it happens; each refusal costs the waiting its retry asks for.
        5 => "sandbox-error-429",
        _ => models.get(turn as usize % models.len()).copied().unwrap_or("sandbox-echo"),
    };
    let text = "a question of some length ".repeat(1 + turn as usize % 5);
    let mut body = serde_json::json!({
        "model": model,
        "stream": turn.is_multiple_of(3),
        "max_tokens": 256,
        "messages": [{ "role": "user", "content": format!("{text}{salt}") }],
    });
    if turn.is_multiple_of(2) {
        (llm::Format::OpenAiChat, body.to_string().into_bytes())
    } else {
        if let Some(fields) = body.as_object_mut() {
            fields.insert("system".to_owned(), "Answer briefly.".into());
        }
        (llm::Format::AnthropicMessages, body.to_string().into_bytes())
    }
}

fn new_key() -> NewApiKey {
    NewApiKey {
        name: "Demo".to_owned(),
        scopes: KeyScope::ALL.to_vec(),
        expires_in: None,
        requests_per_minute: None,
    }
}

fn password() -> Result<String> {
    Ok(vault::random_token()?.expose().clone())
}

async fn setting(store: &Store, name: &str) -> Result<Option<String>> {
    store.deployment(Authority::Bootstrap).await?.read().await?.setting_find(name).await
}

async fn set_setting(store: &Store, name: &str, value: &str) -> Result<()> {
    let mut write = store.deployment(Authority::Bootstrap).await?.write().await?;
    write.setting_set(name, value).await?;
    write
        .commit(Event::new(Action::DeploymentStart).by(Actor::System).fact("setting", name))
        .await
        .map(drop)
}
