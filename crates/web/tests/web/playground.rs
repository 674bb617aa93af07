//! Trying a model from a page.

use http::StatusCode;

use crate::house::House;

const TRY: &str = "/o/acme/p/website/try";
const WORDS: &str = "lanterns over the harbour";

#[tokio::test]
async fn a_model_is_tried_and_the_plan_is_shown() {
    let house = House::new().await;
    let owner = Some(&house.owner);
    let page = house.get(TRY, owner).await;
    assert!(page.text.contains("sandbox-echo") && page.text.contains("auto/chat"), "{}", page.text);
    let fields = [("model", "sandbox-echo"), ("message", WORDS)];
    let answer = house.post(TRY, &fields, owner).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    for expected in
        ["id=\"answer-text\">lanterns over", "Twin", "answered in", "Receipt of this request"]
    {
        assert!(answer.text.contains(expected), "{expected}: {}", answer.text);
    }
    let again = house.post(TRY, &fields, owner).await;
    assert_eq!(again.status, StatusCode::OK);
    let keys = house.get("/o/acme/p/website/keys", owner).await;
    assert_eq!(keys.text.matches("Try a model</").count(), 1 + 1, "one key, and the page's link");
    let usage = house.get("/o/acme/usage", owner).await;
    assert!(!usage.text.contains("lanterns"), "nothing of it is kept");
}

#[tokio::test]
async fn what_is_refused_says_why_and_the_key_ends_when_it_is_revoked() {
    let house = House::new().await;
    let owner = Some(&house.owner);
    let nobody = [("model", "no-such-model"), ("message", WORDS)];
    let answer = house.post(TRY, &nobody, owner).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.text.contains("404: This model does not exist"), "{}", answer.text);
    let failing = [("model", "sandbox-error-500"), ("message", WORDS)];
    let answer = house.post(TRY, &failing, owner).await;
    assert!(answer.text.contains("server, status 500"), "{}", answer.text);
    for person in [Some(&house.stranger), None] {
        let answer = house.post(TRY, &failing, person).await;
        assert_ne!(answer.status, StatusCode::OK);
    }
}
