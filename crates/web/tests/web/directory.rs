//! Names that an organization has looked for: given, counted, used, and shown to nobody.

use http::StatusCode;
use serde_json::json;

use crate::house::House;

const PATH: &str = "/api/v1/masking/directory";

#[tokio::test]
async fn names_are_given_counted_and_never_shown() {
    let house = House::new().await;
    let (key, me) = (&house.acme.admin_key, Some(&house.owner));
    let none = house.api("GET", PATH, key, None).await.json();
    assert_eq!(none, json!({"names": 0, "members": false, "changed": null}));
    let names =
        json!({"names": ["Zofia Kanarek", "zofia  kanarek", "Teun Vogel"], "members": true});
    let set = house.api("PUT", PATH, key, Some(names)).await;
    assert_eq!(
        (set.status, set.json()["names"].as_u64()),
        (StatusCode::OK, Some(2)),
        "{}",
        set.text
    );
    let change = json!({"add": ["Ida Canary"], "remove": ["TEUN VOGEL"]});
    let changed = house.api("POST", &format!("{PATH}/names"), key, Some(change)).await;
    assert_eq!(changed.json()["names"], json!(2), "{}", changed.text);
    let changed = house.api("PUT", PATH, key, Some(json!({"members": false}))).await;
    assert_eq!((&changed.json()["names"], &changed.json()["members"]), (&json!(2), &json!(false)));
    let shown = house.get("/o/acme/masking", me).await;
    assert!(shown.text.contains("2 names are known"), "{}", shown.text);
    house.store.drain().await.unwrap();
    let log = house.api("GET", "/api/v1/audit?action=masking_directory.set", key, None).await;
    assert_eq!(log.json()["data"].as_array().unwrap().len(), 3, "{}", log.text);
    let page = house.get("/o/acme/audit", me).await;
    for text in [&shown.text, &log.text, &changed.text, &set.text, &page.text] {
        let text = text.to_lowercase();
        assert!(
            !text.contains("kanarek") && !text.contains("canary") && !text.contains("vogel"),
            "{text}"
        );
    }
    let others = house.api("GET", PATH, &house.other.admin_key, None).await.json();
    assert_eq!(others["names"], json!(0), "another's are another's");
    for wrong in [json!({"names": ["Anna", "7"]}), json!({"names": ["a\u{0}bc"]})] {
        let wrong = house.api("PUT", PATH, key, Some(wrong)).await;
        assert_eq!(
            (wrong.status, wrong.json()["code"].clone()),
            (StatusCode::BAD_REQUEST, json!("invalid_name"))
        );
    }
    let many: Vec<_> = (0..20_001).map(|number| format!("Name{number}")).collect();
    let many = house.api("PUT", PATH, key, Some(json!({"names": many}))).await;
    assert_eq!(many.json()["code"], json!("too_many_names"), "{}", many.text);
    assert_eq!(house.api("DELETE", PATH, key, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(house.api("GET", PATH, key, None).await.json(), none, "nothing is left");
}

#[tokio::test]
async fn a_person_pastes_names_or_uploads_a_table() {
    let house = House::new().await;
    let (path, me) = ("/o/acme/masking/directory", Some(&house.owner));
    let pasted = house.post(path, &[("names-list", "Anna Ek\nBo Kvist"), ("how", "add")], me).await;
    assert_eq!(
        (pasted.status, pasted.location()),
        (StatusCode::SEE_OTHER, "/o/acme/masking?done=saved")
    );
    let form = "--xyz\r\ncontent-disposition: form-data; name=\"how\"\r\n\r\nadd\r\n--xyz\r\ncontent-disposition: \
         form-data; name=\"members\"\r\n\r\nyes\r\n--xyz\r\ncontent-disposition: form-data; name=\"file\"; \
         filename=\"people.csv\"\r\n\r\nTeam;Vorname;Nachname\nOps;Jörg;Kanarek\n\r\n--xyz--\r\n";
    let uploaded = house.upload(path, form.to_owned(), me).await;
    assert_eq!(uploaded.status, StatusCode::SEE_OTHER, "{}", uploaded.text);
    let page = house.get("/o/acme/masking", me).await;
    assert!(page.text.contains("3 names are known, and those of members"), "{}", page.text);
    let project = house.get("/o/acme/p/website/masking", me).await;
    assert!(!project.text.contains("Your own names"), "they are the organization's");
    for how in ["remove", "forget"] {
        let fields = [("names-list", "ANNA EK"), ("how", how)];
        assert_eq!(house.post(path, &fields, me).await.status, StatusCode::SEE_OTHER);
        let state = house.api("GET", PATH, &house.acme.admin_key, None).await.json();
        assert_eq!(state["names"], json!(if how == "remove" { 2 } else { 0 }));
    }
    let member = house.member("reader@acme.example", domain::OrgRole::Member, None).await;
    let refused = house.post(path, &[("names-list", "Ida Ek")], Some(&member)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let seen = house.get("/o/acme/masking", Some(&member)).await;
    assert!(
        seen.text.contains("Your own names") && !seen.text.contains("Save names"),
        "{}",
        seen.text
    );
}
