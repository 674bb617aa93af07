//! Where usage goes: by model, provider, region, project and key, on the page, by API and as a file.

use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use crate::house::House;

async fn asked(house: &House, model: &str) {
    let body =
        json!({"model": model, "messages": [{"role": "user", "content": "three quiet words"}]});
    let request = Request::post("/v1/chat/completions")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {}", house.acme.key))
        .body(Body::from(body.to_string()))
        .unwrap();
    assert_eq!(house.send(request).await.status, StatusCode::OK);
}

async fn listed(house: &House, path: &str) -> Vec<Value> {
    let answer = house.api("GET", path, &house.acme.admin_key, None).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    answer.json()["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn usage_is_told_apart_by_everything_it_is_paid_for() {
    let house = House::new().await;
    for model in ["sandbox-echo", "sandbox-echo", "sandbox-tools"] {
        asked(&house, model).await;
    }
    house.store.drain().await.unwrap();
    let of = |rows: &[Value]| -> Vec<(String, u64)> {
        let mut all: Vec<_> = rows
            .iter()
            .map(|row| (row["of"].as_str().unwrap().to_owned(), row["requests"].as_u64().unwrap()))
            .collect();
        all.sort();
        all
    };
    let project = house.acme.project.id.to_string();
    for (by, groups) in [
        ("model", vec![("sandbox-echo", 2), ("sandbox-tools", 1)]),
        ("provider", vec![(house.acme.provider.as_str(), 3)]),
        ("region", vec![("", 3)]),
        ("project", vec![(project.as_str(), 3)]),
        ("key", vec![(house.acme.key_id.as_str(), 3)]),
    ] {
        let groups: Vec<_> =
            groups.into_iter().map(|(of, number)| (of.to_owned(), number)).collect();
        let sums = listed(&house, &format!("/api/v1/usage/breakdown?by={by}")).await;
        assert_eq!(of(&sums), groups, "{by}");
        for step in ["day", "hour"] {
            let steps = listed(&house, &format!("/api/v1/usage/series?by={by}&step={step}")).await;
            let sum: u64 = steps.iter().map(|row| row["requests"].as_u64().unwrap()).sum();
            assert_eq!(sum, 3, "{by} {step}: {steps:?}");
        }
        let page = house.get(&format!("/o/acme/usage?by={by}"), Some(&house.owner)).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text);
        assert!(page.text.contains("Where it goes"), "{by}: {}", page.text);
    }
    for (query, number) in [
        ("model=sandbox-tools".to_owned(), 1),
        (format!("provider={}", house.acme.provider), 3),
        (format!("key={}", house.acme.key_id), 3),
        ("region=EU".to_owned(), 0),
    ] {
        assert_eq!(
            listed(&house, &format!("/api/v1/usage?{query}")).await.len(),
            number,
            "{query}"
        );
        let file = house.get(&format!("/o/acme/usage.csv?{query}"), Some(&house.owner)).await;
        assert_eq!(file.text.lines().count(), number + 1, "{query}: {}", file.text);
        assert!(file.text.starts_with("request,started,project,key,model,"), "{}", file.text);
    }
    for wrong in ["breakdown?by=colour", "series?step=week"] {
        let path = format!("/api/v1/usage/{wrong}");
        let answer = house.api("GET", &path, &house.acme.admin_key, None).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
    }
    let path = format!("/api/v1/usage?provider={}", house.acme.provider);
    let foreign = house.api("GET", &path, &house.other.admin_key, None).await;
    assert_eq!(foreign.json()["data"], json!([]), "another's provider has nothing here");
}

/// More rows than one page of the database has.
#[tokio::test]
async fn a_file_has_every_request() {
    let house = House::new().await;
    for _ in 0..501 {
        asked(&house, "sandbox-echo").await;
    }
    house.store.drain().await.unwrap();
    let file = house.get("/o/acme/usage.csv", Some(&house.owner)).await;
    assert_eq!(file.text.lines().count(), 502);
    let ids: std::collections::HashSet<_> =
        file.text.lines().filter_map(|line| line.split(',').next()).collect();
    assert_eq!(ids.len(), 502, "each once");
}
