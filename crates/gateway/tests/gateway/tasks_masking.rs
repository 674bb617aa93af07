//! Personal data in requests that are no conversations: replaced and restored, or refused where that cannot be done.

use domain::{Masking, MaskingMode};
use http_body_util::BodyExt as _;
use llm::Task;
use serde_json::json;

use crate::{
    house::{FORMATS, error_code, read},
    tasks::{BOUNDARY, form, house},
};

const MAIL: &str = "anna.andersson@example.com";

fn mode(mode: MaskingMode) -> Masking {
    Masking { mode, ..Masking::default() }
}

#[tokio::test]
async fn texts_are_masked_and_come_back() {
    let house = house().await;
    house.masking(&mode(MaskingMode::Mask)).await;
    let texts = [format!("ask {MAIL}"), "in the night".to_owned()];
    for name in ["open", "cohere"] {
        let ask = json!({
            "model": format!("{name}/sandbox-embed"), "texts": texts, "input_type": "search_query",
            "embedding_types": ["float"],
        });
        let told = house.ask_task(Task::Embed, &ask).await;
        assert_eq!(told.status, 200, "{}", told.text);
        assert_eq!(told.json()["texts"], json!(texts), "the caller gets its own texts back");
        let receipt = house.receipt().await;
        assert_eq!(receipt["masking"]["counts"]["email"], 1, "{receipt}");
    }
    for seen in house.twin.inspector().requests() {
        assert!(!String::from_utf8_lossy(&seen.body).contains("anna"), "{}", seen.path);
    }
}

#[tokio::test]
async fn what_cannot_be_masked_goes_to_nobody() {
    let house = house().await;
    let speech = |text: &str| {
        json!({
            "model": "sandbox-speech", "input": text, "voice": "alloy", "response_format": "wav",
        })
    };
    let made = house.task(Task::Speech, "application/json", speech("hello").to_string()).await;
    let recording = made.into_body().collect().await.unwrap().to_bytes();
    let form = form(&[("file", &recording), ("model", b"sandbox-transcribe")]);
    let transcribe = || house.task(Task::Transcriptions, BOUNDARY, form.clone());
    for (setting, code) in
        [(MaskingMode::Mask, "cannot_mask"), (MaskingMode::Block, "personal_data_found")]
    {
        house.masking(&mode(setting)).await;
        let told = house.ask_task(Task::Speech, &speech(&format!("ask {MAIL}"))).await;
        assert_eq!(told.status, 400, "{}", told.text);
        assert_eq!(error_code(FORMATS[0], &told.json()), code);
        assert!(!told.text.contains("anna"));
        let told = read(transcribe().await).await;
        assert_eq!(told.status, 400, "{}", told.text);
        assert_eq!(error_code(FORMATS[0], &told.json()), "cannot_mask");
    }
    assert_eq!(house.twin.inspector().counters().requests, 1, "the recording's");
    house.masking(&mode(MaskingMode::Detect)).await;
    let told = read(transcribe().await).await;
    assert_eq!(told.status, 200, "{}", told.text);
    assert_eq!(house.receipt().await["masking"]["unread"], true);
}
