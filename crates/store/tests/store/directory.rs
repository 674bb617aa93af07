//! The deployment's own tables: people, sessions, links, organizations, settings, evidence.

use std::time::Duration;

use domain::{Action, EvidenceId, First, Kind, OrgRole, Proofs, RunId, UserId};
use store::{
    Authority, EvidenceFilter, NewEvidence, NewOrganization, NewSession, NewSlot, NewUser, Page,
};
use testkit::{Backend, each_backend};

use crate::fixture::{event, house, later, person, refusal, sign_in};

each_backend! {
    async fn people_are_found_in_any_spelling_and_once(backend: Backend) {
        let store = backend.open().await;
        let (id, _) = person(&store, "ada", false).await;
        let deployment = store.deployment(Authority::SignIn).await.unwrap();
        let mut read = deployment.read().await.unwrap();
        let found = read.user_find_by_email(" ADA@Example.org ").await.unwrap().unwrap();
        assert_eq!((found.id, found.name.as_str()), (id, "ada Person"));
        assert!(read.user_find_by_email("eve@example.org").await.unwrap().is_none());
        assert_eq!(read.user_fetch(id).await.unwrap().email, "ada@example.org");
        drop(read);
        let mut write = deployment.write().await.unwrap();
        let twin = NewUser {
            id: UserId::new(store.clock().now()),
            email: "Ada@example.org".to_owned(),
            name: "Twin".to_owned(),
            password: None,
            operator: false,
        };
        assert_eq!(refusal(write.user_create(twin).await), (Kind::Conflict, "email_taken"));
    }

    async fn a_password_is_checked_and_replaced(backend: Backend) {
        let store = backend.open().await;
        let (id, _) = person(&store, "ada", false).await;
        let deployment = store.deployment(Authority::SignIn).await.unwrap();
        let passwords = deployment.passwords().unwrap();
        let secret = domain::Secret::new("correct horse battery".to_owned());
        let mut write = deployment.write().await.unwrap();
        let sealed = passwords.hash(id, &secret).unwrap();
        write.user_password_set(id, sealed).await.unwrap();
        write.commit(event(Action::UserPasswordChange).on_user(id)).await.unwrap();
        let stored = deployment.read().await.unwrap().user_password(id).await.unwrap();
        assert!(passwords.verify(id, &secret, stored.as_deref()));
        let wrong = domain::Secret::new("wrong horse battery".to_owned());
        assert!(!passwords.verify(id, &wrong, stored.as_deref()));
    }

    async fn a_session_ends_by_command_time_and_disabling(backend: Backend) {
        let store = backend.open().await;
        let (id, _) = person(&store, "ada", false).await;
        let token = vault::random_token().unwrap();
        let deployment = store.deployment(Authority::SignIn).await.unwrap();
        let mut write = deployment.write().await.unwrap();
        let digest = vault::sha256(token.expose().as_bytes());
        let proofs = Proofs::of(First::Password, store.clock().now());
        let new = NewSession { user: id, digest, expires: later(&store, 60), proofs, lasting: false };
        let session = write.session_create(new).await.unwrap();
        write.commit(event(Action::SessionCreate)).await.unwrap();
        assert_eq!(store.session(&token).await.unwrap().id(), session);

        let mut write = deployment.write().await.unwrap();
        write.user_disable(id, true).await.unwrap();
        write.commit(event(Action::SessionEnd)).await.unwrap();
        assert_eq!(refusal(store.session(&token).await), (Kind::Unauthenticated, "signed_out"));
        let mut write = deployment.write().await.unwrap();
        write.user_disable(id, false).await.unwrap();
        write.commit(event(Action::SessionEnd)).await.unwrap();
        store.session(&token).await.unwrap();

        backend.clock.advance(Duration::from_secs(61));
        assert_eq!(refusal(store.session(&token).await), (Kind::Unauthenticated, "signed_out"));

        let fresh = sign_in(&store, id).await;
        let mut write = deployment.write().await.unwrap();
        assert_eq!(write.sessions_list(id).await.unwrap().len(), 2);
        write.session_end(id, fresh.id()).await.unwrap();
        assert_eq!(write.sessions_end_all(id).await.unwrap(), 2);
        write.commit(event(Action::SessionEnd)).await.unwrap();
        assert!(deployment.read().await.unwrap().sessions_list(id).await.unwrap().is_empty());
    }

    async fn an_operator_link_works_once_and_in_time(backend: Backend) {
        let store = backend.open().await;
        let deployment = store.deployment(Authority::Bootstrap).await.unwrap();
        let (first, second, third) = ([1; 32], [2; 32], [3; 32]);
        let mut write = deployment.write().await.unwrap();
        write.operator_link_create(&first, later(&store, 60)).await.unwrap();
        write.operator_link_create(&second, later(&store, 60)).await.unwrap();
        write.commit(event(Action::OperatorLinkCreate)).await.unwrap();
        let mut write = deployment.write().await.unwrap();
        assert!(write.operator_link_is_live(&second).await.unwrap());
        let gone = (Kind::NotFound, "link_invalid");
        assert_eq!(refusal(write.operator_link_consume(&first).await), gone);
        write.operator_link_consume(&second).await.unwrap();
        assert_eq!(refusal(write.operator_link_consume(&second).await), gone);
        write.operator_link_create(&third, later(&store, 60)).await.unwrap();
        backend.clock.advance(Duration::from_secs(61));
        assert_eq!(refusal(write.operator_link_consume(&third).await), gone);
    }

    async fn failed_attempts_are_counted_by_person_and_address(backend: Backend) {
        let store = backend.open().await;
        let deployment = store.deployment(Authority::SignIn).await.unwrap();
        let email = deployment.email_index("ada@example.org").unwrap();
        let address = deployment.address_index("192.0.2.7").unwrap();
        let elsewhere = deployment.address_index("192.0.2.8").unwrap();
        let start = store.clock().now();
        let mut write = deployment.write().await.unwrap();
        write.sign_in_record(&email, &address, false).await.unwrap();
        write.sign_in_record(&email, &elsewhere, false).await.unwrap();
        write.sign_in_record(&email, &address, true).await.unwrap();
        assert_eq!(write.sign_in_failures(&email, &address, start).await.unwrap(), (2, 1));
        assert_eq!(write.sign_in_failures(&email, &address, later(&store, 1)).await.unwrap(), (0, 0));
        assert_eq!(write.sign_in_attempts_forget(later(&store, 1)).await.unwrap(), 3);
    }

    async fn only_an_operator_acts_as_one(backend: Backend) {
        let store = backend.open().await;
        let (_, plain) = person(&store, "ada", false).await;
        let (_, operator) = person(&store, "root", true).await;
        assert_eq!(
            refusal(store.deployment(Authority::Operator(&plain)).await),
            (Kind::Forbidden, "forbidden")
        );
        let deployment = store.deployment(Authority::Operator(&operator)).await.unwrap();
        let mut read = deployment.read().await.unwrap();
        assert!(read.operator_exists().await.unwrap());
        let first = read.users_list(&Page::first(1)).await.unwrap();
        let rest = Page { after: first.next.clone(), limit: 10 };
        assert_eq!((first.data.len(), read.users_list(&rest).await.unwrap().data.len()), (1, 1));
    }

    async fn organizations_have_slots_slugs_and_members(backend: Backend) {
        let store = backend.open().await;
        let one = house(&store, "one").await;
        let two = house(&store, "two").await;
        assert_eq!((one.organization.slot, two.organization.slot), (0, 1));
        let deployment = store.deployment(Authority::Account(&one.session)).await.unwrap();
        let mut read = deployment.read().await.unwrap();
        let mine = read.organizations_of(one.owner).await.unwrap();
        assert_eq!(mine, vec![(one.organization.clone(), OrgRole::Owner)]);
        assert_eq!(read.organizations_list(&Page::default()).await.unwrap().data.len(), 2);
        drop(read);
        let mut write = deployment.write().await.unwrap();
        let taken = NewOrganization { name: "X".into(), slug: "two".into(), owner: one.owner };
        assert_eq!(
            refusal(write.organization_create(taken).await),
            (Kind::Conflict, "slug_taken")
        );
        drop(write);
        assert_eq!(
            refusal(store.enter(&one.session, "two").await),
            refusal(store.enter(&one.session, "none").await)
        );
    }

    async fn a_dropped_write_leaves_nothing(backend: Backend) {
        let store = backend.open().await;
        let (owner, session) = person(&store, "ada", false).await;
        let deployment = store.deployment(Authority::Account(&session)).await.unwrap();
        let mut write = deployment.write().await.unwrap();
        let new = NewOrganization { name: "Gone".into(), slug: "gone".into(), owner };
        write.organization_create(new).await.unwrap();
        write.setting_set("theme", "dark").await.unwrap();
        drop(write);
        assert_eq!(refusal(store.enter(&session, "gone").await), (Kind::NotFound, "not_found"));
        let mut read = deployment.read().await.unwrap();
        assert_eq!(read.setting_find("theme").await.unwrap(), None);
    }

    async fn settings_are_kept(backend: Backend) {
        let store = backend.open().await;
        let deployment = store.deployment(Authority::Bootstrap).await.unwrap();
        for value in ["one", "two"] {
            let mut write = deployment.write().await.unwrap();
            write.setting_set("name", value).await.unwrap();
            write.commit(event(Action::DeploymentStart)).await.unwrap();
            let mut read = deployment.read().await.unwrap();
            assert_eq!(read.setting_find("name").await.unwrap().as_deref(), Some(value));
        }
    }

    async fn evidence_fills_its_slot_once(backend: Backend) {
        let store = backend.open().await;
        let deployment = store.deployment(Authority::Sweep).await.unwrap();
        let now = store.clock().now();
        let mut write = deployment.write().await.unwrap();
        let slot = NewSlot { id: "s1".into(), control: "GW-01".into(), due: later(&store, 5) };
        write.slots_append(vec![slot]).await.unwrap();
        let new = NewEvidence {
            run: RunId::new(now),
            control: "GW-01".into(),
            probe: "gateway.content".into(),
            slot: Some("s1".into()),
            outcome: "pass".into(),
            finished: now,
            body: "{}".into(),
            signer: "key".into(),
            signature: vec![1, 2, 3],
        };
        let first = write.evidence_append(new.clone()).await.unwrap();
        backend.clock.advance(Duration::from_millis(5));
        let second = write.evidence_append(new).await.unwrap();
        write.commit(event(Action::EvidenceAppend)).await.unwrap();
        let mut read = deployment.read().await.unwrap();
        let slots = read.slots_list(now, later(&store, 60)).await.unwrap();
        assert_eq!(slots[0].evidence, Some(first.id));
        let filter = EvidenceFilter { control: Some("GW-01".into()), from: None };
        let listed = read.evidence_list(&filter, &Page::default()).await.unwrap();
        let ids: Vec<EvidenceId> = listed.data.iter().map(|row| row.id).collect();
        assert_eq!(ids, vec![second.id, first.id]);
        assert_eq!(listed.data[1], first);
    }
}
