//! Opening a store: what starts, and what is refused with a sentence that helps.

use std::fs;

use domain::Kind;
use store::Store;
use testkit::{Backend, each_backend};

use crate::{
    fixture::{house, refusal},
    outside,
};

async fn refused(backend: &Backend) -> (Kind, &'static str) {
    refusal(Store::open(&backend.config, backend.clock.clone()).await)
}

each_backend! {
    async fn data_is_there_after_closing(backend: Backend) {
        let store = backend.open().await;
        let id = store.deployment_id().unwrap();
        let made = house(&store, "acme").await;
        store.close().await.unwrap();
        drop(store);

        let store = Store::open(&backend.config, backend.clock.clone()).await.unwrap();
        assert_eq!(store.pending_migrations().await.unwrap(), 0);
        assert_eq!(store.deployment_id().unwrap(), id);
        let scope = store.enter(&made.session, "acme").await.unwrap();
        let mut read = store.read(&scope).await.unwrap();
        assert_eq!(read.organization().await.unwrap(), made.organization);
        store.check().await.unwrap();
    }

    async fn migrating_twice_changes_nothing(backend: Backend) {
        let store = backend.open().await;
        let id = store.deployment_id().unwrap();
        store.migrate().await.unwrap();
        assert_eq!(store.deployment_id().unwrap(), id);
    }

    async fn nothing_works_before_migration(backend: Backend) {
        if backend.is_postgres() {
            return; // The template has its tables already; SQLite shows the path.
        }
        let store = Store::open(&backend.config, backend.clock.clone()).await.unwrap();
        assert!(store.pending_migrations().await.unwrap() > 0);
        assert_eq!(refusal(store.deployment_id()), (Kind::Unavailable, "not_migrated"));
        assert_eq!(refusal(store.check().await), (Kind::Unavailable, "not_migrated"));
    }

    async fn a_second_process_is_refused(backend: Backend) {
        let store = backend.open().await;
        assert_eq!(refused(&backend).await, (Kind::Invalid, "data_locked"));
        store.close().await.unwrap();
        Store::open(&backend.config, backend.clock.clone()).await.unwrap();
    }

    async fn another_root_key_is_refused(backend: Backend) {
        backend.open().await.close().await.unwrap();
        fs::remove_file(&backend.config.root_key).unwrap();
        vault::RootKey::create(&backend.config.root_key).unwrap();
        assert_eq!(refused(&backend).await, (Kind::Invalid, "root_key_wrong"));
    }

    async fn a_missing_root_key_is_not_replaced(backend: Backend) {
        backend.open().await.close().await.unwrap();
        fs::remove_file(&backend.config.root_key).unwrap();
        assert_eq!(refused(&backend).await, (Kind::Invalid, "root_key_missing"));
        assert!(!backend.config.root_key.exists());
    }

    async fn a_database_of_a_newer_version_is_refused(backend: Backend) {
        let store = backend.open().await;
        store.close().await.unwrap();
        drop(store);
        outside::rows(&backend, "insert into seaql_migrations values ('m9999_future', 1)").await;
        assert_eq!(refused(&backend).await, (Kind::Invalid, "schema_newer"));
    }
}

#[tokio::test]
async fn a_database_without_its_keys_file_is_refused() {
    let backend = Backend::sqlite();
    backend.open().await.close().await.unwrap();
    fs::remove_file(backend.config.data_dir.join("keys.json")).unwrap();
    assert_eq!(refused(&backend).await, (Kind::Invalid, "data_half_written"));
}

#[tokio::test]
async fn a_keys_file_without_its_database_is_refused() {
    let backend = Backend::sqlite();
    backend.open().await.close().await.unwrap();
    fs::remove_file(backend.config.data_dir.join("probity.db")).unwrap();
    assert_eq!(refused(&backend).await, (Kind::Invalid, "data_half_written"));
}

#[tokio::test]
async fn a_keys_file_cut_short_is_refused() {
    let backend = Backend::sqlite();
    backend.open().await.close().await.unwrap();
    fs::write(backend.config.data_dir.join("keys.json"), "{\"version\":1,").unwrap();
    assert_eq!(refused(&backend).await, (Kind::Invalid, "data_half_written"));
}

#[tokio::test]
async fn a_start_that_ended_before_the_database_begins_again() {
    let backend = Backend::sqlite();
    let store = Store::open(&backend.config, backend.clock.clone()).await.unwrap();
    store.close().await.unwrap();
    for file in ["probity.db", "probity.db-wal", "probity.db-shm"] {
        drop(fs::remove_file(backend.config.data_dir.join(file)));
    }
    backend.open().await;
}

#[tokio::test]
async fn a_damaged_database_is_refused() {
    let backend = Backend::sqlite();
    backend.open().await.close().await.unwrap();
    let path = backend.config.data_dir.join("probity.db");
    let mut bytes = fs::read(&path).unwrap();
    for byte in bytes.iter_mut().take(4096) {
        *byte ^= 0x55;
    }
    fs::write(&path, bytes).unwrap();
    assert_eq!(refused(&backend).await, (Kind::Invalid, "data_unreadable"));
}

#[tokio::test]
async fn the_file_is_ciphertext() {
    let backend = Backend::sqlite();
    let store = backend.open().await;
    house(&store, "canaryslug").await;
    store.close().await.unwrap();
    for entry in fs::read_dir(&backend.config.data_dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for plain in [&b"SQLite format 3"[..], b"canaryslug", b"create table"] {
            assert!(!bytes.windows(plain.len()).any(|window| window == plain), "{path:?}");
        }
    }
}

#[tokio::test]
async fn a_role_that_row_level_security_does_not_bind_is_refused() {
    let mut backend = Backend::postgres().await;
    backend.config.url = domain::Secret::new(backend.database().superuser_url());
    assert_eq!(refused(&backend).await, (Kind::Invalid, "database_role"));
}

each_backend! {
    async fn a_wrapped_key_that_was_exchanged_is_refused(backend: Backend) {
        backend.open().await.close().await.unwrap();
        let twist = "update data_key set commitment = (select commitment from data_key d \
                     where d.class <> data_key.class limit 1)";
        outside::rows(&backend, twist).await;
        assert_eq!(refused(&backend).await, (Kind::Internal, "wrong_key"));
    }
}
