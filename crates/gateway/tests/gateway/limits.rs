//! The request rate of a key.

use http::HeaderMap;
use llm::Format;

use crate::house::{FORMATS, House, error_code, read, request};

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
