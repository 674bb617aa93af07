//! Personal values: never in an entry, sealed beside it, forgotten without a trace in the tree.

use domain::{Action, Event};

use super::{export, log, outside, record};
use crate::fixture::{house, member};

const REDACTED: &str = "missing personal values are accounted for";

testkit::each_backend! {
    async fn personal_values_are_sealed_and_apart(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        let secret = "grace.hopper@example.org";
        let event = Event::new(Action::MemberInvite).personal("email", secret);
        record(&store, &acme, event).await;
        assert!(outside::occurs(&backend, "body", "audit_outbox", "member.invite").await);
        for (table, column) in [("audit_outbox", "body"), ("audit_disclosure", "value"), ("audit_disclosure", "digest")] {
            assert!(!outside::occurs(&backend, column, table, "grace").await, "{table}.{column}");
        }
        store.drain().await.unwrap();
        assert!(outside::occurs(&backend, "leaf", "audit_entry", "member.invite").await);
        for text in ["grace", "Person", &acme.owner.uuid().to_string(), &acme.owner.to_string()] {
            assert!(!outside::occurs(&backend, "leaf", "audit_entry", text).await, "{text}");
        }
        assert_eq!(log(&store, &acme.scope).await[0].personal["email"], secret);
    }

    async fn a_forgotten_person_leaves_the_tree_whole(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        let ada = member(&store, &acme, "ada", domain::OrgRole::Admin).await;
        let domain::Actor::User(user) = ada.actor() else { panic!("a person") };
        for at in 0..250 {
            let event = Event::new(Action::SessionCreate).personal("ip", format!("192.0.2.{at}"));
            store.write(&ada).await.unwrap().commit(event).await.unwrap();
        }
        record(&store, &acme, Event::new(Action::SessionCreate).personal("ip", "198.51.100.1")).await;
        let before = export::verified(&store, &acme.scope).await;
        assert_eq!(before.disclosures.present, 251);

        let mut write = store.write(&acme.scope).await.unwrap();
        let event = write.audit_forget(user).await.unwrap();
        write.commit(event).await.unwrap();
        let after = export::verified(&store, &acme.scope).await;
        assert_eq!((after.disclosures.present, after.disclosures.redacted), (1, 250));
        assert_eq!(after.entries, before.entries + 3, "two erasures and the export");
        let rows = log(&store, &acme.scope).await;
        let signed_in: Vec<_> = rows.iter().filter(|row| row.erased == 1).collect();
        assert_eq!(signed_in.len(), 250);
        let actor = signed_in[0].actor.clone().unwrap();
        assert_eq!((actor.id, actor.name, actor.email), (None, None, None));
    }

    async fn a_silent_removal_shows(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        record(&store, &acme, Event::new(Action::SessionCreate).personal("ip", "192.0.2.1")).await;
        export::verified(&store, &acme.scope).await;
        outside::run(&backend, "delete from audit_disclosure").await;
        assert_eq!(export::mismatches(&store, &acme.scope).await, [REDACTED]);
    }
}
