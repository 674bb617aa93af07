//! What goes wrong with requests that are no conversations.

use std::time::{Duration, Instant};

use domain::{Protocol, Provenance, RoutingPolicy, StatedTerms};
use http_body_util::BodyExt;
use llm::Task;
use sandbox::Sandbox;
use serde_json::{Value, json};

use crate::{
    house::{House, events, quick, read, script},
    tasks::{TEXTS, house},
};

fn embed(model: &str) -> Value {
    json!({"model": model, "input": TEXTS[0]})
}

fn speak(model: &str) -> Value {
    let text = "a purple giraffe whispers";
    json!({"model": model, "input": text, "voice": "alloy", "response_format": "wav"})
}

#[tokio::test]
async fn a_providers_error_comes_in_the_clients_shape_and_without_its_words() {
    let house = house().await;
    for (model, status) in [
        ("sandbox-error-400", 400),
        ("sandbox-error-401", 401),
        ("sandbox-error-429", 429),
        ("sandbox-error-500", 500),
    ] {
        let told = house.ask_task(Task::Embeddings, &embed(&format!("open/{model}"))).await;
        assert_eq!(told.status, status, "{}", told.text);
        assert!(told.json()["error"]["message"].is_string() && !told.text.contains("giraffe"));
        let row = house.usage().await.pop().unwrap();
        assert_eq!((row.status, row.cost_nano, row.usage), (status, None, None));
        let ask = json!({"model": format!("cohere/{model}"), "texts": TEXTS, "input_type": "search_query"});
        let told = house.ask_task(Task::Embed, &ask).await;
        assert_eq!(told.status, status, "{}", told.text);
        assert!(told.json()["message"].is_string() && told.json().get("error").is_none());
        assert!(!told.text.contains("giraffe"), "{}", told.text);
    }
    let told = house.ask_task(Task::Embeddings, &embed("open/sandbox-error-in-200")).await;
    assert_eq!(told.status, 500, "{}", told.text);
    let told = house.ask_task(Task::Embeddings, &embed("open/sandbox-malformed-sse")).await;
    assert_eq!((told.status, told.text.contains("upstream_malformed")), (502, true));
    let told = house.ask_task(Task::Embeddings, &embed("open/sandbox-stall")).await;
    assert_eq!((told.status, told.text.contains("stall_timeout")), (504, true));
}

#[tokio::test]
async fn a_passing_failure_is_tried_once_more_and_then_elsewhere() {
    let house = house().await;
    for model in ["sandbox-flaky", "sandbox-flaky-reset"] {
        let told = house.ask_task(Task::Embeddings, &embed(&format!("open/{model}"))).await;
        assert_eq!(told.status, 200, "{}", told.text);
        let row = house.usage().await.pop().unwrap();
        assert_eq!((row.attempts, row.cost_nano), (2, Some(3_000)));
    }
    let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), script()).await.unwrap();
    let house = House::bare(quick(), twin).await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    house.provider("dead", Protocol::OpenAi, &format!("http://{gone}/v1"), &[]).await;
    let root = house.twin.base_url().replace("/v1", "/v2");
    house.provider("cohere", Protocol::Cohere, &root, &[]).await;
    let told = house.ask_task(Task::Embeddings, &embed("sandbox-embed")).await;
    assert_eq!((told.status, told.header("x-probity-provider")), (200, "cohere"), "{}", told.text);
    assert_eq!(house.receipt().await["attempts"][0]["outcome"], "connect_failed");
}

#[tokio::test]
async fn rules_hold_for_every_kind_of_request() {
    let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), script()).await.unwrap();
    let far = Sandbox::start(([127, 0, 0, 1], 0).into(), script()).await.unwrap();
    let house = House::bare(quick(), twin).await;
    let own = Some(StatedTerms::OWN);
    house.provider_on("us", Protocol::OpenAi, &far.base_url(), &[], ("US", own)).await;
    house.provider_on("de", Protocol::OpenAi, &house.twin.base_url(), &[], ("DE", own)).await;
    let regions = Some(["EU".to_owned()].into());
    house.rules(false, &RoutingPolicy { regions, ..RoutingPolicy::default() }).await;
    let told = house.ask_task(Task::Embeddings, &embed("sandbox-embed")).await;
    assert_eq!((told.status, told.header("x-probity-provider")), (200, "de"), "{}", told.text);
    let told = house.ask_task(Task::Embeddings, &embed("sandbox-error-500")).await;
    assert_eq!(told.status, 500);
    assert!(told.text.contains("the rules of your organization"), "{}", told.text);
    let told = house.ask_task(Task::Speech, &speak("us/sandbox-speech")).await;
    assert_eq!((told.status, told.text.contains("no_allowed_provider")), (403, true));
    assert_eq!(far.inspector().counters().requests, 0, "nothing leaves for elsewhere");
}

#[tokio::test]
async fn strict_mode_refuses_what_a_dialect_cannot_carry() {
    let house = house().await;
    let ask = json!({"model": "cohere/sandbox-embed", "input": "x", "user": "u"});
    let told = house.ask_task(Task::Embeddings, &ask).await;
    assert_eq!((told.status, told.header("x-probity-dropped")), (200, "user"));
    let strict = json!({
        "model": "cohere/sandbox-embed", "input": "x", "user": "u",
        "provider": {"require_parameters": true},
    });
    let told = house.ask_task(Task::Embeddings, &strict).await;
    assert_eq!((told.status, told.text.contains("lossy_route")), (400, true), "{}", told.text);
    let tokens = json!({"model": "cohere/sandbox-embed", "input": [1, 2]});
    let told = house.ask_task(Task::Embeddings, &tokens).await;
    assert_eq!((told.status, told.json()["error"]["param"].as_str()), (400, Some("input")));
}

#[tokio::test]
async fn a_silent_provider_is_estimated_where_it_can_be() {
    let house = house().await;
    let told = house.ask_task(Task::Embeddings, &embed("open/sandbox-no-usage")).await;
    assert_eq!(told.status, 200, "{}", told.text);
    let row = house.row().await;
    let usage = row.usage.unwrap();
    assert_eq!(usage.provenance, Provenance::Estimated);
    assert!(usage.input > 3 && row.cost_nano == Some(usage.input * 1000));
}

#[tokio::test]
async fn a_client_that_leaves_cancels_the_provider_at_once() {
    let house = house().await;
    let ask = speak("open/sandbox-slow").to_string();
    let mut body = house.task(Task::Speech, "application/json", ask).await.into_body();
    body.frame().await.unwrap().unwrap();
    let left = Instant::now();
    drop(body);
    let now = house.twin.inspector().wait(|now| now.cancelled > 0).await;
    assert!(now.last_cancelled.unwrap() - left < Duration::from_millis(50));
    let row = house.row().await;
    assert_eq!((row.status, row.error_code.as_deref()), (499, Some("client_closed")));
    assert_eq!(house.gateway.open_requests(), 0);
}

#[tokio::test]
async fn sound_that_breaks_off_breaks_the_connection_off() {
    let house = house().await;
    for (model, code) in [("sandbox-cut", "connection_reset"), ("sandbox-stall", "stall_timeout")] {
        let ask = speak(&format!("open/{model}")).to_string();
        let response = house.task(Task::Speech, "application/json", ask).await;
        assert_eq!(response.status(), 200);
        assert!(response.into_body().collect().await.is_err(), "{model}");
        let row = house.usage().await.pop().unwrap();
        assert_ne!(row.status, 200);
        assert!(row.error_code.is_some(), "{code}");
    }
    let mut events_asked = speak("open/sandbox-error-mid-stream");
    events_asked["stream_format"] = json!("sse");
    let ask = events_asked.to_string();
    let told = read(house.task(Task::Speech, "application/json", ask).await).await;
    let last = events(&told.text).pop().unwrap();
    assert!(last["error"]["message"].is_string(), "{}", told.text);
    assert!(!told.text.contains("sandbox is overloaded"));
}

#[tokio::test]
async fn a_drain_breaks_sound_off() {
    let house = house().await;
    let ask = speak("open/sandbox-slow").to_string();
    let response = house.task(Task::Speech, "application/json", ask).await;
    let reading = house.tasks.spawn(response.into_body().collect());
    house.gateway.drain(Duration::from_millis(100)).await;
    assert!(reading.await.unwrap().is_err());
    assert_eq!(house.row().await.error_code.as_deref(), Some("shutting_down"));
}
