//! Model calls through the edge, and what becomes visible of them afterwards.

use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use crate::house::{Answer, House};

const WORDS: &str = "lanterns over the harbour";

async fn send(
    house: &House,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    let request = headers
        .iter()
        .fold(Request::post(path), |request, (name, value)| request.header(*name, *value));
    house.send(request.body(body.into()).unwrap()).await
}

fn chat(words: &str) -> String {
    json!({"model": "sandbox-echo", "messages": [{"role": "user", "content": words}]}).to_string()
}

fn messages(words: &str) -> String {
    json!({"model": "sandbox-echo", "max_tokens": 50, "messages": [{"role": "user", "content": words}]}).to_string()
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn both_formats_are_answered_and_recorded_without_content() {
    let house = House::new().await;
    let bearer = format!("Bearer {}", house.acme.key);
    let answer =
        send(&house, "/v1/chat/completions", &[JSON, ("authorization", &bearer)], chat(WORDS))
            .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json()["choices"][0]["message"]["content"], WORDS);
    assert!(answer.header("x-request-id").starts_with("req_"));
    let answer =
        send(&house, "/v1/messages", &[JSON, ("x-api-key", &house.acme.key)], messages(WORDS))
            .await;
    assert_eq!(answer.json()["content"][0]["text"], WORDS);
    house.store.drain().await.unwrap();
    let usage = house.get("/o/acme/usage", Some(&house.owner)).await;
    for expected in ["sandbox-echo", "Twin", "answered", "Requests per day"] {
        assert!(usage.text.contains(expected), "{expected}");
    }
    let api = house.api("GET", "/api/v1/usage", &house.acme.admin_key, None).await;
    assert_eq!(api.json()["data"].as_array().unwrap().len(), 2);
    assert_eq!(api.json()["data"][0]["tokens"]["input"], 4, "whitespace words");
    let csv = house.get("/o/acme/usage.csv", Some(&house.owner)).await;
    assert_eq!(csv.text.lines().count(), 3);
    let request = api.json()["data"][0]["request"].as_str().unwrap().to_owned();
    let receipt = house.get(&format!("/o/acme/usage/{request}"), Some(&house.owner)).await;
    assert_eq!(receipt.status, StatusCode::OK, "{}", receipt.text);
    for page in [&usage, &api, &csv, &receipt] {
        assert!(!page.text.contains("lanterns"), "usage never shows content");
    }
    assert_eq!(
        house.get(&format!("/o/other/usage/{request}"), Some(&house.stranger)).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn the_log_tells_who_made_the_key_and_its_export_verifies() {
    let house = House::new().await;
    house.store.drain().await.unwrap();
    let page = house.get("/o/acme/audit", Some(&house.owner)).await;
    assert!(page.text.contains("created an API key") && page.text.contains("Ope Rator"));
    let filtered = house.get("/o/acme/audit?action=provider.create", Some(&house.owner)).await;
    assert!(
        filtered.text.contains("provider.create</span>")
            && !filtered.text.contains("key.create</span>")
    );
    let list = house.api("GET", "/api/v1/audit?limit=2", &house.acme.admin_key, None).await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 2);
    assert!(list["next"].is_string());
    let request = Request::get("/api/v1/audit/export")
        .header(header::AUTHORIZATION, format!("Bearer {}", house.acme.admin_key))
        .body(Body::empty())
        .unwrap();
    let answer = tower::ServiceExt::oneshot(house.router.clone(), request).await.unwrap();
    let bundle = axum::body::to_bytes(answer.into_body(), 1 << 24).await.unwrap();
    let root = house.store.log_fingerprint().unwrap();
    assert!(ledger::verify(&bundle, Some(&root)).unwrap().ok);
    assert!(page.text.contains(&root), "the page says which fingerprint to pin");
}

#[tokio::test]
async fn models_are_listed_in_the_client_s_shape() {
    let house = House::new().await;
    let openai = house.api("GET", "/v1/models", &house.acme.key, None).await.json();
    assert_eq!(openai["object"], "list");
    let request = Request::get("/v1/models")
        .header("x-api-key", &house.acme.key)
        .header("anthropic-version", "2023-06-01");
    let anthropic = house.send(request.body(Body::empty()).unwrap()).await.json();
    assert_eq!(anthropic["has_more"], false);
    let one = house.api("GET", "/v1/models/sandbox-echo", &house.acme.key, None).await;
    assert_eq!(one.json()["id"], "sandbox-echo");
    let none = house.api("GET", "/v1/models/absent/model", &house.acme.key, None).await;
    assert_eq!(
        (none.status, &none.json()["error"]["code"]),
        (StatusCode::NOT_FOUND, &json!("model_not_found"))
    );
}

/// Status, and the code or type in the client's format.
fn said(answer: &Answer) -> (u16, Value) {
    let error = &answer.json()["error"];
    let code = if error["code"].is_null() { error["type"].clone() } else { error["code"].clone() };
    assert!(!answer.text.contains("lanterns"), "an error never holds content: {}", answer.text);
    (answer.status.as_u16(), code)
}

#[tokio::test]
async fn bad_input_is_refused_in_the_client_s_format() {
    let house = House::with(web::Config { body_bytes: 2_000, ..web::Config::default() }).await;
    let key = house.acme.key.clone();
    let keyed: &[(&str, &str)] = &[JSON, ("x-api-key", &key)];
    let (openai, anthropic) = ("/v1/chat/completions", "/v1/messages");
    let missing = send(&house, openai, &[JSON], chat(WORDS)).await;
    assert_eq!(said(&missing), (401, json!("missing_key")));
    let wrong = send(&house, anthropic, &[JSON, ("x-api-key", "pbk_wrong")], messages(WORDS)).await;
    assert_eq!(said(&wrong), (401, json!("authentication_error")));
    assert_eq!(wrong.json()["type"], "error");
    let kind =
        send(&house, openai, &[("content-type", "text/plain"), ("x-api-key", &key)], chat(WORDS))
            .await;
    assert_eq!(said(&kind), (400, json!("wrong_content_type")));
    let broken = send(&house, anthropic, keyed, format!("{{\"model\": \"{WORDS}")).await;
    assert_eq!(said(&broken), (400, json!("invalid_request_error")));
    let large = send(&house, openai, keyed, chat(&WORDS.repeat(200))).await;
    assert_eq!(said(&large), (413, json!("too_large")));
    let announced = send(
        &house,
        anthropic,
        &[JSON, ("x-api-key", &key), ("content-length", "999999")],
        messages(WORDS),
    )
    .await;
    assert_eq!(said(&announced), (413, json!("request_too_large")));
    let unknown = send(&house, openai, keyed, chat(WORDS).replace("sandbox-echo", "absent")).await;
    assert_eq!(said(&unknown), (404, json!("model_not_found")));
    let endpoint = send(&house, "/v1/completions", keyed, chat(WORDS)).await;
    assert_eq!(said(&endpoint), (404, json!("unknown_endpoint")));
    let count = send(&house, "/v1/messages/count_tokens", keyed, messages(WORDS)).await;
    assert_eq!(count.status, StatusCode::OK, "{}", count.text);
    assert!(count.json()["input_tokens"].as_u64().is_some_and(|tokens| tokens > 0));
    let google = send(&house, openai, &[JSON, ("x-goog-api-key", &key)], chat(WORDS)).await;
    assert_eq!(google.status, StatusCode::OK);
}

#[tokio::test]
async fn masking_is_set_by_programs_and_holds_at_once() {
    let house = House::new().await;
    let (admin, key) = (&house.acme.admin_key, &house.acme.key);
    let ask = || {
        let content = "write to anna@example.com";
        let body =
            json!({"model": "sandbox-echo", "messages": [{"role": "user", "content": content}]});
        house.api("POST", "/v1/chat/completions", key, Some(body))
    };
    let path = format!("/api/v1/projects/{}/masking", house.acme.project.id);
    let unset = house.api("GET", &path, admin, None).await;
    assert_eq!(unset.json()["mode"], "off", "{}", unset.text);
    assert_eq!(ask().await.status, StatusCode::OK);
    let set = house.api("PUT", &path, admin, Some(json!({"mode": "block"}))).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    let refused = ask().await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text);
    assert_eq!(refused.json()["error"]["code"], "personal_data_found");
    let lax = json!({"mode": "mask", "except": ["email"]});
    assert_eq!(house.api("PUT", &path, admin, Some(lax)).await.status, StatusCode::OK);
    assert_eq!(ask().await.status, StatusCode::OK);
    let whole = house.api("PUT", "/api/v1/masking", admin, Some(json!({"mode": "block"}))).await;
    assert_eq!(whole.json()["in_force"]["mode"], "block", "{}", whole.text);
    let kept = house.api("GET", &path, admin, None).await.json();
    assert_eq!((&kept["mode"], &kept["in_force"]["mode"]), (&json!("mask"), &json!("block")));
    assert_eq!(ask().await.status, StatusCode::BAD_REQUEST, "a project cannot be laxer");
    for (wrong, code) in [
        (json!({"mode": "hide"}), "invalid_mode"),
        (json!({"mode": "mask", "except": ["emial"]}), "invalid_kind"),
    ] {
        let refused = house.api("PUT", &path, admin, Some(wrong)).await;
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (StatusCode::BAD_REQUEST, &json!(code))
        );
    }
}

#[tokio::test]
async fn rules_are_set_by_programs_and_hold_at_once() {
    let house = House::new().await;
    let (admin, key) = (&house.acme.admin_key, &house.acme.key);
    let ask = || {
        let body = json!({"model": "sandbox-echo", "messages": [{"role": "user", "content": "x"}]});
        house.api("POST", "/v1/chat/completions", key, Some(body))
    };
    assert_eq!(ask().await.status, StatusCode::OK);
    let path = "/api/v1/routing-policy";
    let set = house.api("PUT", path, admin, Some(json!({"regions": ["EU"]}))).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    assert_eq!(set.json()["providers"][0]["reasons"], json!(["region_unknown"]));
    let refused = ask().await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    assert_eq!(refused.json()["error"]["code"], "no_allowed_provider");
    let wrong = house.api("PUT", path, admin, Some(json!({"regions": ["Europe!"]}))).await;
    assert_eq!(
        (wrong.status, &wrong.json()["code"]),
        (StatusCode::BAD_REQUEST, &json!("invalid_region"))
    );
    let odd = house.api("PUT", path, admin, Some(json!({"region": ["EU"]}))).await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST, "a misspelt rule is no rule");
    let kept = house.api("GET", path, admin, None).await;
    assert_eq!(kept.json()["regions"], json!(["EU"]));
    let of_project = format!("/api/v1/projects/{}/routing-policy", house.acme.project.id);
    assert_eq!(house.api("GET", &of_project, admin, None).await.status, StatusCode::OK);
    assert_eq!(house.api("PUT", path, admin, Some(json!({}))).await.status, StatusCode::OK);
    assert_eq!(ask().await.status, StatusCode::OK);
    let provider =
        house.api("GET", "/api/v1/providers", admin, None).await.json()["data"][0].clone();
    assert_eq!(provider["contract"], "own");
    assert_eq!(provider["contract_until"], json!(null));
}

#[tokio::test]
async fn budgets_are_set_by_programs_and_hold_at_once() {
    let house = House::new().await;
    let (admin, key) = (&house.acme.admin_key, &house.acme.key);
    let path = "/api/v1/budgets";
    let ask = || {
        let body = json!({"model": "sandbox-echo", "messages": [{"role": "user", "content": "x"}]});
        house.api("POST", "/v1/chat/completions", key, Some(body))
    };
    assert_eq!(ask().await.status, StatusCode::OK);
    let new = json!({"project": "website", "period": "day", "limit_nano": 5_000_000_000u64});
    let set = house.api("PUT", path, admin, Some(new)).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    let budget = set.json();
    assert_eq!(budget["project"], json!(house.acme.project.id.to_string()));
    assert_eq!((&budget["spent_nano"], &budget["currency"]), (&json!(0), &json!("USD")));
    // The server of the house has no known price.
    let refused = ask().await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    assert_eq!(refused.json()["error"]["code"], "no_price");
    let each = format!("{path}/{}", budget["id"].as_str().unwrap());
    assert_eq!(house.api("GET", &each, admin, None).await.json(), budget);
    for path in [path.to_owned(), "/api/v1/projects/website/budgets".to_owned()] {
        let listed = house.api("GET", &path, admin, None).await;
        assert_eq!(listed.json()["data"], json!([budget]), "{path}");
    }
    let foreign = &house.other.admin_key;
    assert_eq!(house.api("GET", &each, foreign, None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(house.api("DELETE", &each, foreign, None).await.status, StatusCode::NOT_FOUND);
    let theirs = json!({"key": house.acme.key_id, "period": "day", "limit_nano": 1});
    let stolen = house.api("PUT", path, foreign, Some(theirs)).await;
    assert_eq!(stolen.status, StatusCode::NOT_FOUND, "{}", stolen.text);
    for (new, code) in [
        (json!({"period": "week", "limit_nano": 1}), "invalid_period"),
        (json!({"period": "day", "limit_nano": u64::MAX}), "invalid_budget"),
        (
            json!({"period": "day", "limit_nano": 1, "project": "website", "key": "k"}),
            "invalid_budget",
        ),
        (json!({"period": "day", "limit_nano": 1, "user": "u", "key": "k"}), "invalid_budget"),
    ] {
        let wrong = house.api("PUT", path, admin, Some(new)).await;
        assert_eq!((wrong.status, &wrong.json()["code"]), (StatusCode::BAD_REQUEST, &json!(code)));
    }
    let removed = house.api("DELETE", &each, admin, None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(ask().await.status, StatusCode::OK);
}

#[tokio::test]
async fn members_get_budgets_from_programs() {
    let house = House::new().await;
    let admin = &house.acme.admin_key;
    let path = "/api/v1/budgets";
    let owner = house.acme.scope.actor().user().unwrap().to_string();
    let new = |user: &str| json!({"user": user, "period": "month", "limit_nano": 7_000_000_000u64});
    let set = house.api("PUT", path, admin, Some(new(&owner))).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    let budget = set.json();
    assert_eq!(budget["user"], json!(owner));
    assert_eq!((&budget["project"], &budget["key"]), (&json!(null), &json!(null)));
    let each = format!("{path}/{}", budget["id"].as_str().unwrap());
    assert_eq!(house.api("GET", &each, admin, None).await.json(), budget);
    assert_eq!(house.api("GET", path, admin, None).await.json()["data"], json!([budget]));
    let of_project = house.api("GET", "/api/v1/projects/website/budgets", admin, None).await;
    assert_eq!(of_project.json()["data"], json!([]), "it is no project's");
    // The key was made by the owner, and the server of the house has no known price.
    let body = json!({"model": "sandbox-echo", "messages": [{"role": "user", "content": "x"}]});
    let ask = || house.api("POST", "/v1/chat/completions", &house.acme.key, Some(body.clone()));
    assert_eq!(ask().await.json()["error"]["code"], "no_price");
    let stranger = house.other.scope.actor().user().unwrap().to_string();
    for nobody in [stranger.as_str(), "usr_00000000000000000000000000", "mara"] {
        let refused = house.api("PUT", path, admin, Some(new(nobody))).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{nobody}: {}", refused.text);
    }
    let foreign = &house.other.admin_key;
    let stolen = house.api("PUT", path, foreign, Some(new(&owner))).await;
    assert_eq!(stolen.status, StatusCode::NOT_FOUND, "{}", stolen.text);
    assert_eq!(house.api("GET", &each, foreign, None).await.status, StatusCode::NOT_FOUND);
    let removed = house.api("DELETE", &each, admin, None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(ask().await.status, StatusCode::OK);
}

#[tokio::test]
async fn limits_are_set_by_programs_and_hold_at_once() {
    let house = House::new().await;
    let (admin, key) = (&house.acme.admin_key, &house.acme.key);
    let path = "/api/v1/limits";
    let ask = || {
        let body = json!({"model": "sandbox-echo", "messages": [{"role": "user", "content": "x"}]});
        house.api("POST", "/v1/chat/completions", key, Some(body))
    };
    let new = json!({"of": house.acme.key_id, "requests_per_minute": 1});
    let set = house.api("PUT", path, admin, Some(new)).await;
    assert_eq!(set.json()["keys"][&house.acme.key_id]["requests_per_minute"], json!(1));
    let first = ask().await;
    assert_eq!(first.header("x-ratelimit-remaining-requests"), "0");
    assert_eq!((first.status, ask().await.status), (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS));
    for (new, status) in [
        (json!({"of": "each_key", "concurrent": 0}), StatusCode::BAD_REQUEST),
        (json!({"of": "nobody"}), StatusCode::NOT_FOUND),
        (json!({"of": house.acme.admin_key_id, "concurrent": 1}), StatusCode::NOT_FOUND),
    ] {
        assert_eq!(house.api("PUT", path, admin, Some(new)).await.status, status);
    }
    let theirs = json!({"of": house.acme.key_id, "concurrent": 1});
    let stolen = house.api("PUT", path, &house.other.admin_key, Some(theirs)).await;
    assert_eq!(stolen.status, StatusCode::NOT_FOUND);
    let removed = house.api("PUT", path, admin, Some(json!({"of": house.acme.key_id}))).await;
    assert_eq!(removed.json()["keys"], json!({}));
    assert_eq!(ask().await.status, StatusCode::OK);
}
