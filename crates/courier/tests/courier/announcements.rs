//! Changes of sub-processors, told to every organization and to whoever subscribed.

use std::collections::BTreeMap;

use domain::{Action, Catalogue, Event};
use sandbox::MailScript;
use serde_json::Value;
use store::{Asked, Authority, CatalogueVersion};
use testkit::{Backend, each_backend};

use crate::house::{House, Listener, Mail};

const MISTRAL: &str = include_str!("../../../../catalog/mistral.toml");
const DEEPSEEK: &str = include_str!("../../../../catalog/deepseek.toml");
const DAY: u64 = 86_400;

async fn announce(house: &House, files: &[(&str, &str)]) {
    let catalogue = Catalogue::parse(files.iter().copied()).unwrap();
    let overlays = BTreeMap::new();
    let notice = testkit::NOTICE;
    let version = CatalogueVersion { catalogue: &catalogue, overlays: &overlays, notice };
    house.store.catalogue_announce(version).await.unwrap();
}

/// The link of the newest letter to an address that holds `part`.
fn link(mail: &Mail, to: &str, part: &str) -> String {
    let letters = mail.twin.letters();
    let letter = letters.iter().rev().find(|one| one.to == to).unwrap();
    // Long lines are folded with `=` at their end.
    let text = letter.letter.replace("=\r\n", "");
    let rest = text.split_once(part).unwrap_or_else(|| panic!("no {part} in {text}")).1;
    rest.split_whitespace().next().unwrap().trim_end_matches('>').to_owned()
}

async fn ask(house: &House, email: &str, from: &str) -> domain::Result<Asked> {
    let nobody = house.store.deployment(Authority::SignIn).await.unwrap();
    let from = nobody.address_index(from).unwrap();
    let mut write = nobody.write().await.unwrap();
    let asked = write.subscriber_ask(email, &from).await?;
    write.commit(Event::new(Action::SubscriberAdd)).await.map(|_| asked)
}

async fn follow(house: &House, token: &str, confirm: bool) -> domain::Result<()> {
    let nobody = house.store.deployment(Authority::SignIn).await.unwrap();
    let mut write = nobody.write().await.unwrap();
    let id = match confirm {
        true => write.subscriber_confirm(token).await?,
        false => write.subscriber_remove(token).await?,
    };
    write.commit(Event::new(Action::SubscriberConfirm).on("subscriber", id)).await.map(drop)
}

each_backend! {
    async fn everybody_who_wants_to_know_is_told(backend: Backend) {
        let mail = Mail::plain(MailScript::default()).await;
        let house = House::new(backend, Some(&mail)).await;
        announce(&house, &[("mistral", MISTRAL)]).await;
        let acme = house.organization("acme").await;
        house.organization("other").await;
        let listener = Listener::start().await;
        house.hook(&acme, &listener.url).await;
        assert_eq!(house.deliver().await, 0, "what was there from the beginning is no news");

        assert!(matches!(ask(&house, " Reader@Example.org", "one").await.unwrap(), Asked::Now(_)));
        assert_eq!(ask(&house, "reader@example.org", "one").await.unwrap(), Asked::Before);
        house.deliver().await;
        let confirm = link(&mail, "reader@example.org", "/subprocessors/confirm/");
        announce(&house, &[("mistral", MISTRAL), ("deepseek", DEEPSEEK)]).await;
        assert_eq!(house.deliver().await, 3, "two owners and a webhook: nobody confirmed yet");
        let event: Value = serde_json::from_str(&listener.seen()[0].body).unwrap();
        assert_eq!(event["type"], "subprocessors.changed");
        assert_eq!(event["data"]["changes"][0]["provider"], "deepseek");
        assert_eq!(event["data"]["changes"][0]["cause"], "added");

        follow(&house, &confirm, true).await.unwrap();
        announce(&house, &[("mistral", MISTRAL)]).await;
        assert_eq!(house.deliver().await, 4);
        let end = link(&mail, "reader@example.org", "/subprocessors/unsubscribe/");
        assert_eq!(follow(&house, &confirm, false).await.unwrap_err().code(), "link_invalid", "a link is for one thing");
        assert_eq!(follow(&house, &end, true).await.unwrap_err().code(), "link_invalid");
        follow(&house, &end, false).await.unwrap();
        assert_eq!(follow(&house, &end, false).await.unwrap_err().code(), "link_invalid");
        announce(&house, &[("mistral", MISTRAL), ("deepseek", DEEPSEEK)]).await;
        assert_eq!(house.deliver().await, 3, "no more letters");
    }

    async fn an_address_that_nobody_confirms_is_forgotten(backend: Backend) {
        let mail = Mail::plain(MailScript::default()).await;
        let house = House::new(backend, Some(&mail)).await;
        ask(&house, "reader@example.org", "one").await.unwrap();
        house.deliver().await;
        let confirm = link(&mail, "reader@example.org", "/subprocessors/confirm/");
        house.after(2 * DAY + 1).await;
        house.store.drain().await.unwrap();
        assert_eq!(follow(&house, &confirm, true).await.unwrap_err().code(), "link_invalid");
    }

    async fn strangers_cannot_have_the_world_written_to(backend: Backend) {
        let mail = Mail::plain(MailScript::default()).await;
        let house = House::new(backend, Some(&mail)).await;
        for at in 0..5 {
            ask(&house, &format!("reader{at}@example.org"), "one").await.unwrap();
        }
        let refused = ask(&house, "reader5@example.org", "one").await.unwrap_err();
        assert_eq!(refused.code(), "too_many_requests");
        ask(&house, "reader5@example.org", "two").await.unwrap();
        house.after(3_601).await;
        ask(&house, "reader6@example.org", "one").await.unwrap();
    }
}
