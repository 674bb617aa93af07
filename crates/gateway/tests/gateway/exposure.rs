//! No provider sees more than a share of what one person says.

use std::time::Duration;

use bytes::Bytes;
use domain::{Exposure, RoutingPolicy};
use gateway::{Call, Gateway};
use http::HeaderMap;
use llm::Format;
use sandbox::Sandbox;
use serde_json::{Value, json};

use crate::house::{FORMATS, House, Told, error_code, quick, read, script};

const MODEL: &str = "sandbox-echo";
const LIMIT: Exposure = Exposure { percent: 60, days: 1 };
/// What one provider may see of somebody whom nobody else sees.
const MOST: usize = 12;

/// A cheap provider and, elsewhere, a dear one.
async fn house(dear: bool) -> (House, sandbox::Running) {
    let twin = || Sandbox::start(([127, 0, 0, 1], 0).into(), script());
    let (one, other) = (twin().await.unwrap(), twin().await.unwrap());
    let house = House::bare(quick(), one).await;
    house.provider_at("sandbox", "cheap", &house.twin).await;
    if dear {
        house.provider_at("luxury", "dear", &other).await;
    }
    let rules = RoutingPolicy { exposure: Some(LIMIT), ..RoutingPolicy::default() };
    house.rules(false, &rules).await;
    (house, other)
}

fn says(person: Option<&str>, conversation: usize, turns: usize) -> Value {
    let mut messages = vec![json!({"role": "user", "content": format!("Question {conversation}")})];
    for _ in 0..turns {
        messages.push(json!({"role": "assistant", "content": "Yes."}));
        messages.push(json!({"role": "user", "content": "Go on."}));
    }
    let mut ask = json!({"model": MODEL, "max_tokens": 100, "messages": messages});
    if let Some(person) = person {
        ask["user"] = json!(person);
    }
    ask
}

/// Who answers; nobody when that is refused.
async fn by(house: &House, ask: &Value) -> Option<String> {
    let told = house.ask(FORMATS[0], ask).await;
    if told.status == 200 {
        return Some(told.header("x-probity-provider").to_owned());
    }
    let code = error_code(FORMATS[0], &told.json());
    assert_eq!((told.status, code.as_str()), (403, "exposure_limit"), "{}", told.text);
    None
}

#[tokio::test]
async fn a_share_is_kept_and_conversations_stay_whole() {
    let (house, other) = house(true).await;
    let mut homes = Vec::new();
    for conversation in 0..40 {
        homes.push(by(&house, &says(Some("ada"), conversation, 0)).await.unwrap());
    }
    assert!(homes[..MOST].iter().all(|home| home == "cheap"), "the cheap one comes first");
    let cheap = house.twin.inspector().counters().requests;
    assert_eq!((cheap, other.inspector().counters().requests), (24, 16), "sixty of a hundred");
    // Before any other reason, a conversation stays where it is.
    for conversation in [3, MOST] {
        assert_eq!(
            by(&house, &says(Some("ada"), conversation, 2)).await.unwrap(),
            homes[conversation]
        );
    }
    let receipt = house.receipt().await;
    assert_eq!(
        (&receipt["order"]["rule"], &receipt["candidates"][0]["inputs"]["home"]),
        (&json!(2), &json!(true))
    );
    let state = house.gateway.exposure(&house.owner).await.unwrap().unwrap();
    assert_eq!((state.people, state.median, state.p95, state.most), (1, 60, 60, 60));
}

#[tokio::test]
async fn who_has_seen_its_share_is_not_asked_even_if_nobody_else_is_there() {
    let (house, _) = house(false).await;
    for conversation in 0..MOST {
        assert!(by(&house, &says(Some("ada"), conversation, 0)).await.is_some());
    }
    assert!(by(&house, &says(Some("ada"), MOST, 0)).await.is_none());
    assert_eq!(house.twin.inspector().counters().requests, 12, "nothing left the house");
    assert!(by(&house, &says(Some("ada"), 0, 3)).await.is_some(), "what it has seen may go on");
    assert!(by(&house, &says(Some("bob"), MOST, 0)).await.is_some(), "others are others");
    for conversation in 0..MOST {
        assert!(by(&house, &says(None, conversation, 0)).await.is_some());
    }
    assert!(by(&house, &says(None, MOST, 0)).await.is_none(), "without a name it is the key");
    house.rules(false, &RoutingPolicy::default()).await;
    assert!(by(&house, &says(Some("ada"), MOST, 0)).await.is_some());
    assert_eq!(house.gateway.exposure(&house.owner).await.unwrap(), None);
}

async fn anew(gateway: &Gateway, house: &House, ask: &Value) -> Told {
    let request = domain::RequestId::new(house.store.clock().now());
    let (scope, body) = (house.key.clone(), Bytes::from(ask.to_string()));
    let (inbound, said, headers) = (Format::OpenAiChat, None, &HeaderMap::new());
    read(gateway.call(Call { scope, inbound, said, headers, body, request }).await).await
}

#[tokio::test]
async fn what_was_seen_is_known_after_a_restart() {
    let (house, _) = house(false).await;
    for conversation in 0..MOST {
        assert!(by(&house, &says(Some("ada"), conversation, 0)).await.is_some());
    }
    let written = async || {
        let rows = house.store.exposure_since(&house.owner, 0).await.unwrap();
        rows.iter().filter(|row| row.provider.is_some()).map(|row| row.conversations).sum::<u64>()
    };
    while written().await < 12 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let gateway = house.started_anew();
    let told = anew(&gateway, &house, &says(Some("ada"), MOST, 0)).await;
    assert_eq!(
        (told.status, error_code(FORMATS[0], &told.json()).as_str()),
        (403, "exposure_limit")
    );
    assert_eq!(anew(&gateway, &house, &says(Some("bob"), MOST, 0)).await.status, 200);
}

#[tokio::test]
async fn nobody_is_shown_a_conversation_only_to_count_it() {
    let (house, _) = house(false).await;
    let base = house.twin.base_url();
    house.provider("anth", domain::Protocol::Anthropic, &base, &["sandbox-cached"]).await;
    let ask =
        json!({"model": "sandbox-cached", "messages": [{"role": "user", "content": "Hello"}]});
    let told = house.count_tokens(&ask).await;
    assert_eq!(told.status, 200);
    assert_eq!(house.twin.inspector().counters().requests, 0);
}
