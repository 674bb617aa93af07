//! A whole installation in miniature: store, door out, gateway, and a twin that both providers live at.

mod words;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use domain::{
    Action, BudgetId, BudgetOf, Catalogue, Clock, Event, LiveCatalogue, Masking, Period, Protocol,
    ProviderId, RequestId, RoutingPolicy, Secret, StatedTerms, Timestamp, UserId,
};
use egress::{Egress, Resolver};
use gateway::{Body, Call, Gateway, GatewayConfig};
use http::{HeaderMap, Response, header::CONTENT_TYPE};
use http_body_util::BodyExt;
use llm::{Format, Task};
use sandbox::{MODELS, Running, Sandbox, Script};
use serde_json::Value;
use store::{
    Authority, NewKey, NewOrganization, NewProject, NewProvider, NewSession, NewUser, Page, Scope,
    Store, UsageFilter, UsageRow,
};
use tempfile::TempDir;
use tokio_util::task::TaskTracker;

pub(crate) use words::{complete, error_code, events, model_of, request, streamed_text, text_of};

use words::in_format;

/// The formats of clients.
pub(crate) const FORMATS: [Format; 5] = Format::CLIENTS;
/// The house's providers, with the format each speaks.
pub(crate) const PROVIDERS: [(&str, Protocol); 6] = [
    ("open", Protocol::OpenAi),
    ("anth", Protocol::Anthropic),
    ("resp", Protocol::OpenAiResponses),
    ("gem", Protocol::Gemini),
    ("bed", Protocol::Bedrock),
    ("coh", Protocol::Cohere),
];
/// Every way from a client's format to a provider's.
pub(crate) const WAYS: usize = FORMATS.len() * PROVIDERS.len();
/// Stands for everything that must never leave the conversation.
pub(crate) const PROMPT: &str = "purple giraffe whispers";

pub(crate) struct House {
    pub gateway: Gateway,
    pub twin: Running,
    pub store: Store,
    pub egress: Egress,
    pub tasks: TaskTracker,
    pub catalogue: LiveCatalogue,
    /// An API key of the project.
    pub key: Scope,
    /// The organization's owner.
    pub owner: Scope,
    project: domain::ProjectId,
    /// Milliseconds; the last request's.
    last: AtomicI64,
    _directory: TempDir,
}

/// What came of a call.
pub(crate) struct Told {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Told {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) fn quick() -> GatewayConfig {
    GatewayConfig {
        connect_ms: 500,
        first_token_ms: 300,
        stall_ms: 200,
        total_ms: 5_000,
        backoff_ms: 5,
        ..GatewayConfig::default()
    }
}

impl House {
    /// [`PROVIDERS`], each speaking its protocol at the same twin.
    pub(crate) async fn new() -> Self {
        Self::with(quick(), script()).await
    }

    pub(crate) async fn with(config: GatewayConfig, script: Script) -> Self {
        let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), script).await.unwrap();
        let house = Self::bare(config, twin).await;
        let base = house.twin.base_url();
        for (name, protocol) in PROVIDERS {
            house.provider(name, protocol, &base, &[]).await;
        }
        house
    }

    pub(crate) async fn bare(config: GatewayConfig, twin: Running) -> Self {
        Self::at(config, twin, Clock::system()).await
    }

    /// The same under another clock.
    pub(crate) async fn at(config: GatewayConfig, twin: Running, clock: Clock) -> Self {
        testkit::end_with_connections();
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let store_config = store::Config {
            url: Secret::new(format!("sqlite:{}", at("data/probity.db").display())),
            data_dir: at("data"),
            root_key: at("root.key"),
            ..store::Config::default()
        };
        let store = Store::open(&store_config, clock.clone()).await.unwrap();
        store.migrate().await.unwrap();
        let owner = found(&store, &clock).await;
        let mut write = store.write(&owner).await.unwrap();
        let new = NewProject { name: "P".to_owned(), slug: "p".to_owned() };
        let project = write.project_create(new).await.unwrap().id;
        write.commit(Event::new(Action::ProjectCreate)).await.unwrap();
        // Every provider of a house is called by its address: names are nobody's.
        let nobody: Resolver = Arc::new(|_, _| {
            Box::pin(async { Err(std::io::Error::from(std::io::ErrorKind::NotFound)) })
        });
        let egress =
            Egress::with_resolver(&egress::Config::default(), clock.clone(), nobody).unwrap();
        let tasks = TaskTracker::new();
        let catalogue = LiveCatalogue::from(catalogue(&twin));
        testkit::announce(&store, &announced()).await;
        let gateway = Gateway::new(
            config,
            store.clone(),
            egress.clone(),
            catalogue.clone(),
            clock,
            tasks.clone(),
        );
        let key = api_key(&store, &owner, project, None).await;
        let last = AtomicI64::default();
        Self {
            gateway,
            twin,
            store,
            egress,
            tasks,
            catalogue,
            key,
            owner,
            project,
            last,
            _directory: directory,
        }
    }

    pub(crate) async fn provider(
        &self,
        name: &str,
        protocol: Protocol,
        base_url: &str,
        models: &[&str],
    ) -> ProviderId {
        self.provider_on(name, protocol, base_url, models, ("eu-test-1", Some(StatedTerms::OWN)))
            .await
    }

    /// A provider that is no sandbox in the catalogue's eyes: `catalog` decides its dialect.
    pub(crate) async fn provider_of(
        &self,
        (catalog, name): (&str, &str),
        protocol: Protocol,
        base_url: &str,
    ) -> ProviderId {
        let new = NewProvider {
            catalog: catalog.to_owned(),
            models: vec!["sandbox-embed".to_owned(), "sandbox-rerank".to_owned()],
            ..provider(name, protocol, base_url, ("eu-test-1", Some(StatedTerms::OWN)))
        };
        self.register(new).await
    }

    /// With a region, and what the organization says of it.
    pub(crate) async fn provider_on(
        &self,
        name: &str,
        protocol: Protocol,
        base_url: &str,
        models: &[&str],
        about: (&str, Option<StatedTerms>),
    ) -> ProviderId {
        let models = models.iter().map(|&model| model.to_owned()).collect();
        self.register(NewProvider { models, ..provider(name, protocol, base_url, about) }).await
    }

    /// With the prices of that entry of the catalogue; `custom` for none that are known.
    pub(crate) async fn provider_at(&self, catalog: &str, name: &str, twin: &Running) {
        let about = ("eu-test-1", Some(StatedTerms::OWN));
        let new = NewProvider {
            catalog: catalog.to_owned(),
            models: vec!["sandbox-echo".to_owned()],
            ..provider(name, Protocol::OpenAi, &twin.base_url(), about)
        };
        self.register(new).await;
    }

    /// The house's twin under that entry of the catalogue, with a few models.
    pub(crate) async fn provider_in(&self, catalog: &str, name: &str) {
        let models = ["sandbox-echo", "sandbox-cached", "sandbox-error-500"];
        let about = ("eu-test-1", Some(StatedTerms::OWN));
        let new = NewProvider {
            catalog: catalog.to_owned(),
            models: models.map(str::to_owned).to_vec(),
            ..provider(name, Protocol::OpenAi, &self.twin.base_url(), about)
        };
        self.register(new).await;
    }

    pub(crate) async fn register(&self, new: NewProvider) -> ProviderId {
        let mut write = self.store.write(&self.owner).await.unwrap();
        let id = write.provider_create(new).await.unwrap().id;
        write.commit(Event::new(Action::ProviderCreate)).await.unwrap();
        id
    }

    /// Rules of the organization, or of the house's project.
    pub(crate) async fn rules(&self, project: bool, rules: &RoutingPolicy) {
        let mut write = self.store.write(&self.owner).await.unwrap();
        let whose = project.then_some(self.project);
        write.routing_policy_set(whose, Some(rules)).await.unwrap();
        write.commit(Event::new(Action::RoutingPolicySet)).await.unwrap();
    }

    /// What becomes of personal data in the requests of the house's project.
    pub(crate) async fn masking(&self, setting: &Masking) {
        let mut write = self.store.write(&self.owner).await.unwrap();
        write.masking_set(Some(self.project), Some(setting)).await.unwrap();
        write.commit(Event::new(Action::MaskingSet)).await.unwrap();
    }

    pub(crate) async fn alias(&self, name: &str, target: &str) {
        let mut write = self.store.write(&self.owner).await.unwrap();
        write.alias_set(name, target).await.unwrap();
        write.commit(Event::new(Action::AliasSet)).await.unwrap();
    }

    /// A budget of `of` that never begins anew, in nano-units.
    pub(crate) async fn budget(&self, of: BudgetOf, limit_nano: u64) -> BudgetId {
        let mut write = self.store.write(&self.owner).await.unwrap();
        let id = write.budget_set(of, Period::Total, limit_nano).await.unwrap().id;
        write.commit(Event::new(Action::BudgetSet)).await.unwrap();
        id
    }

    pub(crate) fn project(&self) -> domain::ProjectId {
        self.project
    }

    /// The data plane as it is after a start: it remembers nothing.
    pub(crate) fn started_anew(&self) -> Gateway {
        let (store, egress, tasks) = (self.store.clone(), self.egress.clone(), self.tasks.clone());
        Gateway::new(quick(), store, egress, catalogue(&self.twin), Clock::system(), tasks)
    }

    pub(crate) async fn limited_key(&self, per_minute: u32) -> Scope {
        api_key(&self.store, &self.owner, self.project, Some(per_minute)).await
    }

    pub(crate) async fn start(&self, format: Format, body: &Value) -> Response<Body> {
        let model = body["model"].as_str().unwrap_or_default();
        let stream = body["stream"].as_bool().unwrap_or_default();
        let said = (format == Format::Gemini).then_some((model, stream));
        let body = in_format(format, body.clone()).to_string();
        self.start_at(&self.key, (format, said), &HeaderMap::new(), body).await
    }

    pub(crate) async fn start_with(
        &self,
        scope: &Scope,
        inbound: Format,
        headers: &HeaderMap,
        body: String,
    ) -> Response<Body> {
        self.start_at(scope, (inbound, None), headers, body).await
    }

    /// With what the path says of the model and the kind of answer.
    pub(crate) async fn start_at(
        &self,
        scope: &Scope,
        (inbound, said): (Format, Option<(&str, bool)>),
        headers: &HeaderMap,
        body: String,
    ) -> Response<Body> {
        let request = self.request_id();
        let (scope, body) = (scope.clone(), Bytes::from(body));
        self.gateway.call(Call { scope, inbound, said, headers, body, request }).await
    }

    /// A request that is no conversation.
    pub(crate) async fn task(
        &self,
        task: Task,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Response<Body> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type.parse().unwrap())]);
        let (scope, request, body) = (self.key.clone(), self.request_id(), body.into());
        let (inbound, headers) = (Format::OpenAiChat, &headers);
        let call = Call { scope, inbound, said: None, headers, body, request };
        self.gateway.task(task, call).await
    }

    /// The same with a document, read to its end.
    pub(crate) async fn ask_task(&self, task: Task, body: &Value) -> Told {
        read(self.task(task, "application/json", body.to_string()).await).await
    }

    /// Requests are listed by their ids, and those of one millisecond in no order: no two of the house share one.
    pub(crate) fn request_id(&self) -> RequestId {
        let now = self.store.clock().now().as_millis();
        let later = |last: i64| Some(now.max(last + 1));
        let last = self.last.fetch_update(Ordering::AcqRel, Ordering::Acquire, later).unwrap();
        RequestId::new(Timestamp::from_millis(now.max(last + 1)))
    }

    /// A request whose path names the model.
    pub(crate) async fn generate(&self, model: &str, stream: bool, body: &Value) -> Told {
        let way = (Format::Gemini, Some((model, stream)));
        read(self.start_at(&self.key, way, &HeaderMap::new(), body.to_string()).await).await
    }

    /// Asks how many tokens a Messages request has.
    pub(crate) async fn count_tokens(&self, body: &Value) -> Told {
        let request = self.request_id();
        let (scope, body) = (self.key.clone(), Bytes::from(body.to_string()));
        let (inbound, said, headers) = (Format::AnthropicMessages, None, &HeaderMap::new());
        let call = Call { scope, inbound, said, headers, body, request };
        read(self.gateway.count_tokens(call).await).await
    }

    pub(crate) async fn ask(&self, format: Format, body: &Value) -> Told {
        read(self.start(format, body).await).await
    }

    /// All settled requests, oldest first.
    pub(crate) async fn usage(&self) -> Vec<UsageRow> {
        self.store.drain().await.unwrap();
        let mut read = self.store.read(&self.owner).await.unwrap();
        let page = Page::first(Page::MOST);
        let mut rows = read.usage_list(&UsageFilter::default(), &page).await.unwrap().data;
        rows.reverse();
        rows
    }

    /// The only settled request.
    pub(crate) async fn row(&self) -> UsageRow {
        let mut rows = self.usage().await;
        assert_eq!(rows.len(), 1, "exactly one row: {rows:?}");
        rows.pop().unwrap()
    }

    /// The receipt of the last request.
    pub(crate) async fn receipt(&self) -> Value {
        self.receipt_of(self.usage().await.last().unwrap().request).await
    }

    pub(crate) async fn receipt_of(&self, request: RequestId) -> Value {
        let mut read = self.store.read(&self.owner).await.unwrap();
        let body = read.receipt_fetch(request).await.unwrap().body;
        let choice = ledger::follows(&body);
        assert_eq!(choice.status, ledger::Status::Ok, "{}: {body}", choice.detail);
        serde_json::from_str(&body).unwrap()
    }
}

pub(crate) fn provider(
    name: &str,
    protocol: Protocol,
    base_url: &str,
    (region, terms): (&str, Option<StatedTerms>),
) -> NewProvider {
    NewProvider {
        catalog: "sandbox".to_owned(),
        name: name.to_owned(),
        protocol,
        base_url: base_url.to_owned(),
        secret: Some(Secret::new("twin-key".to_owned())),
        models: Vec::new(),
        region: Some(region.to_owned()),
        allow_private: true,
        contract: None,
        contract_until: None,
        baa: None,
        terms,
    }
}

/// Entries of the catalogue with their prices.
const ENTRIES: [(&str, &str); 4] = [
    ("sandbox", "input = 1000, cache_read = 100, output = 4000"),
    ("luxury", "input = 3000, output = 12000"),
    // Its models are known to be able to do more.
    ("able", "input = 3000, output = 12000"),
    // What they hear and say has prices of its own.
    (
        "voice",
        "input = 1000, cache_read = 100, output = 4000, audio_input = 8000, audio_output = 16000",
    ),
];

/// Tokens are given where the house's twin is.
fn catalogue(twin: &Running) -> Arc<Catalogue> {
    let tokens = format!("http://{}", twin.addr);
    Arc::new(testkit::families_catalogue(&ENTRIES, MODELS, &tokens))
}

/// The sub-processors of the house.
fn announced() -> Catalogue {
    testkit::families_catalogue(&ENTRIES, MODELS, "http://127.0.0.1")
}

pub(crate) fn script() -> Script {
    let hush = Duration::from_secs(20);
    Script { hush, retry_after: 0, ..Script::inspected().with_key("twin-key") }
}

/// A person with an organization.
async fn found(store: &Store, clock: &Clock) -> Scope {
    let deployment = store.deployment(Authority::Bootstrap).await.unwrap();
    let user = UserId::new(clock.now());
    let mut write = deployment.write().await.unwrap();
    let new = NewUser {
        id: user,
        email: "o@example.com".to_owned(),
        name: "O".to_owned(),
        password: None,
        operator: false,
    };
    write.user_create(new).await.unwrap();
    write.commit(Event::new(Action::UserCreate)).await.unwrap();
    let mut write = deployment.write().await.unwrap();
    let new = NewOrganization { name: "O".to_owned(), slug: "o".to_owned(), owner: user };
    write.organization_create(new).await.unwrap();
    write.commit(Event::new(Action::OrganizationCreate)).await.unwrap();
    let token = vault::random_token().unwrap();
    let digest = vault::sha256(token.expose().as_bytes());
    let expires = Timestamp::from_millis(i64::MAX / 2);
    let proofs = domain::Proofs::of(domain::First::Password, Timestamp::from_millis(0));
    let mut write = deployment.write().await.unwrap();
    let new = NewSession { user, digest, expires, proofs, lasting: false };
    write.session_create(new).await.unwrap();
    write.commit(Event::new(Action::SessionCreate)).await.unwrap();
    let session = store.session(&token).await.unwrap();
    store.enter(&session, "o").await.unwrap()
}

pub(crate) async fn api_key(
    store: &Store,
    owner: &Scope,
    project: domain::ProjectId,
    requests_per_minute: Option<u32>,
) -> Scope {
    let new = vault::api_key::generate("pbk").unwrap();
    let mut write = store.write(owner).await.unwrap();
    let key = NewKey {
        project: Some(project),
        name: "K".to_owned(),
        digest: new.digest,
        handle: new.handle.clone(),
        last_four: new.last_four.clone(),
        scopes: vec!["inference".to_owned()],
        requests_per_minute,
        expires: None,
    };
    write.key_create(key).await.unwrap();
    write.commit(Event::new(Action::KeyCreate)).await.unwrap();
    let presented = vault::api_key::parse("pbk", new.text.expose()).unwrap();
    store.api_key(&presented).unwrap()
}

pub(crate) async fn read(response: Response<Body>) -> Told {
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Told { status: head.status.as_u16(), headers: head.headers, text }
}
