//! Headers, errors, cookies, the API description, events.

use axum::body::Body;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::house::House;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

#[tokio::test]
async fn every_answer_carries_the_same_protection() {
    let house = House::new().await;
    for path in [
        "/sign-in",
        "/trust",
        "/trust.json",
        "/healthz",
        "/nowhere",
        "/o/acme",
        "/api/v1/keys",
        "/api/nowhere",
    ] {
        let answer = house.get(path, None).await;
        assert_eq!(answer.header("content-security-policy"), POLICY, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{path}");
        assert!(answer.header("x-request-id").starts_with("req_"), "{path}");
        assert!(
            answer.header("strict-transport-security").is_empty(),
            "plain HTTP says nothing of TLS"
        );
    }
    let answer = house.get("/o/acme", Some(&house.owner)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("cache-control"), "no-store");
    let asset = house.get(web::assets::path("app.css"), None).await;
    assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(asset.header("content-type"), "text/css; charset=utf-8");
}

#[tokio::test]
async fn an_error_is_said_in_the_asker_s_form() {
    let house = House::new().await;
    let page = house.get("/o/absent", Some(&house.owner)).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.text.contains("<h1>There is no such page</h1>"));
    let problem = house.api("GET", "/api/v1/nothing", &house.acme.admin_key, None).await;
    assert_eq!(problem.status, StatusCode::NOT_FOUND);
    assert_eq!(problem.header("content-type"), "application/problem+json");
    let mut said = problem.json();
    assert!(said["request"].as_str().unwrap().starts_with("req_"));
    said["request"] = Value::Null;
    let expected = json!({
        "type": "about:blank", "title": "Not Found", "status": 404,
        "detail": "No such page.", "code": "not_found", "request": null,
    });
    assert_eq!(said, expected);
    let method = house.api("DELETE", "/api/v1/usage", &house.acme.admin_key, None).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(method.json()["code"], "method_not_allowed");
}

#[tokio::test]
async fn what_was_sent_is_never_quoted() {
    let house = House::new().await;
    for (path, body) in [
        ("/api/v1/providers", json!({"catalog": "custom", "secret": {"nested": "sk-topsecret"}})),
        ("/api/v1/providers", json!({"catalog": "custom", "sk-topsecret": 1})),
        ("/api/v1/keys", json!({"name": ["sk-topsecret"]})),
    ] {
        let answer = house.api("POST", path, &house.acme.admin_key, Some(body)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["code"], "invalid_json");
        assert!(!answer.text.contains("topsecret"), "{}", answer.text);
    }
}

#[tokio::test]
async fn metrics_are_for_this_machine_only() {
    let house = House::new().await;
    for (peer, status) in [("127.0.0.1", 200), ("::1", 200), ("192.0.2.1", 404)] {
        let peer = web::Peer(peer.parse().unwrap());
        let request = Request::get("/metrics").header("x-forwarded-for", "127.0.0.1");
        let request = request.extension(peer).body(Body::empty()).unwrap();
        assert_eq!(house.send(request).await.status.as_u16(), status, "{peer:?}");
    }
    assert_eq!(house.get("/metrics", None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.get("/healthz", None).await.text, "ok\n");
    assert_eq!(house.get("/readyz", None).await.text, "ready\n");
    house.closing.cancel();
    assert_eq!(house.get("/readyz", None).await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn the_description_covers_every_endpoint_and_resolves() {
    let house = House::new().await;
    let document = house.get("/api/openapi.json", None).await.json();
    assert_eq!(document["openapi"], "3.1.0");
    for route in web::route_table().iter().filter(|route| route.surface == web::Surface::Api) {
        let described = &document["paths"][route.path][route.method.to_lowercase()];
        assert!(described["summary"].is_string(), "{} {}", route.method, route.path);
        assert_eq!(described["x-permission"], route.permission.as_str());
        let public = route.permission == domain::Permission::Public;
        assert_eq!(described["security"].is_null(), public, "{} {}", route.method, route.path);
    }
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 40);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                found.push(reference.clone());
            }
            map.values().for_each(|value| collect(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn events_start_with_what_is_known_and_end_with_the_server() {
    let house = House::new().await;
    let request = Request::get("/trust/events").body(Body::empty()).unwrap();
    let answer = house.router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "text/event-stream");
    let mut body = answer.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let first = String::from_utf8(first.to_vec()).unwrap();
    assert!(first.contains("event: current") && first.contains("headline"), "{first}");
    house.closing.cancel();
    assert!(body.frame().await.is_none(), "the stream ends when the server stops");
}

async fn bundle(house: &House) -> bytes::Bytes {
    let request = Request::get("/trust/bundle").body(Body::empty()).unwrap();
    let answer = house.router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/x-tar");
    answer.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn the_public_documents_stand_without_signing_in() {
    let house = House::new().await;
    let trust = house.get("/trust", None).await;
    assert_eq!(trust.status, StatusCode::OK);
    assert!(trust.text.contains("coming soon"));
    assert!(trust.text.contains("id=\"GW-01\""));
    let json = house.get("/trust.json", None).await;
    assert_eq!(json.header("access-control-allow-origin"), "*");
    assert!(json.json()["signed"]["payload"].is_string());
    house.store.drain().await.unwrap();
    let bundle = bundle(&house).await;
    let root = house.store.log_fingerprint().unwrap();
    assert!(trust.text.contains(&root), "the page says which fingerprint to compare");
    // Nothing was registered in this log, so the snapshot has no key: the verifier reads it and says so.
    let report = trust::bundle::verify(&bundle, Some(&root)).unwrap();
    let wrong: Vec<_> = report.checks.iter().filter(|check| !check.ok).collect();
    assert!(!report.ok && wrong.iter().all(|check| check.name.contains("registered")), "{report}");
    assert_eq!(self::bundle(&house).await, bundle, "for some seconds it is the same for everybody");
    let badge = house.get("/trust/badge.svg", None).await;
    assert_eq!(badge.header("content-type"), "image/svg+xml");
    assert_eq!(badge.header("cross-origin-resource-policy"), "cross-origin");
    assert_eq!(house.get("/subprocessors", None).await.status, StatusCode::OK);
    assert_eq!(house.get("/.well-known/trust.json", None).await.status, StatusCode::OK);
    assert_eq!(house.get("/.well-known/security.txt", None).await.status, StatusCode::NOT_FOUND);
    let config = web::Config {
        security_contact: Some("mailto:security@acme.example".to_owned()),
        ..web::Config::default()
    };
    let contacted = House::with(config).await.get("/.well-known/security.txt", None).await;
    assert!(contacted.text.starts_with("Contact: mailto:security@acme.example\nExpires: 20"));
    let safe = house.get("/safe", Some(&house.owner)).await;
    let digest =
        trust.text.split("Snapshot</dt><dd><code>").nth(1).unwrap().split('<').next().unwrap();
    assert!(safe.text.contains(digest), "signed in and public show the same snapshot");
}
