//! Events to webhooks.

use domain::{Action, Secret};
use serde_json::Value;
use testkit::{Backend, each_backend};

use crate::house::{Arrived, House, Listener};

const DAY: u64 = 86_400;

/// Checks an event as a receiver does, by its own means.
fn is_signed(event: &Arrived, secret: &Secret<String>) -> bool {
    let seconds = event.header("webhook-timestamp").parse().unwrap();
    let signed = (event.header("webhook-id"), seconds);
    let right = vault::webhook_signature(secret, signed, event.body.as_bytes()).unwrap();
    event.header("webhook-signature") == right
}

each_backend! {
    async fn an_event_is_signed_and_tried_again_under_the_same_id(backend: Backend) {
        let house = House::new(backend, None).await;
        let acme = house.organization("acme").await;
        let listener = Listener::start().await;
        let (hook, secret) = house.hook(&acme, &listener.url).await;
        let (_, other) = house.hook(&acme, &listener.url).await;
        house.test(&acme, &hook).await;
        listener.answer(503);
        assert_eq!(house.deliver().await, 1);
        let failing = house.fetched(&acme, &hook).await;
        let last = failing.last.unwrap();
        assert_eq!((last.status, last.problem.as_deref()), (Some(503), Some("receiver_refused")));
        assert!(failing.failing_since.is_some());
        listener.answer(204);
        assert_eq!(house.after(5).await, 1);
        let seen = listener.seen();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].path, "/hook?room=7");
        assert_eq!(seen[0].header("webhook-id"), seen[1].header("webhook-id"));
        assert_ne!(seen[0].header("webhook-timestamp"), seen[1].header("webhook-timestamp"));
        assert!(seen.iter().all(|event| is_signed(event, &secret) && !is_signed(event, &other)));
        let body: Value = serde_json::from_str(&seen[1].body).unwrap();
        assert_eq!(body["type"], "webhook.test");
        let well = house.fetched(&acme, &hook).await;
        assert_eq!((well.failing_since, well.last.unwrap().problem), (None, None));
        assert_eq!(house.after(DAY).await, 0);
    }

    async fn what_only_fails_is_switched_off_and_a_test_brings_it_back(backend: Backend) {
        let house = House::new(backend, None).await;
        let acme = house.organization("acme").await;
        let listener = Listener::start().await;
        let (hook, _) = house.hook(&acme, &listener.url).await;
        let budget = house.budget(&acme).await;
        house.spend(&acme, &budget, 50).await;
        listener.answer(500);
        for _ in 0..24 * 5 {
            house.after(3_600).await;
        }
        let off = house.fetched(&acme, &hook).await;
        assert!(off.disabled.is_some());
        assert_eq!(house.logged(&acme, Action::WebhookDisable).await, 1);
        assert_eq!(house.logged(&acme, Action::MessageDrop).await, 1);
        let tried = listener.seen().len();
        house.spend(&acme, &budget, 80).await;
        assert_eq!((house.after(DAY).await, listener.seen().len()), (0, tried), "nothing is sent there");
        listener.answer(200);
        house.test(&acme, &hook).await;
        assert_eq!(house.deliver().await, 1);
        assert!(house.fetched(&acme, &hook).await.disabled.is_none());
        house.spend(&acme, &budget, 100).await;
        assert_eq!(house.deliver().await, 1, "it is told again");
    }

    async fn what_was_removed_is_sent_nothing(backend: Backend) {
        let house = House::new(backend, None).await;
        let acme = house.organization("acme").await;
        let listener = Listener::start().await;
        let (hook, _) = house.hook(&acme, &listener.url).await;
        house.test(&acme, &hook).await;
        let mut write = house.store.write(&acme).await.unwrap();
        write.webhook_remove(hook.id).await.unwrap();
        write.commit(domain::Event::new(Action::WebhookRemove).on("webhook", hook.id)).await.unwrap();
        assert_eq!(house.deliver().await, 0);
        let mut read = house.store.read(&acme).await.unwrap();
        assert_eq!(read.webhook_fetch(hook.id).await.unwrap_err().code(), "not_found");
        assert!(listener.seen().is_empty());
    }

    async fn nobody_reaches_a_webhook_of_somebody_else(backend: Backend) {
        let house = House::new(backend, None).await;
        let acme = house.organization("acme").await;
        let other = house.organization("other").await;
        let listener = Listener::start().await;
        let (hook, _) = house.hook(&acme, &listener.url).await;
        let mut foreign = house.store.write(&other).await.unwrap();
        assert!(foreign.webhooks_list().await.unwrap().is_empty());
        assert_eq!(foreign.webhook_fetch(hook.id).await.unwrap_err().code(), "not_found");
        assert_eq!(foreign.webhook_test(hook.id).await.unwrap_err().code(), "not_found");
        assert_eq!(foreign.webhook_remove(hook.id).await.unwrap_err().code(), "not_found");
        drop(foreign);
        let budget = house.budget(&other).await;
        house.spend(&other, &budget, 50).await;
        assert_eq!(house.deliver().await, 0, "it is told of its own organization only");
        assert!(listener.seen().is_empty());
    }
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_switched_off_at_once() {
    let house = House::new(Backend::sqlite(), None).await;
    let acme = house.organization("acme").await;
    let listener = Listener::start().await;
    let (hook, _) = house.hook(&acme, &listener.url).await;
    house.test(&acme, &hook).await;
    listener.answer(410);
    house.deliver().await;
    assert!(house.fetched(&acme, &hook).await.disabled.is_some());
    assert_eq!(house.after(DAY).await, 0);
}

#[tokio::test]
async fn redirects_and_private_addresses_are_not_followed() {
    let house = House::new(Backend::sqlite(), None).await;
    let acme = house.organization("acme").await;
    let listener = Listener::start().await;
    let (hook, _) = house.hook(&acme, &listener.url).await;
    house.test(&acme, &hook).await;
    listener.answer(307);
    house.deliver().await;
    let last = house.fetched(&acme, &hook).await.last.unwrap();
    assert_eq!(last.problem.as_deref(), Some("redirect_refused"));
    assert_eq!(listener.seen().len(), 1);
    // A public name whose address is this machine's, as a name server of somebody else may answer.
    let mut write = house.store.write(&acme).await.unwrap();
    let new = store::NewWebhook {
        name: "Rebound".to_owned(),
        url: Secret::new("https://hooks.example/".to_owned()),
        host: "hooks.example".to_owned(),
        secret: vault::webhook_secret().unwrap(),
        allow_private: false,
    };
    let rebound = write.webhook_create(new).await.unwrap();
    write.webhook_test(rebound.id).await.unwrap();
    write.commit(domain::Event::new(Action::WebhookCreate)).await.unwrap();
    house.deliver().await;
    let last = house.fetched(&acme, &rebound).await.last.unwrap();
    assert_eq!(last.problem.as_deref(), Some("address_refused"));
}
