//! A deployment with organizations, a mail server's twin and listeners for events.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use courier::{Config, Courier};
use domain::{Action, BudgetOf, Event, First, OrgRole, Period, Proofs, Secret, UserId};
use egress::{Egress, Resolver};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use sandbox::{MailScript, Mailbox};
use store::{
    AuditFilter, Authority, Budget, NewOrganization, NewSession, NewUser, NewWebhook, Page, Scope,
    Store, Webhook,
};
use testkit::Backend;
use tokio::{net::TcpListener, task::JoinHandle};

pub(crate) const HOST: &str = "mail.example";

/// A certificate for [`HOST`], made by the openssl command for this one run.
pub(crate) struct Certificate {
    directory: tempfile::TempDir,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
            .args(["-nodes", "-days", "2", "-subj", "/CN=twin", "-config", "/dev/null"])
            .args(["-addext", "subjectAltName=DNS:mail.example"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", "key.pem", "-out", "certificate.pem"])
            .current_dir(&directory)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Self { directory }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        let chain = vec![CertificateDer::from_pem_file(self.file()).unwrap()];
        let key = PrivateKeyDer::from_pem_file(self.directory.path().join("key.pem")).unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Arc::new(config)
    }
}

/// A mail server's twin, and what the deployment is told of it.
pub(crate) struct Mail {
    pub(crate) twin: Mailbox,
    pub(crate) url: String,
    pub(crate) extra_ca: Option<PathBuf>,
}

impl Mail {
    /// In the clear, on this machine.
    pub(crate) async fn plain(script: MailScript) -> Self {
        let twin = Mailbox::start(([127, 0, 0, 1], 0).into(), script).await.unwrap();
        let url = format!("smtp://127.0.0.1:{}?tls=off", twin.addr.port());
        Self { twin, url, extra_ca: None }
    }

    /// At [`HOST`], with an address that begins with `before`, such as `smtp://`.
    pub(crate) async fn at(before: &str, script: MailScript, trusts: &Certificate) -> Self {
        let twin = Mailbox::start(([127, 0, 0, 1], 0).into(), script).await.unwrap();
        let url = format!("{before}{HOST}:{}", twin.addr.port());
        Self { twin, url, extra_ca: Some(trusts.file()) }
    }
}

pub(crate) struct House {
    pub(crate) backend: Backend,
    pub(crate) store: Store,
    pub(crate) courier: Courier,
}

impl House {
    pub(crate) async fn new(backend: Backend, mail: Option<&Mail>) -> Self {
        let store = backend.open().await;
        let courier = Self::courier(&backend, &store, mail);
        Self { backend, store, courier }
    }

    /// A courier of this deployment, as after a start.
    pub(crate) fn courier(backend: &Backend, store: &Store, mail: Option<&Mail>) -> Courier {
        // Every name is on this machine.
        let resolver: Resolver = Arc::new(|_, port| {
            Box::pin(async move { Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))]) })
        });
        let settings = egress::Config {
            extra_ca: mail.and_then(|mail| mail.extra_ca.clone()),
            ..egress::Config::default()
        };
        let egress = Egress::with_resolver(&settings, backend.clock.clone(), resolver).unwrap();
        let config = Config {
            url: mail.map(|mail| Secret::new(mail.url.clone())),
            password_file: None,
            from: Some("Probity <notices@example.org>".to_owned()),
        };
        let server = config.server().unwrap();
        Courier::new(store.clone(), egress, server, "https://ai.example").unwrap()
    }

    /// Everything that is due now, and how many messages that were.
    pub(crate) async fn deliver(&self) -> usize {
        self.courier.deliver().await.unwrap()
    }

    /// Later, everything that is due then.
    pub(crate) async fn after(&self, seconds: u64) -> usize {
        self.backend.clock.advance(Duration::from_secs(seconds));
        self.deliver().await
    }

    pub(crate) async fn person(&self, email: &str) -> UserId {
        let deployment = self.store.deployment(Authority::Bootstrap).await.unwrap();
        let mut write = deployment.write().await.unwrap();
        let new = NewUser {
            id: UserId::new(self.backend.clock.now()),
            email: email.to_owned(),
            name: "Some Body".to_owned(),
            password: None,
            operator: false,
        };
        let user = write.user_create(new).await.unwrap();
        write.commit(Event::new(Action::UserCreate).on_user(user.id)).await.unwrap();
        user.id
    }

    /// An organization with its owner `owner@SLUG.example`.
    pub(crate) async fn organization(&self, slug: &str) -> Scope {
        let owner = self.person(&format!("owner@{slug}.example")).await;
        let token = vault::random_token().unwrap();
        let deployment = self.store.deployment(Authority::SignIn).await.unwrap();
        let mut write = deployment.write().await.unwrap();
        let digest = vault::sha256(token.expose().as_bytes());
        let expires = self.backend.clock.now().plus(Duration::from_secs(400 * 86_400));
        let proofs = Proofs::of(First::Password, self.backend.clock.now());
        write
            .session_create(NewSession { user: owner, digest, expires, proofs, lasting: false })
            .await
            .unwrap();
        write.commit(Event::new(Action::SessionCreate).on_user(owner)).await.unwrap();
        let session = self.store.session(&token).await.unwrap();
        let deployment = self.store.deployment(Authority::Account(&session)).await.unwrap();
        let mut write = deployment.write().await.unwrap();
        let new = NewOrganization { name: format!("The {slug}"), slug: slug.to_owned(), owner };
        write.organization_create(new).await.unwrap();
        write.commit(Event::new(Action::OrganizationCreate)).await.unwrap();
        self.store.enter(&session, slug).await.unwrap()
    }

    pub(crate) async fn member(&self, scope: &Scope, email: &str, role: OrgRole) -> UserId {
        let user = self.person(email).await;
        let mut write = self.store.write(scope).await.unwrap();
        write.member_add(user, role).await.unwrap();
        write.commit(Event::new(Action::MemberJoin).on_user(user)).await.unwrap();
        user
    }

    pub(crate) async fn budget(&self, scope: &Scope) -> Budget {
        self.budget_of(scope, BudgetOf::Organization).await
    }

    pub(crate) async fn budget_of(&self, scope: &Scope, of: BudgetOf) -> Budget {
        let mut write = self.store.write(scope).await.unwrap();
        let budget = write.budget_set(of, Period::Month, 25_000_000_000).await.unwrap();
        write.commit(Event::new(Action::BudgetSet)).await.unwrap();
        budget
    }

    /// That so much of it is spent this month; whether that was news.
    pub(crate) async fn spend(&self, scope: &Scope, budget: &Budget, percent: u8) -> bool {
        let from = Period::Month.span(self.backend.clock.now()).from;
        self.store.budget_reached(scope.org(), budget.id, from, percent).await.unwrap()
    }

    /// A letter of the deployment to this address.
    pub(crate) async fn write_to(&self, email: &str) {
        let deployment = self.store.deployment(Authority::Sweep).await.unwrap();
        let mut write = deployment.write().await.unwrap();
        let letter = domain::subscription_letter("/subprocessors/confirm/x".to_owned());
        let topic = domain::Topic::Subscription;
        write.letter_post(email, (topic, &letter), None).await.unwrap();
        write.commit(Event::new(Action::SubscriberAdd)).await.unwrap();
    }

    /// A webhook at `url` with its secret.
    pub(crate) async fn hook(&self, scope: &Scope, url: &str) -> (Webhook, Secret<String>) {
        let secret = vault::webhook_secret().unwrap();
        let new = NewWebhook {
            name: "Chat".to_owned(),
            url: Secret::new(url.to_owned()),
            host: "127.0.0.1".to_owned(),
            secret: secret.clone(),
            allow_private: true,
        };
        let mut write = self.store.write(scope).await.unwrap();
        let hook = write.webhook_create(new).await.unwrap();
        write.commit(Event::new(Action::WebhookCreate).on("webhook", hook.id)).await.unwrap();
        (hook, secret)
    }

    pub(crate) async fn test(&self, scope: &Scope, hook: &Webhook) {
        let mut write = self.store.write(scope).await.unwrap();
        write.webhook_test(hook.id).await.unwrap();
        write.commit(Event::new(Action::WebhookTest).on("webhook", hook.id)).await.unwrap();
    }

    pub(crate) async fn fetched(&self, scope: &Scope, hook: &Webhook) -> Webhook {
        self.store.read(scope).await.unwrap().webhook_fetch(hook.id).await.unwrap()
    }

    /// How often an action stands in the organization's log.
    pub(crate) async fn logged(&self, scope: &Scope, action: Action) -> usize {
        self.store.drain().await.unwrap();
        let filter = AuditFilter { action: Some(action), ..AuditFilter::default() };
        let mut read = self.store.read(scope).await.unwrap();
        read.audit_list(&filter, &Page::first(50)).await.unwrap().data.len()
    }
}

/// What a listener was sent.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Arrived {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// A receiver of events that answers with what it is told to.
pub(crate) struct Listener {
    pub(crate) url: String,
    answers: Arc<Mutex<StatusCode>>,
    seen: Arc<Mutex<Vec<Arrived>>>,
    served: JoinHandle<()>,
}

impl Listener {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?room=7", listener.local_addr().unwrap());
        let answers = Arc::new(Mutex::new(StatusCode::OK));
        let seen: Arc<Mutex<Vec<Arrived>>> = Arc::default();
        let (said, kept) = (Arc::clone(&answers), Arc::clone(&seen));
        #[expect(clippy::disallowed_methods, reason = "a test's own server")]
        let served = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (said, kept) = (Arc::clone(&said), Arc::clone(&kept));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (said, kept) = (Arc::clone(&said), Arc::clone(&kept));
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await.unwrap().to_bytes();
                        kept.lock().unwrap().push(Arrived {
                            path: parts.uri.to_string(),
                            headers: parts.headers,
                            body: String::from_utf8(body.to_vec()).unwrap(),
                        });
                        let mut answer = Response::new(Full::new(Bytes::new()));
                        *answer.status_mut() = *said.lock().unwrap();
                        if answer.status().is_redirection() {
                            answer.headers_mut().insert("location", "/else".parse().unwrap());
                        }
                        Ok::<_, Infallible>(answer)
                    }
                });
                let server = hyper::server::conn::http1::Builder::new();
                tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, answers, seen, served }
    }

    pub(crate) fn answer(&self, status: u16) {
        *self.answers.lock().unwrap() = StatusCode::from_u16(status).unwrap();
    }

    pub(crate) fn seen(&self) -> Vec<Arrived> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.served.abort();
    }
}
