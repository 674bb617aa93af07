//! Tokens that end, are taken back, or are not given.

use std::time::Duration;

use domain::Clock;
use futures::future::join_all;
use sandbox::{Sandbox, Script};

use crate::{
    house::{FORMATS, House, PROMPT, error_code, quick, request, script},
    tokens::{IBM_KEY, add, credential, house_at, house_of},
};

const ECHO: &str = "cloud/sandbox-echo";

async fn ok(house: &House) {
    let told = house.ask(FORMATS[0], &request(ECHO, false)).await;
    assert_eq!(told.status, 200, "{}", told.text);
}

#[tokio::test]
async fn many_at_once_ask_for_one_token() {
    let late = Script { token_late: Duration::from_millis(30), ..script() };
    let house = house_of("watsonx", late).await;
    join_all((0..20).map(|_| ok(&house))).await;
    assert_eq!(house.twin.inspector().tokens_given(), 1);
}

#[tokio::test]
async fn a_token_is_renewed_before_its_end_by_one() {
    let clock = Clock::frozen(Clock::system().now());
    let house = house_at("watsonx", script(), clock.clone()).await;
    let given = || house.twin.inspector().tokens_given();
    ok(&house).await;
    clock.advance(Duration::from_secs(3200));
    ok(&house).await;
    assert_eq!(given(), 1, "still good for a while");
    // Less than five minutes are left.
    clock.advance(Duration::from_secs(150));
    join_all((0..20).map(|_| ok(&house))).await;
    assert_eq!(given(), 2, "one asked for all");
    clock.advance(Duration::from_secs(4000));
    join_all((0..20).map(|_| ok(&house))).await;
    assert_eq!(given(), 3);
}

#[tokio::test]
async fn a_token_that_is_no_longer_taken_is_renewed_and_the_request_sent_once_more() {
    let clock = Clock::frozen(Clock::system().now());
    let house = house_at("azure", script(), clock.clone()).await;
    ok(&house).await;
    house.twin.inspector().forget_tokens();
    clock.advance(Duration::from_secs(10));
    ok(&house).await;
    assert_eq!(house.twin.inspector().tokens_given(), 2);
    let receipt = house.receipt().await;
    assert_eq!(receipt["attempts"].as_array().unwrap().len(), 1, "{receipt}");
    // The model itself refuses, whatever is shown: once more and no further, and not with every request.
    clock.advance(Duration::from_secs(10));
    for requests in [3, 1] {
        let before = house.twin.inspector().counters().requests;
        let told = house.ask(FORMATS[0], &request("cloud/sandbox-error-401", false)).await;
        assert_eq!(told.status, 401, "{}", told.text);
        assert_eq!(house.twin.inspector().counters().requests - before, requests);
    }
}

#[tokio::test]
async fn a_credential_that_is_refused_is_a_failure_of_its_route() {
    for catalog in ["vertex", "watsonx", "azure"] {
        let (grants, _) = credential(catalog);
        let twin = Script { grants: Some(grants), ..script() };
        let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), twin).await.unwrap();
        let house = House::bare(quick(), twin).await;
        // Another one of the same kind.
        let wrong = match catalog {
            "watsonx" => "wrong-key-98765:project-1".to_owned(),
            "azure" => "acme.onmicrosoft.com:client-1:wrong-key-98765".to_owned(),
            _ => credential(catalog).1,
        };
        add(&house, catalog, &wrong).await;
        let told = house.ask(FORMATS[0], &request(ECHO, false)).await;
        assert_eq!(told.status, 401, "{catalog}: {}", told.text);
        assert!(!told.text.contains("wrong-key") && !told.text.contains(PROMPT), "{}", told.text);
        let receipt = house.receipt().await;
        assert_eq!(receipt["attempts"][0]["outcome"], "token_refused", "{receipt}");
        assert!(!receipt.to_string().contains("wrong-key"), "{receipt}");
        // Nobody hammers at a closed door.
        let before = house.twin.inspector().counters().requests;
        house.ask(FORMATS[0], &request(ECHO, false)).await;
        assert_eq!(house.twin.inspector().counters().requests, before, "{catalog}");
    }
}

#[tokio::test]
async fn where_no_token_is_given_another_provider_is_asked() {
    let down = Script { token_fails: Some(503), ..script() };
    let house = house_of("watsonx", down).await;
    let other = Sandbox::start(([127, 0, 0, 1], 0).into(), script()).await.unwrap();
    let told = house.ask(FORMATS[0], &request(ECHO, false)).await;
    assert_eq!(told.status, 503, "{}", told.text);
    let outcomes = |receipt: &serde_json::Value| -> Vec<String> {
        let all = receipt["attempts"].as_array().unwrap().iter();
        all.map(|one| one["outcome"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(outcomes(&house.receipt().await), ["token_unavailable", "token_unavailable"]);
    // With a second one behind the same name.
    house.provider_at("custom", "cloud", &other).await;
    let told = house.ask(FORMATS[0], &request(ECHO, false)).await;
    assert_eq!(told.status, 200, "{}", told.text);
    other.shutdown().await;
}

#[tokio::test]
async fn a_renewal_that_fails_does_no_harm_while_the_old_token_is_good() {
    let clock = Clock::frozen(Clock::system().now());
    let house = house_at("watsonx", script(), clock.clone()).await;
    ok(&house).await;
    // The place that gives tokens is gone, and the provider is still there.
    house.egress.unregister(&token_destination(&house));
    clock.advance(Duration::from_secs(3400));
    ok(&house).await;
    ok(&house).await;
    // Two seconds before its end it is not used any more.
    clock.advance(Duration::from_secs(197));
    let told = house.ask(FORMATS[0], &request(ECHO, false)).await;
    assert_eq!(told.status, 502, "{}", told.text);
    assert_eq!(error_code(FORMATS[0], &told.json()), "destination_unknown");
}

fn token_destination(house: &House) -> String {
    let all = house.egress.destinations();
    all.iter().map(|one| one.id.clone()).find(|id| id.ends_with("/token")).unwrap()
}

#[tokio::test]
async fn another_credential_is_another_token_and_a_provider_that_is_gone_has_none() {
    let house = house_of("watsonx", script()).await;
    ok(&house).await;
    // Whatever else changes, the token stays.
    house.alias("other", ECHO).await;
    ok(&house).await;
    assert_eq!(house.twin.inspector().tokens_given(), 1);
    let provider = house.usage().await.pop().unwrap();
    let id = provider.provider.unwrap();
    let change = store::ProviderChange {
        secret: Some(domain::Secret::new(format!("{IBM_KEY}:space:space-1"))),
        ..store::ProviderChange::default()
    };
    let mut write = house.store.write(&house.owner).await.unwrap();
    write.provider_change(id, change).await.unwrap();
    write.commit(domain::Event::new(domain::Action::ProviderChange)).await.unwrap();
    ok(&house).await;
    assert_eq!(house.twin.inspector().tokens_given(), 2);
    let seen = house.twin.inspector().requests().pop().unwrap();
    assert_eq!(seen.json()["space_id"], "space-1");
    let mut write = house.store.write(&house.owner).await.unwrap();
    write.provider_remove(id).await.unwrap();
    write.commit(domain::Event::new(domain::Action::ProviderRemove)).await.unwrap();
    let told = house.ask(FORMATS[0], &request(ECHO, false)).await;
    assert_eq!(told.status, 404, "{}", told.text);
    assert!(house.egress.destinations().is_empty(), "nothing of it can be reached");
}

#[tokio::test]
async fn a_slow_exchange_ends_with_the_request() {
    let slow = Script { token_late: Duration::from_secs(20), ..script() };
    let house = house_of("watsonx", slow).await;
    let told = house.ask(FORMATS[0], &request(ECHO, true)).await;
    assert_eq!(told.status, 504, "{}", told.text);
    let receipt = house.receipt().await;
    assert_eq!(receipt["attempts"][0]["outcome"], "token_timeout", "{receipt}");
}
