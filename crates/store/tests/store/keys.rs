//! API keys: created, presented, expired, revoked, on this node and another.

use std::time::{Duration, Instant};

use domain::{Action, Kind, OrgRole};
use store::{NewKey, Page, Principal};
use testkit::{Backend, each_backend};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::fixture::{event, house, key, later, presented, refusal};

each_backend! {
    async fn a_key_opens_its_project(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let (row, text) = key(&store, &made).await;
        let scope = store.api_key(&presented(&text)).unwrap();
        assert_eq!(scope.org(), made.organization.id);
        assert_eq!(scope.org_slug(), "acme");
        assert_eq!(scope.principal(), &Principal::ApiKey { id: row.id, project: made.project.id });
        assert_eq!((scope.org_role(), scope.project()), (None, Some(made.project.id)));
        assert_eq!(scope.key_scopes(), ["inference"]);
        assert_eq!(scope.requests_per_minute(), Some(60));
        let stranger = vault::api_key::generate("pbk").unwrap();
        assert_eq!(
            refusal(store.api_key(&presented(&stranger.text))),
            (Kind::Unauthenticated, "invalid_key")
        );
        store.close().await.unwrap();
        let again = backend.open().await;
        assert_eq!(again.api_key(&presented(&text)).unwrap().key(), Some(row.id));
    }

    async fn a_revoked_key_stops_with_the_commit(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let (row, text) = key(&store, &made).await;
        let mut write = store.write(&made.scope).await.unwrap();
        write.key_revoke(row.id).await.unwrap();
        store.api_key(&presented(&text)).unwrap();
        write.commit(event(Action::KeyRevoke).on("key", row.id)).await.unwrap();
        assert_eq!(
            refusal(store.api_key(&presented(&text))),
            (Kind::Unauthenticated, "key_revoked")
        );
        let mut write = store.write(&made.scope).await.unwrap();
        assert_eq!(refusal(write.key_revoke(row.id).await), (Kind::NotFound, "not_found"));
    }

    async fn a_key_expires_and_its_last_use_is_kept(backend: Backend) {
        let store = backend.open().await;
        let made = house(&store, "acme").await;
        let new = vault::api_key::generate("pbk").unwrap();
        let mut write = store.write(&made.scope).await.unwrap();
        let row = write
            .key_create(NewKey {
                project: None,
                name: "Admin".into(),
                digest: new.digest,
                handle: new.handle.clone(),
                last_four: new.last_four.clone(),
                scopes: vec![],
                requests_per_minute: None,
                expires: Some(later(&store, 60)),
            })
            .await
            .unwrap();
        write.commit(event(Action::AdminKeyCreate)).await.unwrap();
        backend.clock.advance(Duration::from_secs(5));
        let scope = store.api_key(&presented(&new.text)).unwrap();
        assert_eq!(scope.org_role(), Some(OrgRole::Admin));
        assert_eq!(scope.principal(), &Principal::AdminKey { id: row.id });
        store.drain().await.unwrap();
        let mut read = store.read(&made.scope).await.unwrap();
        let listed = read.keys_list(None, &Page::default()).await.unwrap().data;
        assert_eq!(listed[0].last_used, Some(store.clock().now()));
        assert!(read.keys_list(Some(made.project.id), &Page::default()).await.unwrap().data.is_empty());
        assert_eq!(read.key_fetch(row.id).await.unwrap(), listed[0]);
        backend.clock.advance(Duration::from_secs(56));
        assert_eq!(
            refusal(store.api_key(&presented(&new.text))),
            (Kind::Unauthenticated, "key_expired")
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_hears_of_a_key_within_a_second() {
    let backend = Backend::postgres().await;
    let store = backend.open().await;
    let other = backend.open_another().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    other.run(&tasks, &stop);
    let made = house(&store, "acme").await;
    let (row, text) = key(&store, &made).await;
    let until = Instant::now() + Duration::from_secs(1);
    while other.api_key(&presented(&text)).is_err() {
        assert!(Instant::now() < until, "the other node did not hear of the key");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut write = store.write(&made.scope).await.unwrap();
    write.key_revoke(row.id).await.unwrap();
    write.commit(event(Action::KeyRevoke)).await.unwrap();
    let until = Instant::now() + Duration::from_secs(1);
    while other.api_key(&presented(&text)).is_ok() {
        assert!(Instant::now() < until, "the other node did not hear of the revocation");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}
