//! The request rate of a key.

use domain::{Action, Event, LimitOf, Limits};
use http::HeaderMap;
use http_body_util::BodyExt;
use llm::Format;
use store::Scope;

use crate::house::{FORMATS, House, Told, error_code, read, request};

async fn limit(house: &House, of: LimitOf, limits: Limits) {
    let mut write = house.store.write(&house.owner).await.unwrap();
    write.limits_set(of, limits).await.unwrap();
    write.commit(Event::new(Action::LimitsSet)).await.unwrap();
}

async fn ask_as(house: &House, scope: &Scope, format: Format) -> Told {
    let body = request("open/sandbox-echo", false).to_string();
    read(house.start_with(scope, format, &HeaderMap::new(), body).await).await
}

#[tokio::test]
async fn a_key_has_its_own_rate_and_hears_when_to_come_back() {
    let house = House::new().await;
    let scope = house.limited_key(2).await;
    let ask = |format: Format| {
        let body = request("open/sandbox-echo", false).to_string();
        let (house, scope) = (&house, &scope);
        async move { read(house.start_with(scope, format, &HeaderMap::new(), body).await).await }
    };
    assert_eq!(ask(FORMATS[0]).await.status, 200);
    assert_eq!(ask(FORMATS[1]).await.status, 200);
    for format in FORMATS {
        let told = ask(format).await;
        assert_eq!(told.status, 429);
        assert_eq!(error_code(format, &told.json()), "rate_limit_exceeded");
        let wait: u64 = told.header("retry-after").parse().unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
    }
    assert_eq!(house.ask(FORMATS[0], &request("open/sandbox-echo", false)).await.status, 200);
    assert_eq!(house.twin.inspector().counters().requests, 3, "the others were not sent");
}

#[tokio::test]
async fn only_keys_for_inference_may_call() {
    let house = House::new().await;
    let body = request("open/sandbox-echo", false).to_string();
    let owner = &house.owner;
    let told = read(house.start_with(owner, FORMATS[1], &HeaderMap::new(), body).await).await;
    assert_eq!(told.status, 403);
    assert_eq!(house.twin.inspector().counters().requests, 0);
}

#[tokio::test]
async fn what_is_left_stands_in_the_headers_of_the_format() {
    let house = House::new().await;
    let told = house.ask(FORMATS[0], &request("open/sandbox-echo", false)).await;
    assert_eq!(told.header("x-ratelimit-limit-requests"), "", "nothing is limited");
    let limits =
        Limits { requests_per_minute: Some(3), tokens_per_minute: Some(1000), concurrent: None };
    limit(&house, LimitOf::EachKey, limits).await;
    let told = house.ask(FORMATS[0], &request("open/sandbox-echo", true)).await;
    assert_eq!(told.status, 200);
    assert_eq!(told.header("x-ratelimit-limit-requests"), "3");
    assert_eq!(told.header("x-ratelimit-remaining-requests"), "2");
    assert!(told.header("x-ratelimit-reset-requests").ends_with('s'));
    assert_eq!(told.header("x-ratelimit-limit-tokens"), "1000");
    let left: u64 = told.header("x-ratelimit-remaining-tokens").parse().unwrap();
    assert!((900..1000).contains(&left), "{left}");
    let told = house.ask(FORMATS[1], &request("anth/sandbox-echo", false)).await;
    assert_eq!(told.header("anthropic-ratelimit-requests-remaining"), "1");
    assert!(told.header("anthropic-ratelimit-requests-reset").ends_with('Z'));
    let left: u64 = told.header("anthropic-ratelimit-tokens-remaining").parse().unwrap();
    assert!(left > 900, "the real counts of the first are smaller: {left}");
    let told = house.ask(FORMATS[2], &request("resp/sandbox-echo", false)).await;
    assert_eq!((told.status, told.header("x-ratelimit-remaining-requests")), (200, "0"));
    let told = house.ask(FORMATS[0], &request("open/sandbox-echo", false)).await;
    assert_eq!((told.status, told.header("x-ratelimit-remaining-requests")), (429, "0"));
    assert!(!told.header("retry-after").is_empty());
}

#[tokio::test]
async fn tokens_per_minute_count_what_was_really_used() {
    let house = House::new().await;
    let limits = Limits { tokens_per_minute: Some(60), ..Limits::default() };
    limit(&house, LimitOf::Key(house.key.key().unwrap()), limits).await;
    let mut answered = 0;
    let refused = loop {
        let told = house.ask(FORMATS[0], &request("open/sandbox-echo", false)).await;
        if told.status != 200 {
            break told;
        }
        answered += 1;
    };
    // Each foresees some thirty tokens and uses six.
    assert!((3..10).contains(&answered), "{answered}");
    assert_eq!(refused.status, 429);
    assert!(refused.text.contains("60 tokens per minute"), "{}", refused.text);
    let other = house.limited_key(1_000).await;
    assert_eq!(ask_as(&house, &other, FORMATS[0]).await.status, 200, "another key has its own");
}

#[tokio::test]
async fn requests_at_once_are_limited_until_a_stream_ends() {
    let house = House::new().await;
    let limits = Limits { concurrent: Some(1), ..Limits::default() };
    limit(&house, LimitOf::EachKey, limits).await;
    let mut body = house.start(FORMATS[0], &request("open/sandbox-slow", true)).await.into_body();
    body.frame().await.unwrap().unwrap();
    for format in FORMATS {
        let told = house.ask(format, &request("open/sandbox-echo", false)).await;
        assert_eq!((told.status, told.header("retry-after")), (429, "1"));
        assert_eq!(error_code(format, &told.json()), "rate_limit_exceeded");
        assert!(told.text.contains("under way at once"), "{}", told.text);
    }
    drop(body);
    for format in FORMATS {
        assert_eq!(house.ask(format, &request("open/sandbox-echo", false)).await.status, 200);
    }
}

#[tokio::test]
async fn one_key_cannot_take_what_all_have_together() {
    let house = House::new().await;
    let limits = Limits { concurrent: Some(2), ..Limits::default() };
    limit(&house, LimitOf::Organization, limits).await;
    let (greedy, modest) = (&house.key, &house.limited_key(1_000).await);
    let slow = || {
        let body = request("open/sandbox-slow", true).to_string();
        let house = &house;
        async move { house.start_with(greedy, FORMATS[0], &HeaderMap::new(), body).await }
    };
    let first = slow().await;
    assert_eq!((first.status().as_u16(), slow().await.status().as_u16()), (200, 429));
    assert_eq!(ask_as(&house, modest, FORMATS[0]).await.status, 200);
    drop(first);
    limit(&house, LimitOf::Organization, Limits::default()).await;
    let all = [slow().await, slow().await, slow().await];
    assert!(all.iter().all(|one| one.status().as_u16() == 200), "lifted at once");
}
