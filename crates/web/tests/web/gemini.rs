//! Gemini's door: the path names the model, in either version that Google's SDKs ask for.

use axum::http::StatusCode;
use serde_json::json;

use crate::house::House;

#[tokio::test]
async fn gemini_is_asked_at_the_paths_of_its_sdks() {
    let house = House::new().await;
    let ask = json!({"contents": [{"role": "user", "parts": [{"text": "a word"}]}]});
    for version in ["v1beta", "v1"] {
        let path = format!("/{version}/models/sandbox-echo:generateContent");
        let told = house.api("POST", &path, &house.acme.key, Some(ask.clone())).await;
        assert_eq!(told.status, StatusCode::OK, "{path}: {}", told.text);
        assert_eq!(told.json()["candidates"][0]["content"]["parts"][0]["text"], "a word");
        let path = format!("/{version}/models/sandbox-echo:streamGenerateContent");
        let told = house.api("POST", &path, &house.acme.key, Some(ask.clone())).await;
        assert!(told.text.starts_with("data: "), "{path}: {}", told.text);
        for (path, status) in [("x:generateContent", 404), ("x:nothing", 404)] {
            let path = format!("/{version}/models/{path}");
            let told = house.api("POST", &path, &house.acme.key, Some(ask.clone())).await;
            assert_eq!(told.status.as_u16(), status, "{path}: {}", told.text);
            assert_eq!(told.json()["error"]["status"], "NOT_FOUND", "{path}: {}", told.text);
        }
        let told = house.api("POST", &path, "pbk_nobody", Some(ask.clone())).await;
        assert_eq!(told.json()["error"]["status"], "UNAUTHENTICATED", "{}", told.text);
    }
}
