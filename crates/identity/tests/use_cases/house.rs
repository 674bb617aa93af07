//! A deployment to live in for one test.

use std::{net::IpAddr, time::Duration};

use domain::{Catalogue, Clock, Error, OrgRole, ProjectRole, Result, Secret, Timestamp, UserId};
use identity::{
    Config, CreatedKey, Half, Identity, KeyScope, NewAccount, NewAdminKey, NewApiKey, SignIn,
    SignInStep, SignedIn,
};
use store::{Organization, Project, Scope, Session, Store};
use testkit::Backend;
use vault::Totp;

pub(crate) const PASSWORD: &str = "lantern ferry cobalt nine";
pub(crate) const OTHER_PASSWORD: &str = "walnut orbit pencil seven";
pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

pub(crate) struct House {
    pub(crate) identity: Identity,
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    _backend: Backend,
}

pub(crate) fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

pub(crate) fn home() -> IpAddr {
    IpAddr::from([192, 0, 2, 1])
}

pub(crate) fn code<T>(result: Result<T>) -> &'static str {
    result.map_or_else(|error: Error| error.code(), |_| "ok")
}

const VERTEX: &str = r#"
        id = "vertex"
        name = "Vertex"
        country = "US"
        family = "gemini"
        auth = "google-service-account"
        token = { url = "https://tokens.vertex.example/token", scope = "s" }
        [[endpoints]]
        id = "default"
        base_url = "https://{region}.vertex.example"
        serves = ["chat", "messages"]
        [[postures]]
"#;
const WATSONX: &str = r#"
        id = "watsonx"
        name = "watsonx"
        country = "US"
        family = "watsonx"
        auth = "ibm-iam"
        token = { url = "https://tokens.watsonx.example/identity/token" }
        [[endpoints]]
        id = "default"
        base_url = "https://eu-de.watsonx.example/ml/v1"
        region = "DE"
        serves = ["chat"]
        [[postures]]
"#;
const AZURE: &str = r#"
        id = "azure"
        name = "Azure"
        country = "US"
        family = "azure"
        auth = "api-key"
        token = { url = "https://tokens.azure.example/{tenant}/token", scope = "s" }
        [[endpoints]]
        id = "default"
        base_url = "https://{resource}.openai.azure.example/openai/v1"
        serves = ["chat", "responses"]
        [[postures]]
"#;
const BEDROCK: &str = r#"
        id = "bedrock"
        name = "Bedrock"
        country = "US"
        family = "bedrock"
        auth = "sigv4"
        [[endpoints]]
        id = "eu-central-1"
        base_url = "https://bedrock-runtime.eu-central-1.example"
        region = "DE"
        serves = ["chat"]
        [[places]]
        models = "global."
        place = "global"
        [[places]]
        models = "eu."
        place = "EU"
        [[postures]]
        when = { model = "global.anthropic.claude-fable" }
        trains = false
        retention_days = 30
        source = "https://bedrock.example/terms"
        read = "2026-11-20"
        [[postures]]
        trains = false
        retention_days = 0
        source = "https://bedrock.example/terms"
        read = "2026-11-20"
"#;

fn catalogue() -> Catalogue {
    let openai = r#"
        id = "openai"
        name = "OpenAI"
        legal_entity = "OpenAI, L.L.C."
        country = "US"
        family = "openai"
        auth = "bearer"
        [[endpoints]]
        id = "default"
        base_url = "https://api.openai.com/v1"
        region = "US"
        serves = ["chat"]
        [[endpoints]]
        id = "eu"
        base_url = "https://eu.api.openai.com/v1"
        region = "EU"
        serves = ["chat"]
        [[postures]]
        when = { contract = "zero-retention", endpoint = "eu" }
        trains = false
        retention_days = 0
        source = "https://openai.example/terms"
        read = "2026-11-20"
        [[postures]]
        trains = false
        retention_days = 30
        source = "https://openai.example/terms"
        read = "2026-11-20"
    "#;
    let cloud = r#"
        id = "cloud"
        name = "Cloud"
        country = "US"
        family = "watsonx"
        auth = "ibm-iam"
        [[endpoints]]
        id = "default"
        base_url = "https://{region}.cloud.example"
        serves = ["chat"]
        [[postures]]
    "#;
    let files = [
        ("vertex", VERTEX),
        ("watsonx", WATSONX),
        ("openai", openai),
        ("cloud", cloud),
        ("azure", AZURE),
        ("bedrock", BEDROCK),
    ];
    Catalogue::parse(files).unwrap()
}

async fn identity_of(store: &Store, config: Config) -> Identity {
    let catalogue = catalogue();
    testkit::announce(store, &catalogue).await;
    Identity::new(config, store.clone(), catalogue).await.unwrap_or_else(|error| panic!("{error}"))
}

impl House {
    pub(crate) async fn with(backend: Backend, config: Config) -> Self {
        let store = backend.open().await;
        let identity = identity_of(&store, config).await;
        Self { identity, clock: backend.clock.clone(), store, _backend: backend }
    }

    pub(crate) async fn new(backend: Backend) -> Self {
        Self::with(backend, Config::default()).await
    }

    /// The same house under another configuration.
    pub(crate) async fn configured(&self, config: Config) -> Identity {
        identity_of(&self.store, config).await
    }

    pub(crate) async fn session(&self, signed_in: &SignedIn) -> Session {
        self.identity.session(&signed_in.token).await.unwrap()
    }

    /// The one who runs it, signed in with a second factor.
    pub(crate) async fn operator(&self) -> Session {
        self.strong(&self.password_operator().await).await.0
    }

    /// The one who runs it, and has a password only.
    pub(crate) async fn password_operator(&self) -> Session {
        let link = self.identity.operator_link_create().await.unwrap();
        let new = account("operator@example.org");
        let signed_in = self.identity.operator_link_redeem(&link.token, new).await.unwrap();
        self.session(&signed_in).await
    }

    /// The session after its person set up a second factor, and their app.
    pub(crate) async fn strong(&self, session: &Session) -> (Session, Totp) {
        let offer = self.identity.authenticator_offer(session).await.unwrap();
        let app = Totp::parse(&offer.seed, "Probity", "somebody").unwrap();
        let code = app.code(self.clock.now());
        let given = (&offer.seed, code.expose().as_str());
        let password = secret(PASSWORD);
        let (signed_in, _) =
            self.identity.authenticator_set(session, given, password, home()).await.unwrap();
        (self.session(&signed_in).await, app)
    }

    /// An organization with its owner in it.
    pub(crate) async fn organization(&self, owner: &Session, slug: &str) -> (Organization, Scope) {
        let created = self.identity.organization_create(owner, "Acme", Some(slug)).await.unwrap();
        let scope = self.identity.enter(owner, slug).await.unwrap();
        (created, scope)
    }

    /// Somebody new who joined with this role, with a second factor where the role asks for one.
    pub(crate) async fn member(&self, inviter: &Scope, name: &str, role: OrgRole) -> Session {
        let session = self.newcomer(inviter, name, role).await;
        if role >= OrgRole::Admin { self.strong(&session).await.0 } else { session }
    }

    /// Somebody new who joined with this role, and has a password only.
    pub(crate) async fn newcomer(&self, inviter: &Scope, name: &str, role: OrgRole) -> Session {
        let email = format!("{name}@example.org");
        let invited = self.identity.invitation_create(inviter, &email, role).await.unwrap();
        let (signed_in, _) = self
            .identity
            .invitation_accept_as_new(&invited.token, name, secret(PASSWORD))
            .await
            .unwrap();
        self.session(&signed_in).await
    }

    /// The same, inside the inviter's organization and with a role in one of its projects.
    pub(crate) async fn granted(
        &self,
        inviter: &Scope,
        name: &str,
        project: &Project,
        role: ProjectRole,
    ) -> Scope {
        let session = self.newcomer(inviter, name, OrgRole::Member).await;
        let owns = role == ProjectRole::Owner;
        let session = if owns { self.strong(&session).await.0 } else { session };
        self.identity.grant_set(inviter, session.user(), project.id, role).await.unwrap();
        self.inside(inviter, &session).await
    }

    pub(crate) async fn inside(&self, neighbour: &Scope, session: &Session) -> Scope {
        self.identity.enter(session, neighbour.org_slug()).await.unwrap()
    }

    pub(crate) async fn project(&self, scope: &Scope, slug: &str) -> Project {
        // Ids sort by the millisecond they were made in.
        self.clock.advance(Duration::from_millis(1));
        self.identity.project_create(scope, "App", Some(slug)).await.unwrap()
    }

    pub(crate) async fn key(
        &self,
        scope: &Scope,
        project: &Project,
        scopes: &[KeyScope],
    ) -> CreatedKey {
        self.identity.key_create(scope, project.id, new_key(scopes)).await.unwrap()
    }

    pub(crate) async fn admin_key(&self, scope: &Scope) -> CreatedKey {
        let new = NewAdminKey { name: "Terraform".to_owned(), expires_in: None };
        self.identity.admin_key_create(scope, new).await.unwrap()
    }

    pub(crate) async fn sign_in(
        &self,
        email: &str,
        password: &str,
        address: IpAddr,
    ) -> Result<SignedIn> {
        let (email, password) = (email.to_owned(), secret(password));
        let attempt = SignIn { email: email.clone(), password, address, stay: false };
        match self.identity.sign_in(attempt).await? {
            SignInStep::Done(signed_in) => Ok(signed_in),
            SignInStep::SecondFactor(_) => panic!("{email} has a second factor"),
        }
    }

    /// The first half of signing in, for somebody with a second factor.
    pub(crate) async fn half_sign_in(&self, email: &str) -> Half {
        let (email, password) = (email.to_owned(), secret(PASSWORD));
        let attempt = SignIn { email, password, address: home(), stay: false };
        match self.identity.sign_in(attempt).await.unwrap() {
            SignInStep::SecondFactor(half) => half,
            SignInStep::Done(_) => panic!("no second factor was asked for"),
        }
    }
}

pub(crate) fn account(email: &str) -> NewAccount {
    NewAccount { email: email.to_owned(), name: "Ada".to_owned(), password: Some(secret(PASSWORD)) }
}

pub(crate) fn new_key(scopes: &[KeyScope]) -> NewApiKey {
    NewApiKey {
        name: "Backend".to_owned(),
        scopes: scopes.to_vec(),
        expires_in: None,
        requests_per_minute: None,
    }
}

/// An account that does not exist.
pub(crate) fn nobody() -> UserId {
    UserId::new(Timestamp::from_millis(7))
}
