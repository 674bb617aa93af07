//! Clients that speak Gemini: the path names the model and whether the answer is a stream.

use llm::Format;
use serde_json::{Value, json};

use crate::house::{House, PROMPT, PROVIDERS, complete, error_code, streamed_text, text_of};

const FORMAT: Format = Format::Gemini;

fn request() -> Value {
    json!({
        "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
        "generationConfig": {"maxOutputTokens": 1000},
    })
}

#[tokio::test]
async fn every_provider_is_reached() {
    let house = House::new().await;
    for (provider, _) in PROVIDERS {
        let model = format!("{provider}/sandbox-echo");
        let told = house.generate(&model, false, &request()).await;
        assert_eq!(told.status, 200, "{}", told.text);
        assert_eq!(text_of(FORMAT, &told.json()), PROMPT);
        assert_eq!(told.header("x-probity-provider"), provider);
        let told = house.generate(&model, true, &request()).await;
        assert_eq!(streamed_text(FORMAT, &told.text), PROMPT, "{}", told.text);
        assert!(complete(FORMAT, &told.text), "{}", told.text);
        let row = house.usage().await.pop().unwrap();
        let usage = row.usage.unwrap();
        assert_eq!((usage.input, usage.output), (3, 3), "{provider}");
        assert!(row.streaming);
        assert_eq!(row.protocol, "gemini");
    }
    assert_eq!(house.usage().await.len(), 2 * PROVIDERS.len());
}

#[tokio::test]
async fn refusals_are_in_the_clients_format() {
    let house = House::new().await;
    let told = house.generate("gpt-9", false, &request()).await;
    assert_eq!((told.status, told.json()["error"]["status"].as_str()), (404, Some("NOT_FOUND")));
    assert_eq!(error_code(FORMAT, &told.json()), "model_not_found");
    let told = house.generate("open/sandbox-echo", false, &json!({})).await;
    assert_eq!(told.status, 400, "{}", told.text);
    let told = house.generate("open/sandbox-error-429", true, &request()).await;
    assert_eq!((told.status, told.json()["error"]["code"].as_u64()), (429, Some(429)));
    assert!(!told.text.contains("giraffe"));
}
