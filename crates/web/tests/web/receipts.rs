//! Receipts with their proofs, for people, admin keys and the program that made the request.

use axum::body::Body;
use http::{Request, StatusCode, header};
use serde_json::{Value, json};

use crate::house::{Answer, House, Org};

/// Makes a request with the organization's key; the id of its receipt.
async fn made(house: &House, org: &Org) -> String {
    let body =
        json!({"model": "sandbox-echo", "messages": [{"role": "user", "content": "a word"}]});
    let request = Request::post("/v1/chat/completions")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {}", org.key))
        .body(Body::from(body.to_string()))
        .unwrap();
    let answer = house.send(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    answer.header("x-probity-receipt").to_owned()
}

/// Checks the document as an auditor would.
fn verified(house: &House, answer: &Answer, request: &str) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let root = house.store.log_fingerprint().unwrap();
    let report = ledger::verify_receipt(answer.text.as_bytes(), Some(&root)).unwrap();
    assert!(report.ok && report.request == request, "{report}");
    assert!(!answer.text.contains("a word"), "no content");
    assert!(!answer.text.contains(".example"), "no address of a person");
}

#[tokio::test]
async fn the_program_that_made_a_request_may_fetch_its_receipt_and_its_proof() {
    let house = House::new().await;
    let request = made(&house, &house.acme).await;
    let path = format!("/v1/receipts/{request}");
    let pending = house.api("GET", &format!("{path}/proof"), &house.acme.key, None).await;
    assert_eq!(pending.status, StatusCode::CONFLICT, "{}", pending.text);
    assert_eq!(pending.json()["error"]["code"], "receipt_pending");
    house.store.drain().await.unwrap();
    let receipt = house.api("GET", &path, &house.acme.key, None).await.json();
    assert_eq!(receipt["request"], request.as_str());
    let proof = house.api("GET", &format!("{path}/proof"), &house.acme.key, None).await;
    verified(&house, &proof, &request);
    assert_eq!(
        serde_json::from_str::<Value>(proof.json()["receipt"].as_str().unwrap()).unwrap(),
        receipt
    );

    // Another's is as absent as none at all, while it is on its way and afterwards.
    let foreign = made(&house, &house.acme).await;
    for _ in 0..2 {
        for end in ["", "/proof"] {
            let mut answers = Vec::new();
            for id in [foreign.as_str(), "req_00000000000000000000000000", "nonsense"] {
                let path = format!("/v1/receipts/{id}{end}");
                let answer = house.api("GET", &path, &house.other.key, None).await;
                assert_eq!(answer.status, StatusCode::NOT_FOUND, "{id}{end}: {}", answer.text);
                answers.push(answer.json()["error"]["message"].clone());
            }
            assert!(answers.iter().all(|message| *message == answers[0]), "{answers:?}");
        }
        house.store.drain().await.unwrap();
    }
}

#[tokio::test]
async fn people_and_admin_keys_fetch_the_proof_as_well() {
    let house = House::new().await;
    let request = made(&house, &house.acme).await;
    let path = format!("/api/v1/receipts/{request}/proof");
    let pending = house.api("GET", &path, &house.acme.admin_key, None).await;
    assert_eq!(
        (pending.status, &pending.json()["code"]),
        (StatusCode::CONFLICT, &json!("receipt_pending"))
    );
    let foreign = house.api("GET", &path, &house.other.admin_key, None).await;
    assert_eq!(
        (foreign.status, &foreign.json()["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found"))
    );
    house.store.drain().await.unwrap();
    let proof = house.api("GET", &path, &house.acme.admin_key, None).await;
    verified(&house, &proof, &request);
    let foreign = house.api("GET", &path, &house.other.admin_key, None).await;
    assert_eq!(foreign.status, StatusCode::NOT_FOUND);
    let page = house.get(&format!("/o/acme/usage/{request}"), Some(&house.owner)).await;
    let root = house.store.log_fingerprint().unwrap();
    let command = format!("probity verify {request}.receipt.json --root {root}");
    assert!(page.text.contains(&command), "{}", page.text);
    let download = format!("/o/acme/usage/{request}/proof");
    assert!(page.text.contains(&format!("href=\"{download}\"")));
    let file = house.get(&download, Some(&house.owner)).await;
    verified(&house, &file, &request);
    assert!(file.header("content-disposition").contains(&format!("{request}.receipt.json")));
}
