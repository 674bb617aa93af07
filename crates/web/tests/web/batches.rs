//! Files and batches through the edge, in OpenAI's shapes; and the page that switches them on.

use axum::body::Body;
use domain::{OrgRole, ProjectRole};
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::house::{Answer, House};

const LINE: &str = r#"{"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{"model":"sandbox-embed","input":"lanterns"}}"#;

async fn upload(house: &House, key: &str, purpose: &str, text: &str) -> Answer {
    let body = format!(
        "--xyz\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n{purpose}\r\n--xyz\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"r.jsonl\"\r\n\r\n{text}\r\n--xyz--\r\n"
    );
    let request = Request::post("/v1/files")
        .header("content-type", "multipart/form-data; boundary=xyz")
        .header("authorization", format!("Bearer {key}"));
    house.send(request.body(Body::from(body)).unwrap()).await
}

async fn switch(house: &House, allowed: bool) {
    let path = format!("/api/v1/projects/{}/content-storage", house.acme.project.id);
    let set =
        house.api("PUT", &path, &house.acme.admin_key, Some(json!({"allowed": allowed}))).await;
    assert_eq!((set.status, set.json()), (StatusCode::OK, json!({"allowed": allowed})));
}

fn order(file: &str) -> Value {
    json!({
        "input_file_id": file, "endpoint": "/v1/embeddings", "completion_window": "24h",
        "metadata": {"about": "lanterns"},
    })
}

fn said(answer: &Answer) -> (u16, String) {
    let code = answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), code)
}

#[tokio::test]
async fn files_and_batches_have_openai_s_shapes() {
    let house = House::new().await;
    let key = house.acme.key.clone();
    let off = upload(&house, &key, "batch", LINE).await;
    assert_eq!(said(&off), (403, "storage_off".to_owned()));
    switch(&house, true).await;
    let wrong = upload(&house, &key, "assistants", LINE).await;
    assert_eq!(said(&wrong), (400, "unsupported_purpose".to_owned()));

    let file = upload(&house, &key, "batch", LINE).await;
    assert_eq!(file.status, StatusCode::OK, "{}", file.text);
    let file = file.json();
    let id = file["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&file["object"], &file["purpose"], &file["filename"]),
        (&json!("file"), &json!("batch"), &json!("r.jsonl"))
    );
    assert_eq!(file["bytes"], json!(LINE.len()));
    let path = format!("/v1/files/{id}");
    assert_eq!(house.api("GET", &path, &key, None).await.json(), file);
    let content = house.api("GET", &format!("{path}/content"), &key, None).await;
    assert_eq!(
        (content.text.as_str(), content.header("content-length")),
        (LINE, LINE.len().to_string().as_str())
    );
    let listed = house.api("GET", "/v1/files?purpose=batch&limit=1", &key, None).await.json();
    assert_eq!(
        listed,
        json!({"object": "list", "data": [file], "first_id": id, "last_id": id, "has_more": false})
    );
    assert_eq!(
        house.api("GET", "/v1/files?limit=none", &key, None).await.status,
        StatusCode::BAD_REQUEST
    );

    let made = house.api("POST", "/v1/batches", &key, Some(order(&id))).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    let batch = made.json();
    assert_eq!((&batch["object"], &batch["status"]), (&json!("batch"), &json!("validating")));
    assert_eq!(batch["metadata"], json!({"about": "lanterns"}));
    let own = format!("/v1/batches/{}", batch["id"].as_str().unwrap());
    assert_eq!(house.api("GET", &own, &key, None).await.json(), batch);
    let listed = house.api("GET", "/v1/batches", &key, None).await.json();
    assert_eq!((&listed["data"][0], &listed["has_more"]), (&batch, &json!(false)));
    for bad in [
        json!({}),
        json!({"input_file_id": id, "endpoint": "/v1/embeddings", "completion_window": "24h", "metadata": {"a": 1}}),
    ] {
        assert_eq!(said(&house.api("POST", "/v1/batches", &key, Some(bad)).await).0, 400);
    }
    // Another organization's key finds none of it.
    for path in [path.as_str(), &format!("{path}/content"), own.as_str()] {
        let foreign = house.api("GET", path, &house.other.key, None).await;
        assert_eq!(said(&foreign), (404, "not_found".to_owned()), "{path}");
    }
    let used = house.api("DELETE", &path, &key, None).await;
    assert_eq!(said(&used), (409, "file_in_use".to_owned()));
    let ended = house.api("POST", &format!("{own}/cancel"), &key, None).await;
    assert_eq!(ended.json()["status"], "cancelled", "{}", ended.text);
    assert!(ended.json()["cancelled_at"].is_number() && ended.json()["metadata"].is_null());
    let other = upload(&house, &key, "batch", LINE).await.json()["id"].as_str().unwrap().to_owned();
    let gone = house.api("DELETE", &format!("/v1/files/{other}"), &key, None).await;
    assert_eq!(gone.json(), json!({"id": other, "object": "file", "deleted": true}));
    assert_eq!(house.api("GET", "/v1/files", &key, None).await.json()["data"], json!([]));
}

#[tokio::test]
async fn an_admin_switches_it_on_and_an_editor_ends_what_is_stored() {
    let house = House::new().await;
    let (me, page) = (Some(&house.owner), "/o/acme/p/website/batches");
    let editor = house.member("ed@acme.example", OrgRole::Member, Some(ProjectRole::Editor)).await;
    let shown = house.get(page, Some(&editor)).await;
    assert!(shown.text.contains("An owner or admin of the organization can switch it on here"));
    let refused = house.post(&format!("{page}/on"), &[], Some(&editor)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let on = house.post(&format!("{page}/on"), &[], me).await;
    assert_eq!(on.location(), format!("{page}?done=storage-on"));
    let empty = house.get(page, Some(&editor)).await;
    assert!(empty.text.contains("No batches yet") && empty.text.contains("client.batches.create"));

    let key = house.acme.key.clone();
    let file = upload(&house, &key, "batch", LINE).await.json()["id"].as_str().unwrap().to_owned();
    let spare = upload(&house, &key, "batch", LINE).await.json()["id"].as_str().unwrap().to_owned();
    let batch = house.api("POST", "/v1/batches", &key, Some(order(&file))).await.json();
    let batch = batch["id"].as_str().unwrap().to_owned();
    let full = house.get(page, Some(&editor)).await;
    for expected in [&*file, &batch, "validating", "24 hours after its end", "Cancel<", "Delete<"] {
        assert!(full.text.contains(expected), "{expected}\n{}", full.text);
    }
    assert!(
        !full.text.contains("lanterns") && !full.text.contains("r.jsonl"),
        "no content on pages"
    );
    let cancelled = house.post(&format!("{page}/{batch}/cancel"), &[], Some(&editor)).await;
    assert_eq!(cancelled.location(), format!("{page}?done=batch-cancelled"));
    let deleted =
        house.post(&format!("/o/acme/p/website/files/{spare}/delete"), &[], Some(&editor)).await;
    assert_eq!(deleted.location(), format!("{page}?done=file-deleted"));
    assert!(house.get(page, me).await.text.contains("destroyed "));

    let third = upload(&house, &key, "batch", LINE).await.json()["id"].as_str().unwrap().to_owned();
    let asked = house.get(&format!("{page}/off"), me).await;
    assert!(asked.text.contains("type the name: Website"), "{}", asked.text);
    let off = house.post(&format!("{page}/off"), &[("confirm", "Website")], me).await;
    assert_eq!(off.location(), format!("{page}?done=storage-off"));
    let gone = house.api("GET", &format!("/v1/files/{third}"), &key, None).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    house.store.drain().await.unwrap();
    let log = house.get("/o/acme/audit?action=content_key.destroy", me).await;
    assert!(log.text.contains("content_key.destroy</span>"), "{}", log.text);
}
