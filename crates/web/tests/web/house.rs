//! A whole installation in miniature, and somebody to knock at its door.

use axum::{Router, body::Body};
use domain::{Clock, LiveCatalogue, OrgRole, ProjectRole, Secret};
use egress::Egress;
use gateway::{Gateway, GatewayConfig};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use identity::{
    Identity, KeyScope, NewAccount, NewAdminKey, NewApiKey, ProviderEntry, SignedIn, SingleSignOn,
};
use metrics_exporter_prometheus::PrometheusBuilder;
use sandbox::{MODELS, Running, Sandbox, Script};
use serde_json::Value;
use store::{Project, Scope, Session, Store};
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;
use trust::{Digest, Settings, Trust, registry::Registry, status::Profile};
use vault::SigningKey;

/// Of every model of the sandbox.
pub(crate) const PRICE: &str = "input = 1000, output = 4000";
pub(crate) const PASSWORD: &str = "seven quiet lanterns drift";

pub(crate) struct House {
    pub(crate) router: Router,
    pub(crate) store: Store,
    pub(crate) identity: Identity,
    pub(crate) catalogue: LiveCatalogue,
    _twin: Running,
    pub(crate) closing: CancellationToken,
    /// Owner of `acme`, and operator.
    pub(crate) owner: Person,
    pub(crate) acme: Org,
    /// Owner of `other`, and nobody in `acme`.
    pub(crate) stranger: Person,
    pub(crate) other: Org,
    _directory: TempDir,
}

#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) token: String,
}

pub(crate) struct Org {
    pub(crate) slug: &'static str,
    pub(crate) scope: Scope,
    pub(crate) project: Project,
    pub(crate) key_id: String,
    pub(crate) key: String,
    pub(crate) admin_key_id: String,
    pub(crate) admin_key: String,
    pub(crate) provider: String,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(web::Config::default()).await
    }

    pub(crate) async fn with(config: web::Config) -> Self {
        testkit::end_with_connections();
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let store_config = store::Config {
            url: Secret::new(format!("sqlite:{}", at("data/probity.db").display())),
            data_dir: at("data"),
            root_key: at("root.key"),
            ..store::Config::default()
        };
        let clock = Clock::system();
        let store = Store::open(&store_config, clock.clone()).await.unwrap();
        store.migrate().await.unwrap();
        let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), Script::default()).await.unwrap();
        let catalogue = LiveCatalogue::from(testkit::sandbox_catalogue(MODELS, PRICE));
        testkit::announce(&store, &catalogue.current()).await;
        let identity = Identity::new(identity::Config::default(), store.clone(), catalogue.clone())
            .await
            .unwrap();
        let egress = Egress::new(&egress::Config::default(), clock.clone()).unwrap();
        let gateway = Gateway::new(
            GatewayConfig::default(),
            store.clone(),
            egress.clone(),
            catalogue.clone(),
            clock.clone(),
            TaskTracker::new(),
        );
        let closing = CancellationToken::new();
        let router = web::router(web::App::new(web::Parts {
            store: store.clone(),
            identity: identity.clone(),
            sign_on: SingleSignOn::new(
                identity.clone(),
                egress,
                "http://127.0.0.1:8080".to_owned(),
            ),
            gateway,
            trust: trust(&store, &catalogue),
            catalogue: catalogue.clone(),
            clock,
            config,
            public_url: "http://127.0.0.1:8080".to_owned(),
            sandbox: None,
            metrics: Some(PrometheusBuilder::new().build_recorder().handle()),
            closing: closing.clone(),
        }));
        let owner = operator(&identity, "owner@acme.example").await;
        let acme = org(&identity, &owner, "acme", &twin).await;
        let stranger = operator(&identity, "stranger@other.example").await;
        let other = org(&identity, &stranger, "other", &twin).await;
        Self {
            router,
            store,
            identity,
            catalogue,
            _twin: twin,
            closing,
            owner,
            acme,
            stranger,
            other,
            _directory: directory,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub(crate) async fn get(&self, path: &str, who: Option<&Person>) -> Answer {
        self.send(page("GET", path, who).body(Body::empty()).unwrap()).await
    }

    /// A form as this server's own page sends it.
    pub(crate) async fn post(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        who: Option<&Person>,
    ) -> Answer {
        let body =
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = page("POST", path, who)
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// A form with files, its parts divided by `xyz`, as this server's own page sends it.
    pub(crate) async fn upload(&self, path: &str, form: String, who: Option<&Person>) -> Answer {
        let request = page("POST", path, who)
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=xyz");
        self.send(request.body(Body::from(form)).unwrap()).await
    }

    /// A request of a program with a key.
    pub(crate) async fn api(
        &self,
        method: &str,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Bearer {key}"));
        let request = match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.send(request.unwrap()).await
    }

    async fn join(&self, email: &str, role: OrgRole) -> SignedIn {
        let made = self.identity.invitation_create(&self.acme.scope, email, role).await.unwrap();
        let password = Secret::new(PASSWORD.to_owned());
        let joined = self.identity.invitation_accept_as_new(&made.token, "Mem Ber", password).await;
        joined.unwrap().0
    }

    /// Somebody who joined `acme` with this role, and has a password only.
    pub(crate) async fn newcomer(&self, email: &str, role: OrgRole) -> Person {
        Person { token: self.join(email, role).await.token.expose().clone() }
    }

    /// Somebody in `acme` with this role, and perhaps one in its project; with a second factor where these ask for one.
    pub(crate) async fn member(
        &self,
        email: &str,
        role: OrgRole,
        project: Option<ProjectRole>,
    ) -> Person {
        let signed_in = self.join(email, role).await;
        if let Some(role) = project {
            let project = self.acme.project.id;
            self.identity.grant_set(&self.acme.scope, signed_in.user, project, role).await.unwrap();
        }
        if role >= OrgRole::Admin || project == Some(ProjectRole::Owner) {
            return strong(&self.identity, &signed_in).await;
        }
        Person { token: signed_in.token.expose().clone() }
    }
}

fn page(method: &str, path: &str, who: Option<&Person>) -> http::request::Builder {
    let request =
        Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:8080");
    match who {
        Some(person) => request.header(header::COOKIE, format!("probity-session={}", person.token)),
        None => request,
    }
}

fn trust(store: &Store, catalogue: &LiveCatalogue) -> Trust {
    let all = store::TABLES.iter().flat_map(|table| {
        table.columns.iter().map(|(column, class)| (table.name, *column, *class))
    });
    let settings = Settings {
        deployment: store.deployment_id().unwrap().to_string(),
        build: Digest::of(b"a build"),
        profile: Profile::embedded(),
        catalogue: catalogue.clone(),
        key: SigningKey::generate().unwrap(),
        columns: all.collect(),
        file_encrypted: true,
    };
    Trust::new(Registry::shipped().unwrap(), settings)
}

async fn operator(identity: &Identity, email: &str) -> Person {
    let link = identity.operator_link_create().await.unwrap();
    let new = NewAccount {
        email: email.to_owned(),
        name: "Ope Rator".to_owned(),
        password: Some(Secret::new(PASSWORD.to_owned())),
    };
    let signed_in = identity.operator_link_redeem(&link.token, new).await.unwrap();
    strong(identity, &signed_in).await
}

/// The person after setting up a second factor.
async fn strong(identity: &Identity, signed_in: &SignedIn) -> Person {
    let session = identity.session(&signed_in.token).await.unwrap();
    let offer = identity.authenticator_offer(&session).await.unwrap();
    let app = vault::Totp::parse(&offer.seed, "Probity", "somebody").unwrap();
    let code = app.code(Clock::system().now());
    let given = (&offer.seed, code.expose().as_str());
    let (password, address) = (Secret::new(PASSWORD.to_owned()), [127, 0, 0, 1].into());
    let set = identity.authenticator_set(&session, given, password, address).await.unwrap();
    Person { token: set.0.token.expose().clone() }
}

pub(crate) async fn session(identity: &Identity, person: &Person) -> Session {
    identity.session(&Secret::new(person.token.clone())).await.unwrap()
}

async fn org(identity: &Identity, person: &Person, slug: &'static str, twin: &Running) -> Org {
    let session = session(identity, person).await;
    identity.organization_create(&session, slug, Some(slug)).await.unwrap();
    let scope = identity.enter(&session, slug).await.unwrap();
    let project = identity.project_create(&scope, "Website", Some("website")).await.unwrap();
    let new = NewApiKey {
        name: "backend".to_owned(),
        scopes: KeyScope::ALL.to_vec(),
        expires_in: None,
        requests_per_minute: None,
    };
    let key = identity.key_create(&scope, project.id, new).await.unwrap();
    let new = NewAdminKey { name: "terraform".to_owned(), expires_in: None };
    let admin = identity.admin_key_create(&scope, new).await.unwrap();
    let entry = ProviderEntry {
        catalog: "custom".to_owned(),
        name: Some("Twin".to_owned()),
        base_url: Some(twin.base_url()),
        protocol: Some(domain::Protocol::OpenAi),
        models: MODELS.iter().map(|&model| model.to_owned()).collect(),
        allow_private: Some(true),
        ..ProviderEntry::default()
    };
    let provider = identity.provider_create(&scope, entry).await.unwrap();
    Org {
        slug,
        scope,
        project,
        key_id: key.key.id.to_string(),
        key: key.text.expose().clone(),
        admin_key_id: admin.key.id.to_string(),
        admin_key: admin.text.expose().clone(),
        provider: provider.id.to_string(),
    }
}
