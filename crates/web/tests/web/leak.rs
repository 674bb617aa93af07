//! Keys that somebody found: reported without an account, ended at once.

use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use crate::house::{Answer, House};

const PATH: &str = "/api/v1/keys/report-leak";

async fn report(house: &House, body: Value) -> Answer {
    let request = Request::post(PATH).header(header::CONTENT_TYPE, "application/json");
    house.send(request.body(body.to_string().into()).unwrap()).await
}

#[tokio::test]
async fn whoever_shows_a_key_ends_it() {
    let house = House::new().await;
    assert_eq!(house.api("GET", "/v1/models", &house.acme.key, None).await.status, StatusCode::OK);
    let found = report(&house, json!({"key": house.acme.key})).await;
    assert_eq!((found.status, &found.json()["status"]), (StatusCode::OK, &json!("revoked")));
    assert!(!found.text.contains(&house.acme.key), "an answer does not repeat it");
    let refused = house.api("GET", "/v1/models", &house.acme.key, None).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let again = report(&house, json!({"key": house.acme.key})).await;
    assert_eq!(again.json()["status"], "harmless");
    let admin = report(&house, json!({"key": house.acme.admin_key})).await;
    assert_eq!(admin.json()["status"], "revoked");
    let other = house.api("GET", "/v1/models", &house.other.key, None).await;
    assert_eq!(other.status, StatusCode::OK, "nobody else is hit");
}

#[tokio::test]
async fn what_is_no_key_ends_nothing_and_is_not_repeated() {
    let house = House::new().await;
    let flipped = house.acme.key.replace("pbk_", "pbx_");
    for wrong in [json!({"key": flipped}), json!({"key": ""}), json!({"key": "pbk_a_b"})] {
        let answer = report(&house, wrong).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.json()["code"], "invalid_key");
    }
    assert_eq!(report(&house, json!({"text": "x"})).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(house.api("GET", "/v1/models", &house.acme.key, None).await.status, StatusCode::OK);
}
