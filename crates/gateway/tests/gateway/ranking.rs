//! The order in which candidates are asked, and what the receipt says about it.

use std::{collections::BTreeSet, time::Duration};

use domain::Protocol;
use llm::Format;
use sandbox::{Running, Sandbox, Script};
use serde_json::{Value, json};

use crate::house::{FORMATS, House, quick, request, script};

const MODEL: &str = "sandbox-echo";

async fn twin(script: Script) -> Running {
    Sandbox::start(([127, 0, 0, 1], 0).into(), script).await.unwrap()
}

async fn bare() -> House {
    House::bare(quick(), twin(script()).await).await
}

/// Who answers.
async fn by(house: &House, ask: &Value) -> String {
    let told = house.ask(FORMATS[0], ask).await;
    assert_eq!(told.status, 200, "{}", told.text);
    told.header("x-probity-provider").to_owned()
}

fn wishing(wishes: Value) -> Value {
    let mut ask = request(MODEL, true);
    ask["provider"] = wishes;
    ask
}

fn names(receipt: &Value) -> Vec<&str> {
    let candidates = receipt["candidates"].as_array().unwrap();
    candidates.iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_cheaper_provider_is_asked_first_and_the_receipt_says_why() {
    let house = bare().await;
    for (catalog, name) in [("custom", "unknown"), ("luxury", "dear"), ("sandbox", "cheap")] {
        house.provider_at(catalog, name, &house.twin).await;
    }
    assert_eq!(by(&house, &request(MODEL, true)).await, "cheap");
    let receipt = house.receipt().await;
    assert_eq!(names(&receipt), ["cheap", "dear", "unknown"], "an unknown price is the highest");
    let order = &receipt["order"];
    assert_eq!((&order["rule"], &order["sort"]), (&json!(2), &json!("balanced")));
    assert_eq!(order["output_tokens"], 500, "no more than usual, though 1000 are allowed");
    let cheap = &receipt["candidates"][0];
    let tokens = order["input_tokens"].as_u64().unwrap();
    assert_eq!(cheap["cost_nano"], tokens * 1_000 + 500 * 4_000);
    assert_eq!(cheap["inputs"]["price"], json!({"input": 1000, "cache_read": 100, "output": 4000}));
    assert_eq!((&cheap["score"], &cheap["inputs"]["place"]), (&json!(1000), &json!(2)));
    assert!(receipt["candidates"][2].get("cost_nano").is_none(), "unknown is not free");
}

#[tokio::test]
async fn the_slow_and_the_failing_sink() {
    let house = bare().await;
    let late = Duration::from_millis(600);
    let slow = twin(Script { late, ..script() }).await;
    let down = twin(Script { fails: Some(503), ..script() }).await;
    house.provider_at("sandbox", "slow", &slow).await;
    house.provider_at("sandbox", "down", &down).await;
    house.provider_at("sandbox", "quick", &house.twin).await;
    let mut ask = request(MODEL, false);
    assert_eq!(by(&house, &ask).await, "slow", "nobody was seen yet");
    for name in ["down", "quick"] {
        ask["provider"] = json!({"order": [name]});
        by(&house, &ask).await;
    }
    ask["provider"] = Value::Null;
    assert_eq!(by(&house, &ask).await, "quick");
    let receipt = house.receipt().await;
    assert_eq!(names(&receipt), ["quick", "slow", "down"]);
    let inputs = |at: usize| &receipt["candidates"][at]["inputs"];
    assert!(inputs(1)["wait_ms"].as_u64().unwrap() >= 600, "{receipt}");
    assert_eq!(inputs(2)["errors_permille"], 250);
}

#[tokio::test]
async fn sort_is_honoured() {
    let house = bare().await;
    let slow = twin(Script { late: Duration::from_millis(60), ..script() }).await;
    house.provider_at("sandbox", "cheap", &slow).await;
    house.provider_at("luxury", "dear", &house.twin).await;
    for name in ["cheap", "dear"] {
        by(&house, &wishing(json!({"order": [name]}))).await;
    }
    for (sort, expected) in [("price", "cheap"), ("latency", "dear")] {
        assert_eq!(by(&house, &wishing(json!({"sort": sort}))).await, expected);
        assert_eq!(house.receipt().await["order"]["sort"], sort);
    }
}

#[tokio::test]
async fn who_is_passed_over_for_the_first_is_ranked_as_well() {
    let house = bare().await;
    house.provider_at("luxury", "dear", &house.twin).await;
    house.provider_at("sandbox", "cheap", &house.twin).await;
    let ask = wishing(json!({"allow_fallbacks": false}));
    assert_eq!(by(&house, &ask).await, "cheap");
    let receipt = house.receipt().await;
    assert_eq!(names(&receipt), ["cheap"]);
    let passed = &receipt["excluded"][0];
    assert_eq!((&passed["name"], &passed["reason"]), (&json!("dear"), &json!("not_wished")));
    assert!(passed["score"].as_u64() > receipt["candidates"][0]["score"].as_u64());
}

fn conversation(number: usize, turns: usize) -> Value {
    let mut messages = vec![
        json!({"role": "system", "content": "Be brief."}),
        json!({"role": "user", "content": format!("Question {number}")}),
    ];
    for turn in 0..turns {
        messages.push(json!({"role": "assistant", "content": "Yes."}));
        messages.push(json!({"role": "user", "content": format!("And {turn}?")}));
    }
    json!({"model": MODEL, "stream": true, "messages": messages})
}

#[tokio::test]
async fn a_conversation_stays_at_one_provider() {
    let house = bare().await;
    for name in ["one", "two"] {
        house.provider_at("sandbox", name, &house.twin).await;
    }
    assert_eq!(by(&house, &conversation(0, 0)).await, "one", "only who was seen attracts");
    by(&house, &wishing(json!({"order": ["two"]}))).await;
    let mut used = BTreeSet::new();
    for number in 0..24 {
        let first = by(&house, &conversation(number, 0)).await;
        for turns in 1..3 {
            assert_eq!(by(&house, &conversation(number, turns)).await, first);
        }
        used.insert(first);
    }
    assert_eq!(used.len(), 2, "different conversations go to different ones");
    let receipt = house.receipt().await;
    let affinity: Vec<_> = receipt["candidates"].as_array().unwrap().iter().collect();
    assert_eq!(affinity[0]["inputs"]["affinity"], 0, "only the rank is kept");
    assert_eq!(affinity[1]["inputs"]["affinity"], 1);
}

#[tokio::test]
async fn with_one_candidate_nothing_is_ranked() {
    let house = bare().await;
    house.provider("only", Protocol::Anthropic, &house.twin.base_url(), &[MODEL]).await;
    house.ask(Format::AnthropicMessages, &request(MODEL, true)).await;
    let receipt = house.receipt().await;
    assert!(receipt.get("order").is_none() && receipt["candidates"][0].get("score").is_none());
}
