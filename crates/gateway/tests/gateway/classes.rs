//! Requests that name no model: a kind of work, or an alias with several models.

use domain::RoutingPolicy;
use serde_json::{Value, json};

use crate::house::{FORMATS, House, error_code, quick, request, script};

/// Two companies: one whose models can do more, one that is cheaper.
async fn house() -> House {
    let twin = sandbox::Sandbox::start(([127, 0, 0, 1], 0).into(), script()).await.unwrap();
    let house = House::bare(quick(), twin).await;
    for (catalog, name) in [("luxury", "dear"), ("sandbox", "cheap"), ("able", "able")] {
        house.provider_in(catalog, name).await;
    }
    house
}

fn asked(receipt: &Value) -> Vec<(&str, &str)> {
    let candidates = receipt["candidates"].as_array().unwrap();
    candidates
        .iter()
        .map(|one| (one["name"].as_str().unwrap(), one["model"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn a_kind_of_work_is_done_by_whoever_can_do_it() {
    let house = house().await;
    for (class, name) in [("auto/chat", "cheap"), ("auto/code", "able"), ("auto/vision", "able")] {
        for stream in [false, true] {
            let told = house.ask(FORMATS[0], &request(class, stream)).await;
            assert_eq!(
                (told.status, told.header("x-probity-provider")),
                (200, name),
                "{}",
                told.text
            );
            let receipt = house.receipt().await;
            assert_eq!(receipt["requested_model"], class);
            assert!(asked(&receipt).len() <= 12, "{receipt}");
        }
    }
    let told = house.ask(FORMATS[0], &request("auto/poetry", false)).await;
    assert_eq!(
        (told.status, error_code(FORMATS[0], &told.json()).as_str()),
        (404, "model_not_found")
    );
}

#[tokio::test]
async fn the_rules_hold_for_kinds_of_work_as_well() {
    let house = house().await;
    let rules =
        RoutingPolicy { deny_providers: ["able".to_owned()].into(), ..RoutingPolicy::default() };
    house.rules(false, &rules).await;
    let told = house.ask(FORMATS[0], &request("auto/code", false)).await;
    assert_eq!(
        (told.status, error_code(FORMATS[0], &told.json()).as_str()),
        (403, "no_allowed_provider")
    );
    assert_eq!(house.ask(FORMATS[0], &request("auto/chat", false)).await.status, 200);
}

#[tokio::test]
async fn an_alias_may_stand_for_several_models() {
    let house = house().await;
    house.alias("best", "dear/sandbox-cached,able/sandbox-echo,unheard-of").await;
    let told = house.ask(FORMATS[0], &request("best", false)).await;
    assert_eq!(told.status, 200, "{}", told.text);
    let receipt = house.receipt().await;
    let mut asked = asked(&receipt);
    asked.sort_unstable();
    assert_eq!(asked, [("able", "sandbox-echo"), ("dear", "sandbox-cached")]);
    // One that fails leaves the matter to the next, also at the same provider.
    house.alias("tough", "cheap/sandbox-error-500,cheap/sandbox-echo").await;
    let told = house.ask(FORMATS[0], &request("tough", false)).await;
    assert_eq!(told.status, 200, "{}", told.text);
    let receipt = house.receipt().await;
    let outcomes: Vec<_> =
        receipt["attempts"].as_array().unwrap().iter().map(|one| one["outcome"].clone()).collect();
    assert_eq!(outcomes, [json!("upstream_server"), json!("ok")]);
    assert_eq!(house.usage().await.last().unwrap().model, "sandbox-echo");
}

#[tokio::test]
async fn an_image_goes_to_whoever_takes_images() {
    let house = house().await;
    let mut ask = request("sandbox-echo", false);
    assert_eq!(house.ask(FORMATS[0], &ask).await.header("x-probity-provider"), "cheap");
    let image =
        json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}});
    ask["messages"][0]["content"] = json!([{"type": "text", "text": "What is it?"}, image]);
    let told = house.ask(FORMATS[0], &ask).await;
    assert_eq!((told.status, told.header("x-probity-provider")), (200, "able"), "{}", told.text);
    let receipt = house.receipt().await;
    let reasons: Vec<_> =
        receipt["excluded"].as_array().unwrap().iter().map(|one| one["reason"].clone()).collect();
    assert_eq!(reasons, [json!("takes_no_images"), json!("takes_no_images")]);
    // Where nobody is known to take them, the provider has the last word.
    ask["model"] = json!("cheap/sandbox-echo");
    assert_eq!(house.ask(FORMATS[0], &ask).await.header("x-probity-provider"), "cheap");
}
