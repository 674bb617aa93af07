//! A second provider is asked when the first is slower than it usually is.

use std::time::Duration;

use domain::{BudgetOf, Provenance};
use gateway::GatewayConfig;
use sandbox::{Running, Sandbox, Script};
use serde_json::json;
use store::UsageRow;
use tokio::time::timeout;

use crate::house::{FORMATS, House, quick, request, script};

const MODEL: &str = "sandbox-echo";
/// Streams of one provider after which it is known what is usual.
const KNOWN: usize = 20;

fn config(hedge_percent: u32) -> GatewayConfig {
    GatewayConfig { hedge_percent, first_token_ms: 4_000, ..quick() }
}

async fn twin(script: Script) -> Running {
    Sandbox::start(([127, 0, 0, 1], 0).into(), script).await.unwrap()
}

/// Quick for as long as it takes to be known, then slow.
async fn slowing(late_ms: u64) -> Running {
    let late = Duration::from_millis(late_ms);
    twin(Script { late, in_time: KNOWN, ..script() }).await
}

/// A house whose first provider is about to be slow.
async fn house(hedge_percent: u32, slow: &Running, other: Running) -> House {
    let house = House::bare(config(hedge_percent), other).await;
    house.provider_at("sandbox", "first", slow).await;
    house.provider_at("sandbox", "second", &house.twin).await;
    for _ in 0..KNOWN {
        assert_eq!(by(&house).await, "first");
    }
    house
}

async fn by(house: &House) -> String {
    let told = house.ask(FORMATS[0], &request(MODEL, true)).await;
    assert_eq!(told.status, 200, "{}", told.text);
    told.header("x-probity-provider").to_owned()
}

/// The rows of requests after it was known what is usual; the main one first.
async fn rows(house: &House) -> Vec<UsageRow> {
    let mut rows = house.usage().await.split_off(KNOWN);
    rows.sort_by_key(|row| row.error_code.is_some());
    rows
}

#[tokio::test]
async fn the_faster_one_is_heard_and_both_are_billed() {
    let slow = slowing(700).await;
    let house = house(100, &slow, twin(script()).await).await;
    assert_eq!(by(&house).await, "second");
    let rows = rows(&house).await;
    let [main, beside] = rows.as_slice() else { panic!("two rows: {rows:?}") };
    assert_eq!((main.status, beside.status), (200, 499));
    assert_ne!(main.provider, beside.provider);
    assert_eq!(beside.error_code.as_deref(), Some("outrun"));
    let usage = beside.usage.unwrap();
    assert_eq!(usage.provenance, Provenance::Estimated);
    assert!(usage.input > 0 && beside.cost_nano.unwrap() > 0, "{beside:?}");
    let receipt = house.receipt_of(main.request).await;
    let attempts: Vec<_> = receipt["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["candidate"].as_u64().unwrap(), one["outcome"].as_str().unwrap()))
        .collect();
    assert_eq!(attempts, [(0, "outrun"), (1, "ok")]);
    let other = house.receipt_of(beside.request).await;
    assert_eq!(other["beside"], json!(main.request.to_string()));
    assert_eq!(other["candidates"][0]["name"], "first");
    slow.inspector().wait(|now| now.cancelled == 1).await;
}

#[tokio::test]
async fn without_an_allowance_the_first_is_waited_for() {
    let slow = slowing(200).await;
    let house = house(0, &slow, twin(script()).await).await;
    assert_eq!(by(&house).await, "first");
    assert_eq!(rows(&house).await.len(), 1);
}

#[tokio::test]
async fn the_allowance_runs_out() {
    let slow = slowing(300).await;
    // A hundredth of the streams: none of the first twenty-one.
    let house = house(1, &slow, twin(script()).await).await;
    assert_eq!(by(&house).await, "first");
    assert_eq!(rows(&house).await.len(), 1);
}

#[tokio::test]
async fn one_that_fails_leaves_the_matter_to_the_other() {
    let slow = slowing(300).await;
    let down = twin(Script { fails: Some(503), ..script() }).await;
    let house = house(100, &slow, down).await;
    assert_eq!(by(&house).await, "first");
    let rows = rows(&house).await;
    let [main, beside] = rows.as_slice() else { panic!("two rows: {rows:?}") };
    assert_eq!(main.status, 200);
    assert_ne!(main.provider, beside.provider);
    assert_eq!(beside.error_code.as_deref(), Some("upstream_overloaded"));
    assert_eq!(beside.cost_nano, None, "who refuses sends no bill");
}

#[tokio::test]
async fn under_a_budget_nobody_is_asked_besides() {
    let slow = slowing(200).await;
    let house = house(100, &slow, twin(script()).await).await;
    house.budget(BudgetOf::Organization, u64::MAX / 4).await;
    assert_eq!(by(&house).await, "first");
    assert_eq!(rows(&house).await.len(), 1);
}

#[tokio::test]
async fn a_client_that_leaves_ends_both() {
    let slow = slowing(3_000).await;
    let other = twin(Script { late: Duration::from_secs(3), ..script() }).await;
    let house = house(100, &slow, other).await;
    let left = timeout(Duration::from_millis(250), by(&house)).await;
    assert!(left.is_err(), "nobody had begun");
    let rows = rows(&house).await;
    assert_eq!(rows.len(), 2, "{rows:?}");
    for row in &rows {
        assert_eq!((row.status, row.error_code.as_deref()), (499, Some("client_closed")));
        assert_eq!(row.usage.unwrap().provenance, Provenance::Estimated);
    }
}
