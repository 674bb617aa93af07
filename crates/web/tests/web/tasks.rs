//! What is no conversation, through the edge: its shapes, its forms, its refusals.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::json;

use crate::house::{Answer, House};

async fn send(
    house: &House,
    path: &str,
    (kind, key): (&str, &str),
    body: impl Into<Body>,
) -> Answer {
    let request = Request::post(path)
        .header("content-type", kind)
        .header("authorization", format!("Bearer {key}"));
    house.send(request.body(body.into()).unwrap()).await
}

const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data; boundary=xyz";

#[tokio::test]
async fn both_shapes_are_answered_and_recorded_without_content() {
    let house = House::new().await;
    let key = house.acme.key.clone();
    let body = json!({"model": "sandbox-embed", "input": "lanterns over the harbour"});
    let answer = send(&house, "/v1/embeddings", (JSON, &key), body.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json()["usage"]["prompt_tokens"], 4);
    assert!(answer.header("x-request-id").starts_with("req_"));
    let body = json!({
        "model": "sandbox-rerank", "query": "lanterns", "documents": ["harbour", "lanterns"],
    });
    let answer = send(&house, "/v2/rerank", (JSON, &key), body.to_string()).await;
    assert_eq!(answer.json()["results"][0]["index"], 1, "{}", answer.text);
    house.store.drain().await.unwrap();
    let api = house.api("GET", "/api/v1/usage", &house.acme.admin_key, None).await;
    let protocols = [&api.json()["data"][0]["protocol"], &api.json()["data"][1]["protocol"]]
        .map(|one| one.as_str().unwrap_or_default().to_owned());
    assert_eq!(protocols, ["rerank", "embeddings"]);
    let page = house.get("/o/acme/usage", Some(&house.owner)).await;
    assert!(page.text.contains("sandbox-rerank"));
    assert!(!page.text.contains("lanterns") && !api.text.contains("lanterns"));
}

#[tokio::test]
async fn refusals_have_the_shape_of_the_endpoint() {
    let house = House::with(web::Config { body_bytes: 2_000, ..web::Config::default() }).await;
    let key = house.acme.key.clone();
    let code = |answer: &Answer, pointer: &str| {
        let code = answer.json().pointer(pointer).cloned().unwrap_or_default();
        (answer.status.as_u16(), code.as_str().unwrap_or_default().to_owned())
    };
    let expected = |status, code: &str| (status, code.to_owned());
    for (path, pointer) in [("/v1/embeddings", "/error/code"), ("/v2/embed", "/code")] {
        let nobody = send(&house, path, (JSON, "pbk_wrong"), "{}").await;
        let (status, said) = code(&nobody, pointer);
        assert!(status == 401 && !said.is_empty(), "{}", nobody.text);
        let empty = send(&house, path, (JSON, &key), "{}").await;
        assert_eq!(code(&empty, pointer), expected(400, "missing_required_parameter"));
        let large = send(&house, path, (JSON, &key), " ".repeat(3_000)).await;
        assert_eq!(code(&large, pointer), expected(413, "too_large"));
        let form = send(&house, path, (FORM, &key), "--xyz--").await;
        assert_eq!(code(&form, pointer), expected(400, "wrong_content_type"));
    }
    let nothing = send(&house, "/v2/nothing", (JSON, &key), "{}").await;
    assert_eq!(code(&nothing, "/code"), expected(404, "unknown_endpoint"), "{}", nothing.text);
    let form = send(&house, "/v1/audio/transcriptions", (FORM, &key), "--xyz--").await;
    assert_eq!(code(&form, "/error/code"), expected(400, "missing_required_parameter"));
    let broken = send(&house, "/v1/audio/transcriptions", (FORM, &key), "nothing").await;
    assert_eq!(code(&broken, "/error/code"), expected(400, "invalid_form"));
    let json = send(&house, "/v1/audio/transcriptions", (JSON, &key), "{}").await;
    assert_eq!(code(&json, "/error/code"), expected(400, "wrong_content_type"));
}
