//! A share of a budget is told once: to those who answer for the organization, and to its webhooks.

use domain::{Action, BudgetOf, Event, OrgRole};
use sandbox::MailScript;
use serde_json::Value;
use testkit::{Backend, each_backend};

use crate::house::{House, Listener, Mail};

fn recipients(mail: &Mail) -> Vec<String> {
    let mut all: Vec<_> = mail.twin.letters().into_iter().map(|one| one.to).collect();
    all.sort();
    all
}

each_backend! {
    async fn each_share_is_told_once_also_after_a_start(backend: Backend) {
        let mail = Mail::plain(MailScript::default()).await;
        let house = House::new(backend, Some(&mail)).await;
        let acme = house.organization("acme").await;
        house.organization("other").await;
        house.member(&acme, "admin@acme.example", OrgRole::Admin).await;
        house.member(&acme, "member@acme.example", OrgRole::Member).await;
        let listener = Listener::start().await;
        house.hook(&acme, &listener.url).await;
        let budget = house.budget(&acme).await;
        assert!(house.spend(&acme, &budget, 50).await);
        assert_eq!(house.deliver().await, 3);
        assert_eq!(recipients(&mail), ["admin@acme.example", "owner@acme.example"]);
        let letter = &mail.twin.letters()[0].letter;
        assert!(letter.contains("Subject: The acme: 50 % of a budget is spent"), "{letter}");
        assert!(letter.contains("https://ai.example/o/acme/budgets"), "{letter}");
        let body: Value = serde_json::from_str(&listener.seen()[0].body).unwrap();
        assert_eq!((&body["type"], &body["data"]["percent"]), (&"budget.reached".into(), &50.into()));
        assert!(!house.spend(&acme, &budget, 50).await, "once");
        assert_eq!(house.deliver().await, 0);

        // What was on its way when the server ended leaves after the next start.
        assert!(house.spend(&acme, &budget, 80).await);
        let House { backend, store, courier } = house;
        drop(courier);
        store.close().await.unwrap();
        drop(store);
        let house = House::new(backend, Some(&mail)).await;
        assert_eq!(house.deliver().await, 3);
        assert_eq!((mail.twin.letters().len(), listener.seen().len()), (4, 2));
        let org = acme.org();
        let from = domain::Period::Month.span(house.backend.clock.now()).from;
        let again = house.store.budget_reached(org, budget.id, from, 80).await.unwrap();
        assert!(!again, "once, also after a start");
        assert_eq!(house.deliver().await, 0);
        // A new month is told anew.
        let next = domain::Period::Month.span(from).until.unwrap();
        assert!(house.store.budget_reached(org, budget.id, next, 50).await.unwrap());
        assert_eq!(house.deliver().await, 3);
    }

    async fn a_letter_says_which_member_and_an_event_does_not(backend: Backend) {
        let mail = Mail::plain(MailScript::default()).await;
        let house = House::new(backend, Some(&mail)).await;
        let acme = house.organization("acme").await;
        let member = house.member(&acme, "member@acme.example", OrgRole::Member).await;
        let listener = Listener::start().await;
        house.hook(&acme, &listener.url).await;
        let budget = house.budget_of(&acme, BudgetOf::User(member)).await;
        assert!(house.spend(&acme, &budget, 80).await);
        house.deliver().await;
        assert_eq!(recipients(&mail), ["owner@acme.example"], "whoever can raise it");
        let letter = &mail.twin.letters()[0].letter;
        assert!(letter.contains("Member Some Body: 80 % of 25.00 USD per month is spent."), "{letter}");
        let event = listener.seen()[0].body.clone();
        assert!(event.contains("\"of\":\"member\"") && !event.contains("Some Body"), "{event}");

        let mut write = house.store.write(&acme).await.unwrap();
        write.member_remove(member).await.unwrap();
        write.commit(Event::new(Action::MemberRemove).on_user(member)).await.unwrap();
        assert!(house.spend(&acme, &budget, 100).await, "it goes on holding");
        house.deliver().await;
        let letter = &mail.twin.letters()[1].letter;
        assert!(letter.contains("Former member usr_") && !letter.contains("Some Body"), "{letter}");
    }

    async fn two_couriers_send_nothing_twice(backend: Backend) {
        let mail = Mail::plain(MailScript::default()).await;
        let house = House::new(backend, Some(&mail)).await;
        let acme = house.organization("acme").await;
        let budget = house.budget(&acme).await;
        for percent in [50, 80, 100] {
            house.spend(&acme, &budget, percent).await;
        }
        let other = House::courier(&house.backend, &house.store, Some(&mail));
        let (one, two) = tokio::join!(house.courier.deliver(), other.deliver());
        assert_eq!(one.unwrap() + two.unwrap(), 3);
        assert_eq!(mail.twin.letters().len(), 3);
    }
}
