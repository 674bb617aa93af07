//! Webhooks, what was sent, and letters about sub-processors.

use std::time::Duration;

use domain::{Channel, Letter};
use http::StatusCode;
use serde_json::json;
use store::Cargo;

use crate::house::House;

const ALL: &str = "/api/v1/webhooks";

#[tokio::test]
async fn a_webhook_is_added_tested_and_removed_by_programs() {
    let house = House::new().await;
    let key = &house.acme.admin_key;
    let new = json!({"name": "chat", "url": "https://hooks.example/a?token=1"});
    let made = house.api("POST", ALL, key, Some(new)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let (id, secret) =
        (made.json()["id"].as_str().unwrap().to_owned(), made.json()["secret"].clone());
    assert!(secret.as_str().unwrap().starts_with("whsec_"));
    let listed = house.api("GET", ALL, key, None).await;
    assert_eq!(listed.json()["data"][0]["state"], "on");
    assert_eq!(listed.json()["data"][0]["url"], "https://hooks.example/a?token=1");
    assert!(!listed.text.contains("whsec_"), "the secret is shown once");

    let one = format!("{ALL}/{id}");
    let test = format!("{one}/test");
    assert_eq!(house.api("POST", &test, key, None).await.status, StatusCode::NO_CONTENT);
    let sent = house.api("GET", "/api/v1/notices", key, None).await.json();
    assert_eq!(
        (&sent["data"][0]["about"], &sent["data"][0]["state"]),
        (&json!("webhook.test"), &json!("waiting"))
    );
    assert_eq!(sent["data"][0]["webhook"], json!(id));

    let foreign = &house.other.admin_key;
    for (method, path) in [("GET", &one), ("DELETE", &one), ("POST", &test)] {
        assert_eq!(house.api(method, path, foreign, None).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(house.api("DELETE", &one, key, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(house.api("GET", &one, key, None).await.status, StatusCode::NOT_FOUND);
    let sent = house.api("GET", "/api/v1/notices", key, None).await.json();
    assert_eq!(
        (&sent["data"][0]["state"], &sent["data"][0]["problem"]),
        (&json!("given_up"), &json!("removed"))
    );
}

#[tokio::test]
async fn an_address_inside_has_to_be_meant() {
    let house = House::new().await;
    let key = &house.acme.admin_key;
    for (url, code) in [
        ("http://127.0.0.1:9/", "private_address"),
        ("http://hooks.example/", "invalid_base_url"),
        ("https://169.254.169.254/", "invalid_base_url"),
    ] {
        let refused = house.api("POST", ALL, key, Some(json!({"name": "x", "url": url}))).await;
        assert_eq!(refused.json()["code"], code, "{url}");
    }
    let meant = json!({"name": "x", "url": "http://127.0.0.1:9/", "allow_private": true});
    assert_eq!(
        house.api("POST", ALL, key, Some(meant)).await.status,
        StatusCode::CREATED,
        "an operator's key"
    );
}

#[tokio::test]
async fn the_page_says_whether_there_is_mail_and_what_was_sent() {
    let house = House::new().await;
    let me = Some(&house.owner);
    let page = house.get("/o/acme/webhooks", me).await;
    assert!(page.text.contains("sends no e-mail") && page.text.contains("No webhooks yet"));
    house.store.set_mail(Some("notices@example.org".to_owned()));
    let fields = [("name", "chat"), ("url", "https://hooks.example/")];
    let made = house.post("/o/acme/webhooks", &fields, me).await;
    assert!(made.text.contains("whsec_"), "{}", made.text);
    let told = house.post("/o/acme/notices/test", &[], me).await;
    assert_eq!(told.location(), "/o/acme/webhooks?done=notice-test");
    let page = house.get("/o/acme/webhooks", me).await;
    assert!(page.text.contains("get the same by e-mail") && !page.text.contains("whsec_"));
    assert!(
        page.text.contains("subprocessors.test") && page.text.contains("webhook chat"),
        "{}",
        page.text
    );
    assert!(page.text.contains("<td data-label=\"By\">e-mail</td>"), "the owner is written to");
}

/// The link in the only letter that waits, of this kind.
async fn link(house: &House, part: &str) -> String {
    let lease = Duration::from_secs(1);
    let waiting = house.store.messages_claim(&[Channel::Mail], 10, lease).await.unwrap();
    let paths = waiting.into_iter().filter_map(|one| match one.cargo {
        Cargo::Letter { letter, .. } => {
            let letter: Letter = serde_json::from_str(letter.expose()).unwrap();
            letter.link.map(|link| link.path)
        }
        Cargo::Event { .. } => None,
    });
    paths.into_iter().find(|path| path.starts_with(part)).unwrap()
}

#[tokio::test]
async fn anybody_may_be_told_of_sub_processors_once_they_said_so() {
    let house = House::new().await;
    let ask = [("email", "reader@example.org")];
    let refused = house.post("/subprocessors/subscribe", &ask, None).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "no mail, no letters");
    assert!(!house.get("/subprocessors", None).await.text.contains("/subprocessors/subscribe"));
    house.store.set_mail(Some("notices@example.org".to_owned()));
    assert!(house.get("/subprocessors", None).await.text.contains("/subprocessors/subscribe"));
    let wrong = house.post("/subprocessors/subscribe", &[("email", "nobody")], None).await;
    assert!(
        wrong.status.is_client_error() && wrong.text.contains("value=\"nobody\""),
        "{}",
        wrong.text
    );
    let asked = house.post("/subprocessors/subscribe", &ask, None).await;
    assert_eq!(asked.location(), "/subprocessors?done=asked");
    let again = house.post("/subprocessors/subscribe", &ask, None).await;
    assert_eq!(again.location(), asked.location(), "it does not say what is known of an address");
    let confirm = link(&house, "/subprocessors/confirm/").await;
    let page = house.get(&confirm, None).await;
    assert!(page.text.contains("Yes, tell me"), "looking does nothing: {}", page.text);
    assert_eq!(house.post(&confirm, &[], None).await.location(), "/subprocessors?done=subscribed");
    let forged = format!("{}0", &confirm[..confirm.len() - 1]);
    let forged =
        if forged == confirm { format!("{}1", &confirm[..confirm.len() - 1]) } else { forged };
    let dead = house.get(&forged, None).await;
    assert_eq!(dead.status, StatusCode::NOT_FOUND);
    assert!(dead.text.contains("<h1>This link does not work</h1>"), "for people: {}", dead.text);
    let end = confirm.replace("/confirm/", "/unsubscribe/");
    assert_eq!(
        house.post(&end, &[], None).await.status,
        StatusCode::NOT_FOUND,
        "a link is for one thing"
    );
}
