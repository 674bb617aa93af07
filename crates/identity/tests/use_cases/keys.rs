//! API keys and admin keys.

use std::time::Duration;

use domain::{KeyId, Kind, ProjectRole, Timestamp};
use identity::{Config, Identity, KeyScope, Leak, NewAdminKey, NewApiKey};
use store::{AuditFilter, Page, Principal};
use testkit::{Backend, each_backend};

use crate::house::{DAY, House, code, home, new_key, secret};

each_backend! {
    async fn a_key_opens_its_project_and_is_shown_once(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (organization, owner) = house.organization(&operator, "acme").await;
        let project = house.project(&owner, "app").await;
        let mut new = new_key(&[KeyScope::Inference, KeyScope::ModelsRead, KeyScope::Inference]);
        new.requests_per_minute = Some(600);
        let made = house.identity.key_create(&owner, project.id, new).await.unwrap();
        let text = made.text.expose();
        assert!(text.starts_with("pbk_") && text.ends_with(&made.key.last_four));
        assert_eq!(made.key.scopes, ["inference", "models.read"]);
        assert_eq!(made.key.expires, Some(house.clock.now().plus(90 * DAY)));

        let scope = house.identity.api_key(text).unwrap();
        assert_eq!((scope.org(), scope.project()), (organization.id, Some(project.id)));
        assert_eq!(scope.requests_per_minute(), Some(600));
        assert!(Identity::key_scope(&scope, KeyScope::Inference).is_ok());

        let listed = house.identity.keys_list(&owner, project.id, &Page::default()).await.unwrap();
        let fetched = house.identity.key_fetch(&owner, made.key.id).await.unwrap();
        assert_eq!(listed.data, std::slice::from_ref(&fetched));
        let secret = text.rsplit_once('_').unwrap().1;
        assert!(!format!("{fetched:?} {made:?}").contains(secret));
    }

    async fn a_key_does_what_its_scopes_say(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let project = house.project(&owner, "app").await;
        let (calls, models) = (KeyScope::Inference, KeyScope::ModelsRead);
        for (given, may_call) in [(&[calls][..], "ok"), (&[models][..], "scope_missing")] {
            let made = house.key(&owner, &project, given).await;
            let scope = house.identity.api_key(made.text.expose()).unwrap();
            assert_eq!(code(Identity::key_scope(&scope, models)), "ok");
            assert_eq!(code(Identity::key_scope(&scope, calls)), may_call);
        }
        assert_eq!(code(Identity::key_scope(&owner, calls)), "scope_missing");
    }

    async fn what_cannot_be_a_key_is_refused(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let project = house.project(&owner, "app").await;
        let made = house.key(&owner, &project, &[KeyScope::Inference]).await;
        let unknown = vault::api_key::generate("pbk").unwrap();
        let mut changed = made.text.expose().clone();
        changed.replace_range(20..21, if &changed[20..21] == "a" { "b" } else { "a" });
        for text in ["", "sk-proj-123", unknown.text.expose(), &changed] {
            assert_eq!(code(house.identity.api_key(text)), "invalid_key");
        }
        let create =
            async |new: NewApiKey| code(house.identity.key_create(&owner, project.id, new).await);
        let with = |change: &dyn Fn(&mut NewApiKey)| {
            let mut new = new_key(&[KeyScope::Inference]);
            change(&mut new);
            new
        };
        assert_eq!(create(new_key(&[])).await, "unknown_scope");
        assert_eq!(create(with(&|new| new.name = String::new())).await, "invalid_name");
        assert_eq!(create(with(&|new| new.expires_in = Some(0))).await, "invalid_expiry");
        assert_eq!(create(with(&|new| new.expires_in = Some(366))).await, "invalid_expiry");
        assert_eq!(create(with(&|new| new.expires_in = Some(365))).await, "ok");
        assert_eq!(create(with(&|new| new.requests_per_minute = Some(0))).await, "invalid_limit");
    }

    async fn a_key_ends_when_revoked_and_when_old(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let project = house.project(&owner, "app").await;
        let revoked = house.key(&owner, &project, &[KeyScope::Inference]).await;
        house.identity.key_revoke(&owner, revoked.key.id).await.unwrap();
        assert_eq!(code(house.identity.api_key(revoked.text.expose())), "key_revoked");
        assert_eq!(code(house.identity.key_revoke(&owner, revoked.key.id).await), "not_found");

        let old = house.key(&owner, &project, &[KeyScope::Inference]).await;
        house.clock.advance(90 * DAY - Duration::from_secs(1));
        assert_eq!(code(house.identity.api_key(old.text.expose())), "ok");
        house.clock.advance(Duration::from_secs(1));
        assert_eq!(code(house.identity.api_key(old.text.expose())), "key_expired");
    }

    async fn keys_are_managed_by_editors_of_their_project_only(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let (mine, other) =
            (house.project(&owner, "mine").await, house.project(&owner, "other").await);
        let editor = house.granted(&owner, "editor", &mine, ProjectRole::Editor).await;
        let viewer = house.granted(&owner, "viewer", &mine, ProjectRole::Viewer).await;
        let key = house.key(&editor, &mine, &[KeyScope::Inference]).await.key.id;
        let foreign = house.key(&owner, &other, &[KeyScope::Inference]).await.key.id;
        let admin_key = house.admin_key(&owner).await.key.id;
        let made_up = KeyId::new(Timestamp::from_millis(1));

        assert_eq!(code(house.identity.key_fetch(&viewer, key).await), "ok");
        assert_eq!(code(house.identity.key_revoke(&viewer, key).await), "forbidden");
        for id in [foreign, admin_key, made_up] {
            for scope in [&editor, &viewer] {
                let fetched = house.identity.key_fetch(scope, id).await.unwrap_err();
                let revoked = house.identity.key_revoke(scope, id).await.unwrap_err();
                assert_eq!(fetched.to_string(), "No such key.");
                assert_eq!(revoked.to_string(), "No such key.");
            }
        }
        assert_eq!(code(house.identity.key_revoke(&editor, key).await), "ok");
        assert_eq!(code(house.identity.key_revoke(&owner, admin_key).await), "ok");
    }

    async fn an_admin_key_acts_as_an_admin_and_makes_no_other(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let made = house.admin_key(&owner).await;
        assert!(made.key.project.is_none());
        let scope = house.identity.api_key(made.text.expose()).unwrap();
        assert!(matches!(scope.principal(), Principal::AdminKey { .. }));
        let project = house.project(&scope, "app").await;
        let key = house.key(&scope, &project, &[KeyScope::Inference]).await;
        assert_eq!(key.key.created_by, None);
        let another = NewAdminKey { name: "Another".to_owned(), expires_in: None };
        assert_eq!(code(house.identity.admin_key_create(&scope, another).await), "forbidden");
        assert_eq!(
            code(house.identity.admin_keys_list(&scope, &Page::default()).await),
            "forbidden"
        );
        assert_eq!(code(Identity::key_scope(&scope, KeyScope::Inference)), "scope_missing");
        let listed = house.identity.admin_keys_list(&owner, &Page::default()).await.unwrap();
        assert_eq!(listed.data.len(), 1);
    }

    async fn the_prefix_is_the_deployments_to_set(backend: Backend) {
        let house =
            House::with(backend, Config { key_prefix: "acme".to_owned(), ..Config::default() }).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let project = house.project(&owner, "app").await;
        let made = house.key(&owner, &project, &[KeyScope::Inference]).await;
        assert!(made.text.expose().starts_with("acme_"));
        assert!(house.identity.api_key(made.text.expose()).is_ok());
        assert!(Config { key_prefix: "A_b".to_owned(), ..Config::default() }.check().is_err());
        assert!(Config { failure_window: 0, ..Config::default() }.check().is_err());
    }

    async fn a_key_that_somebody_found_ends_at_once(backend: Backend) {
        let house = House::new(backend).await;
        let operator = house.operator().await;
        let (_, owner) = house.organization(&operator, "acme").await;
        let project = house.project(&owner, "app").await;
        let key = house.key(&owner, &project, &[KeyScope::Inference]).await;
        let admin = house.admin_key(&owner).await;
        for made in [&key, &admin] {
            let report = async || house.identity.key_report_leak(&made.text, home()).await;
            assert!(house.identity.api_key(made.text.expose()).is_ok());
            assert_eq!(report().await.unwrap(), Leak::Revoked);
            assert_eq!(code(house.identity.api_key(made.text.expose())), "key_revoked");
            assert_eq!(report().await.unwrap(), Leak::Harmless);
        }
        let old = house.key(&owner, &project, &[KeyScope::Inference]).await;
        house.clock.advance(91 * DAY);
        let expired = house.identity.key_report_leak(&old.text, home()).await;
        assert_eq!(expired.unwrap(), Leak::Harmless);
        let foreign = vault::api_key::generate("pbk").unwrap();
        for unknown in [foreign.text, secret("pbk_nothing"), secret("")] {
            let answer = house.identity.key_report_leak(&unknown, home()).await.unwrap_err();
            assert_eq!((answer.kind(), answer.code()), (Kind::NotFound, "invalid_key"));
        }
        house.store.drain().await.unwrap();
        let mut read = house.store.read(&owner).await.unwrap();
        let rows = read.audit_list(&AuditFilter::default(), &Page::first(50)).await.unwrap().data;
        let leaked: Vec<_> = rows.iter().filter(|row| row.facts.get("leaked").is_some()).collect();
        assert_eq!(leaked.len(), 2, "once each");
    }
}
