//! Cohere's door: its SDKs are given the address with or without a version.

use axum::http::StatusCode;
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn cohere_is_asked_at_the_paths_of_its_sdks() {
    let house = House::new().await;
    let ask = |model: &str, stream: bool| {
        let messages = json!([{"role": "user", "content": "a word"}]);
        Some(json!({"model": model, "stream": stream, "messages": messages}))
    };
    for path in ["/v2/chat", "/v1/v2/chat"] {
        let key = &house.acme.key;
        let told = house.api("POST", path, key, ask("sandbox-echo", false)).await;
        assert_eq!(told.status, StatusCode::OK, "{path}: {}", told.text);
        assert_eq!(told.json()["message"]["content"][0]["text"], "a word");
        let told = house.api("POST", path, key, ask("sandbox-echo", true)).await;
        assert!(told.text.starts_with("event: message-start"), "{path}: {}", told.text);
        let told = house.api("POST", path, key, ask("none", false)).await;
        assert_eq!((told.status.as_u16(), &told.json()["code"]), (404, &json!("model_not_found")));
        let told = house.api("POST", path, "pbk_nobody", ask("sandbox-echo", false)).await;
        assert_eq!(told.status.as_u16(), 401);
        assert!(told.json()["message"].is_string() && told.json()["id"].is_string());
    }
    let texts = json!({"model": "sandbox-rerank", "query": "a", "documents": ["b"]});
    let told = house.api("POST", "/v1/v2/rerank", &house.acme.key, Some(texts)).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text);
}
