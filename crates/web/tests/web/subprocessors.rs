//! The list of sub-processors for everybody, and what an organization decides about it.

use domain::{Catalogue, CatalogueState, OrgRole};
use http::StatusCode;
use sandbox::MODELS;
use serde_json::json;

use crate::house::{House, PRICE};

const MISTRAL: &str = include_str!("../../../../catalog/mistral.toml");
const WATSONX: &str = include_str!("../../../../catalog/watsonx.toml");
const DEEPSEEK: &str = include_str!("../../../../catalog/deepseek.toml");

/// Puts companies in force, announced as a reload announces them.
async fn load(house: &House, more: &[(&str, &str)]) {
    let sandbox = testkit::sandbox_file(MODELS, PRICE);
    let files = [("sandbox", sandbox.as_str())];
    let catalogue = Catalogue::parse(files.iter().chain(more).copied()).unwrap();
    testkit::announce(&house.store, &catalogue).await;
    house.catalogue.replace(catalogue, CatalogueState::default());
    house.store.drain().await.unwrap();
}

#[tokio::test]
async fn the_place_that_gives_tokens_stands_on_the_list() {
    let house = House::new().await;
    load(&house, &[("watsonx", WATSONX)]).await;
    let list = house.get("/subprocessors.json", None).await.json();
    let rows = list["data"].as_array().unwrap();
    let row = rows.iter().find(|row| row["id"] == "watsonx").unwrap();
    let hosts = row["hosts"].as_array().unwrap();
    for host in ["iam.cloud.ibm.com", "eu-de.ml.cloud.ibm.com"] {
        assert!(hosts.contains(&json!(host)), "{row}");
    }
}

#[tokio::test]
async fn the_public_list_names_everybody_with_dates_from_the_log() {
    let house = House::new().await;
    load(&house, &[("mistral", MISTRAL)]).await;
    let list = house.get("/subprocessors.json", None).await;
    assert_eq!(list.header("access-control-allow-origin"), "*");
    let list = list.json();
    assert_eq!(list["notice_days"], 30);
    let entry = &list["data"][0];
    assert_eq!((entry["id"].as_str(), entry["country"].as_str()), (Some("mistral"), Some("FR")));
    assert_eq!(entry["hosts"], json!(["api.mistral.ai"]));
    assert_eq!(entry["in_use"], false);
    assert!(entry["usable_from"].as_str() > entry["announced"].as_str(), "it came later: {entry}");
    let page = house.get("/subprocessors", None).await;
    assert_eq!(page.status, StatusCode::OK);
    let updated = list["updated"].as_str().unwrap();
    let dated = format!("id=\"updated\"><time datetime=\"{updated}\"");
    assert!(page.text.contains(&dated), "the same date as in the list");
    assert!(page.text.contains("Mistral AI SAS") && page.text.contains("Mistral AI was added."));
    assert!(!page.text.contains("Sandbox"), "nobody can use it here");
    let feed = house.get("/subprocessors/feed.json", None).await;
    assert_eq!(feed.header("content-type"), "application/feed+json");
    assert_eq!(feed.json()["items"][0]["_announcement"]["cause"], "added");
    load(&house, &[]).await;
    assert_eq!(house.get("/subprocessors.json", None).await.json()["data"], json!([]));
    let feed = house.get("/subprocessors/feed.json", None).await.json();
    assert_eq!(feed["items"][0]["_announcement"]["cause"], "removed");
}

#[tokio::test]
async fn an_organization_decides_by_form() {
    let house = House::new().await;
    load(&house, &[("mistral", MISTRAL), ("deepseek", DEEPSEEK)]).await;
    let (path, me) = ("/o/acme/subprocessors", Some(&house.owner));
    let page = house.get(path, me).await;
    assert!(page.text.contains("not before") && page.text.contains("Accept early"));
    let say = async |decision, id| {
        let fields = [("subprocessor", id), ("decision", decision)];
        house.post(path, &fields, me).await
    };
    let done = say("accept", "mistral").await;
    assert_eq!(done.location(), "/o/acme/subprocessors?done=subprocessor");
    let page = house.get(path, me).await;
    assert!(page.text.contains("may be used") && page.text.contains("accepted on"));
    say("object", "deepseek").await;
    assert!(house.get(path, me).await.text.contains("objected on"));
    say("withdraw", "deepseek").await;
    assert!(!house.get(path, me).await.text.contains("objected on"));
    assert_eq!(say("accept", "nobody").await.status, StatusCode::NOT_FOUND);
    assert_eq!(say("shrug", "mistral").await.status, StatusCode::BAD_REQUEST);
    let member = house.member("reads@acme.example", OrgRole::Member, None).await;
    let page = house.get(path, Some(&member)).await;
    assert!(page.status == StatusCode::OK && !page.text.contains("Accept early"));
    let fields = [("subprocessor", "mistral"), ("decision", "object")];
    assert_eq!(house.post(path, &fields, Some(&member)).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_organization_decides_by_api() {
    let house = House::new().await;
    load(&house, &[("mistral", MISTRAL)]).await;
    let (path, key) = ("/api/v1/subprocessors", house.acme.admin_key.clone());
    let mistral = async || {
        let listed = house.api("GET", path, &key, None).await.json();
        let all = listed["data"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["id"] == "mistral").unwrap()
    };
    assert_eq!(mistral().await["state"], "notice_period");
    let body = |decision: &str| Some(json!({"id": "mistral", "decision": decision}));
    let put = house.api("PUT", path, &key, body("accepted")).await;
    assert_eq!(put.status, StatusCode::NO_CONTENT, "{}", put.text);
    let known = mistral().await;
    assert_eq!(
        (known["state"].as_str(), known["decision"].as_str()),
        (Some("open"), Some("accepted"))
    );
    house.api("PUT", path, &key, body("objected")).await;
    assert_eq!(mistral().await["state"], "objected");
    let gone = house.api("DELETE", &format!("{path}?id=mistral"), &key, None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(mistral().await["state"], "notice_period");
    let again = house.api("DELETE", &format!("{path}?id=mistral"), &key, None).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    let wrong = house.api("PUT", path, &key, body("perhaps")).await;
    assert_eq!(wrong.json()["code"], "invalid_decision");
}
