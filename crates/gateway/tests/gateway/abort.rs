//! Clients that leave, servers that stop, code that panics: settled exactly once.

use std::time::{Duration, Instant};

use domain::Provenance;
use http_body_util::BodyExt;

use crate::house::{FORMATS, House, PROVIDERS, WAYS, error_code, events, read, request};

#[tokio::test]
async fn a_client_that_leaves_cancels_the_provider_at_once() {
    let house = House::new().await;
    for (provider, _) in PROVIDERS {
        for format in FORMATS {
            let before = house.twin.inspector().counters().cancelled;
            let model = format!("{provider}/sandbox-slow");
            let mut body = house.start(format, &request(&model, true)).await.into_body();
            body.frame().await.unwrap().unwrap();
            let left = Instant::now();
            drop(body);
            let now = house.twin.inspector().wait(|now| now.cancelled > before).await;
            let took = now.last_cancelled.unwrap() - left;
            assert!(took < Duration::from_millis(50), "{model} {format:?}: {took:?}");
            let row = house.usage().await.pop().unwrap();
            assert_eq!((row.status, row.error_code.as_deref()), (499, Some("client_closed")));
            let usage = row.usage.expect("the partial is billed");
            assert_eq!(usage.provenance, Provenance::Estimated);
            assert!(usage.input > 0 && usage.output > 0 && usage.output < 50, "{usage:?}");
            assert!(row.cost_nano.is_some());
        }
    }
    assert_eq!(house.usage().await.len(), WAYS);
    assert_eq!(house.gateway.open_requests(), 0);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_is_settled_too() {
    let house = House::new().await;
    for stream in [false, true] {
        let before = house.twin.inspector().counters();
        let body = request("open/sandbox-slow-headers", stream);
        let call = house.start(FORMATS[0], &body);
        let arrived = house.twin.inspector().wait(|now| now.requests > before.requests);
        tokio::select! {
            _ = call => panic!("the twin does not answer"),
            _ = arrived => {}
        }
        let left = Instant::now();
        let now = house.twin.inspector().wait(|now| now.cancelled > before.cancelled).await;
        assert!(now.last_cancelled.unwrap() < left + Duration::from_millis(50));
        let row = house.usage().await.pop().unwrap();
        assert_eq!(row.status, 499);
        assert_eq!(row.usage.unwrap().provenance, Provenance::Estimated);
    }
    assert_eq!(house.usage().await.len(), 2);
}

#[tokio::test]
async fn a_panic_while_streaming_is_settled() {
    let house = House::new().await;
    let mut body = house.start(FORMATS[0], &request("open/sandbox-slow", true)).await.into_body();
    let task = house.tasks.spawn(async move {
        body.frame().await.unwrap().unwrap();
        panic!("on purpose");
    });
    assert!(task.await.is_err());
    let row = house.row().await;
    assert_eq!((row.status, row.error_code.as_deref()), (500, Some("internal")));
}

#[tokio::test]
async fn a_stream_read_to_its_end_and_dropped_late_is_settled_once() {
    let house = House::new().await;
    let mut body = house.start(FORMATS[1], &request("anth/sandbox-echo", true)).await.into_body();
    while let Some(frame) = body.frame().await {
        frame.unwrap();
    }
    let row = house.row().await;
    drop(body);
    assert_eq!(house.row().await, row);
}

#[tokio::test]
async fn a_drain_waits_then_breaks_off_with_a_word() {
    let house = House::new().await;
    let echo = house.start(FORMATS[0], &request("open/sandbox-slow", true)).await;
    let stream = house.tasks.spawn(read(echo));
    let began = Instant::now();
    house.gateway.drain(Duration::from_millis(150)).await;
    assert!(began.elapsed() >= Duration::from_millis(150));
    let told = stream.await.unwrap();
    let last = events(&told.text).pop().unwrap();
    assert_eq!(error_code(FORMATS[0], &last), "shutting_down", "{}", told.text);
    assert_eq!(house.gateway.open_requests(), 0);
    let refused = house.ask(FORMATS[1], &request("open/sandbox-echo", false)).await;
    assert_eq!(refused.status, 503);
    assert_eq!(house.row().await.error_code.as_deref(), Some("shutting_down"));
}

#[tokio::test]
async fn a_drain_with_nothing_under_way_is_over_at_once() {
    let house = House::new().await;
    let began = Instant::now();
    house.gateway.drain(Duration::from_secs(30)).await;
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test]
async fn without_an_intent_nothing_is_sent() {
    let house = House::new().await;
    // The routes are in memory; what is missing then is only the journal.
    house.ask(FORMATS[0], &request("open/sandbox-echo", false)).await;
    let before = house.twin.inspector().counters().requests;
    house.store.close().await.unwrap();
    let told = house.ask(FORMATS[0], &request("open/sandbox-echo", false)).await;
    assert_eq!(told.status, 503, "{}", told.text);
    assert_eq!(house.twin.inspector().counters().requests, before);
}
