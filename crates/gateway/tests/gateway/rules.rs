//! Where requests may go: what rules exclude receives nothing, whatever happens to the others.

use domain::{Protocol, RoutingPolicy, StatedTerms};
use sandbox::{Running, Sandbox};

use crate::house::{FORMATS, House, error_code, events, quick, request, script};

const MODEL: &str = "sandbox-echo";
const FAILING: &str = "sandbox-error-500";

fn only<const N: usize>(regions: [&str; N]) -> RoutingPolicy {
    let regions = Some(regions.map(str::to_owned).into());
    RoutingPolicy { regions, ..RoutingPolicy::default() }
}

fn received(twin: &Running) -> u64 {
    twin.inspector().counters().requests
}

/// One server in the Union (the house's twin), one in the United States.
async fn two_places() -> (House, Running) {
    let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), script()).await.unwrap();
    let far = Sandbox::start(([127, 0, 0, 1], 0).into(), script()).await.unwrap();
    let house = House::bare(quick(), twin).await;
    let near = house.twin.base_url();
    let own = Some(StatedTerms::OWN);
    // The far one is first in line.
    house.provider_on("us", Protocol::OpenAi, &far.base_url(), &[], ("US", own)).await;
    house.provider_on("de", Protocol::OpenAi, &near, &[], ("DE", own)).await;
    (house, far)
}

#[tokio::test]
async fn only_allowed_regions_are_asked() {
    let (house, far) = two_places().await;
    let model = format!("sandbox/{MODEL}");
    let told = house.ask(FORMATS[0], &request(&model, false)).await;
    assert_eq!((told.status, told.header("x-probity-provider")), (200, "us"), "no rules yet");
    assert_eq!(received(&far), 1);

    house.rules(false, &only(["EU"])).await;
    for stream in [false, true] {
        let told = house.ask(FORMATS[0], &request(&model, stream)).await;
        assert_eq!((told.status, told.header("x-probity-provider")), (200, "de"), "{}", told.text);
        assert_eq!(told.header("x-probity-region"), "DE");
    }
    assert_eq!(received(&far), 1);
    let receipt = house.receipt().await;
    assert_eq!(receipt["excluded"][0]["name"], "us");
    assert_eq!(receipt["excluded"][0]["reason"], "region");
    assert_eq!(receipt["candidates"][0]["terms"], "stated");
}

/// With every allowed provider down the request fails and says why; nothing leaves for elsewhere.
#[tokio::test]
async fn failure_does_not_bend_the_rules() {
    let (house, far) = two_places().await;
    house.rules(false, &only(["EU"])).await;
    let model = format!("sandbox/{FAILING}");
    // Enough failures to open the circuit, and some after that.
    for round in 0..12 {
        for format in FORMATS {
            for stream in [false, true] {
                let told = house.ask(format, &request(&model, stream)).await;
                assert!(told.status >= 500, "{round}: {}", told.text);
                assert!(told.text.contains("the rules of your organization"), "{}", told.text);
                let said = told.json();
                let told_at_all = said["error"].is_object()
                    || said["code"].is_string()
                    || !events(&told.text).is_empty();
                assert!(told_at_all);
            }
        }
    }
    assert_eq!(received(&far), 0);
    assert!(received(&house.twin) > 10);
}

#[tokio::test]
async fn a_model_that_nobody_allowed_serves_is_refused_with_the_reasons() {
    let (house, far) = two_places().await;
    house.rules(false, &only(["CH"])).await;
    for format in FORMATS {
        let told = house.ask(format, &request(&format!("sandbox/{MODEL}"), true)).await;
        assert_eq!(told.status, 403, "{}", told.text);
        assert_eq!(error_code(format, &told.json()), "no_allowed_provider");
        assert!(told.text.contains("us is outside the allowed regions"), "{}", told.text);
        assert!(told.text.contains("de is outside the allowed regions"), "{}", told.text);
        let told = house.ask(format, &request(&format!("us/{MODEL}"), false)).await;
        assert_eq!(told.status, 403, "naming a provider does not help");
    }
    assert_eq!((received(&far), received(&house.twin)), (0, 0));
    assert!(house.usage().await.is_empty());
}

#[tokio::test]
async fn a_project_narrows_and_cannot_widen() {
    let (house, far) = two_places().await;
    let model = format!("sandbox/{MODEL}");
    house.rules(true, &only(["DE"])).await;
    let told = house.ask(FORMATS[0], &request(&model, false)).await;
    assert_eq!(told.header("x-probity-provider"), "de");
    house.rules(false, &only(["US"])).await;
    let told = house.ask(FORMATS[0], &request(&model, false)).await;
    assert_eq!(told.status, 403, "nothing is both in Germany and in the United States");
    house.rules(true, &only(["US", "DE"])).await;
    let told = house.ask(FORMATS[0], &request(&model, false)).await;
    assert_eq!(told.header("x-probity-provider"), "us");
    assert_eq!(received(&far), 1);
}

#[tokio::test]
async fn what_is_not_known_counts_as_the_worst() {
    let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), script()).await.unwrap();
    let house = House::bare(quick(), twin).await;
    let near = house.twin.base_url();
    let silent = Some(StatedTerms::default());
    house.provider_on("silent", Protocol::OpenAi, &near, &[], ("DE", silent)).await;
    let ask = request(&format!("silent/{MODEL}"), false);
    let told = house.ask(FORMATS[0], &ask).await;
    assert_eq!(told.status, 403, "{}", told.text);
    assert!(told.text.contains("does not say whether it trains"), "{}", told.text);
    house.rules(false, &RoutingPolicy { allow_training: true, ..RoutingPolicy::default() }).await;
    assert_eq!(house.ask(FORMATS[0], &ask).await.status, 200);
    let month = RoutingPolicy {
        allow_training: true,
        max_retention_days: Some(30),
        ..RoutingPolicy::default()
    };
    house.rules(false, &month).await;
    assert_eq!(house.ask(FORMATS[0], &ask).await.status, 403);
}

#[tokio::test]
async fn models_that_may_not_be_used_are_not_listed() {
    let (house, _far) = two_places().await;
    house.rules(false, &only(["CH"])).await;
    let asked = domain::RequestId::new(house.store.clock().now());
    let told = crate::house::read(house.gateway.models(&house.key, FORMATS[0], asked).await).await;
    assert_eq!(told.json()["data"].as_array().unwrap().len(), 0, "{}", told.text);
}
