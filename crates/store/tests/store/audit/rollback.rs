//! A database that was set back to an older copy is refused, at the start and while running.

use domain::{Action, Event};
use store::Store;

use super::{export, outside, record};
use crate::fixture::{self, house, refusal};

const TABLES: [&str; 4] = ["audit_entry", "audit_node", "audit_head", "audit_checkpoint"];

/// Keeps a copy of the log's tables.
async fn copy(backend: &testkit::Backend) {
    for table in TABLES {
        outside::run(backend, &format!("create table old_{table} as select * from {table}")).await;
    }
}

/// Puts the copy in their place.
async fn restore(backend: &testkit::Backend) {
    for table in TABLES {
        let sql = format!("delete from {table}; insert into {table} select * from old_{table}");
        outside::run_untriggered(backend, &sql).await;
    }
}

/// What opening the store answers.
async fn opened(backend: &testkit::Backend) -> domain::Result<Store> {
    let store = Store::open(&backend.config, backend.clock.clone()).await?;
    store.migrate().await?;
    Ok(store)
}

testkit::each_backend! {
    async fn an_older_copy_is_refused_at_the_start(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        store.drain().await.unwrap();
        copy(&backend).await;
        record(&store, &acme, Event::new(Action::AuditRead)).await;
        store.drain().await.unwrap();
        store.close().await.unwrap();
        drop(store);
        restore(&backend).await;

        let error = opened(&backend).await.err().unwrap();
        assert_eq!(error.code(), "log_rolled_back");
        assert!(error.message().contains("Restore a newer copy"), "{error}");
        // Nothing was signed over: the operator may put the newer copy back, or accept the loss knowingly.
        let journal = backend.config.data_dir.join("audit-heads");
        let aside = backend.config.data_dir.join("audit-heads.lost");
        std::fs::rename(&journal, &aside).unwrap();
        let store = opened(&backend).await.unwrap();
        let session = fixture::sign_in(&store, acme.owner).await;
        let scope = store.enter(&session, "acme").await.unwrap();
        export::verified(&store, &scope).await;
        store.close().await.unwrap();
        drop(store);

        // The log went on differently from what was signed before.
        std::fs::rename(&aside, &journal).unwrap();
        assert_eq!(refusal(opened(&backend).await).1, "log_forked");
    }

    async fn an_older_copy_is_refused_while_running(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        store.drain().await.unwrap();
        copy(&backend).await;
        record(&store, &acme, Event::new(Action::AuditRead)).await;
        store.drain().await.unwrap();
        restore(&backend).await;
        record(&store, &acme, Event::new(Action::AuditRead)).await;
        assert_eq!(refusal(store.drain().await).1, "log_rolled_back");
        assert_eq!(refusal(store.audit_export(&acme.scope).await).1, "log_rolled_back");
    }

    async fn the_same_database_opens_again(backend: testkit::Backend) {
        let store = backend.open().await;
        let acme = house(&store, "acme").await;
        let first = export::verified(&store, &acme.scope).await;
        store.close().await.unwrap();
        drop(store);
        let store = backend.open().await;
        let session = fixture::sign_in(&store, acme.owner).await;
        let scope = store.enter(&session, "acme").await.unwrap();
        let second = export::verified(&store, &scope).await;
        assert_eq!((second.origin, second.entries), (first.origin, first.entries + 1));
    }
}
