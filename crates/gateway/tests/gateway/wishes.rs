//! What a request wishes of its provider, in OpenRouter's words.

use domain::{Protocol, RoutingPolicy, StatedTerms};
use serde_json::{Value, json};

use crate::house::{FORMATS, House, error_code, request};

const MODEL: &str = "sandbox/sandbox-echo";

fn wishing(provider: Value) -> Value {
    let mut ask = request(MODEL, false);
    ask["provider"] = provider;
    ask
}

/// Who answers a request with these wishes; the code of the error when nobody does.
async fn answers(house: &House, wishes: Value) -> String {
    let told = house.ask(FORMATS[0], &wishing(wishes)).await;
    match told.status {
        200 => told.header("x-probity-provider").to_owned(),
        _ => error_code(FORMATS[0], &told.json()),
    }
}

#[tokio::test]
async fn wishes_choose_among_providers() {
    let house = House::new().await;
    assert_eq!(answers(&house, json!({})).await, "open");
    assert_eq!(answers(&house, json!({"order": ["ANTH"]})).await, "anth");
    assert_eq!(answers(&house, json!({"only": ["resp", "anth"]})).await, "anth");
    assert_eq!(answers(&house, json!({"ignore": ["open"]})).await, "anth");
    assert_eq!(answers(&house, json!({"only": ["nobody"]})).await, "no_matching_provider");
    let receipt = house.receipt().await;
    assert_eq!(receipt["excluded"][0]["reason"], "not_wished");
    assert_eq!(answers(&house, json!({"quantizations": ["fp8"]})).await, "unsupported_parameter");
    let price = json!({"max_price": {"prompt": 0.5}});
    assert_eq!(answers(&house, price).await, "no_matching_provider");
    let price = json!({"only": ["open"], "max_price": {"prompt": 1}});
    assert_eq!(answers(&house, price).await, "open");
    for (sort, dropped) in [("throughput", ""), ("luck", "provider.sort")] {
        let told = house.ask(FORMATS[0], &wishing(json!({"sort": sort}))).await;
        assert_eq!(told.header("x-probity-dropped"), dropped);
    }
    for seen in house.twin.inspector().requests() {
        assert!(seen.json().get("provider").is_none(), "it stays here");
    }
}

#[tokio::test]
async fn without_fallbacks_only_the_first_is_asked() {
    let house = House::new().await;
    let mut ask = request("sandbox/sandbox-error-500", false);
    ask["provider"] = json!({"allow_fallbacks": false});
    assert_eq!(house.ask(FORMATS[0], &ask).await.status, 500);
    let receipt = house.receipt().await;
    assert_eq!(receipt["candidates"].as_array().unwrap().len(), 1, "{receipt}");
    ask["provider"] = json!({"order": ["anth", "resp"], "allow_fallbacks": false});
    house.ask(FORMATS[0], &ask).await;
    let receipt = house.receipt().await;
    let names: Vec<_> =
        receipt["candidates"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["anth", "resp"]);
}

#[tokio::test]
async fn wishes_about_terms_narrow_what_rules_allow() {
    let house = House::new().await;
    let base = house.twin.base_url();
    let keeps = Some(StatedTerms { trains: Some(false), retention_days: Some(30) });
    let trains = Some(StatedTerms { trains: Some(true), retention_days: Some(0) });
    house.provider_on("keeps", Protocol::OpenAi, &base, &[], ("DE", keeps)).await;
    house.provider_on("trains", Protocol::OpenAi, &base, &[], ("DE", trains)).await;
    let open = RoutingPolicy { allow_training: true, ..RoutingPolicy::default() };
    house.rules(false, &open).await;
    let only = |name: &str, more: Value| {
        let mut wishes = json!({"only": [name]});
        wishes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        wishes
    };
    let none = "no_matching_provider";
    assert_eq!(answers(&house, only("keeps", json!({}))).await, "keeps");
    assert_eq!(answers(&house, only("keeps", json!({"zdr": true}))).await, none);
    assert_eq!(answers(&house, only("keeps", json!({"data_collection": "deny"}))).await, "keeps");
    assert_eq!(answers(&house, only("trains", json!({"zdr": true}))).await, "trains");
    assert_eq!(answers(&house, only("trains", json!({"data_collection": "deny"}))).await, none);
    house.rules(false, &RoutingPolicy::default()).await;
    assert_eq!(answers(&house, only("trains", json!({}))).await, none);
    let told = house.ask(FORMATS[0], &wishing(only("trains", json!({})))).await;
    assert!(told.text.contains("excluded by the rules"), "{}", told.text);
}
