//! An identity provider that does as it is told: a real server on loopback, right unless something is bent.

use std::sync::{Arc, Mutex};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use url::Url;

pub(super) const CLIENT: &str = "probity:acme";
/// With what forms have to encode.
pub(super) const SECRET: &str = "s:cr/t+50%";
pub(super) const SUBJECT: &str = "ada-at-home";

/// How tokens are signed.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum Signed {
    #[default]
    Well,
    /// With another key under the name of the right one.
    ByAnother,
    /// Not at all, and it says so.
    None,
    /// With the client's secret.
    WithSecret,
    /// With the public key as the secret.
    WithPublicKey,
    /// The signature is cut off.
    Cut,
}

/// What it does otherwise than it should.
#[derive(Clone, Default)]
pub(super) struct Bent {
    pub(super) signed: Signed,
    /// Members that replace those of the token; null removes one.
    pub(super) claims: Value,
    pub(super) header: Value,
    /// The same of what it says about itself, and of its keys.
    pub(super) metadata: Value,
    pub(super) keys: Option<Value>,
    /// The status and body of its answer to a code.
    pub(super) token: Option<(u16, String)>,
    /// It never ends its answer to a code.
    pub(super) silent: bool,
}

struct Inner {
    bent: Bent,
    /// Of the sign-in that is under way.
    nonce: String,
    challenge: String,
    redirect: String,
    code: Option<String>,
    asked_for_keys: usize,
}

#[derive(Clone)]
pub(super) struct Provider {
    pub(super) issuer: String,
    key: Arc<EcdsaKeyPair>,
    other: Arc<EcdsaKeyPair>,
    inner: Arc<Mutex<Inner>>,
}

fn pair() -> Arc<EcdsaKeyPair> {
    Arc::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
}

fn jwk(pair: &EcdsaKeyPair, kid: &str) -> Value {
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let text = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    json!({"kty": "EC", "crv": "P-256", "use": "sig", "kid": kid, "x": text(x), "y": text(y)})
}

fn bend(value: &mut Value, with: &Value) {
    for (name, new) in with.as_object().into_iter().flatten() {
        match new {
            Value::Null => drop(value.as_object_mut().unwrap().remove(name)),
            new => value[name] = new.clone(),
        }
    }
}

impl Provider {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let inner = Inner {
            bent: Bent::default(),
            nonce: String::new(),
            challenge: String::new(),
            redirect: String::new(),
            code: None,
            asked_for_keys: 0,
        };
        let (key, other) = (pair(), pair());
        let it = Self { issuer, key, other, inner: Arc::new(Mutex::new(inner)) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(it.clone());
        tokio_util::task::TaskTracker::new()
            .spawn(async move { axum::serve(listener, router).await.unwrap() });
        it
    }

    pub(super) fn bend(&self, bent: Bent) {
        self.inner.lock().unwrap().bent = bent;
    }

    pub(super) fn asked_for_keys(&self) -> usize {
        self.inner.lock().unwrap().asked_for_keys
    }

    /// The key that signs nothing as long as it is right.
    pub(super) fn other_jwk(&self, kid: &str) -> Value {
        jwk(&self.other, kid)
    }

    pub(super) fn jwk(&self) -> Value {
        jwk(&self.key, "one")
    }

    /// Somebody signs in at this address: the parameters with which they are sent back.
    pub(super) fn authorize(&self, url: &Url) -> Vec<(String, String)> {
        let asked = |name: &str| {
            let found = url.query_pairs().find(|(key, _)| key == name);
            found.unwrap_or_else(|| panic!("no {name}: {url}")).1.into_owned()
        };
        assert_eq!((asked("response_type").as_str(), asked("scope").as_str()), ("code", "openid"));
        assert_eq!(
            (asked("client_id").as_str(), asked("code_challenge_method").as_str()),
            (CLIENT, "S256")
        );
        let mut inner = self.inner.lock().unwrap();
        inner.nonce = asked("nonce");
        inner.challenge = asked("code_challenge");
        inner.redirect = asked("redirect_uri");
        let code = format!("code of {}", inner.nonce);
        inner.code = Some(code.clone());
        [("state", asked("state")), ("code", code), ("iss", self.issuer.clone())]
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    fn id_token(&self, inner: &Inner) -> String {
        let now = domain::Clock::system().now().as_millis() / 1_000;
        let bent = &inner.bent;
        let mut head = json!({"alg": "ES256", "kid": "one"});
        let mut claims = json!({
            "iss": self.issuer, "sub": SUBJECT, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": inner.nonce,
        });
        match bent.signed {
            Signed::None => head = json!({"alg": "none"}),
            Signed::WithSecret | Signed::WithPublicKey => head["alg"] = json!("HS256"),
            _ => {}
        }
        bend(&mut head, &bent.header);
        bend(&mut claims, &bent.claims);
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(&head), part(&claims));
        let random = SystemRandom::new();
        let by =
            |pair: &EcdsaKeyPair| pair.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec();
        let shared = |secret: &[u8]| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes())
                .as_ref()
                .to_vec()
        };
        let signature = match bent.signed {
            Signed::Well => by(&self.key),
            Signed::ByAnother => by(&self.other),
            Signed::None | Signed::Cut => Vec::new(),
            Signed::WithSecret => shared(SECRET.as_bytes()),
            Signed::WithPublicKey => shared(self.key.public_key().as_ref()),
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

async fn metadata(State(it): State<Provider>) -> Json<Value> {
    let at = |path: &str| format!("{}{path}", it.issuer);
    let mut all = json!({
        "issuer": it.issuer, "authorization_endpoint": at("/authorize?brand=acme"), "token_endpoint": at("/token"),
        "jwks_uri": at("/keys"), "authorization_response_iss_parameter_supported": true,
    });
    bend(&mut all, &it.inner.lock().unwrap().bent.metadata);
    Json(all)
}

async fn keys(State(it): State<Provider>) -> Json<Value> {
    let mut inner = it.inner.lock().unwrap();
    inner.asked_for_keys += 1;
    Json(inner.bent.keys.clone().unwrap_or_else(|| json!({"keys": [it.jwk()]})))
}

/// Takes a code once, from the client it was given to, with what belongs to it.
async fn token(State(it): State<Provider>, headers: HeaderMap, body: String) -> Response {
    if it.inner.lock().unwrap().bent.silent {
        return Body::from_stream(futures::stream::pending::<Result<String, std::io::Error>>())
            .into_response();
    }
    let mut inner = it.inner.lock().unwrap();
    let form: Vec<(String, String)> =
        url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    let sent =
        |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let encoded =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = STANDARD.encode(format!("{}:{}", encoded(CLIENT), encoded(SECRET)));
    let by_header =
        headers.get(header::AUTHORIZATION).is_some_and(|given| given == &format!("Basic {basic}"));
    let by_form = sent("client_id").as_deref() == Some(CLIENT)
        && sent("client_secret").as_deref() == Some(SECRET);
    let refuse = |status, code| (status, Json(json!({"error": code}))).into_response();
    if !by_header && !by_form {
        return refuse(StatusCode::UNAUTHORIZED, "invalid_client");
    }
    if let Some((status, text)) = inner.bent.token.clone() {
        return (StatusCode::from_u16(status).unwrap(), text).into_response();
    }
    let verifier = sent("code_verifier").unwrap_or_default();
    let challenge = URL_SAFE_NO_PAD.encode(vault::sha256(verifier.as_bytes()));
    let right = sent("grant_type").as_deref() == Some("authorization_code")
        && sent("code") == inner.code
        && sent("redirect_uri").as_deref() == Some(inner.redirect.as_str())
        && challenge == inner.challenge;
    if !right || inner.code.take().is_none() {
        return refuse(StatusCode::BAD_REQUEST, "invalid_grant");
    }
    Json(json!({"access_token": "unused", "token_type": "Bearer", "id_token": it.id_token(&inner)}))
        .into_response()
}
