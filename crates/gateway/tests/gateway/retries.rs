//! Before the first byte another attempt may help.

use domain::Protocol;
use llm::Format;
use sandbox::Sandbox;
use serde_json::json;

use crate::house::{FORMATS, House, PROMPT, quick, request, script, streamed_text, text_of};

#[tokio::test]
async fn a_passing_failure_is_tried_once_more() {
    let house = House::new().await;
    for model in ["sandbox-flaky", "sandbox-flaky-429", "sandbox-flaky-reset"] {
        for stream in [false, true] {
            let told = house.ask(FORMATS[0], &request(&format!("open/{model}"), stream)).await;
            assert_eq!(told.status, 200, "{model}: {}", told.text);
            let row = house.usage().await.pop().unwrap();
            assert_eq!((row.status, row.attempts), (200, 2), "{model}");
        }
    }
}

#[tokio::test]
async fn a_long_wait_is_the_clients_to_make() {
    let mut script = script();
    script.retry_after = 30;
    let house = House::with(quick(), script).await;
    let told = house.ask(FORMATS[1], &request("open/sandbox-error-429", false)).await;
    assert_eq!((told.status, told.header("retry-after")), (429, "30"));
    assert_eq!(house.row().await.attempts, 1);
}

#[tokio::test]
async fn the_next_provider_answers_when_the_first_cannot() {
    let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), script()).await.unwrap();
    let house = House::bare(quick(), twin).await;
    // Nobody listens here: the port was given back.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base = format!("http://{gone}/v1");
    let dead = house.provider("dead", Protocol::OpenAi, &base, &["sandbox-echo"]).await;
    let anth = Protocol::Anthropic;
    house.provider("anth", anth, &house.twin.base_url(), &["sandbox-echo"]).await;
    for round in 0..6 {
        let mut ask = request("sandbox-echo", true);
        if round < 5 {
            // Who fails is asked later and later; the client insists.
            ask["provider"] = json!({"order": ["dead"]});
        }
        let told = house.ask(Format::OpenAiChat, &ask).await;
        assert_eq!(told.status, 200, "{}", told.text);
        assert_eq!(streamed_text(Format::OpenAiChat, &told.text), PROMPT);
        assert_eq!(told.header("x-probity-provider"), "anth");
        let receipt = house.receipt().await;
        let last = if round < 5 { 0 } else { 1 };
        let candidate = &receipt["candidates"][last];
        assert_eq!(candidate["provider"], dead.to_string(), "{receipt}");
        assert_eq!(candidate["inputs"]["healthy"], round < 5, "{receipt}");
        if round < 5 {
            assert_eq!(receipt["attempts"][0]["outcome"], "connect_failed", "{receipt}");
            assert_eq!(receipt["attempts"][1]["candidate"], 1);
            assert_eq!(receipt["attempts"][1]["outcome"], "ok");
        } else {
            assert_eq!(receipt["attempts"].as_array().unwrap().len(), 1);
        }
    }
    let rows = house.usage().await;
    assert_eq!(rows.len(), 6, "one row per request, however many attempts");
    for row in rows {
        assert_ne!(row.provider, Some(dead), "billed to who answered: {row:?}");
    }
}

#[tokio::test]
async fn a_refused_credential_leads_elsewhere_but_a_bad_request_does_not() {
    let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), script()).await.unwrap();
    let house = House::bare(quick(), twin).await;
    let strict = Sandbox::start(([127, 0, 0, 1], 0).into(), script().with_key("else"));
    let strict = strict.await.unwrap();
    house.provider("locked", Protocol::OpenAi, &strict.base_url(), &[]).await;
    house.provider("open", Protocol::OpenAi, &house.twin.base_url(), &[]).await;
    let told = house.ask(FORMATS[1], &request("sandbox-echo", false)).await;
    assert_eq!(text_of(FORMATS[1], &told.json()), PROMPT);
    assert_eq!(told.header("x-probity-provider"), "open");
    let locked = strict.inspector().counters().requests;
    let told = house.ask(FORMATS[0], &request("open/sandbox-error-400", false)).await;
    assert_eq!(told.status, 400);
    assert_eq!(house.usage().await.last().unwrap().attempts, 1);
    assert_eq!(strict.inspector().counters().requests, locked);
}

#[tokio::test]
async fn attempts_are_bounded() {
    let mut config = quick();
    config.attempts = 3;
    let twin = Sandbox::start(([127, 0, 0, 1], 0).into(), script()).await.unwrap();
    let house = House::bare(config, twin).await;
    for name in ["a", "b", "c", "d"] {
        house.provider(name, Protocol::OpenAi, &house.twin.base_url(), &[]).await;
    }
    let told = house.ask(FORMATS[0], &request("sandbox-error-500", false)).await;
    assert_eq!(told.status, 500);
    assert_eq!(house.twin.inspector().counters().requests, 3);
    assert_eq!(house.row().await.attempts, 3);
    let outcomes = house.receipt().await["attempts"].clone();
    assert_eq!(outcomes.as_array().unwrap().len(), 3);
    assert_eq!(outcomes[0]["outcome"], json!("upstream_server"));
    assert_eq!(outcomes[0]["status"], json!(500));
}
