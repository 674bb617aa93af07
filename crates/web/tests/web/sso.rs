//! Single sign-on, against an identity provider that can be bent in every way that the standards forbid.

mod provider;

use axum::body::Body;
use domain::{Action, ConnectionId, OrgRole, Secret};
use http::{Request, StatusCode, header};
use serde_json::{Value, json};
use url::Url;

use crate::house::{Answer, House, PASSWORD, Person, session};
use provider::{Bent, CLIENT, Provider, SECRET, Signed};

const ALL: &str = "/api/v1/connections";

/// A house with a connection, and somebody who linked their account to it.
struct Home {
    house: House,
    provider: Provider,
    id: String,
    bo: Person,
}

/// A sign-in that left.
struct Left {
    cookie: String,
    url: Url,
}

fn new(issuer: &str) -> Value {
    json!({
        "kind": "oidc", "name": "Acme account", "issuer": issuer, "client_id": CLIENT, "client_secret": SECRET,
        "allow_private": true,
    })
}

/// What the browser keeps of an answer under this name.
fn kept(answer: &Answer, name: &str) -> String {
    let all = answer.headers.get_all(header::SET_COOKIE).iter();
    let mut all = all.filter_map(|line| line.to_str().unwrap().split(';').next());
    all.find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap_or_default().to_owned()
}

fn left(answer: &Answer) -> Left {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let url = Url::parse(answer.header("refresh").strip_prefix("0; url=").unwrap()).unwrap();
    assert!(answer.text.contains("Go on to 127.0.0.1"));
    Left { cookie: kept(answer, "probity-sso"), url }
}

impl Home {
    async fn new() -> Self {
        let (house, provider) = (House::new().await, Provider::start().await);
        let made = house.api("POST", ALL, &house.acme.admin_key, Some(new(&provider.issuer))).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        assert!(!made.text.contains(SECRET), "the secret is not shown again");
        let id = made.json()["id"].as_str().unwrap().to_owned();
        let bo = house.newcomer("bo@acme.example", OrgRole::Member).await;
        let home = Self { house, provider, id, bo };
        let answer = home.link(&home.bo).await;
        assert_eq!(answer.location(), "/account?done=identity-linked", "{}", answer.text);
        home
    }

    /// Links somebody's account.
    async fn link(&self, who: &Person) -> Answer {
        let path = format!("/account/identities/{}/link", self.id);
        let left = left(&self.house.post(&path, &[("link_password", PASSWORD)], Some(who)).await);
        let back = self.provider.authorize(&left.url);
        self.back(&self.id, &back, Some(&left.cookie), Some(who)).await
    }

    async fn leave(&self) -> Left {
        let fields = [("next", "/o/acme/members")];
        left(&self.house.post(&format!("/sign-in/sso/{}", self.id), &fields, None).await)
    }

    /// Comes back with these parameters.
    async fn back(
        &self,
        connection: &str,
        parameters: &[(String, String)],
        cookie: Option<&str>,
        who: Option<&Person>,
    ) -> Answer {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        let uri = format!("/sign-in/sso/{connection}/callback?{}", query.finish());
        let mut cookies: Vec<String> =
            cookie.iter().map(|token| format!("probity-sso={token}")).collect();
        cookies.extend(who.map(|who| format!("probity-session={}", who.token)));
        let request = Request::get(uri)
            .header(header::HOST, "127.0.0.1:8080")
            // From another site, as it is.
            .header("sec-fetch-site", "cross-site")
            .header(header::COOKIE, cookies.join("; "));
        self.house.send(request.body(Body::empty()).unwrap()).await
    }

    /// The whole way.
    async fn sign_in(&self) -> Answer {
        let left = self.leave().await;
        let back = self.provider.authorize(&left.url);
        self.back(&self.id, &back, Some(&left.cookie), None).await
    }

    /// How often something was done, by the log of the organization.
    async fn logged(&self, action: Action) -> usize {
        self.house.store.drain().await.unwrap();
        let path = format!("/api/v1/audit?action={}&limit=200", action.as_str());
        let all = self.house.api("GET", &path, &self.house.acme.admin_key, None).await;
        all.json()["data"].as_array().unwrap().len()
    }

    /// It was refused with this code, a session was not opened, and the refusal stands in the log.
    async fn refuses(&self, what: &str, code: &str) {
        let before =
            (self.logged(Action::SessionCreate).await, self.logged(Action::SessionRefuse).await);
        let left = self.leave().await;
        let back = self.provider.authorize(&left.url);
        let answer = self.back(&self.id, &back, Some(&left.cookie), None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}: {}", answer.text);
        assert!(answer.text.contains(&format!("<code>{code}</code>")), "{what}: {}", answer.text);
        assert_eq!(kept(&answer, "probity-session"), "", "{what}");
        let after =
            (self.logged(Action::SessionCreate).await, self.logged(Action::SessionRefuse).await);
        assert_eq!(after, (before.0, before.1 + 1), "{what}");
        // Once is enough: the same again is over.
        let again = self.back(&self.id, &back, Some(&left.cookie), None).await;
        assert!(again.text.contains("<code>sso_over</code>"), "{what}: {}", again.text);
    }

    /// Forgets what was learnt of the provider.
    async fn forget(&self) {
        let path = format!("{ALL}/{}/test", self.id);
        self.house.api("POST", &path, &self.house.acme.admin_key, None).await;
    }
}

fn person(answer: &Answer) -> Person {
    let token = kept(answer, "probity-session");
    assert!(!token.is_empty(), "{}: {}", answer.status, answer.text);
    Person { token }
}

#[tokio::test]
async fn somebody_who_linked_their_account_signs_in_and_reaches_that_organization_only() {
    let home = Home::new().await;
    let answer = home.sign_in().await;
    assert_eq!(answer.location(), "/o/acme/members");
    let bo = person(&answer);
    assert_eq!(home.house.get("/o/acme/members", Some(&bo)).await.status, StatusCode::OK);
    assert_eq!(home.logged(Action::SessionCreate).await, 1, "the organization sees it");
    // A member of two organizations reaches the other one with a password only.
    let role = OrgRole::Member;
    let made = home
        .house
        .identity
        .invitation_create(&home.house.other.scope, "bo@x.example", role)
        .await
        .unwrap();
    let with_password = session(&home.house.identity, &home.bo).await;
    home.house.identity.invitation_accept(&with_password, &made.token).await.unwrap();
    assert_eq!(home.house.get("/o/other", Some(&home.bo)).await.status, StatusCode::OK);
    assert_eq!(home.house.get("/o/other", Some(&bo)).await.status, StatusCode::NOT_FOUND);
    let list = home.house.get("/", Some(&bo)).await;
    assert!(!list.text.contains("/o/other"), "{}", list.text);
}

#[tokio::test]
async fn an_operator_who_comes_from_a_provider_is_none() {
    let home = Home::new().await;
    let unlink = format!("/account/identities/unlink/{}", home.id);
    let gone = home.house.post(&unlink, &[], Some(&home.bo)).await;
    assert_eq!(gone.location(), "/account?done=identity-unlinked");
    home.link(&home.house.owner).await;
    let (plain, owner) =
        (session(&home.house.identity, &home.house.owner).await, home.sign_in().await);
    // The owner has an app, and the connection is not trusted with that.
    assert!(owner.location().starts_with("/sign-in/second-factor"), "{}", owner.location());
    let path = format!("{ALL}/{}", home.id);
    let trust = json!({"trusts_second_factor": true, "context": "c1"});
    home.house.api("PATCH", &path, &home.house.acme.admin_key, Some(trust)).await;
    assert!(
        home.sign_in().await.location().starts_with("/sign-in/second-factor"),
        "nothing was said of one"
    );
    for claims in [json!({"amr": ["pwd", "mfa"]}), json!({"acrs": ["c1"]}), json!({"acr": "c1"})] {
        home.provider.bend(Bent { claims, ..Bent::default() });
        let owner = session(&home.house.identity, &person(&home.sign_in().await)).await;
        assert!(owner.strong() && owner.second().is_some());
        assert!(
            plain.operator() && !owner.operator(),
            "whoever runs a provider must not run the server"
        );
    }
    home.provider.bend(Bent { claims: json!({"amr": ["pwd"], "acr": "c2"}), ..Bent::default() });
    assert!(home.sign_in().await.location().starts_with("/sign-in/second-factor"));
}

#[tokio::test]
async fn a_token_that_is_wrong_in_any_way_opens_nothing() {
    let home = Home::new().await;
    let now = domain::Clock::system().now().as_millis() / 1_000;
    let claims = |claims| Bent { claims, ..Bent::default() };
    let header = |header| Bent { header, ..Bent::default() };
    let signed = |signed| Bent { signed, ..Bent::default() };
    for (what, bent, code) in [
        ("signed by another", signed(Signed::ByAnother), "sso_signature"),
        ("not signed", signed(Signed::None), "sso_algorithm"),
        ("the signature cut off", signed(Signed::Cut), "sso_signature"),
        ("signed with the secret", signed(Signed::WithSecret), "sso_algorithm"),
        ("signed with the public key", signed(Signed::WithPublicKey), "sso_algorithm"),
        ("an algorithm the key is not for", header(json!({"alg": "RS256"})), "sso_key_unknown"),
        ("an unknown key", header(json!({"kid": "two"})), "sso_key_unknown"),
        ("for another", claims(json!({"aud": "somebody else"})), "sso_audience"),
        ("for nobody", claims(json!({"aud": null})), "sso_claim_missing"),
        ("for several", claims(json!({"aud": [CLIENT, "else"]})), "sso_party"),
        ("asked for by another", claims(json!({"azp": "else"})), "sso_party"),
        ("by another issuer", claims(json!({"iss": "https://evil.example"})), "sso_issuer"),
        ("by no issuer", claims(json!({"iss": null})), "sso_claim_missing"),
        ("without a time", claims(json!({"iat": null})), "sso_claim_missing"),
        ("without an end", claims(json!({"exp": null})), "sso_claim_missing"),
        ("about nobody", claims(json!({"sub": null})), "sso_claim_missing"),
        ("about an empty name", claims(json!({"sub": ""})), "sso_claim_missing"),
        ("over", claims(json!({"exp": now - 120})), "sso_expired"),
        ("from the future", claims(json!({"iat": now + 600, "exp": now + 900})), "sso_issued"),
        ("too old", claims(json!({"iat": now - 3_600})), "sso_issued"),
        ("of another sign-in", claims(json!({"nonce": "another"})), "sso_nonce"),
        ("of no sign-in", claims(json!({"nonce": null})), "sso_nonce"),
        ("about somebody unknown", claims(json!({"sub": "mallory"})), "sso_unknown"),
        (
            "about an address, which is nobody's name",
            claims(json!({"sub": "mallory", "email": "bo@acme.example", "email_verified": true})),
            "sso_unknown",
        ),
    ] {
        home.provider.bend(bent);
        home.refuses(what, code).await;
    }
    home.provider.bend(Bent::default());
    person(&home.sign_in().await);
}

#[tokio::test]
async fn keys_are_found_by_name_and_asked_for_again_once_a_minute() {
    let home = Home::new().await;
    let keys = |all: Value| Some(json!({"keys": all}));
    let nameless = json!({"kid": null});
    home.provider.bend(Bent { header: nameless.clone(), ..Bent::default() });
    person(&home.sign_in().await);
    // Of two it could be either.
    let two = keys(json!([home.provider.jwk(), home.provider.other_jwk("two"), {"kty": "new"}]));
    home.provider.bend(Bent { header: nameless, keys: two.clone(), ..Bent::default() });
    home.forget().await;
    home.refuses("no name, several keys", "sso_key_ambiguous").await;
    home.provider.bend(Bent { keys: two, ..Bent::default() });
    person(&home.sign_in().await);
    let before = home.provider.asked_for_keys();
    home.provider.bend(Bent { header: json!({"kid": "three"}), ..Bent::default() });
    for _ in 0..3 {
        home.refuses("an unknown key", "sso_key_unknown").await;
    }
    assert_eq!(home.provider.asked_for_keys(), before, "they were just asked for");
}

#[tokio::test]
async fn a_provider_that_answers_badly_opens_nothing() {
    let home = Home::new().await;
    let token =
        |status, text: &str| Bent { token: Some((status, text.to_owned())), ..Bent::default() };
    for (what, bent, code) in [
        ("the code refused", token(400, r#"{"error":"invalid_grant"}"#), "sso_code_refused"),
        ("the client refused", token(401, "no"), "sso_client_refused"),
        ("the client unknown", token(400, r#"{"error":"invalid_client"}"#), "sso_client_refused"),
        ("out of order", token(503, "later"), "sso_token_refused"),
        ("no JSON", token(200, "<html>"), "sso_token_malformed"),
        ("no ID token", token(200, r#"{"access_token":"a"}"#), "sso_token_malformed"),
        ("not a token", token(200, r#"{"id_token":"a.b"}"#), "sso_token_malformed"),
        ("a huge answer", token(200, &"x".repeat(300 << 10)), "sso_answer_too_large"),
        ("a redirect", token(302, ""), "sso_unreachable"),
        ("silence", Bent { silent: true, ..Bent::default() }, "sso_late"),
    ] {
        home.provider.bend(bent);
        home.refuses(what, code).await;
    }
}

#[tokio::test]
async fn what_comes_back_has_to_belong_to_what_left() {
    let home = Home::new().await;
    let key = &home.house.acme.admin_key;
    let second = home.house.api("POST", ALL, key, Some(new(&home.provider.issuer))).await;
    let second = second.json()["id"].as_str().unwrap().to_owned();
    let bent = |name: &'static str, value: Option<&'static str>| {
        move |all: &mut Vec<(String, String)>| {
            all.retain(|(key, _)| key != name);
            all.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        }
    };
    type Change = Box<dyn Fn(&mut Vec<(String, String)>)>;
    let changes: [(&str, Change, &str); 8] = [
        ("another state", Box::new(bent("state", Some("x"))), "sso_state"),
        ("no state", Box::new(bent("state", None)), "sso_state"),
        (
            "another issuer",
            Box::new(bent("iss", Some("https://evil.example"))),
            "sso_callback_issuer",
        ),
        ("no issuer", Box::new(bent("iss", None)), "sso_callback_issuer"),
        ("an error", Box::new(bent("error", Some("access_denied"))), "sso_provider_refused"),
        ("an error with markup", Box::new(bent("error", Some("<b>"))), "sso_provider_refused"),
        ("no code", Box::new(bent("code", None)), "sso_provider_refused"),
        ("another code", Box::new(bent("code", Some("guessed"))), "sso_code_refused"),
    ];
    for (what, change, code) in changes {
        let left = home.leave().await;
        let mut back = home.provider.authorize(&left.url);
        change(&mut back);
        let answer = home.back(&home.id, &back, Some(&left.cookie), None).await;
        assert!(answer.text.contains(&format!("<code>{code}</code>")), "{what}: {}", answer.text);
        assert!(!answer.text.contains("<b>") || what != "an error with markup");
        assert_eq!(kept(&answer, "probity-session"), "", "{what}");
    }
    // In another browser, at another connection's address, and a second time.
    let left = home.leave().await;
    let back = home.provider.authorize(&left.url);
    for cookie in [None, Some("somebody-else-s")] {
        let answer = home.back(&home.id, &back, cookie, None).await;
        assert!(answer.text.contains("<code>sso_over</code>"), "{}", answer.text);
    }
    let answer = home.back(&second, &back, Some(&left.cookie), None).await;
    assert!(answer.text.contains("<code>sso_connection</code>"), "{}", answer.text);
    let answer = home.back(&home.id, &back, Some(&left.cookie), None).await;
    assert!(answer.text.contains("<code>sso_over</code>"), "{}", answer.text);
    let left = home.leave().await;
    let back = home.provider.authorize(&left.url);
    person(&home.back(&home.id, &back, Some(&left.cookie), None).await);
    let answer = home.back(&home.id, &back, Some(&left.cookie), None).await;
    assert!(answer.text.contains("<code>sso_over</code>"), "{}", answer.text);
    // The same subject by another connection is somebody else.
    let left = left_by(&home, &second).await;
    let back = home.provider.authorize(&left.url);
    let answer = home.back(&second, &back, Some(&left.cookie), None).await;
    assert!(answer.text.contains("<code>sso_unknown</code>"), "{}", answer.text);
}

async fn left_by(home: &Home, connection: &str) -> Left {
    left(&home.house.post(&format!("/sign-in/sso/{connection}"), &[], None).await)
}

#[tokio::test]
async fn the_test_says_what_is_wrong_with_a_connection() {
    let home = Home::new().await;
    let key = &home.house.acme.admin_key;
    let test = async |id: &str| {
        let answer = home.house.api("POST", &format!("{ALL}/{id}/test"), key, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()["code"].as_str().unwrap_or("passed").to_owned()
    };
    assert_eq!(test(&home.id).await, "passed");
    let metadata = |metadata| Bent { metadata, ..Bent::default() };
    let keys = |all| Bent { keys: Some(all), ..Bent::default() };
    for (bent, code) in [
        (metadata(json!({"issuer": "https://evil.example"})), "sso_issuer_mismatch"),
        (metadata(json!({"jwks_uri": null})), "sso_discovery_malformed"),
        (metadata(json!({"token_endpoint": "file:///etc/passwd"})), "sso_address"),
        (metadata(json!({"jwks_uri": "http://169.254.169.254/keys"})), "sso_address"),
        (
            metadata(json!({"token_endpoint_auth_methods_supported": ["client_secret_post"]})),
            "passed",
        ),
        (keys(json!({"keys": []})), "sso_keys_missing"),
        (keys(json!({"keys": [{"kty": "oct", "k": "c2VjcmV0"}]})), "sso_keys_missing"),
        (keys(json!([])), "sso_keys_refused"),
    ] {
        home.provider.bend(bent);
        assert_eq!(test(&home.id).await, code);
    }
    home.provider.bend(Bent::default());
    let path = format!("{ALL}/{}", home.id);
    home.house.api("PATCH", &path, key, Some(json!({"client_secret": "another"}))).await;
    assert_eq!(test(&home.id).await, "sso_client_refused");
    for (issuer, code) in [
        (format!("{}/elsewhere", home.provider.issuer), "sso_discovery_refused"),
        ("http://127.0.0.1:9".to_owned(), "sso_unreachable"),
    ] {
        let made = home.house.api("POST", ALL, key, Some(new(&issuer))).await.json();
        assert_eq!(test(made["id"].as_str().unwrap()).await, code);
    }
    let shown = home
        .house
        .post(&format!("/o/acme/sign-on/{}/test", home.id), &[], Some(&home.house.owner))
        .await;
    assert!(shown.text.contains("refuses the client id or the secret"), "{}", shown.text);
}

#[tokio::test]
async fn an_invitation_is_accepted_with_a_connection_of_its_own_organization() {
    let home = Home::new().await;
    let key = &home.house.acme.admin_key;
    home.provider.bend(Bent { claims: json!({"sub": "nora"}), ..Bent::default() });
    let invite = async |scope, email: &str| {
        home.house.identity.invitation_create(scope, email, OrgRole::Member).await.unwrap().token
    };
    let join = async |token: &Secret<String>| {
        let path = format!("/invitations/{}/sso/{}", token.expose(), home.id);
        let left = left(&home.house.post(&path, &[("join_name", "Nora")], None).await);
        let back = home.provider.authorize(&left.url);
        home.back(&home.id, &back, Some(&left.cookie), None).await
    };
    let foreign = invite(&home.house.other.scope, "nora@acme.example").await;
    let answer = join(&foreign).await;
    assert!(answer.text.contains("<code>sso_other_organization</code>"), "{}", answer.text);
    // An address that has an account is not enough to be its owner.
    let taken = invite(&home.house.acme.scope, "owner@acme.example").await;
    let answer = join(&taken).await;
    assert!(answer.text.contains("<code>email_taken</code>"), "{}", answer.text);
    let token = invite(&home.house.acme.scope, "nora@acme.example").await;
    let page = home.house.get(&format!("/invitations/{}", token.expose()), None).await;
    assert!(page.text.contains("Join with Acme account"), "{}", page.text);
    let answer = join(&token).await;
    assert_eq!(answer.location(), "/o/acme?done=joined", "{}", answer.text);
    let nora = person(&answer);
    let account = home.house.get("/account", Some(&nora)).await;
    assert!(account.text.contains("nora@acme.example") && account.text.contains("Unlink"));
    person(&home.sign_in().await);
    // Whoever runs the provider must not make the account their own.
    let answer = home.house.post("/account/password", &[("password", PASSWORD)], Some(&nora)).await;
    assert!(answer.text.contains("not enough for this"), "{}", answer.text);
    // There is no other way into this account.
    let path = format!("/account/identities/unlink/{}", home.id);
    let answer = home.house.post(&path, &[], Some(&nora)).await;
    assert!(answer.text.contains("the only way to sign in"), "{}", answer.text);
    // Switched off, the connection opens nothing and what it opened is over.
    let one = format!("{ALL}/{}", home.id);
    home.house.api("PATCH", &one, key, Some(json!({"enabled": false}))).await;
    assert_eq!(home.house.get("/account", Some(&nora)).await.status, StatusCode::UNAUTHORIZED);
    let path = format!("/sign-in/sso/{}", home.id);
    assert_eq!(home.house.post(&path, &[], None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(home.house.get(&path, None).await.status, StatusCode::NOT_FOUND);
    home.house.api("PATCH", &one, key, Some(json!({"enabled": true}))).await;
    person(&home.sign_in().await);
    home.house.api("DELETE", &one, key, None).await;
    let id: ConnectionId = home.id.parse().unwrap();
    assert_eq!(
        home.house.get(&format!("/sign-in/sso/{id}"), None).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn linking_takes_the_password_and_the_same_person() {
    let home = Home::new().await;
    home.provider.bend(Bent { claims: json!({"sub": "ada"}), ..Bent::default() });
    let ada = home.house.newcomer("ada@acme.example", OrgRole::Member).await;
    let path = format!("/account/identities/{}/link", home.id);
    let answer =
        home.house.post(&path, &[("link_password", "wrong wrong wrong")], Some(&ada)).await;
    assert!(answer.text.contains("The password is wrong"), "{}", answer.text);
    let begun = left(&home.house.post(&path, &[("link_password", PASSWORD)], Some(&ada)).await);
    let back = home.provider.authorize(&begun.url);
    for who in [None, Some(&home.bo)] {
        let begun = left(&home.house.post(&path, &[("link_password", PASSWORD)], Some(&ada)).await);
        let back = home.provider.authorize(&begun.url);
        let answer = home.back(&home.id, &back, Some(&begun.cookie), who).await;
        assert!(answer.text.contains("<code>sso_other_account</code>"), "{}", answer.text);
    }
    drop(back);
    // Whom the provider means by that name is somebody else's already.
    home.provider.bend(Bent::default());
    let answer = home.link(&ada).await;
    assert!(answer.text.contains("<code>identity_taken</code>"), "{}", answer.text);
    let stranger =
        home.house.post(&path, &[("link_password", PASSWORD)], Some(&home.house.stranger)).await;
    assert_eq!(stranger.status, StatusCode::NOT_FOUND, "no organization of theirs offers it");
}

#[tokio::test]
async fn an_organization_is_found_by_its_short_name_and_nobody_else_is() {
    let home = Home::new().await;
    let found = home.house.get("/sign-in/sso?organization=Acme", None).await;
    assert!(found.text.contains("Sign in with Acme account"), "{}", found.text);
    for slug in ["other", "nowhere", "bo@acme.example", "%3Cb%3E"] {
        let page = home.house.get(&format!("/sign-in/sso?organization={slug}"), None).await;
        assert!(page.text.contains("There is no organization"), "{slug}: {}", page.text);
        assert!(!page.text.contains("<b>"));
    }
    let foreign = &home.house.other.admin_key;
    let one = format!("{ALL}/{}", home.id);
    for (method, path) in
        [("GET", one.clone()), ("DELETE", one.clone()), ("POST", format!("{one}/test"))]
    {
        assert_eq!(
            home.house.api(method, &path, foreign, None).await.status,
            StatusCode::NOT_FOUND
        );
    }
}
